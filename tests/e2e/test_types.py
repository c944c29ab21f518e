"""Types at the landing: what the API sent is what landed, whatever it sent; and tables that read with one glob."""

import decimal
import json

import duckdb
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
import riacho
from api_server import Raw
from riacho import as_name, conf_of, resource_of


def sent_value(record):
    """What the text of a record says, read by another reader; of a key given twice the last counts."""
    return json.loads(api_text(record), parse_float=decimal.Decimal)


def api_text(record):
    return str(record) if isinstance(record, Raw) else json.dumps(record)


def is_faithful(landed, sent):
    """Whether the landed value tells all of the sent one: as itself, or as JSON text, or as its digits."""
    if sent is None:
        return landed is None
    if isinstance(landed, str):
        if landed == sent:
            return True
        try:
            return json.loads(landed, parse_float=decimal.Decimal) == sent
        except ValueError:
            return False
    if isinstance(sent, dict):
        if not isinstance(landed, dict):
            return False
        return all(is_faithful(landed.get(key), value) for key, value in sent.items()) and all(
            value is None for key, value in landed.items() if key not in sent
        )
    if isinstance(sent, list):
        return isinstance(landed, list) and len(landed) == len(sent) and all(map(is_faithful, landed, sent))
    if isinstance(sent, bool) or isinstance(landed, bool):
        return landed is sent
    if isinstance(sent, str):
        return False
    # A double stands for the number if its shortest text is that number.
    return landed == sent or (isinstance(landed, float) and decimal.Decimal(repr(landed)) == sent)


def in_order(p, resource="items"):
    rows = p.landing(resource, lineage=True)
    return sorted(rows, key=lambda row: (row["_riacho_page"], row["_riacho_index"]))


def land(api, pipeline, pages, status=0, name="p", resource=None, **conf):
    items = api.add(f"/{name}", style="json_link", pages=pages)
    p = pipeline(conf_of(api, {**resource_of("items", items), **(resource or {})}, **conf), name=name)
    return p, p.run(status=status)


def assert_faithful(p, pages, resource="items"):
    sent = [record for page in pages for record in page]
    rows = in_order(p, resource)
    assert len(rows) == len(sent)
    for row, record in zip(rows, sent):
        expected = sent_value(record)
        assert is_faithful(riacho.without_lineage(row), expected), (row, expected)


def types_of(p, column):
    return [str(pq.read_schema(path).field(column).type) for path in p.files("landing", "items")]


BIG = 2**53

DRIFTS = {
    "null, then a number": [[None], [3], [None]],
    "null, then a text": [[None], ["x"]],
    "null, then an object": [[None], [{"a": 1}], [None]],
    "null, then a list": [[None], [[1, 2]]],
    "int, then double": [[1], [2.5], [3]],
    "small int and double in one page": [[1, 2.5, -7]],
    "int beyond 2^53 and double": [[BIG + 1], [2.5]],
    "double, then int beyond 2^53": [[2.5], [BIG + 1], [-BIG - 1]],
    "the ends of int64": [[2**63 - 1, -(2**63)], [0]],
    "uint64": [[2**63, 2**64 - 1], [1]],
    "int64, then uint64": [[5], [2**64 - 1]],
    "negative and uint64": [[-1], [2**64 - 1]],
    "beyond uint64": [[2**64], [1]],
    "far beyond": [[10**40], [-(10**40)], [7]],
    "uint64 and double": [[2**64 - 1], [0.5]],
    "int, then text": [[1], ["one"], [2]],
    "text, then int": [["one"], [1]],
    "bool, then int": [[True], [1], [False]],
    "int, then object": [[1], [{"a": 1}]],
    "object, then list": [[{"a": 1}], [[1]], ["text"]],
    "list of ints, then of texts": [[[1, 2]], [["a"]], [[]]],
    "list of mixed things": [[[1, "a", None, {"x": 1}]]],
    "lists in lists": [[[[1], [2, 3]]], [[[None]]]],
    "an empty object": [[{}], [{"a": 1}], [{}]],
    "nothing but empty objects": [[{}], [{}]],
    "nothing but empty lists": [[[]], [[]]],
    "nothing but nulls": [[None], [None]],
    "new keys in an object": [[{"a": 1}], [{"b": 2}], [{"a": 3, "b": 4}]],
    "keys change type inside an object": [[{"a": 1}], [{"a": "x"}], [{"a": {"b": 1}}]],
    "keys change type inside a list's objects": [[[{"a": 1}]], [[{"a": 1.5}, {"b": "x"}]]],
    "emoji and escapes": [['😀 "quoted" \\ back / slash \n\t\r\b\f é \u2028'], ["\u0001\u001f"]],
    "a NUL in a text": [["a\u0000b"]],
    "an empty text": [[""], [" "], [None]],
    "a long text": [["x" * 3_000_000]],
    "numbers as texts": [["007"], ["1e5"]],
}


