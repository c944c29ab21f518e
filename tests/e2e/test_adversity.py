"""Odd APIs and odd users: endless pages, huge records, redirects, stops at bad moments, SQL that would wander."""

import signal
import socket
import subprocess
import threading
import time

import api_server
import pytest
import riacho
from api_server import Raw, plain_record, raw_body, retry_after, stall, status
from riacho import assert_same_rows, conf_of, resource_of, wait_until

# ---- pages ----


def test_a_next_link_that_leads_in_a_circle_ends_the_run_with_an_error(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    items.fail_always(raw_body('{"data": [{"id": 1}], "next": "%s/items?page=2"}' % api.url))
    p = pipeline(conf_of(api, resource_of("items", items)))

    done = p.run(status=None, timeout=30)

    assert items.request_count <= 3
    assert done.status == 1 and "next" in done.stderr or "again" in done.stdout + done.stderr, done


def test_a_cursor_that_stays_ends_the_run_with_an_error(api, pipeline):
    items = api.add("/items", style="cursor", total=50)
    items.fail_always(raw_body('{"data": [{"id": 1}], "cursors": {"next": "same"}}'))
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run(status=None, timeout=30)

    assert items.request_count <= 3


def test_missing_data_may_count_as_empty_where_that_is_said(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    items.fail_always(raw_body('{"message": "nothing today"}'))
    p = pipeline(conf_of(api, resource_of("items", items, {"missing_data": "empty"})))

    p.run()

    assert p.files("landing", "items") == []


def test_records_deep_in_the_answer_and_totals_behind_them(api, pipeline):
    body = '{"a": {"x": [1, {"b": 2}], "list": [{"id": 1}, {"id": 2}], "y": "]}"}, "meta": {"n": 2}, "z": [[], {}]}'
    items = api.add("/items", style="single", total=2).fail_always(raw_body(body))
    p = pipeline(conf_of(api, resource_of("items", items, {"data_selector": "a.list"})))

    p.run()

    assert_same_rows(p.landing("items"), [{"id": 1}, {"id": 2}])


def test_a_redirect_is_followed_and_the_credentials_stay_at_home(api, pipeline):
    with api_server.Api() as other:
        elsewhere = other.add("/items", style="json_link", total=20)
        here = api.add("/items", style="json_link", total=20, auth=("bearer", "open sesame"))
        moved = api.add("/old", style="json_link", total=20)
        moved.fail_always(status(302, headers={"Location": "/items"}))
        away = api.add("/away", style="json_link", total=20)
        away.fail_always(status(302, headers={"Location": f"{other.url}/items"}))
        conf = conf_of(
            api,
            resource_of("moved", moved),
            resource_of("away", away),
            client={"auth": {"type": "bearer", "token": "${KEY}"}},
        )
        p = pipeline(conf, env={"KEY": "open sesame"})

        p.run(status=None)

        assert_same_rows(p.landing("moved"), map(plain_record, range(20)))
        assert here.request_count == 1
        assert not any("sesame" in str(request["headers"]) for request in elsewhere.requests)


def test_a_page_larger_than_a_file_lands_as_several_that_become_true_together(api, pipeline):
    records = [{"id": n, "text": "x" * 1000} for n in range(30_000)]
    pages = [[{"id": -1, "text": "first"}], records, [{"id": 10**6, "text": "last"}]]
    big = api.add("/big", style="json_link", pages=pages)
    p = pipeline(conf_of(api, resource_of("big", big), landing={"roll": {"rows": 5000}}))
    seen = set()
    done = threading.Event()

    def watch():
        while not done.is_set():
            try:
                seen.add(sum(event["data"]["rows"] for event in p.references("landed")))
            except Exception:
                pass  # there is no state yet
            time.sleep(0.005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    p.run()
    done.set()
    watcher.join()

    assert sorted(row["id"] for row in p.landing("big")) == [-1, *range(30_000), 10**6]
    assert len(p.files("landing", "big")) >= 6
    assert not any(1 < rows < 30_000 for rows in seen), seen
    p.check()


@pytest.mark.torture
def test_a_large_page_killed_in_its_middle_lands_once(api, pipeline):
    records = [{"id": n, "text": "x" * 1000} for n in range(30_000)]
    moments = riacho.random_moments(3, 0.05, 1.5)
    for attempt in range(20 if riacho.IS_TORTURE else 4):
        big = api.add(f"/big{attempt}", style="json_link", pages=[records, records[:10]])
        conf = conf_of(api, resource_of("big", big), landing={"roll": {"rows": 3000}})
        p = pipeline(conf, name=f"big{attempt}")
        for _ in range(3):
            with p.start("extract") as process:
                time.sleep(next(moments))
                process.kill()
        p.do("transform")  # recovers
        if not any(run["status"] == "ended" for run in p.do("status", "--json").json()["runs"]):
            p.run()
        p.check()
        ids = [row["id"] for row in p.landing("big")]
        times = ids.count(20_000)
        assert times >= 1 and sorted(ids) == sorted((list(range(30_000)) + list(range(10))) * times)


def test_very_many_small_pages(api, pipeline):
    items = api.add("/items", style="cursor", total=1500, page_size=1)
    p = pipeline(conf_of(api, resource_of("items", items), landing={}))

    done = p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(1500)))
    assert items.request_count == 1500
    assert done.seconds < 60


def test_very_many_small_files(api, pipeline):
    items = api.add("/items", style="cursor", total=150, page_size=1)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 1}}))

    p.run()

    assert len(p.files("landing", "items")) == len(p.files("csv", "items")) == 150
    assert sorted(int(row["id"]) for row in p.csv("items")) == list(range(150))
    p.check()


