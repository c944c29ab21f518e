"""The promise: every accepted page lands exactly once, every landing file is adjusted exactly once."""

import fcntl
import signal
import time

import pytest
import riacho
from api_server import plain_record, status
from riacho import assert_same_rows, conf_of, resource_of, wait_until


def incremental(cursor_path="updated", **more):
    return {"cursor_path": cursor_path, "initial_value": 0, **more}


def dated(number):
    return {"id": number, "updated": 1000 + number, "name": f"n{number}"}


def test_without_incremental_a_second_run_lands_everything_again(api, pipeline):
    items = api.add("/items", style="json_link", total=120, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()
    p.run()

    assert_same_rows(p.landing("items"), [plain_record(n) for n in range(120)] * 2)
    assert len(p.csv("items")) == 240
    p.check()


def test_state_reset_begins_at_the_beginning_and_harms_no_file(api, pipeline):
    items = api.add("/items", style="json_link", total=120, page_size=50, record=dated)
    p = pipeline(conf_of(api, resource_of("items", items, endpoint={"incremental": incremental()})))
    p.run()
    p.run()
    before = {path: path.read_bytes() for path in p.files("landing", "items")}
    assert_same_rows(p.landing("items"), map(dated, range(120)))

    p.do("state reset", "items")
    p.run()

    assert_same_rows(p.landing("items"), [dated(n) for n in range(120)] * 2)
    assert all(path.read_bytes() == data for path, data in before.items())
    p.check()


def test_incremental_asks_from_the_greatest_cursor_and_doubles_nothing(api, pipeline):
    items = api.add("/items", style="json_link", total=100, page_size=50, record=dated)
    resource = resource_of("items", items, endpoint={"incremental": incremental()})
    resource["endpoint"]["params"] = {"since": "{incremental.start_value}"}
    p = pipeline(conf_of(api, resource))

    p.run()
    items.total = 150
    p.run()

    assert items.requests[0]["params"]["since"] == "0"
    assert items.requests[-2]["params"].get("since") in ("1099", None)
    assert any(request["params"].get("since") == "1099" for request in items.requests)
    assert_same_rows(p.landing("items"), map(dated, range(150)))
    p.check()


def test_records_at_the_cursor_boundary_are_told_apart_by_their_key(api, pipeline):
    """Several records share the greatest cursor value; one more with that value comes later."""
    same = [{"id": n, "updated": 7} for n in range(5)]
    items = api.add("/items", style="json_link", pages=[same[:3]])
    p = pipeline(conf_of(api, resource_of("items", items, endpoint={"incremental": incremental()})))

    p.run()
    items.pages = [same]
    p.run()
    p.run()

    assert_same_rows(p.landing("items"), same)


CURSORS = {
    "iso text": (["2024-01-0%dT00:00:00Z" % n for n in range(1, 6)], "2024-01-01", {}, "2024-01-03T00:00:00Z"),
    "date": (["2024-01-0%d" % n for n in range(1, 6)], "2024-01-01", {}, "2024-01-03"),
    "seconds as iso": ([86400 * n for n in range(1, 6)], 0, {"unit": "s", "as": "iso8601"}, "1970-01-04T00:00:00Z"),
    "milliseconds as date": ([86400000 * n for n in range(1, 6)], 0, {"unit": "ms", "as": "date"}, "1970-01-04"),
    "iso text as seconds": (["1970-01-0%dT00:00:00Z" % n for n in range(1, 6)], "1970-01-01", {"as": "s"}, "172800"),
    "decimals": ([0.5, 1.5, 2.5, 3.5, 4.5], 0, {}, "2.5"),
    "integers beyond 2^53": ([2**53 + n for n in range(1, 6)], 0, {}, str(2**53 + 3)),
}


@pytest.mark.parametrize("kind", CURSORS)
def test_cursors_of_every_kind_go_on_where_they_were(api, pipeline, kind):
    values, initial, more, asked = CURSORS[kind]
    records = [{"id": n, "at": {"changed": value}} for n, value in enumerate(values)]
    items = api.add("/items", style="json_link", pages=[records[:3]])
    cursor = {"cursor_path": "at.changed", "initial_value": initial, **more}
    resource = resource_of("items", items, {"incremental": cursor})
    resource["endpoint"]["params"] = {"since": "{incremental.start_value}"}
    p = pipeline(conf_of(api, resource))

    p.run()
    items.pages = [records]
    p.run()
    p.run()

    assert_same_rows(p.landing("items"), records)
    assert items.requests[1]["params"]["since"] == asked
    p.check()


def test_records_without_the_cursor_are_treated_as_is_said(many):
    records = [{"id": 1, "c": 5}, {"id": 2}, {"id": 3, "c": None}, {"id": 4, "c": 6}]
    kinds = ["raise", "include", "exclude"]
    p, _ = many(
        {
            kind: (
                dict(style="json_link", pages=[records]),
                {"incremental": {"cursor_path": "c", "initial_value": 0, "on_cursor_value_missing": kind}},
            )
            for kind in kinds
        }
    )

    failed = p.run(status=1)

    assert '"raise"' in failed.stderr and '"c"' in failed.stderr
    assert p.landing("raise") == []
    assert_same_rows(p.landing("include"), records)
    assert_same_rows(p.landing("exclude"), [records[0], records[3]])


def test_a_failed_run_does_not_move_the_cursor(api, pipeline):
    """The newest come first, so the greatest cursor is seen on page 1, long before the end."""
    newest_first = [dated(n) for n in range(199, -1, -1)]
    pages = [newest_first[n : n + 20] for n in range(0, 200, 20)]
    items = api.add("/items", style="json_link", pages=pages).fail(range(5, 8), status(500))
    p = pipeline(conf_of(api, resource_of("items", items, endpoint={"incremental": incremental()})))

    p.run(status=1)
    p.run()

    assert_same_rows(p.landing("items"), newest_first)
    p.check()


@pytest.mark.parametrize("style", ["offset", "page_number"])
def test_pages_that_shift_land_as_they_came(api, pipeline, style):
    """A record is added in front between requests: what the API repeats lands twice, nothing is lost."""
    items = api.add("/items", style=style, total=200, page_size=20, with_total=False)
    items.shift_every = 3
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()

    assert_same_rows(p.landing("items"), items.served_records())
    assert {row["id"] for row in p.landing("items")} >= set(range(200))
    p.check()


@pytest.mark.parametrize("style, code", [("json_link", 410), ("cursor", 400), ("header_link", 404)])
def test_an_expired_position_starts_the_run_over_and_says_so(api, pipeline, style, code):
    items = api.add("/items", style=style, total=500, page_size=50).fail(range(6, 9), status(503))
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run(status=1)
    items.expire_positions(code)

    done = p.run()

    assert "over" in done.stderr and "again" in done.stderr
    landed = riacho.bag(p.landing("items"))
    assert_same_rows(p.landing("items"), [plain_record(n) for n in range(500)] + [plain_record(n) for n in range(250)])
    assert len(landed) == 500
    p.check()


@pytest.mark.parametrize("settings", [
    {"params": {"kind": "other"}}, {"data_selector": "$"}, {"paginator": {"type": "page_number", "page_param": "p"}},
])
def test_what_is_asked_for_anew_is_asked_for_from_its_begin(api, pipeline, settings):
    """A page's number means nothing in the pages of another request."""
    items = api.add("/items", style="page_number", total=500, page_size=50).fail(range(6, 9), status(503))
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run(status=1)
    conf = conf_of(api, resource_of("items", items))
    endpoint = conf["source"]["resources"][0]["endpoint"]
    endpoint.update(settings)
    p.write(conf)

    done = p.run(status=None)

    assert "asks for something else since then" in done.stderr and "starts over" in done.stderr
    assert "5" not in (items.requests[8]["params"].get("page"), items.requests[8]["params"].get("p"))


@pytest.mark.parametrize("client", [{}, {"headers": {"X-Team": "b"}}])
def test_what_is_asked_for_as_before_goes_on(api, pipeline, client):
    items = api.add("/items", style="page_number", total=500, page_size=50).fail(range(6, 9), status(503))
    p = pipeline(conf_of(api, resource_of("items", items, {"params": {"token": "one"}})))
    p.run(status=1)
    conf = conf_of(api, resource_of("items", items, {"params": {"token": "two"}}))
    conf["source"]["client"].update(client)
    p.write(conf)

    done = p.run()

    assert "going on from page 6" in done.stderr
    assert_same_rows(p.landing("items"), map(plain_record, range(500)))


def test_a_position_that_expires_during_the_run_fails_it_and_the_next_goes_on(api, pipeline):
    """Refused in the middle is no reason to start over at once: the run fails, what was accepted is safe."""
    items = api.add("/items", style="cursor", total=500, page_size=50).fail(6, status(410))
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run(status=1)
    assert_same_rows(p.landing("items"), map(plain_record, range(250)))
    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(500)))
    p.check()