def drift_pages(what):
    return [[{"id": 10 * n + i, "v": v} for i, v in enumerate(page)] for n, page in enumerate(DRIFTS[what])]


@pytest.fixture(scope="module")
def drifts(many):
    """Each drift as a resource of its own, landed by one run."""
    p, _ = many({as_name(what): (dict(style="json_link", pages=drift_pages(what)), {}) for what in DRIFTS})
    p.run()
    p.check()
    return p


@pytest.mark.parametrize("what", DRIFTS)
def test_rows_equal_an_independent_reading(drifts, what):
    assert_faithful(drifts, drift_pages(what), as_name(what))


RAW = {
    "exponents": '{"id": 1, "v": 1e3, "w": 1E-7, "x": -0.0, "y": 1.7976931348623157e308}',
    "more digits than a double has": '{"id": 1, "v": 0.1234567890123456789012345}',
    "an exponent beyond a double": '{"id": 1, "v": 1e400}',
    "a number that a double rounds": '{"id": 1, "v": 9007199254740993.0}',
    "surrogate pairs": '{"id": 1, "v": "\\ud83d\\ude00 \\u00e9 \\/"}',
    "a key given twice": '{"id": 1, "v": 1, "v": 2}',
    "a key given twice, of two types": '{"id": 1, "v": {"a": 1}, "v": "x"}',
    "a key given twice deep inside": '{"id": 1, "o": [{"a": 1, "a": 2}]}',
    "odd keys": '{"id": 1, "": 1, " ": 2, "a.b": 3, "a\\"b": 4, "ção": 5, "😀": 6, "select": 7}',
    "odd keys inside": '{"id": 1, "o": {"": 1, "a.b": 3, "a\\"b": 4, "a\'b": 5}}',
    "blanks": ' {\n "id" : 1 ,\t"v" : [ 1 , 2 ] }\r\n',
}


@pytest.fixture(scope="module")
def odd(many):
    p, _ = many({as_name(what): (dict(style="json_link", pages=[[Raw(text)]]), {}) for what, text in RAW.items()})
    p.run()
    p.check()
    return p


@pytest.mark.parametrize("what", RAW)
def test_odd_texts_land_whole(odd, what):
    (row,) = odd.landing(as_name(what))
    sent = sent_value(Raw(RAW[what]))
    if "" in sent:  # a column needs a name, so this one was given another
        assert 1 in row.values()
        row = {key: row[key] for key in sent if key}
        del sent[""]
    if "inside" in what:  # the last of a key given twice counts there too; names may be other ones
        for value in [2] if "twice" in what else [1, 3, 4, 5]:
            assert json.dumps(value) in json.dumps(row)
    else:
        assert is_faithful(row, sent), (row, sent)


def test_no_digit_is_lost(api, pipeline):
    texts = ["0.1234567890123456789012345", "1e400", "123456789012345678901234567890", "-0.30000000000000000001"]
    p, _ = land(api, pipeline, [[Raw('{"id": %d, "v": %s}' % (n, text)) for n, text in enumerate(texts)]])

    assert [decimal.Decimal(row["v"]) for row in in_order(p)] == [decimal.Decimal(text) for text in texts]


def test_a_key_given_twice_is_said(api, pipeline):
    _, done = land(api, pipeline, [[Raw('{"id": 1, "v": 1, "v": 2}')]])

    assert "twice" in done.stdout + done.stderr


HALVES = {
    r"cut \ud83d": "cut \ufffd",
    r"\ude00 first": "\ufffd first",
    r"\ud83d\ud83d\ude00": "\ufffd\U0001f600",
    r"\ud83d\ude00\uDE00": "\U0001f600\ufffd",
    r"\ud83dx\ude00": "\ufffdx\ufffd",
    r"\\ud83d": "\\ud83d",
    r"\\\ud83d\"": "\\\ufffd\"",
    r"\ud7ff\ue000": "\ud7ff\ue000",
}


