"""The dashboard's API: what docs/openapi.yaml says is what it answers."""

import csv
import io
import re
import time

import jsonschema
import prometheus_client.parser
import pyarrow.parquet as pq
import pytest
from board import OPENAPI, Board
from many_files import multiply
from riacho import Pipeline, conf_of, resource_of

ROWS = 2500
ONE_A_FILE = {"landing": {"roll": {"rows": 1}}, "exports": []}


@pytest.fixture(scope="module")
def pipeline(many):
    pipeline, _ = many({"items": ({"total": ROWS, "page_size": 500, "style": "page_number"}, {})}, {"landing": {"roll": {"rows": 500}}})
    pipeline.run()
    return pipeline


@pytest.fixture(scope="module")
def board(pipeline):
    with Board(pipeline) as board:
        yield board


def validator(schema):
    return jsonschema.Draft202012Validator({**schema, "components": OPENAPI["components"]})


def check(method, path, answer):
    """The answer is one that the OpenAPI file knows."""
    row = OPENAPI["paths"][path][method]
    assert str(answer.status) in row["responses"], (path, answer)
    response = row["responses"][str(answer.status)]
    if "$ref" in response:
        response = OPENAPI["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    kinds = response.get("content", {})
    if not kinds:
        assert answer.body == b""
        return
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in kinds, (path, kind)
    if kind == "application/json":
        validator(kinds[kind]["schema"]).validate(answer.json())


READS = [
    ("/api/v1/session", ""),
    ("/api/v1/snapshot", ""),
    ("/api/v1/throughput", ""),
    ("/api/v1/throughput", "?minutes=1&buckets=7"),
    ("/api/v1/throughput", "?minutes=0"),
    ("/api/v1/files", ""),
    ("/api/v1/files", "?stage=transform&subject=items&limit=2"),
    ("/api/v1/files", "?stage=nothing"),
    ("/api/v1/files", "?limit=501"),
    ("/api/v1/files", "?search=parquet&removed=yes"),
    ("/api/v1/runs", ""),
    ("/api/v1/runs", "?resource=items&limit=1"),
    ("/api/v1/runs", "?before=x"),
    ("/api/v1/schemas", ""),
    ("/api/v1/tables", ""),
    ("/api/v1/dead", ""),
    ("/api/v1/dead", "?state=closed"),
    ("/api/v1/dead", "?state=other"),
    ("/metrics", ""),
    ("/livez", ""),
    ("/readyz", ""),
]


@pytest.mark.parametrize("path,query", READS)
def test_reading_is_as_the_openapi_file_says(board, path, query):
    check("get", path, board.ask("GET", path + query))


def test_every_path_of_the_openapi_file_is_known_to_the_server(board):
    for path, row in OPENAPI["paths"].items():
        for method in set(row) & {"get", "post", "delete"}:
            asked = "HEAD" if path == "/api/v1/events" else method.upper()
            answer = board.ask(asked, re.sub("[{}]", "", path), {} if method == "post" else None)
            assert answer.status != 405, (method, path)
            assert answer.status != 404 or "{" in path, (method, path)


@pytest.mark.parametrize("path,key", [("/api/v1/files/{seq}", "1"), ("/api/v1/files/{seq}", "99999"),
                                      ("/api/v1/runs/{number}", "1"), ("/api/v1/runs/{number}", "99999")])
def test_one_file_and_one_run(board, path, key):
    check("get", path, board.ask("GET", re.sub(r"\{.*\}", key, path)))


def test_what_is_not_there_is_said_in_json(board):
    answer = board.get("/api/v1/nothing", 404)
    validator(OPENAPI["components"]["schemas"]["Error"]).validate(answer.json())
    assert answer.json()["error"]["code"] == "unknown"


def test_files_come_in_pages_newest_first(board, pipeline):
    seqs, before = [], ""
    while True:
        page = board.get(f"/api/v1/files?limit=4{before}").json()
        seqs += [file["seq"] for file in page["files"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    total = pipeline.sql("SELECT count(*) FROM files")[0][0]
    assert seqs == sorted(seqs, reverse=True) and len(seqs) == total == page["total"]


def test_lineage_goes_both_ways(board):
    landed = board.get("/api/v1/files?stage=extract&limit=1").json()["files"][0]
    adjusted = board.get(f"/api/v1/files/{landed['seq']}").json()["made"]
    assert [file["stage"] for file in adjusted] == ["transform"]
    detail = board.get(f"/api/v1/files/{adjusted[0]['seq']}").json()
    assert [origin["seq"] for origin in detail["origins"]] == [landed["seq"]]
    assert [file["stage"] for file in detail["made"]] == ["export"]


def test_the_snapshot_agrees_with_the_files(board, pipeline):
    snapshot = board.get("/api/v1/snapshot").json()
    assert snapshot["totals"]["landed"]["rows"] == snapshot["totals"]["adjusted"]["rows"] == ROWS
    assert snapshot["totals"]["landed"]["files"] == len(pipeline.files("landing", "items"))
    assert not snapshot["live"] and snapshot["extract"][0]["state"] is None
    assert all(topic["lag"] == 0 for topic in snapshot["topics"])


def test_throughput_sums_up_to_what_was_made(board):
    series = board.get("/api/v1/throughput?minutes=60&buckets=60").json()
    assert sum(series["landed"]["rows"]) == sum(series["adjusted"]["rows"]) == sum(series["exported"]["rows"]) == ROWS


def test_metrics_can_be_read_by_prometheus(board):
    families = {family.name: family for family in
                prometheus_client.parser.text_string_to_metric_families(board.get("/metrics").text)}
    for family in families.values():
        assert family.name.startswith("riacho_") and family.documentation and family.type in ("gauge", "counter")
    rows = families["riacho_landed_rows"].samples
    assert [(sample.labels, sample.value) for sample in rows] == [({"resource": "items"}, ROWS)]
    assert families["riacho_build_info"].samples[0].value == 1
    assert families["riacho_last_success_timestamp_seconds"].samples[0].value > 1.7e9


def test_the_page_is_served_with_an_etag_and_both_ways(board):
    packed = board.get("/", headers={"Accept-Encoding": "gzip"})
    plain = board.get("/")
    assert packed.headers["Content-Encoding"] == "gzip" and plain.headers["Content-Encoding"] is None
    assert plain.body.startswith(b"<!doctype html>")
    again = board.get("/", 304, headers={"If-None-Match": packed.headers["ETag"]})
    assert again.body == b""


# ---- queries ----

ITEMS = {"of": {"table": "items"}}


@pytest.mark.parametrize("request_", [
    {"kind": "rows", **ITEMS},
    {"kind": "rows", "of": {"resource": "items"}, "search": "record 17", "limit": 5},
    {"kind": "rows", "of": {"file": 1}, "sort": [{"column": "id", "descending": True}]},
    {"kind": "sql", "sql": "SELECT id, amount FROM items ORDER BY id"},
    {"kind": "sql", "sql": "SELECT nothing FROM items"},
    {"kind": "summary", **ITEMS},
    {"kind": "profile", **ITEMS, "column": "amount"},
    {"kind": "chart", **ITEMS, "x": "id", "y": ["amount"], "bins": 10},
    {"kind": "map", **ITEMS, "longitude": "place__lon", "latitude": "place__lat"},
    {"kind": "download", **ITEMS, "format": "parquet"},
    {"kind": "nothing"},
    {"kind": "rows"},
])
def test_queries_are_as_the_openapi_file_says(board, request_):
    answer = board.ask("POST", "/api/v1/queries", request_)
    check("post", "/api/v1/queries", answer)
    if answer.status != 400:
        id = answer.json()["id"]
        check("get", "/api/v1/queries/{id}", board.ask("GET", f"/api/v1/queries/{id}?wait_ms=2000"))
        check("delete", "/api/v1/queries/{id}", board.ask("DELETE", f"/api/v1/queries/{id}"))


def test_pages_without_an_order_are_in_the_order_of_landing(board):
    ids = []
    for offset in range(0, ROWS, 700):
        page = board.query(kind="rows", **ITEMS, columns=["id"], offset=offset, limit=700)
        assert page["total"] == ROWS
        ids += [int(id) for (id,) in page["rows"]]
    assert ids == list(range(ROWS))


def test_sorting_filtering_and_searching_see_all_rows(board):
    page = board.query(kind="rows", **ITEMS, columns=["id", "name"], limit=3,
                       sort=[{"column": "amount", "descending": True}],
                       filters=[{"column": "flag", "op": "=", "value": True}, {"column": "id", "op": "<", "value": 2000}])
    assert [row[0] for row in page["rows"]] == ["1998", "1996", "1994"] and page["total"] == 1000
    page = board.query(kind="rows", **ITEMS, search="RECORD 249", columns=["id"])
    assert sorted(int(row[0]) for row in page["rows"]) == [249, *range(2490, 2500)]


@pytest.mark.parametrize("op,value,count", [
    ("=", 7, 1), ("!=", "7", ROWS - 1), ("<", 10, 10), ("<=", 10, 11), (">", "2490", 9), (">=", 2490, 10),
    ("in", [1, 2, "3"], 3), ("between", [10, 19], 10), ("contains", "99", 44), ("starts", "249", 11),
    ("is_null", None, 0), ("not_null", None, ROWS), ("not_contains", "9", 1458),
])
def test_filters_of_every_kind(board, op, value, count):
    page = board.query(kind="rows", **ITEMS, limit=1, filters=[{"column": "id", "op": op, "value": value}])
    expected = {"contains": sum("99" in str(i) for i in range(ROWS)),
                "not_contains": sum("9" not in str(i) for i in range(ROWS)),
                "starts": sum(str(i).startswith("249") for i in range(ROWS))}
    assert page["total"] == expected.get(op, count), page


def test_hostile_names_and_values_are_only_texts(board):
    for text in ["' OR 1=1 --", '" OR ""="', "'; DROP TABLE items; --", "\\", "%", "\u2028<script>"]:
        page = board.query(kind="rows", **ITEMS, filters=[{"column": "name", "op": "=", "value": text}])
        assert page["state"] == "done" and page["total"] == 0
        assert board.query(kind="rows", **ITEMS, search=text)["state"] == "done"
        page = board.query(kind="rows", **ITEMS, filters=[{"column": text, "op": "=", "value": 1}])
        assert page["state"] == "failed" and "there is no column" in page["error"]["message"]
        page = board.query(kind="rows", of={"table": text})
        assert page["state"] == "failed" and "there are no files" in page["error"]["message"]


def test_a_profile_counts_what_is_there(board):
    result = board.query(kind="profile", **ITEMS, column="amount", bins=5)["result"]
    assert (result["rows"], result["nulls"], result["min"], result["max"]) == (ROWS, 0, 0, (ROWS - 1) / 4)
    assert [bin["count"] for bin in result["histogram"]] == [500] * 5
    note = board.query(kind="profile", **ITEMS, column="note")["result"]
    assert note["nulls"] == sum(i % 3 != 0 for i in range(ROWS)) and note["histogram"] is None


def test_charts_and_maps_count_every_row(board):
    chart = board.query(kind="chart", **ITEMS, x="id", y=["amount"], bins=10)
    assert sum(int(row[1]) for row in chart["rows"]) == ROWS and len(chart["rows"]) == 10
    assert [column["name"] for column in chart["columns"]][2:] == ["amount_min", "amount_avg", "amount_max"]
    by_text = board.query(kind="chart", **ITEMS, x="flag")
    assert sorted((x, int(n)) for x, n in by_text["rows"]) == [("false", ROWS // 2), ("true", ROWS // 2)]
    cells = board.query(kind="map", **ITEMS, longitude="place__lon", latitude="place__lat")
    assert sum(int(row[2]) for row in cells["rows"]) == ROWS and cells["result"]["cell"] > 0


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_what_is_filtered_can_be_downloaded(board, tmp_path, format):
    done = board.query(kind="download", **ITEMS, format=format, columns=["id", "note"],
                       filters=[{"column": "id", "op": "<", "value": 30}], sort=[{"column": "id", "descending": True}])
    answer = board.get(done["result"]["href"])
    assert answer.headers["Content-Disposition"] == f'attachment; filename="items.{format}"'
    assert len(answer.body) == done["result"]["bytes"] and done["result"]["rows"] == 30
    if format == "csv":
        rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    else:
        (tmp_path / "items.parquet").write_bytes(answer.body)
        rows = pq.read_table(tmp_path / "items.parquet").to_pylist()
    assert [int(row["id"]) for row in rows] == list(range(29, -1, -1))


def test_sql_gives_rows_up_to_its_limit(board):
    done = board.query(kind="sql", sql="SELECT id, id AS id, [1, 2] AS l FROM items -- a comment", limit=10)
    assert done["truncated"] and done["row_count"] == 10
    assert done["rows"][0][2] == "[1,2]"
    joined = board.query(kind="sql", sql='SELECT count(*) FROM items JOIN "landing.items" l USING (id); ')
    assert joined["rows"] == [[str(ROWS)]]
    own = board.query(kind="sql", sql="WITH a AS (SELECT 1 AS x) SELECT * FROM a")
    assert own["rows"] == [["1"]]


def test_a_fault_in_sql_is_told_with_its_place(board):
    done = board.query(kind="sql", sql="SELECT 1 +")
    assert done["state"] == "failed" and done["error"]["code"] == "sql"
    done = board.query(kind="sql", sql="SELECT FROM WHERE x")
    assert done["error"]["position"] is not None


@pytest.mark.parametrize("sql", ["SELECT id,\n  '✓é😀' AS x, †nothing FROM items", "SELECT * FROM items WHERE †nothing = 1",
                                 "SELECT †unknown(id) FROM items", "SELECT †sum(name) FROM items",
                                 "SELECT count(*) FROM items GROUP BY †nothing"])
def test_a_wrong_name_is_told_with_its_place(board, sql):
    place = sql.index("†")
    done = board.query(kind="sql", sql=sql.replace("†", ""))
    assert done["state"] == "failed" and done["error"]["position"] == place, done["error"]
    assert "LINE" not in done["error"]["message"] and "{" not in done["error"]["message"]


REFUSED = [
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/hostname')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM 'output/landing/items/*.parquet'",
    "SELECT * FROM glob('*')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_scan('x.parquet')",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('items')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM information_schema.tables",
    "SELECT (SELECT max(column0) FROM read_csv('/etc/passwd'))",
    "SELECT * FROM (WITH \"a.csv\" AS (SELECT 1) SELECT * FROM \"a.csv\"), \"a.csv\"",
    "COPY items TO 'x.csv'",
    "COPY (SELECT 1) TO '/tmp/x.csv'",
    "ATTACH '/tmp/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET memory_limit = '1TB'",
    "PRAGMA enable_external_access",
    "CREATE TABLE x AS SELECT 1",
    "DROP VIEW items",
    "EXPORT DATABASE 'x'",
    "SELECT 1; SELECT 2",
    "SELECT getvariable('files_0') FROM items",
    "SELECT id FROM items WHERE current_setting('temp_directory') = 'x'",
    "CALL pragma_version()",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_sql_reads_the_tables_and_nothing_else(board, sql):
    done = board.query(kind="sql", sql=sql)
    assert done["state"] == "failed" and not done["rows"], done


def test_a_long_query_is_cancelled(board):
    endless = "SELECT sum(a.range * b.range % 7) FROM range(10000000) a, range(10000000) b"
    begun = board.post("/api/v1/queries", {"kind": "sql", "sql": endless, "wait_ms": 0}, 202).json()
    assert board.ask("DELETE", f"/api/v1/queries/{begun['id']}").status == 204
    ended = board.ask("GET", f"/api/v1/queries/{begun['id']}?wait_ms=2000").json()
    assert ended["state"] == "cancelled"
    assert board.ask("DELETE", f"/api/v1/queries/{begun['id']}").status == 204
    assert board.ask("GET", f"/api/v1/queries/{begun['id']}").status == 404


def test_more_queries_than_may_wait_are_refused(board):
    endless = {"kind": "sql", "wait_ms": 0, "sql": "SELECT sum(a.range * b.range) FROM range(10000000) a, range(10000000) b"}
    answers = [board.ask("POST", "/api/v1/queries", endless) for _ in range(30)]
    refused = [answer for answer in answers if answer.status == 429]
    begun = [answer.json()["id"] for answer in answers if answer.status == 202]
    for id in begun:
        board.ask("DELETE", f"/api/v1/queries/{id}")
    assert refused and len(begun) >= 16
    for id in begun:
        assert board.ask("GET", f"/api/v1/queries/{id}?wait_ms=2000").json()["state"] == "cancelled"


# ---- files that differ ----


def states_of(board, ids):
    """How many run, each time that one looks, until none does or waits."""
    while True:
        states = [board.ask("GET", f"/api/v1/queries/{id}?wait_ms=0").json()["state"] for id in ids]
        if not {"queued", "running"} & set(states):
            assert set(states) == {"done"}
            return
        yield states.count("running")
        time.sleep(0.01)


def test_queries_of_very_many_files_run_one_at_a_time(many):
    """DuckDB keeps what it knows of each file until the query ends, beyond its memory limit."""
    pipeline, _ = many({"items": ({"total": 100, "page_size": 1, "style": "page_number"}, {})}, ONE_A_FILE)
    pipeline.run()
    multiply(pipeline.dir, 101)
    sql = "SELECT count(DISTINCT concat(id, name)) FROM items"
    with Board(pipeline) as board:
        asked = [board.post("/api/v1/queries", {"kind": "sql", "sql": sql, "wait_ms": 0}, 202).json()["id"] for _ in range(3)]
        small = board.query(kind="sql", sql='SELECT count(*) FROM "file.1"')
        seen = [running for running in states_of(board, asked) if running]
        wide = board.query(kind="sql", sql=sql)
    assert small["rows"] == [["1"]] and wide["rows"] == [["100"]]
    # For a moment the next one runs too, until it is found to be one of those.
    assert seen.count(1) > 0.7 * len(seen) > 7, seen


@pytest.fixture
def growing(api, tmp_path):
    """Each page has a column more than the one before, and one that changes its type; a file for each."""
    pages = [[{"id": n, "height": height, "label": "plain" if n < 2 else n, "place": {"x": n}, **{f"c{i}": i for i in range(n)}}]
             for n, height in enumerate([1, 2.5, "high", {"metres": 3}, None, "low"])]
    pages[5][0]["place"]["y"] = "north"
    served = api.add("/items", style="page_number", with_total=False, pages=pages)
    pipeline = Pipeline(tmp_path / "growing", conf_of(api, resource_of("items", served), landing={"roll": {"rows": 1}}))
    pipeline.run()
    assert len(pipeline.files("landing", "items")) == len(pipeline.files("adjusted", "items")) == 6
    return pipeline


@pytest.mark.parametrize("of", [{"table": "items"}, {"resource": "items"}])
def test_every_page_has_the_columns_of_all_files(growing, of):
    with Board(growing) as board:
        pages = [board.query(kind="rows", of=of, offset=offset, limit=1) for offset in range(6)]
        whole = board.query(kind="rows", of=of, sort=[{"column": "id", "descending": True}])
        name = "items" if "table" in of else '"landing.items"'
        by_sql = board.query(kind="sql", sql=f"SELECT * FROM {name} WHERE c4 IS NULL ORDER BY id")
        behind = board.query(kind="rows", of=of, offset=100, limit=1)
    names = [column["name"] for column in whole["columns"]]
    assert {"id", "height", "c0", "c1", "c2", "c3", "c4"} <= set(names) and len(set(names)) == len(names)
    assert all(page["columns"] == whole["columns"] and page["total"] == 6 for page in [*pages, behind, whole])
    assert [page["rows"][0] for page in pages] == whole["rows"][::-1] and behind["rows"] == []
    assert by_sql["rows"] == whole["rows"][:0:-1]
    ids = [names.index(f"c{i}") for i in range(5)]
    for n, page in enumerate(pages):
        assert [page["rows"][0][at] for at in ids] == [str(i) if i < n else None for i in range(5)]
    if "resource" in of:
        heights = [page["rows"][0][names.index("height")] for page in pages]
        assert [heights[0], heights[2], heights[4], heights[5]] == ["1", '"high"', None, '"low"'], heights
        labels = [page["rows"][0][names.index("label")] for page in pages]
        assert [label.strip("\"") for label in labels] == ["plain", "plain", "2", "3", "4", "5"]  # JSON, or text from before
        assert '"y":"north"' in pages[5]["rows"][0][names.index("place")]


def test_a_table_whose_files_are_gone_in_part_shows_the_others(growing):
    growing.files("adjusted", "items")[-1].unlink()
    with Board(growing) as board:
        whole = board.query(kind="rows", of={"table": "items"}, sort=[{"column": "id"}])
    assert len(whole["rows"]) == 5, whole["error"]


# ---- other states ----


def test_nothing_is_left_behind(pipeline, board):
    before = set((pipeline.state / "processes").iterdir())
    with Board(pipeline) as other:
        other.query(kind="download", of={"table": "items"}, format="csv")
        assert other.token and set((pipeline.state / "processes").iterdir()) > before
    assert other.process.wait().status == 0
    assert set((pipeline.state / "processes").iterdir()) == before
    assert not (pipeline.state / "dashboard.token").exists()


def test_a_state_is_needed(pipeline, tmp_path, api):
    served = api.add("/x", total=1)
    new = Pipeline(tmp_path / "new", conf_of(api, resource_of("x", served)))
    assert "has no state yet" in new.do("dashboard", status=2).stderr
