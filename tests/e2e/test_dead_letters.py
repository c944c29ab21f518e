"""Faults of the data go to the dead letters and delay nobody; faults of the surroundings stop the command."""

import pytest
import riacho
from api_server import plain_record
from riacho import conf_of, resource_of
from terminal import Terminal


@pytest.fixture
def extracted(api, pipeline):
    """Six landing files, of 50 records each, not transformed yet."""
    items = api.add("/items", style="json_link", total=300, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 50}}))
    p.do("extract")
    assert len(p.files("landing", "items")) == 6
    return p


def dead_letters(p):
    listed = p.do("dead list", "--json", status=None).json()
    return listed["dead"] if isinstance(listed, dict) else listed


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


FAULTS = {
    "altered": damage,
    "missing": lambda path: path.unlink(),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "a link out": lambda path: (path.unlink(), path.symlink_to("/etc/hostname")),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file_is_a_dead_letter_and_the_others_go_on(extracted, fault):
    p = extracted
    victim = p.files("landing", "items")[2]
    whole = victim.read_bytes()
    FAULTS[fault](victim)

    done = p.do("transform", status=3)

    assert "dead" in done.stdout + done.stderr
    assert len(p.adjusted("items")) == 250
    (letter,) = dead_letters(p)
    assert victim.stem in str(letter)

    # Tried again before it is mended, it comes back.
    p.do("dead retry", "--all")
    p.do("transform", status=3)
    assert len(dead_letters(p)) == 1

    victim.unlink(missing_ok=True)
    victim.write_bytes(whole)
    p.do("dead retry", "--all")
    p.do("transform")

    assert dead_letters(p) == []
    assert sorted(row["id"] for row in p.adjusted("items")) == list(range(300))
    p.check()


def test_a_dead_letter_that_is_dropped_is_gone(extracted):
    p = extracted
    victim = p.files("landing", "items")[0]
    victim.unlink()
    p.do("transform", status=3)

    (letter,) = dead_letters(p)
    p.do("dead drop", letter["id"])
    p.do("transform")

    assert dead_letters(p) == []
    assert len(p.adjusted("items")) == 250


def test_the_list_is_cut_for_a_terminal_only(extracted):
    p = extracted
    p.files("landing", "items")[0].unlink()
    p.do("transform", status=3)
    (letter,) = dead_letters(p)
    assert len(letter["error"]) > 80

    terminal = Terminal(["dead", "list", p.file], columns=300)
    terminal.wait_for("…")
    terminal.end(b"")

    assert letter["error"] in p.do("dead list").stdout
    assert letter["error"] not in terminal.text


def test_open_dead_letters_give_status_3_also_to_later_runs(extracted):
    p = extracted
    p.files("landing", "items")[0].unlink()
    p.do("transform", status=3)

    p.do("export", status=3)
    p.do("transform", status=3)


def with_table(p, **table):
    p.write({**p.conf, "transform": {"tables": [{"name": "t", "from": "items", **table}]}})


def misfit(number):
    """One record of the third file does not convert."""
    return {**plain_record(number), "size": "huge" if number == 120 else str(number)}


@pytest.fixture
def misfitting(api, pipeline):
    items = api.add("/items", style="json_link", total=300, page_size=50, record=misfit)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 50}}))
    p.do("extract")
    return p


def test_a_value_that_does_not_convert_fails_its_file_and_is_named(misfitting):
    p = misfitting
    with_table(p, columns={"id": "id", "size": {"path": "size", "type": "bigint"}})

    p.do("transform", status=3)

    assert len(p.adjusted("t")) == 250
    (letter,) = dead_letters(p)
    assert "huge" in str(letter)
    assert "21" in str(letter) or "20" in str(letter)  # its row within the file, counted from 1 or 0

    with_table(p, columns={"id": "id", "size": {"path": "size", "type": "bigint", "on_error": "null"}})
    p.do("dead retry", "--all")
    p.do("transform")

    sizes = {row["id"]: row["size"] for row in p.adjusted("t")}
    assert sizes == {n: None if n == 120 else n for n in range(300)}
    p.check()


def test_sql_that_fails_on_one_file_is_a_dead_letter(misfitting):
    p = misfitting
    with_table(p, sql="SELECT id, CAST(size AS BIGINT) AS size FROM items")

    p.do("transform", status=3)

    assert len(p.adjusted("t")) == 250
    (letter,) = dead_letters(p)
    assert "huge" in str(letter)


def test_five_like_failures_in_a_row_are_no_fault_of_the_data(api, pipeline):
    items = api.add("/items", style="json_link", total=500, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 50}}))
    p.do("extract")
    with_table(p, sql="SELECT no_such_function(id) AS x FROM items")

    done = p.do("transform", status=1)

    assert "no_such_function" in done.stderr
    assert len(dead_letters(p)) < 10

    with_table(p, sql="SELECT id FROM items")
    p.do("dead retry", "--all", status=None)
    p.do("transform")

    assert sorted(row["id"] for row in p.adjusted("t")) == list(range(500))
    p.check()


def test_a_damaged_adjusted_file_is_a_dead_letter_of_the_export(extracted):
    p = extracted
    p.do("transform")
    victim = p.files("adjusted", "items")[1]
    whole = victim.read_bytes()
    damage(victim)

    p.do("export", status=3)
    assert len(p.csv("items")) == 250
    victim.write_bytes(whole)
    p.do("dead retry", "--all")
    p.do("export")

    assert len(p.csv("items")) == 300
    p.check()


def test_a_file_beyond_its_root_is_refused(extracted):
    """A reference whose path was forged leads nowhere."""
    import json
    import sqlite3

    p = extracted
    db = sqlite3.connect(p.state / "state.db")
    seq, event = db.execute("SELECT seq, event FROM files WHERE stage = 'extract' ORDER BY seq LIMIT 1").fetchone()
    forged = json.loads(event)
    forged["data"]["path"] = "../../../../etc/hostname"
    db.execute("UPDATE files SET event = ? WHERE seq = ?", (json.dumps(forged), seq))
    db.commit()
    db.close()

    p.do("transform", status=3)

    assert len(p.adjusted("items")) == 250
    assert len(dead_letters(p)) == 1
