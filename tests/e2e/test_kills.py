"""SIGKILL at random moments, run again: nothing lost, nothing doubled, nothing left over, and no start from zero."""

import subprocess

import pyarrow.parquet as pq
import pytest
import riacho
from api_server import plain_record
from riacho import assert_same_rows, conf_of, random_moments, resource_of, wait_until

pytestmark = [pytest.mark.torture, pytest.mark.timeout(7200 if riacho.IS_TORTURE else 300)]

KILLS = 200 if riacho.IS_TORTURE else 20
RECORDS, PAGE, ROLL = 1000, 20, 40
PAGES = RECORDS // PAGE
FILES = RECORDS // ROLL


def make(api, pipeline, name, style="json_link", has_cursor=False):
    items = api.add(f"/{name}", style=style, total=RECORDS, page_size=PAGE, delay=0.004)
    more = {"incremental": {"cursor_path": "id", "initial_value": 0}} if has_cursor else {}
    conf = conf_of(api, resource_of("items", items, more), landing={"roll": {"rows": ROLL}})
    return items, pipeline(conf, name=name)


def killed_after(process, seconds):
    """Whether SIGKILL met it still running; it must have ended well otherwise."""
    try:
        process.popen.wait(seconds)
    except subprocess.TimeoutExpired:
        pass
    if process.kill():
        return True
    assert process.popen.returncode == 0, process.result()
    return False


def extract_has_ended(p):
    """The killed process may have been through with its source; then another run would be a second one."""
    if not (p.state / "state.db").exists() or not p.sql("SELECT 1 FROM sqlite_schema WHERE name = 'runs'"):
        return False
    if p.sql("SELECT 1 FROM intents"):
        p.do("transform")  # a step was half done, perhaps the last one: whatever works recovers it first
    return p.sql("SELECT 1 FROM runs WHERE status = 'ended'") != []


def check_whole(p):
    p.check()
    assert len(p.files("landing", "items")) >= 20
    assert_same_rows(p.landing("items"), map(plain_record, range(RECORDS)))
    assert sorted(row["id"] for row in p.adjusted("items")) == list(range(RECORDS))
    assert sorted(int(row["id"]) for row in p.csv("items")) == list(range(RECORDS))


def test_kills_at_random_moments_lose_and_double_nothing(api, pipeline):
    _, whole = make(api, pipeline, "whole")
    longest = whole.run().seconds
    moments = random_moments(20180206, 0.0, longest)
    kills = rounds = 0
    last_requests = []  # of the attempts that came to the source's end after one that was killed
    styles = ["json_link", "cursor", "offset", "page_number", "header_link"]

    while kills < KILLS:
        items, p = make(api, pipeline, f"round{rounds}", styles[rounds % len(styles)], has_cursor=rounds % 3 == 2)
        for _ in range(1 + rounds % 4):
            before = items.request_count
            with p.start("run") as process:
                kills += killed_after(process, next(moments))
            if extract_has_ended(p):
                break
        if extract_has_ended(p):
            p.do("transform")
            p.do("export")
        else:
            before = items.request_count
            p.run()
        if before > 0:
            last_requests.append(items.request_count - before)
        check_whole(p)
        rounds += 1

    assert last_requests and sum(last_requests) < len(last_requests) * PAGES


def test_kills_of_separate_stages_lose_and_double_nothing(api, pipeline):
    """Extract, transform and export as processes of their own, each killed at its own moments."""
    moments = random_moments(42, 0.0, 0.5)
    kills = rounds = 0

    while kills < KILLS // 2:
        _, p = make(api, pipeline, f"stages{rounds}")
        for stage in ("extract", "transform", "export"):
            is_done = False
            for _ in range(3):
                with p.start(stage) as process:
                    was_killed = killed_after(process, next(moments))
                kills += was_killed
                is_done = not was_killed or (stage == "extract" and extract_has_ended(p))
                if is_done:
                    break
            if not is_done:
                p.do(stage)
        check_whole(p)
        rounds += 1


