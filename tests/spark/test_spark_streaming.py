"""Tables as streaming queries on Spark: the rows of batches, files as they land, kills of riacho and of the server."""

import contextlib
import json
import time

import pytest
import riacho
from riacho import conf_of, resource_of
from spark_server import SparkServer

pytestmark = pytest.mark.spark

COLUMNS = {
    "id": {"path": "id", "type": "bigint"},
    "place": {"path": "place", "type": "text", "trim": True, "empty_as_null": True},
    "at": {"path": "at", "type": "timestamp"},
    "value": "value",
    "since": {"path": "late.since", "type": "bigint"},
}
TABLES = [
    {"name": "chosen", "from": "items", "columns": COLUMNS, "where": "id <> 3"},
    {"name": "own", "from": "items", "sql": {"duckdb": "SELECT id, upper(place) AS p FROM items",
                                             "spark": "SELECT id, upper(place) AS p FROM items"}},
]


def record(n):
    """`value` changes its type twice, and a column comes late."""
    made = {"id": n, "place": [" Lima ", "", "São Paulo", None][n % 4], "at": "2020-01-01T10:00:00.5+05:30"}
    made["value"] = n if n < 4 else n + 0.5 if n < 8 else f"v{n}"
    if n >= 6:
        made["late"] = {"since": n}
    return made


def pages_of(numbers):
    return [[record(n)] for n in numbers]


def streaming_pipeline(api, pipeline, server, pages, tables=None, name="streamed", **more):
    items = api.add(f"/{name}", style="json_link", pages=pages)
    transform = {"engine": "spark", "mode": "streaming", "remote": server.remote, "tables": tables or TABLES}
    conf = conf_of(api, resource_of("items", items), landing={"roll": {"rows": 1}}, transform=transform, **more)
    del conf["exports"]
    return pipeline(conf, name=name)


def read(p, table):
    """The rows of the files that the sink's own log counts: `{"v1"}` and a line of JSON a file, a file a batch."""
    folder = p.output / "adjusted" / table
    named = {}
    for log in (folder / "_spark_metadata").iterdir():
        if log.name[0] != ".":
            for line in log.read_text().splitlines()[1:]:
                named[json.loads(line)["path"].rpartition("/")[2]] = True
    return [row for name in sorted(named) for row in riacho.parquet_rows(folder / name)]


def status_of(p, table="chosen"):
    return {one["table"]: one for one in p.do("status", "--json").json()["streams"]}[table]


def ids(p, table="own"):
    return sorted(row["id"] for row in read(p, table))


def test_the_rows_are_those_of_batches(api, pipeline, spark_server):
    p = streaming_pipeline(api, pipeline, spark_server, pages_of(range(12)))
    p.run(timeout=250)
    batch = pipeline({**p.conf, "transform": {"tables": TABLES}}, name="batch")
    batch.run()
    for table in ("chosen", "own"):
        riacho.assert_same_rows(read(p, table), batch.adjusted(table))


@contextlib.contextmanager
def following(p, command="run"):
    with p.start(command, "--follow") as process:
        yield process


def test_files_are_streamed_as_they_land_and_a_stop_ends_the_queries(api, pipeline, spark_server):
    p = streaming_pipeline(api, pipeline, spark_server, pages_of(range(3)), schedule={"every": "1s"})
    p.do("extract")
    with following(p, "transform") as process:
        riacho.wait_until(lambda: ids_if_any(p) == [0, 1, 2], timeout=90)
        p.do("state reset", "items")
        api.add("/streamed", style="json_link", pages=pages_of(range(3, 5)))
        p.do("extract")
        riacho.wait_until(lambda: ids_if_any(p) == [0, 1, 2, 3, 4], timeout=90)
        riacho.wait_until(lambda: status_of(p, "own")["rows"] == 5, timeout=30)
        assert status_of(p)["status"] == "running"
        process.stop()
    told = status_of(p)
    assert told["status"] == "stopped" and told["batches"] >= 2 and told["last_progress"]
    text = p.do("status").stdout
    assert "Streaming queries" in text and told["query_id"] in text
    assert queries_on(spark_server, p) == []
    assert p.do("status", "--json").json()["topics"][0]["lag"] == 0
    assert sorted(row["id"] for row in read(p, "chosen")) == [0, 1, 2, 4]


def ids_if_any(p, table="own"):
    return ids(p, table) if (p.output / "adjusted" / table / "_spark_metadata").is_dir() else []


def queries_on(server, p):
    """The queries that run in the session that the state knows, asked by PySpark."""
    from pyspark.sql import SparkSession

    noted = p.sql("SELECT value FROM meta WHERE key LIKE 'note streams%session'")
    if not noted:
        return []
    remote = f"sc://localhost:{server.port}/;token=sesame;session_id={noted[0][0]}"
    return [query.name for query in SparkSession.builder.remote(remote).create().streams.active]