def test_of_two_runs_at_once_the_second_names_the_holder(api, pipeline):
    items = api.add("/items", style="json_link", total=300, page_size=10, delay=0.1)
    p = pipeline(conf_of(api, resource_of("items", items)))

    with p.start("run") as first:
        wait_until(lambda: items.request_count > 2)
        second = p.run(status=1)
        assert str(first.popen.pid) in second.stderr
        first.wait()

    assert_same_rows(p.landing("items"), map(plain_record, range(300)))
    assert items.request_count == 30
    p.check()


def test_extract_and_transform_and_export_one_after_another(api, pipeline):
    items = api.add("/items", style="json_link", total=300, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.do("extract")
    assert_same_rows(p.landing("items"), map(plain_record, range(300)))
    assert p.files("adjusted", "items") == []
    p.do("transform")
    assert len(p.adjusted("items")) == 300
    assert p.files("csv", "items") == []
    p.do("export")
    assert len(p.csv("items")) == 300
    for stage in ("extract", "transform", "export"):
        p.do(stage)

    assert len(p.csv("items")) == 600  # extract without incremental takes everything again
    p.check()


def test_stages_that_follow_work_together_as_processes_of_their_own(api, pipeline):
    items = api.add("/items", style="json_link", total=40, page_size=10, record=dated)
    resource = resource_of("items", items, endpoint={"incremental": incremental()})
    p = pipeline(conf_of(api, resource, schedule={"every": "300ms"}))

    with p.start("extract", "--follow") as extract, p.start("transform", "--follow") as transform:
        with p.start("export", "--follow") as export:
            wait_until(lambda: len(p.csv("items")) == 40)
            items.total = 90
            wait_until(lambda: len(p.csv("items")) == 90)
            time.sleep(1)
            for process in (extract, transform, export):
                process.stop(signal.SIGTERM)

    assert_same_rows(p.landing("items"), map(dated, range(90)))
    assert sorted(int(row["id"]) for row in p.csv("items")) == list(range(90))
    p.check()


def test_two_transforms_at_once_share_the_work(api, pipeline):
    items = api.add("/items", style="json_link", total=1000, page_size=20)
    conf = conf_of(api, resource_of("items", items), landing={"roll": {"rows": 20}})
    p = pipeline(conf)
    p.do("extract")
    assert len(p.files("landing", "items")) == 50

    with p.start("transform") as one, p.start("transform") as other:
        one.wait()
        other.wait()
    p.do("transform")

    assert sorted(row["id"] for row in p.adjusted("items")) == list(range(1000))
    assert len(p.files("adjusted", "items")) == 50
    p.check()


def test_follow_goes_on_after_the_api_was_away(api, pipeline):
    items = api.add("/items", style="json_link", total=40, page_size=10, record=dated)
    resource = resource_of("items", items, endpoint={"incremental": incremental()})
    p = pipeline(conf_of(api, resource, schedule={"every": "200ms"}))

    with p.start("run", "--follow") as process:
        wait_until(lambda: len(p.csv("items")) == 40)
        items.fail_always(status(503))
        wait_until(lambda: sum(r["status"] == 503 for r in items.requests) >= 4)
        assert process.is_running()
        items.total = 60
        items.always = None
        wait_until(lambda: len(p.csv("items")) == 60)
        process.stop()

    assert "503" in process.stderr
    assert_same_rows(p.landing("items"), map(dated, range(60)))
    p.check()


def test_the_summary_of_a_run_that_followed_tells_of_all_passes(api, pipeline):
    items = api.add("/items", style="json_link", total=40, page_size=10, record=dated)
    resource = resource_of("items", items, endpoint={"incremental": incremental()})
    p = pipeline(conf_of(api, resource, schedule={"every": "100ms"}))

    with p.start("run", "--follow", "--json") as process:
        wait_until(lambda: len(p.csv("items")) == 40)
        items.total = 60
        wait_until(lambda: len(p.csv("items")) == 60)
        passes = p.sql("SELECT count(*) FROM runs")[0][0]
        wait_until(lambda: p.sql("SELECT count(*) FROM runs")[0][0] > passes + 1)
        summary = process.stop().json()

    extract = summary["extract"][0]
    assert extract["rows"] == summary["transform"]["rows"] == 60
    assert extract["records"] >= 60 and extract["pages"] >= 6


@pytest.mark.parametrize("how, expected", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_cleanly_and_the_next_goes_on(api, pipeline, how, expected):
    items = api.add("/items", style="json_link", total=400, page_size=10, delay=0.05)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 50}}))

    with p.start("run") as process:
        wait_until(lambda: items.request_count > 15)
        process.stop(how, status=expected)
    p.check()
    landed = len(p.landing("items"))
    assert 0 < landed < 400
    requests = items.request_count
    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(400)))
    assert len(p.csv("items")) == 400
    assert items.request_count < requests + 40
    p.check()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_follow_ends_with_zero_when_asked_to_stop(api, pipeline, how):
    items = api.add("/items", style="json_link", total=40, page_size=10)
    p = pipeline(conf_of(api, resource_of("items", items)))

    with p.start("run", "--follow") as process:
        wait_until(lambda: len(p.csv("items")) == 40)
        process.stop(how, status=0)
    p.check()