def test_half_a_character_is_replaced_and_said(api, pipeline):
    """JavaScript's cutting of texts leaves such escapes; they would keep a resource from landing for ever."""
    rows = ", ".join('{"id": %d, "v": "%s"}' % (n, text) for n, text in enumerate(HALVES))
    p, done = land(api, pipeline, [[Raw(rows + r', {"id": 99, "v": "", "k\ud83d": 1}')]])

    landed = in_order(p)
    assert [row["v"] for row in landed] == [*HALVES.values(), ""]
    assert landed[-1]["k\ufffd"] == 1
    assert "8 half characters" in done.stdout + done.stderr


def test_keys_that_differ_in_case_alone_get_a_number(api, pipeline):
    p, _ = land(api, pipeline, [[{"id": 1, "a": 1, "A": 2}], [{"id": 2, "A": 3}]])

    rows = in_order(p)
    assert [row["a"] for row in rows] == [1, None]
    assert [row["A_2"] for row in rows] == [2, 3]


def test_records_that_are_no_objects_land_as_value(api, pipeline):
    p, _ = land(api, pipeline, [["x", "y"], [3, None, [1]]], resource={"primary_key": []})

    values = [row["value"] for row in in_order(p)]
    assert len(values) == 5
    assert is_faithful(values[0], "x") and is_faithful(values[2], 3) and is_faithful(values[4], [1])


def test_deep_nesting_lands_and_deeper_is_json_text(api, pipeline):
    def nested(depth):
        value = 1
        for _ in range(depth):
            value = {"n": value}
        return value

    pages = [[{"id": 1, "v": nested(30)}], [{"id": 2, "v": nested(500)}]]
    p, _ = land(api, pipeline, pages, transform={"tables": [{"name": "t", "from": "items", "columns": {"id": "id"}}]})

    assert_faithful(p, pages)


def test_an_object_with_very_many_keys_is_json_text(api, pipeline):
    pages = [[{"id": 1, "v": {f"k{n}": n for n in range(1500)}}], [{"id": 2, "v": {"k0": 0}}]]

    p, _ = land(api, pipeline, pages)

    assert_faithful(p, pages)
    assert types_of(p, "v")[0] in ("string", "extension<arrow.json>")


def test_many_columns(api, pipeline):
    pages = [[{"id": n, **{f"column_{c}": c * n for c in range(300)}} for n in range(20)]]

    p, _ = land(api, pipeline, pages)

    assert_faithful(p, pages)


def test_one_file_has_one_schema_and_the_history_stands_beside(api, pipeline):
    pages = [[{"id": 1}], [{"id": 2, "v": 1}], [{"id": 3, "v": 2.5}], [{"id": 4, "v": 1, "w": "x"}]]
    items = api.add("/items", style="json_link", pages=[])
    p = pipeline(conf_of(api, resource_of("items", items)))

    for page in pages:
        items.pages = [page]
        p.run()

    assert len(p.files("landing", "items")) == 4
    schemas = list((p.output / "landing" / "items" / "_schemas").glob("*.json"))
    events = p.references("landed")
    assert {event["data"]["schema"] for event in events} == {path.stem for path in schemas}
    for path in schemas:
        json.loads(path.read_text())


def test_a_page_that_does_not_fit_closes_the_file_at_its_beginning(api, pipeline):
    """The pages come slowly, so that the first file is under way when the next type shows."""
    pages = [[{"id": 10 * n + i, "v": v} for i in range(10)] for n, v in enumerate([1, 2, 2.5, 3, "x"])]
    items = api.add("/items", style="json_link", pages=pages, delay=0.7)
    p = pipeline(conf_of(api, resource_of("items", items), landing={}))

    p.run()

    assert_faithful(p, pages)
    for path in p.files("landing", "items"):
        places = pq.read_table(path, columns=["_riacho_page", "_riacho_index"]).to_pylist()
        for page in {place["_riacho_page"] for place in places}:
            assert sum(place["_riacho_page"] == page for place in places) == 10  # none is torn
    assert len(p.files("landing", "items")) == 3
    p.check()


def test_the_files_metadata_tell_where_they_come_from(api, pipeline):
    p, _ = land(api, pipeline, [[{"id": 1}]])

    (path,) = p.files("landing", "items")
    metadata = pq.read_metadata(path).metadata
    assert metadata[b"pipeline"] == b"test" and metadata[b"resource"] == b"items"
    assert metadata[b"riacho"] and metadata[b"run"] and metadata[b"schema"]
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


# ---- tables made by default rules ----


