"""The engine on Spark: the engine's contract, whole pipelines with the rows that DuckDB gives, folders as
outputs, faults of the server."""

import random
import time

import pytest
import riacho
from riacho import conf_of, resource_of

pytestmark = pytest.mark.spark


@pytest.mark.timeout(900)
def test_the_contract_of_the_engine(contract):
    assert "[       OK ] every_drift_loses_nothing" in contract("engine_contract")


def on_spark(server, **transform):
    return {"engine": "spark", "remote": server.remote, **transform}


def quake(n):
    """Records of many shapes: nulls, nested objects, lists, texts to clean, duplicates, columns that come late."""
    chance = random.Random(n)
    record = {
        "id": n - 1 if n % 10 == 9 else n,
        "Mag": chance.choice([None, 1, 2.5, -0.125, 1e300]),
        "place": chance.choice(["  Lima ", "", "São Paulo", "10 km \u00a0", "\U0001f30b 'x' \\ \"y\"", None]),
        "at": chance.choice(["2020-02-29", "2020-01-01 10:00", "2020-01-01T10:00:00.123456+05:30", None]),
        "ms": 1517443200000 + n * 1001,
        "price": f"{n}.50",
        "big": 18446744073709551615 if n % 7 == 0 else n,
        "props": {"tags": ["a", f"t{n}", None], "deep": {"x": n / 8, "flag": n % 2 == 0}},
        "parts": [{"name": f" p{i} ", "n": i, "inner": {"k": i * 0.5}} for i in range(n % 4)],
        "mixed": chance.choice([1, "one", {"a": [1, None]}, [True]]),
    }
    if n >= 60:
        record["late"] = {"since": n}
    return record


PAGES = [[quake(n) for n in range(first, first + 20)] for first in range(0, 120, 20)]
COLUMNS = {
    "id": {"path": "id", "type": "bigint"},
    "mag": {"path": "Mag", "type": "double", "default": -1},
    "place": {"path": "place", "type": "text", "trim": True, "empty_as_null": True, "upper": True},
    "at": {"path": "at", "type": "timestamp"},
    "day": {"path": "at", "type": "date"},
    "ms": {"path": "ms", "type": "timestamp", "unit": "ms"},
    "price": {"path": "price", "type": "decimal(12,2)"},
    "big": {"path": "big", "type": "bigint", "on_error": None},
    "second_tag": {"path": "props.tags[1]", "type": "text"},
    "x": "props.deep.x",
    "since": {"path": "late.since", "type": "bigint"},
    "mixed": {"path": "mixed", "type": "json"},
}
TABLES = [
    {"name": "chosen", "from": "items", "columns": COLUMNS, "where": "mag < 100 AND x >= 1", "distinct": "id"},
    {
        "name": "counted",
        "from": "items",
        "sql": "SELECT place, count(*) AS n, max(ms) AS last FROM items GROUP BY place",
    },
    {
        "name": "own",
        "from": "items",
        "sql": {
            "duckdb": "SELECT id, upper(place) AS p, len(parts) AS parts, late.since AS since FROM items",
            "spark": "SELECT id, upper(place) AS p, cardinality(parts) AS parts, late.since AS since FROM items",
        },
    },
]


def run_both(api, pipeline, server, name, **transform):
    """The same pipeline on either engine; gives both when they have run."""
    items = api.add(f"/{name}", style="json_link", pages=PAGES)
    made = []
    for engine in ("duckdb", "spark"):
        chosen = on_spark(server, **transform) if engine == "spark" else dict(transform)
        conf = conf_of(api, resource_of("items", items), landing={"roll": {"rows": 20}}, transform=chosen)
        p = pipeline(conf, name=f"{name}-{engine}")
        p.run(timeout=250)
        p.check()
        made.append(p)
    return made


def same_tables(duckdb, spark):
    tables = sorted(path.name for path in (duckdb.output / "adjusted").iterdir() if path.name[0] != ".")
    assert tables == sorted(path.name for path in (spark.output / "adjusted").iterdir() if path.name[0] != ".")
    for table in tables:
        riacho.assert_same_rows(spark.adjusted(table), duckdb.adjusted(table))
        riacho.assert_same_rows(spark.csv(table), duckdb.csv(table))
        assert len(spark.files("adjusted", table)) == len(duckdb.files("adjusted", table)) > 1
        assert all(path.is_dir() for path in spark.files("adjusted", table))
    return tables


def test_columns_and_sql_give_the_rows_that_duckdb_gives(api, pipeline, spark_server):
    assert same_tables(*run_both(api, pipeline, spark_server, "told", tables=TABLES)) == ["chosen", "counted", "own"]


def test_the_default_rules_give_the_rows_that_duckdb_gives(api, pipeline, spark_server):
    duckdb, spark = run_both(api, pipeline, spark_server, "default")
    for table in ("items", "items__parts"):
        rows = [
            [{k: v for k, v in row.items() if k not in ("_riacho_id", "_parent_id")} for row in p.adjusted(table)]
            for p in (spark, duckdb)
        ]
        riacho.assert_same_rows(*rows)
        assert len(rows[0]) > 100


