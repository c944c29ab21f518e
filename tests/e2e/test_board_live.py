"""The dashboard while a pipeline runs: events, none missed, also after a reconnect; live figures; serve."""

import signal
import time

import pytest
from board import Board, Stream
from riacho import IS_TORTURE, Pipeline, conf_of, resource_of, wait_until


def slow_pipeline(api, folder, pages=30, page_size=20, delay="20/s", **conf):
    """Lands a file a page, some of them a second."""
    served = api.add("/items", total=pages * page_size, page_size=page_size, style="page_number")
    client = {"rate_limit": delay}
    return Pipeline(folder, conf_of(api, resource_of("items", served), client=client,
                                    landing={"roll": {"rows": page_size}}, **conf))


@pytest.fixture
def pipeline(api, tmp_path):
    return slow_pipeline(api, tmp_path / "p")


def all_seqs(pipeline):
    return [seq for (seq,) in pipeline.sql("SELECT seq FROM files ORDER BY seq")]


def test_serve_shows_each_file_once_and_in_order(pipeline):
    with Board(pipeline, command="serve") as board, Stream(board) as stream:
        wait_until(lambda: len(stream.seqs()) >= 90, 60)
        seen = all_seqs(pipeline)
        wait_until(lambda: stream.named("snapshot"))
        first = stream.events[0]
        assert first.name == "snapshot" and {row["command"] for row in first.data["processes"]} == {"serve"}
        begun = int(first.id.split(".")[1])
        assert stream.seqs() == [seq for seq in seen if seq > begun]
        assert board.get("/api/v1/snapshot").json()["extract"][0]["in_flight"] >= 0
        assert board.stop().status == 0
        wait_until(lambda: stream.has_ended)
        assert stream.events[-1].name == "bye"
    pipeline.check()


def test_live_figures_come_from_another_process(pipeline):
    pipeline.do("extract")  # so that there is a state
    with Board(pipeline) as board, Stream(board) as stream:
        with pipeline.start("run", "--follow") as process:
            # By the first event, if the process was there before it; else by a change.
            wait_until(lambda: any(event.data.get("processes")
                                   for event in stream.named("snapshot") + stream.named("river")))
            wait_until(lambda: board.get("/api/v1/snapshot").json()["transform"]["state"] == "running")
            snapshot = board.get("/api/v1/snapshot").json()
            assert snapshot["live"] and snapshot["processes"][0]["pid"] == process.popen.pid
            assert snapshot["rate_budget"]["per_s"] == 20 and snapshot["extract"][0]["run"] > 0
            process.kill()
        wait_until(lambda: any(event.data.get("live") is False for event in stream.named("river")))
        snapshot = board.get("/api/v1/snapshot").json()
        assert not snapshot["live"] and snapshot["extract"][0]["state"] is None
    pipeline.do("run")
    assert not list((pipeline.state / "processes").iterdir())


def test_a_run_moves_its_counters(api, tmp_path):
    pipeline = slow_pipeline(api, tmp_path / "p", pages=60, delay="20/s")
    pipeline.do("validate")
    with Board(pipeline, command="serve") as board, Stream(board) as stream:
        wait_until(lambda: [e for e in stream.named("river") if e.data.get("extract", [{}])[0].get("pages", 0) > 40])
        figures = [e.data["extract"][0] for e in stream.named("river") if "extract" in e.data]
        pages = [figure["pages"] for figure in figures]
        assert pages == sorted(pages) and any(figure["requests_per_s"] > 1 for figure in figures)
        assert any(figure["state"] == "running" and figure["run"] for figure in figures)