def test_a_state_of_a_newer_format_is_refused(api, pipeline):
    import sqlite3

    items = api.add("/items", style="json_link", total=40)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()
    db = sqlite3.connect(p.state / "state.db")
    db.execute("PRAGMA user_version = 9999")
    db.close()

    refused = p.run(status=2)

    assert "9999" in refused.stderr


def test_a_state_of_another_pipeline_is_refused(api, pipeline):
    items = api.add("/items", style="json_link", total=40)
    conf = conf_of(api, resource_of("items", items))
    p = pipeline(conf)
    p.run()
    p.write({**conf, "name": "other"})

    refused = p.run(status=2)

    assert '"test"' in refused.stderr and '"other"' in refused.stderr


def test_the_state_folder_is_for_its_owner_alone(api, pipeline):
    items = api.add("/items", style="json_link", total=40)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()

    assert p.state.stat().st_mode & 0o777 == 0o700


def test_prune_removes_what_was_adjusted_and_nothing_comes_again(api, pipeline):
    items = api.add("/items", style="json_link", total=200, page_size=50, record=dated)
    p = pipeline(conf_of(api, resource_of("items", items, endpoint={"incremental": incremental()})))
    p.run()
    files = p.files("landing", "items")
    time.sleep(0.05)

    p.do("prune", "--older-than", "1ms", "--dry-run")
    assert p.files("landing", "items") == files
    p.do("prune", "--older-than", "1ms")
    assert p.files("landing", "items") == []
    p.run()

    assert len(p.csv("items")) == 200
    p.check(was_pruned=True)