def test_a_record_of_many_megabytes(api, pipeline):
    pages = [[{"id": 1, "text": "é" * 5_000_000}, {"id": 2, "text": "x"}]]
    items = api.add("/items", style="json_link", pages=pages)
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()

    assert {row["id"]: len(row["text"]) for row in p.landing("items")} == {1: 5_000_000, 2: 1}


def test_a_packed_answer_that_unpacks_to_very_much_is_bounded(api, pipeline):
    """Ten kilobytes that become hundreds of megabytes of one text: an error, not an exhausted machine."""
    import gzip

    body = b'{"data": [{"id": 1, "text": "' + b" " * (700 << 20) + b'"}], "next": null}'
    packed = gzip.compress(body, 9)
    del body
    items = api.add("/items", style="json_link", total=1)
    items.fail_always(
        lambda exchange: exchange.send(200, packed, {"Content-Type": "application/json", "Content-Encoding": "gzip"})
    )
    p = pipeline(conf_of(api, resource_of("items", items)))

    done = p.run(status=1, prefix=["prlimit", "--as=%d" % (6 << 30)])

    assert '"items"' in done.stderr


# ---- stops at bad moments ----


@pytest.mark.parametrize("what", ["a long Retry-After", "a silent connection", "the rate limit"])
def test_a_stop_is_heeded_while_waiting(api, pipeline, what):
    items = api.add("/items", style="json_link", total=500, page_size=10)
    patient = {"retry": {"attempts": 5, "max_delay": "1h", "timeout": "1h"}}
    conf = conf_of(api, resource_of("items", items), client=patient)
    if what == "a long Retry-After":
        items.fail(3, retry_after(3000))
    elif what == "a silent connection":
        items.fail(3, stall(300))
    else:
        conf["source"]["client"]["rate_limit"] = "2/m"
    p = pipeline(conf)

    with p.start("run") as process:
        wait_until(lambda: items.request_count >= (2 if what == "the rate limit" else 3))
        time.sleep(0.3)
        begun = time.monotonic()
        process.stop(signal.SIGTERM, status=143)

    assert time.monotonic() - begun < 5
    p.check()


@pytest.mark.parametrize("mode", ["batch", "streaming"])
def test_a_stop_is_heeded_while_spark_says_nothing(api, pipeline, mode):
    items = api.add("/items", style="json_link", total=5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        table = {"name": "n", "from": "items", "columns": {"id": {"path": "id", "type": "bigint"}}}
        remote = f"sc://127.0.0.1:{silent.getsockname()[1]}"
        transform = {"engine": "spark", "mode": mode, "remote": remote, "tables": [table]}
        p = pipeline(conf_of(api, resource_of("items", items), transform=transform, exports=[]))
        p.do("extract")
        with p.start("transform") as process:
            silent.settimeout(30)
            with silent.accept()[0] as connection:
                connection.recv(1)
                begun = time.monotonic()
                process.stop(signal.SIGTERM, status=143)

    assert time.monotonic() - begun < 15
    p.check()


def test_a_second_signal_ends_at_once_and_harms_nothing(api, pipeline):
    items = api.add("/items", style="json_link", total=500, page_size=10, delay=0.02)
    p = pipeline(conf_of(api, resource_of("items", items)))

    with p.start("run") as process:
        wait_until(lambda: items.request_count >= 12)
        process.popen.send_signal(signal.SIGINT)
        process.popen.send_signal(signal.SIGINT)
        process.popen.wait(10)
    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(500)))
    p.check()