def test_a_killed_follower_is_cleared_by_those_that_live(api, pipeline):
    """Leases of the dead are free at once; a transform that lives takes over."""
    items = api.add("/items", style="json_link", total=RECORDS, page_size=PAGE)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": ROLL}}))
    p.do("extract")

    with p.start("transform", "--follow") as one, p.start("transform", "--follow") as other:
        wait_until(lambda: len(p.files("adjusted", "items")) >= 1)
        one.kill()
        wait_until(lambda: len(p.files("adjusted", "items")) == FILES)
        other.stop()
    p.do("export")

    check_whole(p)


def test_kills_of_a_replay_leave_the_old_table_or_the_new(api, pipeline):
    """The new files take the old ones' place together: who looks sees one definition, whole."""
    moments = random_moments(7, 0.0, 1.0)
    items = api.add("/items", style="json_link", total=RECORDS, page_size=PAGE)
    conf = conf_of(api, resource_of("items", items), landing={"roll": {"rows": ROLL}})

    def define(p, version):
        kind = "double" if version % 2 else "bigint"
        columns = {"id": "id", "version": {"path": "no.such", "type": kind, "default": version}}
        p.write({**conf, "transform": {"tables": [{"name": "t", "from": "items", "columns": columns}]}})

    def check_types(p):
        """What the state has fixed is what the files have: else the next file would have another type beside them."""
        (fixed,) = p.sql("SELECT type FROM columns WHERE tbl = 't' AND name = 'version'")
        types = {str(pq.read_schema(file).field("version").type).upper() for file in p.files("adjusted", "t")}
        assert types == {{"BIGINT": "INT64"}.get(fixed[0], fixed[0])}

    p = pipeline(conf)
    define(p, 0)
    p.run()
    kills = 0
    version = 1
    while kills < KILLS // 2:
        define(p, version)
        with p.start("transform", "--replay", "t") as process:
            was_killed = killed_after(process, next(moments))
        kills += was_killed
        if not was_killed:
            p.check()
            assert {row["version"] for row in p.adjusted("t")} == {version}
            version += 1
        recovered = p.do("transform", status=None)
        # 2: the old table stands, whose type is not the one that is asked for now.
        assert recovered.status == 0 or (recovered.status == 2 and was_killed and "--replay t" in recovered.stderr)
        p.check()
        check_types(p)
        rows = p.adjusted("t")
        assert sorted(row["id"] for row in rows) == list(range(RECORDS))
        assert len({row["version"] for row in rows}) == 1
    p.do("transform", "--replay", "t")
    p.do("export")

    assert {row["version"] for row in p.adjusted("t")} == {version}
    assert sorted(int(row["id"]) for row in p.csv("t")) == list(range(RECORDS))
    assert {float(row["version"]) for row in p.csv("t")} == {version}
    p.check()


def test_kills_of_a_prune_lose_nothing_that_is_needed(api, pipeline):
    moments = random_moments(11, 0.0, 0.12)
    kills = rounds = 0
    while kills < KILLS // 8 and rounds < KILLS:
        items = api.add(f"/prune{rounds}", style="json_link", total=RECORDS, page_size=PAGE)
        conf = conf_of(api, resource_of("items", items), landing={"roll": {"rows": ROLL}})
        p = pipeline(conf, name=f"prune{rounds}")
        p.run()
        for _ in range(4):
            with p.start("prune", "--older-than", "1ms") as process:
                kills += killed_after(process, next(moments))
            p.do("transform")
            p.check(was_pruned=True)
        p.do("prune", "--older-than", "1ms")
        p.do("transform")

        assert p.files("landing", "items") == []
        assert sorted(row["id"] for row in p.adjusted("items")) == list(range(RECORDS))
        p.check(was_pruned=True)
        rounds += 1
