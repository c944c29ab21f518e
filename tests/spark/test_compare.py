"""riacho compare: the user's tables on both engines."""

import pytest
import riacho
from riacho import conf_of, resource_of

pytestmark = pytest.mark.spark

RECORDS = [{"id": n, "at": 1517443200000 + n, "mag": n / 4, "place": " Lima " if n % 2 else None} for n in range(60)]
COLUMNS = {
    "id": {"path": "id", "type": "bigint"},
    "at": {"path": "at", "type": "timestamp", "unit": "ms"},
    "mag": "mag",
    "place": {"path": "place", "trim": True},
}
SAME = [
    {"name": "chosen", "from": "items", "columns": COLUMNS, "distinct": "id"},
    {"name": "counted", "from": "items", "sql": "SELECT place, count(*) AS n, avg(mag) AS a FROM items GROUP BY 1"},
]
OTHER = [
    SAME[0],
    {
        "name": "own",
        "from": "items",
        "sql": {
            "duckdb": "SELECT id, mag, trim(place) AS p FROM items WHERE id < 50",
            "spark": "SELECT id, if(id = 7, -1, mag) AS mag, nullif(trim(place), 'Lima') AS p, 1 AS one"
            " FROM items WHERE id <> 3",
        },
    },
    {
        "name": "refused",
        "from": "items",
        "sql": {"duckdb": "SELECT id FROM items", "spark": "SELECT nothing FROM items"},
    },
]


@pytest.fixture
def landed(api, pipeline):
    """Three files of twenty rows; the pipeline names no Spark."""
    items = api.add("/items", style="json_link", pages=[RECORDS[n : n + 20] for n in range(0, 60, 20)])
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 20}}, transform={"tables": SAME}))
    p.do("extract")
    return p


def everything(p):
    """What is in the pipeline's folders, but for the database's own bookkeeping of who reads it."""
    files = {path: data for path, data in p.all_bytes() if p.state not in path.parents}
    return files, sorted(path for path in p.dir.rglob("*")), p.sql("SELECT * FROM columns"), p.references("landed")


def test_the_same_tables_are_told_to_be_the_same_and_nothing_is_touched(landed, spark_server):
    before = everything(landed)
    result = landed.do("compare", "--remote", spark_server.remote)
    assert "the engines give the same rows, over 3 landed files with 60 rows" in result.stdout
    assert everything(landed) == before
    report = landed.do("compare", "--json", env={"SPARK_REMOTE": spark_server.remote}).json()
    assert report["same"] and report["files"] == 3 and not report["differences"] and not report["failures"]
    assert [table["table"] for table in report["tables"]] == ["chosen", "counted"]
    assert report["tables"][0]["rows"] == {"duckdb": 60, "spark": 60}
    assert everything(landed) == before


def test_what_differs_is_told_by_row_and_column(landed, spark_server):
    landed.write({**landed.conf, "transform": {"tables": OTHER, "remote": spark_server.remote}})
    report = landed.do("compare", "--json", "--limit", "1000", status=3).json()
    assert not report["same"]
    chosen, own = report["tables"]
    assert chosen["differ"] == 0 and chosen["only"] == {"duckdb": 0, "spark": 0}
    assert own["rows"] == {"duckdb": 50, "spark": 59} and own["only"] == {"duckdb": 1, "spark": 10}
    # 25 odd ids below 50 without the 3, of which the 7 differs in two columns
    assert own["differ"] == 24 and own["columns"] == {"mag": 1, "p": 24}
    found = report["differences"]
    (column,) = [d for d in found if d["kind"] == "column"]
    assert column["column"] == "one" and column["only"] == "spark" and column["spark"] == "BIGINT"
    (seven,) = [d for d in found if d["column"] == "mag"]
    assert seven["row"].startswith("id=7") and (seven["duckdb"], seven["spark"]) == ("1.75", "-1.0")
    assert seven["file"] in {event["id"] for event in landed.references("landed")}
    (three,) = [d for d in found if d["kind"] == "row" and d["only"] == "duckdb"]
    assert three["row"].startswith("id=3")
    assert {f["engine"] for f in report["failures"]} == {"spark"} and len(report["failures"]) == 3
    assert "line 1, column 8 of its SQL" in report["failures"][0]["error"]

    shown = landed.do("compare", "--limit", "2", "--rows", "10", "--table", "own", status=3).stdout
    assert "over 1 landed file with 20 rows" in shown
    assert "chosen" not in shown and len(shown.splitlines()) < 12
    assert not landed.left_over()


def test_what_keeps_it_from_comparing_is_told(landed, spark_server):
    assert "no Spark server" in landed.do("compare", status=2).stderr
    assert "sc://127.0.0.1:1" in landed.do("compare", "--remote", "sc://127.0.0.1:1", status=1).stderr
    one = [{"name": "own", "from": "items", "sql": {"duckdb": "SELECT id FROM items"}}]
    landed.write({**landed.conf, "transform": {"tables": one, "remote": spark_server.remote}})
    assert "Say both" in landed.do("compare", status=2).stderr
    assert "no table" in landed.do("compare", "--table", "owl", status=2).stderr
    assert not landed.left_over() and not (landed.output / "adjusted").exists()


def test_before_anything_has_landed_it_says_so(api, pipeline):
    p = pipeline(conf_of(api, resource_of("items", api.add("/items", style="json_link", pages=[[]]))))
    p.do("extract")
    assert "riacho extract" in riacho.riacho("compare", p.file, "--remote", "sc://127.0.0.1:1", status=None).stderr