def test_status_may_be_asked_at_any_time(api, pipeline):
    items = api.add("/items", style="json_link", total=600, page_size=10, delay=0.02)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 20}}))

    with p.start("run") as process:
        wait_until(lambda: p.files("csv", "items"))
        while process.is_running():
            for command in ("status", "files", "dead list", "state show"):
                p.do(command, "--json").json()
        process.wait()

    assert len(p.csv("items")) == 600


def test_output_that_cannot_be_written_is_a_failure(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()

    for command in (["schema"], ["status", p.file], ["status", p.file, "--json"]):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([riacho.PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "stdout" in done.stderr


# ---- what users write ----


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd', delim=':', header=false)",
        "SELECT * FROM read_text('/etc/hostname')",
        "COPY (SELECT 1) TO '/tmp/riacho-was-here.csv'",
        "SELECT 1; SELECT 2",
        "ATTACH '/tmp/riacho-was-here.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT getenv('HOME') AS home",
    ],
)
def test_sql_reaches_nothing_but_its_own_rows(api, pipeline, sql):
    items = api.add("/items", style="json_link", total=10)
    conf = conf_of(api, resource_of("items", items))
    conf["transform"] = {"tables": [{"name": "t", "from": "items", "sql": sql}]}
    p = pipeline(conf)

    done = p.run(status=None)

    assert done.status in (1, 2, 3), done
    assert p.adjusted("t") == []


NAMES = ["select", "Übung", "with space", 'qu"ote', "a'b", "semi;colon", "per%cent", "dot.dot", "😀"]


def test_odd_names_of_columns(api, pipeline):
    items = api.add("/items", style="json_link", pages=[[{"id": 1, **{name: n for n, name in enumerate(NAMES)}}]])
    conf = conf_of(api, resource_of("items", items))
    columns = {name: {"path": f"['{name}']" if "'" not in name else f'["{name}"]', "type": "bigint"} for name in NAMES}
    conf["transform"] = {"tables": [{"name": "t", "from": "items", "columns": columns}]}
    p = pipeline(conf)

    done = p.run(status=None)

    assert [p.landing("items")[0][name] for name in NAMES] == list(range(len(NAMES)))
    if done.status == 0:
        assert [p.adjusted("t")[0][name] for name in NAMES] == list(range(len(NAMES)))
    else:
        assert done.status == 2, done


def test_a_key_named_like_a_lineage_column_is_not_lost(api, pipeline):
    items = api.add("/items", style="json_link", pages=[[{"id": 1, "_riacho_page": "mine", "_RIACHO_INDEX": 5}]])
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()

    (row,) = p.landing("items", lineage=True)
    assert row["_riacho_page"] == 1 and row["_riacho_index"] == 0
    assert "mine" in row.values() and 5 in row.values()


def test_odd_names_in_tables_by_default_rules(api, pipeline):
    items = api.add("/items", style="json_link", pages=[[{"id": 1, **{name: n for n, name in enumerate(NAMES)}}]])
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()

    values = list(p.adjusted("items")[0].values())
    assert all(n in values for n in range(len(NAMES)))
    p.check()


def test_all_files_are_beside_the_pipeline_file_wherever_it_is_run_from(api, pipeline, tmp_path):
    items = api.add("/items", style="json_link", total=10)
    p = pipeline(conf_of(api, resource_of("items", items)), name="with blanks and 'quotes' é")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    p.run(cwd=elsewhere)

    assert len(p.csv("items")) == 10
    assert list(elsewhere.iterdir()) == []
    p.check()


def test_a_moved_project_goes_on(api, pipeline, tmp_path):
    """Paths in references are relative to their roots, so the whole folder may move."""
    items = api.add("/items", style="json_link", total=100, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.do("extract")
    p.dir.rename(tmp_path / "moved")
    moved = pipeline(p.conf, name="moved")

    moved.run("--quiet")

    assert sorted(row["id"] for row in moved.adjusted("items")) == sorted(list(range(100)) * 2)
    moved.check()


def test_raw_bytes_of_every_kind_of_text_survive(api, pipeline):
    """Every character of the basic plane that JSON can hold, by escape and as it is."""
    escaped = "".join(f"\\u{code:04x}" for code in range(0x0, 0x800))
    plain = "".join(chr(code) for code in range(0x20, 0xD800, 7) if chr(code) not in '"\\')
    items = api.add("/items", style="json_link", pages=[[Raw('{"id": 1, "e": "%s", "p": "%s"}' % (escaped, plain))]])
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()

    (row,) = p.landing("items")
    assert row["e"] == "".join(map(chr, range(0x800)))
    assert row["p"] == plain