def test_default_rules_flatten_trim_and_split(api, pipeline):
    record = {
        "id": 1,
        "fullName": "  Ana  ",
        "blank": "  ",
        "code": "007",
        "properties": {"mag": 1.5, "deep": {"x": None, "y": 2}},
        "tags": ["a", "b"],
        "parts": [{"n": 1}, {"n": 2, "m": "x"}],
    }
    p, _ = land(api, pipeline, [[record]])

    (row,) = p.adjusted("items")
    assert row["id"] == 1
    assert row["full_name"] == "Ana"
    assert row["blank"] is None
    assert row["code"] == "007"
    assert row["properties__mag"] == 1.5
    assert row["properties__deep__y"] == 2
    assert row["tags"] == ["a", "b"]
    parts = sorted(p.adjusted("items__parts"), key=lambda part: part["_index"])
    assert [(part["n"], part["m"]) for part in parts] == [(1, None), (2, "x")]
    assert len({part["_parent_id"] for part in parts}) == 1


def test_duplicates_by_primary_key_within_a_file_keep_the_last(api, pipeline):
    p, _ = land(api, pipeline, [[{"id": 1, "v": "old"}, {"id": 2, "v": "x"}, {"id": 1, "v": "new"}]])

    assert len(p.landing("items")) == 3
    assert {row["id"]: row["v"] for row in p.adjusted("items")} == {1: "new", 2: "x"}


DRIFTING = [
    [{"id": 1, "v": 1, "o": {"a": 1}, "l": [1], "t": "x"}],
    [{"id": 2, "v": 2.5, "o": {"a": "text"}, "l": ["a"], "t": 5}],
    [{"id": 3, "v": "three", "o": {"a": 1, "b": True}, "l": None, "t": {"z": 1}}],
    [{"id": 4, "v": None, "o": None, "l": [], "t": None, "new": 2**64}],
    [{"id": 5, "v": 2**60, "o": 5, "l": [{"x": 1}], "t": [1, 2]}],
    [{"id": 6, "v": True, "o": [], "l": 7, "t": "y", "new": "n"}],
]


@pytest.fixture
def drifted(api, pipeline):
    """A table whose types drift, within a run and from run to run."""
    items = api.add("/drift", style="json_link", pages=DRIFTING[:3])
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()
    for page in DRIFTING[3:]:
        items.pages = [page]
        p.run()
    p.check()
    return p


def test_adjusted_files_read_with_one_glob_by_duckdb(drifted):
    glob = str(drifted.output / "adjusted" / "items" / "**" / "*.parquet")
    rows = duckdb.sql(f"SELECT id FROM read_parquet('{glob}', union_by_name = true) ORDER BY id").fetchall()

    assert rows == [(n,) for n in range(1, 7)]


def test_adjusted_files_read_as_one_by_pyarrow(drifted):
    files = [str(path) for path in drifted.files("adjusted", "items")]
    schema = pa.unify_schemas([pq.read_schema(path) for path in files])
    table = pyarrow.dataset.dataset(files, schema=schema).to_table()

    assert sorted(table["id"].to_pylist()) == list(range(1, 7))
    assert table.num_columns == len(schema)


@pytest.mark.spark
def test_adjusted_files_read_with_one_glob_by_spark(drifted, spark):
    folder = drifted.output / "adjusted" / "items"
    rows = spark.read.option("mergeSchema", "true").option("recursiveFileLookup", "true").parquet(str(folder)).collect()

    assert sorted(row["id"] for row in rows) == list(range(1, 7))


def test_no_value_is_lost_when_types_drift(drifted):
    """Whatever v was, some column of v's family holds it."""
    rows = {row["id"]: row for row in drifted.adjusted("items")}
    for page in DRIFTING:
        (sent,) = page
        row = rows[sent["id"]].items()
        family = [value for name, value in row if value is not None and (name == "v" or name.startswith("v__v_"))]
        if sent["v"] is None:
            assert family == []
        else:
            texts = [str(value) for value in family]
            assert any(is_faithful(value, sent["v"]) for value in family) or str(sent["v"]).lower() in texts


@pytest.mark.spark
def test_landing_files_read_by_spark(api, pipeline, spark):
    pages = [[{"id": n, "name": f"n{n}", "o": {"a": n / 2}, "l": [n]} for n in range(100)]]
    p, _ = land(api, pipeline, pages)

    frame = spark.read.parquet(*map(str, p.files("landing", "items")))

    assert frame.count() == 100
    assert frame.selectExpr("sum(o.a)").collect()[0][0] == sum(n / 2 for n in range(100))