def test_whoever_comes_back_misses_nothing(pipeline):
    pipeline.run()
    with Board(pipeline) as board:
        everything = all_seqs(pipeline)
        snapshot = board.get("/api/v1/snapshot").json()
        place = snapshot["id"]
        epoch, files, *rest = place.split(".")
        assert int(files) == everything[-1]
        for seen in (0, 1, everything[-1] // 2, everything[-1] - 1, everything[-1]):
            with Stream(board, last_id=".".join([epoch, str(seen), *rest])) as stream:
                wait_until(lambda: stream.named("river"))
                assert stream.seqs() == [seq for seq in everything if seq > seen]
                assert not stream.named("snapshot")
        with Stream(board, path=f"/api/v1/events?from={place}") as stream:
            wait_until(lambda: stream.named("river"))
            assert not stream.seqs()


@pytest.mark.parametrize("id", ["nonsense", "", "ffffff.1.1.1.1.1.1", "0.1", "; DROP TABLE files"])
def test_an_id_of_nothing_known_gives_a_snapshot(pipeline, id):
    pipeline.do("extract")
    with Board(pipeline) as board, Stream(board, last_id=id or "x") as stream:
        wait_until(lambda: stream.events)
        assert stream.events[0].name == "snapshot"


def test_reconnecting_all_the_time_misses_nothing(api, tmp_path):
    pipeline = slow_pipeline(api, tmp_path / "p", pages=60, delay="20/s")
    seqs, last = [], None
    with Board(pipeline, command="serve") as board:
        begun = None
        while len(seqs) < 150:
            with Stream(board, last_id=last) as stream:
                wait_until(lambda: stream.events, 20)
                time.sleep(0.15)
            if begun is None:
                begun = int(stream.events[0].id.split(".")[1])
            seqs += stream.seqs()
            last = stream.events[-1].id
        assert seqs == [seq for seq in all_seqs(pipeline) if begun < seq <= seqs[-1]]


def test_dead_letters_are_told_and_can_be_retried(api, tmp_path):
    served = api.add("/items", total=50, page_size=10, style="page_number",
                     record=lambda i: {"id": i, "n": "x" if i == 25 else i})
    pipeline = Pipeline(tmp_path / "p", conf_of(
        api, resource_of("items", served), landing={"roll": {"rows": 10}},
        transform={"tables": [{"name": "items", "columns": {"id": "id", "n": {"path": "n", "type": "bigint"}}}]}))
    pipeline.run(status=3)
    with Board(pipeline) as board, Stream(board) as stream:
        wait_until(lambda: stream.events)
        dead = board.get("/api/v1/dead").json()
        assert dead["open"] == 1 and dead["dead"][0]["group"] == "transform" and dead["dead"][0]["value"]["data"]
        id = dead["dead"][0]["id"]
        assert board.act("/api/v1/dead/retry", {"ids": [id, "no such"]}).json() == {"done": 1}
        wait_until(lambda: stream.named("dead"))
        assert stream.named("dead")[0].data["closed"] == [dead["dead"][0]["no"]] and stream.named("dead")[0].data["open"] == 0
        assert board.get("/api/v1/dead").json()["dead"] == []
        assert board.get("/api/v1/dead?state=closed").json()["dead"][0]["state"] == "retried"
        pipeline.do("transform", status=3)
        wait_until(lambda: any(event.data["new"] for event in stream.named("dead")))
        assert board.act("/api/v1/dead/drop", {"all": True}).json() == {"done": 1}
    pipeline.do("transform")


def test_what_is_pruned_is_told(pipeline):
    pipeline.run()
    with Board(pipeline) as board, Stream(board) as stream:
        wait_until(lambda: stream.events)
        landed = {file["seq"] for file in board.get("/api/v1/files?stage=extract&limit=500").json()["files"]}
        time.sleep(1.1)
        pipeline.do("prune", "--older-than", "1s")
        wait_until(lambda: {seq for event in stream.named("removed") for seq in event.data["seqs"]} == landed)
        assert board.get("/api/v1/files?stage=extract").json() == {"files": [], "total": 0, "next": None}
        assert len(board.get("/api/v1/files?stage=extract&removed=yes&limit=500").json()["files"]) == len(landed)


def test_one_frozen_viewer_of_many_stops_nobody(api, tmp_path):
    many = 64 if IS_TORTURE else 24
    pipeline = slow_pipeline(api, tmp_path / "p", pages=80, delay="20/s")
    with Board(pipeline, command="serve") as board:
        frozen = Stream(board, is_frozen=True)
        streams = [Stream(board) for _ in range(many - 1)]
        try:
            wait_until(lambda: all(len(stream.seqs()) >= 120 for stream in streams), 60)
            seqs = [seq for (seq,) in pipeline.sql("SELECT seq FROM files ORDER BY seq")]
            for stream in streams:
                begun = int(stream.events[0].id.split(".")[1])
                got = stream.seqs()
                assert got == [seq for seq in seqs if begun < seq <= got[-1]] or got[-1] > seqs[-1]
        finally:
            for stream in [frozen, *streams]:
                stream.close()


def test_hostile_texts_stay_texts(api, tmp_path):
    bad = "</script><img src=x onerror=alert(1)>\u2028\n\n\"'&\r\nevent: forged\r\ndata: {}"
    served = api.add("/items", total=1, record=lambda i: {"id": i, bad: bad}, style="page_number")
    pipeline = Pipeline(tmp_path / "p", conf_of(api, resource_of("items", served)))
    with Board(pipeline, command="serve") as board, Stream(board) as stream:
        wait_until(lambda: len(stream.seqs()) >= 3 or (stream.events and board.get(
            "/api/v1/snapshot").json()["totals"]["exported"]["files"] == 1))
        page = board.query(kind="rows", of={"resource": "items"})
        assert bad in page["rows"][0] or any(bad == cell for cell in page["rows"][0])
        assert bad in str(board.get("/api/v1/schemas").json()["resources"][0]["schemas"][0]["schema"]["fields"][1]["key"])
        assert not stream.named("forged")
        assert board.get("/api/v1/files").headers["Content-Type"] == "application/json"


def test_a_second_signal_is_not_needed(pipeline):
    """Open streams and a query that runs do not hold up the end."""
    pipeline.do("extract")
    with Board(pipeline) as board, Stream(board) as stream:
        wait_until(lambda: stream.events)
        board.post("/api/v1/queries", {"kind": "sql", "wait_ms": 0,
                                       "sql": "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"}, 202)
        time.sleep(0.3)
        assert board.process.stop(signal.SIGINT, timeout=15).status == 0