def test_killed_riacho_finds_its_query_again_and_loses_and_doubles_nothing(api, pipeline, spark_server):
    p = streaming_pipeline(api, pipeline, spark_server, pages_of(range(4)), schedule={"every": "1s"})
    p.do("extract")
    with following(p, "transform") as process:
        riacho.wait_until(lambda: ids_if_any(p) == [0, 1, 2, 3], timeout=90)
        process.kill()
    run = status_of(p)["run_id"]
    assert len(queries_on(spark_server, p)) == 2
    with following(p, "transform") as process:
        riacho.wait_until(lambda: "runs already" in process.stderr, timeout=60)
        assert status_of(p)["run_id"] == run
        process.stop()
    moments = riacho.random_moments(5, 0.1, 4.0)
    for turn in range(15 if riacho.IS_TORTURE else 2):
        p.do("state reset", "items")
        api.add("/streamed", style="json_link", pages=pages_of(range(4 + 2 * turn, 6 + 2 * turn)))
        with p.start("run") as process:
            time.sleep(next(moments))
            process.kill()
        p.run(timeout=250)
    everything = ids(p)
    assert sorted(set(everything)) == list(range(everything[-1] + 1))
    assert len(everything) == len(p.landing("items"))


@pytest.mark.torture
@pytest.mark.skipif(not riacho.IS_TORTURE, reason="two starts of a server: `make torture`")
@pytest.mark.timeout(300)
def test_a_server_that_was_restarted_goes_on_from_the_checkpoint(api, pipeline, tmp_path):
    with SparkServer(tmp_path / "spark") as server:
        p = streaming_pipeline(
            api, pipeline, server, pages_of(range(4)), tables=TABLES[1:], schedule={"every": "1s"}
        )
        p.do("extract")
        with following(p, "transform") as process:
            riacho.wait_until(lambda: ids_if_any(p), timeout=90)
            server.kill()
            server.start()
            riacho.wait_until(lambda: ids(p) == list(range(4)), timeout=150)
            process.stop(timeout=60)
        p.do("state reset", "items")
        api.add("/streamed", style="json_link", pages=pages_of(range(4, 5)))
        p.run(timeout=120)
        assert ids(p) == list(range(5))


def test_a_value_that_does_not_convert_ends_the_query_and_says_what_to_do(api, pipeline, spark_server):
    columns = {"id": "id", "v": {"path": "v", "type": "bigint"}}
    tables = [{"name": "n", "from": "items", "columns": columns}]
    pages = [[{"id": 1, "v": "1"}], [{"id": 2, "v": "x"}]]
    p = streaming_pipeline(api, pipeline, spark_server, pages, tables=tables)
    result = p.run(status=1, timeout=120)
    assert 'column "v": "x" is not a bigint' in result.stderr and "goes on from there" in result.stderr
    told = status_of(p, "n")
    assert told["status"] == "failed" and "is not a bigint" in told["error"]
    columns["v"]["on_error"] = None
    p.write({**p.conf, "transform": {**p.conf["transform"], "tables": tables}})
    p.do("transform", timeout=120)
    assert sorted((row["id"], row["v"]) for row in read(p, "n")) == [(1, 1), (2, None)]


@pytest.mark.parametrize(
    "sql, words",
    [
        ("SELECT id,\n  no_such + 1 AS a\nFROM items", "line 2, column 3 of its SQL"),
        ("SELECT count(*) AS n FROM items", "streaming aggregations"),
    ],
)
def test_sql_that_spark_refuses_is_told_and_nothing_is_lost(api, pipeline, spark_server, sql, words):
    tables = [{"name": "n", "from": "items", "sql": sql}]
    p = streaming_pipeline(api, pipeline, spark_server, [[{"id": 1}]], tables=tables)
    assert words in p.run(status=1, timeout=120).stderr
    tables[0]["sql"] = "SELECT id FROM items"
    p.write({**p.conf, "transform": {**p.conf["transform"], "tables": tables}})
    p.do("transform", timeout=120)
    assert ids(p, "n") == [1]


def test_batches_and_streams_do_not_mix_in_a_table(api, pipeline, spark_server):
    p = streaming_pipeline(api, pipeline, spark_server, [[{"id": 1, "place": "x"}]], tables=TABLES[1:])
    p.run(timeout=120)
    streaming = p.conf["transform"]
    p.write({**p.conf, "transform": {"tables": TABLES[1:]}})
    assert "was made by a streaming query" in p.do("transform", status=2).stderr
    p.write({**p.conf, "transform": streaming})
    assert "has no replay" in p.do("transform", "--replay", "own", status=2).stderr
    batch = pipeline({**p.conf, "transform": {"tables": TABLES[1:]}}, name="batch")
    batch.run()
    batch.write({**batch.conf, "transform": streaming})
    assert "has files that batches have made" in batch.do("transform", status=2).stderr