def spark_pipeline(api, pipeline, server, pages, **transform):
    items = api.add("/items", style="json_link", pages=pages)
    conf = conf_of(
        api, resource_of("items", items), landing={"roll": {"rows": 1}}, transform=on_spark(server, **transform)
    )
    return pipeline(conf)


NUMBERS = [{"name": "n", "from": "items", "columns": {"id": "id", "v": {"path": "v", "type": "bigint"}}}]


def test_one_faulty_file_goes_to_the_dead_letters_alone(api, pipeline, spark_server):
    pages = [[{"id": n, "v": "x" if n == 5 else str(n)}] for n in range(12)]
    p = spark_pipeline(api, pipeline, spark_server, pages, tables=NUMBERS)
    p.run(status=3)
    p.check()
    assert sorted(row["v"] for row in p.adjusted("n")) == [n for n in range(12) if n != 5]
    (letter,) = p.do("dead list", "--json", status=None).json()["dead"]
    assert 'column "v": "x" is not a bigint (page 6, index 0)' in letter["error"]


def test_sql_that_spark_refuses_is_told_with_its_place(api, pipeline, spark_server):
    tables = [{"name": "n", "from": "items", "sql": "SELECT id,\n  no_such + 1 AS a\nFROM items"}]
    p = spark_pipeline(api, pipeline, spark_server, [[{"id": 1}]], tables=tables)
    p.run(status=3)
    (letter,) = p.do("dead list", "--json", status=None).json()["dead"]
    assert "line 2, column 3 of its SQL" in letter["error"] and "`no_such`" in letter["error"]


def test_without_a_server_nothing_is_dead_and_later_all_is_done(api, pipeline, spark_server):
    pages = [[{"id": n, "v": n}] for n in range(4)]
    p = spark_pipeline(api, pipeline, spark_server, pages, tables=NUMBERS)
    p.do("extract")
    right = p.conf
    p.write({**right, "transform": {**right["transform"], "remote": "sc://127.0.0.1:1"}})
    result = p.do("transform", status=1)
    assert "sc://127.0.0.1:1" in result.stderr
    p.write({**right, "transform": {**right["transform"], "remote": spark_server.remote.replace("sesame", "wrong")}})
    result = p.do("transform", status=1)
    assert "Look at the token" in result.stderr and "wrong" not in result.stderr
    p.write(right)
    p.do("transform")
    p.check()
    assert sorted(row["id"] for row in p.adjusted("n")) == [0, 1, 2, 3]


def test_a_folder_that_was_altered_is_not_exported(api, pipeline, spark_server):
    p = spark_pipeline(api, pipeline, spark_server, [[{"id": 1, "v": 1}], [{"id": 2, "v": 2}]], tables=NUMBERS)
    p.do("extract")
    p.do("transform")
    one, two = p.files("adjusted", "n")
    (part,) = one.glob("*.parquet")
    (two / "part-00001.parquet").write_bytes(part.read_bytes())
    part.write_bytes(part.read_bytes()[:-1] + b"?")
    p.do("export", status=3)
    errors = [letter["error"] for letter in p.do("dead list", "--json", status=None).json()["dead"]]
    assert sorted("was altered" in error for error in errors) == [False, True]
    assert any("has 2 files, its reference lists 1" in error for error in errors)


def test_a_replay_stands_in_for_the_folders(api, pipeline, spark_server):
    p = spark_pipeline(api, pipeline, spark_server, [[{"id": 1, "v": 1}], [{"id": 2, "v": 2}]], tables=NUMBERS)
    p.run()
    tables = [{**NUMBERS[0], "columns": {"id": "id", "v": {"path": "v", "type": "text"}}}]
    p.write({**p.conf, "transform": {**p.conf["transform"], "tables": tables}})
    p.do("transform", "--replay", "n")
    p.do("export")
    p.check()
    assert sorted(row["v"] for row in p.adjusted("n")) == ["1", "2"]
    assert all(".g2." in path.name for path in p.files("adjusted", "n"))


@pytest.mark.parametrize("after", [0, 0.1, 0.2, 0.4, 1.5])
def test_a_stop_ends_the_job_in_good_order(api, pipeline, spark_server, after):
    """Also one that Spark is about to begin: it would run to its end, and take the place of others."""
    slow = "SELECT r.id FROM items CROSS JOIN range(0, 1000000000000, 1, 2) AS r WHERE hash(r.id, items.id) = 5"
    p = spark_pipeline(api, pipeline, spark_server, [[{"id": 1}]], tables=[{"name": "n", "from": "items", "sql": slow}])
    with p.start("run") as process:
        riacho.wait_until(lambda: list((p.output / "adjusted").rglob("spark/*")), timeout=60)
        time.sleep(after)
        process.stop(status=143)
    assert not p.left_over()
    assert p.files("landing", "items") and not p.files("adjusted", "n")
    quick = [{"name": "n", "from": "items", "sql": "SELECT id FROM items"}]
    p.write({**p.conf, "transform": {**p.conf["transform"], "tables": quick}})
    p.run(timeout=60)
    assert {row["id"] for row in p.adjusted("n")} == {1}