def test_prune_keeps_what_was_not_adjusted_yet(api, pipeline):
    items = api.add("/items", style="json_link", total=200, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.do("extract")
    time.sleep(0.05)

    p.do("prune", "--older-than", "1ms")
    p.do("transform")

    assert len(p.adjusted("items")) == 200


def test_replay_makes_a_table_anew_with_todays_definition(api, pipeline):
    items = api.add("/items", style="json_link", total=300, page_size=50)
    conf = conf_of(api, resource_of("items", items))
    conf["transform"] = {"tables": [{"name": "t", "from": "items", "columns": {"id": "id", "name": "name"}}]}
    p = pipeline(conf)
    p.run()
    assert set(p.adjusted("t")[0]) == {"id", "name"}

    columns = {"id": "id", "name": "name", "amount": {"path": "amount", "type": "double"}}
    conf["transform"]["tables"][0].update(columns=columns, where="id < 250")
    p.write(conf)
    p.do("transform", "--replay", "t")

    rows = p.adjusted("t")
    assert sorted(row["id"] for row in rows) == list(range(250))
    assert all(row["amount"] == row["id"] / 4 for row in rows)
    p.check()
    p.do("export")
    assert sorted(int(row["id"]) for row in p.csv("t")) == list(range(250))


@pytest.mark.parametrize("command", ["run", "transform"])
def test_a_type_that_is_not_the_tables_is_refused_before_anything_is_touched(api, pipeline, command):
    items = api.add("/items", style="json_link", total=30)
    conf = conf_of(api, resource_of("items", items))
    conf["transform"] = {"tables": [{"name": "t", "from": "items", "columns": {"id": "id"}}]}
    p = pipeline(conf)
    p.run()
    before = items.request_count, p.files("landing", "items")

    conf["transform"]["tables"][0]["columns"]["id"] = {"path": "id", "type": "text"}
    p.write(conf)
    refused = p.do(command, status=2)

    assert 'column "id" is to be VARCHAR' in refused.stderr and "--replay t" in refused.stderr
    assert (items.request_count, p.files("landing", "items")) == before
    p.do("extract")
    p.do("transform", "--replay", "t")
    p.run()
    assert all(isinstance(row["id"], str) for row in p.adjusted("t"))


def test_a_replay_and_a_transform_say_that_they_exclude_each_other(api, pipeline):
    items = api.add("/items", style="json_link", total=50, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()

    with (p.state / "transform.lock").open() as others:
        fcntl.flock(others, fcntl.LOCK_SH)
        refused = p.do("transform", "--replay", "items", status=1)
        assert "the other transforms of this state stopped" in refused.stderr
        p.do("transform")

        fcntl.flock(others, fcntl.LOCK_EX)
        refused = p.do("transform", status=1)
        assert "being made anew by a replay" in refused.stderr


def test_exports_at_work_during_replays_leave_each_row_once(api, pipeline):
    """What an export has in hand when its file is replaced is dropped, not published beside the new one."""
    items = api.add("/items", style="json_link", total=400, page_size=10)
    p = pipeline({**conf_of(api, resource_of("items", items)), "landing": {"roll": {"rows": 10}}})
    p.run()

    with p.start("export", "--follow"), p.start("export", "--follow"):
        for _ in range(6):
            p.do("transform", "--replay", "items")
    p.do("export")

    assert sorted(int(row["id"]) for row in p.csv("items")) == list(range(400))
    assert sorted(row["id"] for row in p.adjusted("items")) == list(range(400))
    p.check()


def test_two_replays_without_an_export_between_leave_one_export(api, pipeline):
    """The first replay's files were never exported, so the second's stand in for the ones before."""
    items = api.add("/items", style="json_link", total=100, page_size=50)
    conf = conf_of(api, resource_of("items", items))
    p = pipeline(conf)
    for version in (1, 2, 3):
        columns = {"id": "id", "version": {"path": "no.such", "type": "bigint", "default": version}}
        p.write({**conf, "transform": {"tables": [{"name": "t", "from": "items", "columns": columns}]}})
        if version == 1:
            p.run()
        else:
            p.do("transform", "--replay", "t")

    p.do("export")

    assert sorted((int(row["id"]), row["version"]) for row in p.csv("t")) == [(n, "3") for n in range(100)]
    p.check()
