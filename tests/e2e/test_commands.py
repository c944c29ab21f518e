"""The commands as other programs see them: exit statuses, stdout and stderr, JSON that parses."""

import json
import re

import jsonschema
import pytest
import riacho
import yaml
from api_server import plain_record, status
from riacho import conf_of, resource_of


@pytest.fixture
def done(api, pipeline):
    """A pipeline that ran once."""
    items = api.add("/items", style="json_link", total=120, page_size=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()
    return p


LISTINGS = ["status", "files", "state show", "dead list", "doctor", "validate"]


@pytest.mark.parametrize("command", LISTINGS)
def test_json_parses_and_is_all_there_is_on_stdout(done, command):
    json.loads(done.do(command, "--json", status=None).stdout)


@pytest.mark.parametrize("command", ["run", "extract", "transform", "export"])
def test_the_stages_tell_their_summary_as_json(done, command):
    summary = done.do(command, "--json").json()

    assert summary["ok"] is True and summary["dead_letters"] == 0


@pytest.mark.parametrize("command", LISTINGS)
def test_listings_for_people_have_no_escapes_when_not_on_a_terminal(done, command):
    shown = done.do(command, status=None)

    assert "\x1b" not in shown.stdout + shown.stderr


def test_stdout_is_data_and_stderr_is_talk(done):
    ran = done.run("--quiet")
    assert ran.stdout == "" and ran.stderr == ""

    ran = done.run()
    assert "items" in ran.stdout and "\x1b" not in ran.stderr

    ran = done.run("--log-format", "json", "--json")
    json.loads(ran.stdout)
    for line in ran.stderr.splitlines():
        assert isinstance(json.loads(line), dict)


def test_the_summary_tells_requests_pages_records_files_and_why_it_ended(done):
    shown = done.run().stdout

    for figure in ("3 requests", "3 pages", "120 records", "120 rows"):
        assert figure in shown
    assert re.search(r"ended: \w", shown)


def test_a_failed_run_still_tells_what_was_done(api, pipeline):
    items = api.add("/items", style="json_link", total=250, page_size=50).fail(range(4, 10), status(500))
    p = pipeline(conf_of(api, resource_of("items", items)))

    failed = p.run(status=1)

    assert "150" in failed.stdout
    assert failed.stderr.count("riacho: ") >= 1 and "500" in failed.stderr


USAGE_ERRORS = [
    [],
    ["fly"],
    ["run"],
    ["run", "no-such-file.yaml"],
    ["run", "--no-such-option", "x.yaml"],
    ["dead", "burn", "x.yaml"],
    ["prune", "x.yaml", "--older-than"],
    ["init", "a", "b"],
]


@pytest.mark.parametrize("args", USAGE_ERRORS, ids=lambda args: " ".join(args) or "nothing")
def test_usage_errors_end_with_2_and_say_something(tmp_path, args):
    failed = riacho.riacho(*args, status=2, cwd=tmp_path)

    assert failed.stdout == "" and failed.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_word_gets_a_suggestion(tmp_path):
    assert "validate" in riacho.riacho("validat", "x", status=2, cwd=tmp_path).stderr


def test_every_fault_of_a_file_is_told_in_one_go_and_nothing_is_touched(api, pipeline):
    items = api.add("/items", style="json_link", total=10)
    conf = conf_of(api, resource_of("items", items))
    conf["source"]["client"]["base_ulr"] = conf["source"]["client"].pop("base_url")
    conf["landing"]["roll"]["rows"] = "many"
    conf["brokr"] = {"type": "local"}
    p = pipeline(conf)

    failed = p.run(status=2)

    for word in ("base_ulr", "base_url", "rows", "brokr", "broker"):
        assert word in failed.stderr
    for line in (line for line in failed.stderr.splitlines() if "base_ulr" in line):
        assert re.search(r"pipeline\.yaml:\d+:\d+", line)
    assert not p.output.exists() and items.request_count == 0

    faults = p.do("validate", "--json", status=2).json()["faults"]
    assert len(faults) >= 3
    assert all(fault["line"] > 0 and fault["column"] > 0 for fault in faults)


def test_faults_do_not_send_to_the_command_that_tells_them(tmp_path):
    (tmp_path / "x.yaml").write_text("name: x\n")

    told = riacho.riacho("validate", "x.yaml", status=2, cwd=tmp_path).stderr

    assert "source" in told and "Nothing was touched." in told and "riacho validate" not in told


def test_one_file_and_one_row_are_told_in_the_singular(api, pipeline):
    p = pipeline(conf_of(api, resource_of("items", api.add("/items", style="json_link", total=1))))
    p.run()

    assert "1 file made anew, 1 row\n" in p.do("transform", "--replay", "items").stdout


def test_validate_touches_neither_network_nor_disk(api, pipeline):
    items = api.add("/items", style="json_link", total=10)
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.do("validate")

    assert items.request_count == 0
    assert [path.name for path in p.dir.iterdir()] == ["pipeline.yaml"]


def test_commands_that_look_make_no_state(api, pipeline):
    items = api.add("/items", style="json_link", total=10)
    p = pipeline(conf_of(api, resource_of("items", items)))

    for command in ("status", "files", "state show", "dead list"):
        p.do(command, status=2)

    assert not p.output.exists()


def test_init_writes_a_file_that_is_valid(tmp_path):
    riacho.riacho("init", tmp_path / "new")

    (file,) = (tmp_path / "new").glob("*.yaml")
    riacho.riacho("validate", file)
    assert file.read_text().count("#") > 5


def test_init_overwrites_nothing(tmp_path):
    riacho.riacho("init", tmp_path)
    (file,) = tmp_path.glob("*.yaml")
    file.write_text("mine")

    riacho.riacho("init", tmp_path, status=None)

    assert file.read_text() == "mine"


def test_the_schema_is_a_json_schema_that_takes_the_examples(monkeypatch):
    schema = riacho.riacho("schema").json()
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)

    for example in (riacho.ROOT / "examples").glob("*.yaml"):
        validator.validate(yaml.safe_load(example.read_text()))
    wrong = {"name": "x", "source": {"client": {"base_ulr": "http://x"}, "resources": ["a"]}}
    assert list(validator.iter_errors(wrong))


def test_suggest_gives_a_block_that_works_as_it_stands(done):
    block = yaml.safe_load(done.do("suggest", "items").stdout)
    assert block["transform"]["tables"][0]["columns"].keys() >= {"id", "name", "amount"}
    block["transform"]["tables"][0]["name"] = "t"
    done.write({**done.conf, **block})

    done.do("validate")
    done.do("transform", "--replay", "t")

    assert sorted(row["id"] for row in done.adjusted("t")) == list(range(120))


def test_files_tells_which_came_from_which(done):
    listed = json.dumps(done.do("files", "--json").json())

    for kind in ("landing", "adjusted"):
        for path in done.files(kind, "items"):
            assert path.stem in listed


UNKNOWN_NAMES = {
    "files --of": "table",
    "files --stage export --of": "table",
    "files --stage extract --of": "resource",
    "state show": "resource",
    "state reset": "resource",
    "suggest": "resource",
    "transform --replay": "table",
}


@pytest.mark.parametrize("command", UNKNOWN_NAMES)
def test_a_name_that_is_none_is_refused_with_the_nearest(done, command):
    words = command.split()
    verbs = [word for word in words if word in ("state", "show", "reset")] or words[:1]

    failed = done.do(" ".join(verbs), *words[len(verbs):], "itens", status=2)

    assert f'no {UNKNOWN_NAMES[command]} "itens"' in failed.stderr
    assert 'Did you mean "items"?' in failed.stderr and failed.stdout == ""


def test_state_show_tells_only_of_the_resources_named(api, pipeline):
    both = [resource_of(name, api.add(f"/{name}", style="json_link", total=10)) for name in ("birds", "items")]
    p = pipeline(conf_of(api, *both))
    p.run()

    shown = p.do("state show", "items", "--json").json()

    assert [row["name"] for row in shown["resources"]] == ["items"]
    assert {row["resource"] for row in shown["schemas"]} == {"items"}
    assert {row["table"] for row in shown["columns"]} == {"items"}


def test_names_that_left_the_file_are_still_shown(api, pipeline):
    both = [resource_of(name, api.add(f"/{name}", style="json_link", total=10)) for name in ("birds", "items")]
    p = pipeline(conf_of(api, *both))
    p.run()
    p.write(conf_of(api, both[1]))

    assert len(p.do("files", "--of", "birds", "--json").json()["files"]) == 1
    assert "birds" in p.do("state show", "birds").stdout


def test_status_tells_runs_topics_tables(done):
    shown = done.do("status").stdout

    for word in ("items", "test.landed", "test.adjusted"):
        assert word in shown


def test_columns_where_distinct_and_sql(api, pipeline):
    records = [{**plain_record(n), "when": 1517443200000 + n, "name": f"  N{n % 10} "} for n in range(100)]
    items = api.add("/items", style="json_link", pages=[records])
    conf = conf_of(api, resource_of("items", items))
    columns = {
        "id": "id",
        "name": {"path": "name", "trim": True, "lower": True},
        "lat": {"path": "place.lat", "type": "double"},
        "tag": {"path": "tags[0]", "default": "none"},
        "when": {"path": "when", "type": "timestamp", "unit": "ms"},
        "missing": {"path": "no.such[3].thing", "type": "bigint"},
        "price": {"path": "amount", "type": "decimal(10,2)"},
        "all": {"path": "place", "type": "json"},
    }
    conf["transform"] = {
        "tables": [
            {"name": "c", "from": "items", "columns": columns, "where": "lat >= 10", "distinct": "name"},
            {"name": "s", "from": "items", "sql": "SELECT flag, count(*) AS n FROM items GROUP BY flag"},
        ]
    }
    p = pipeline(conf)

    p.run()

    rows = p.adjusted("c")
    wanted = [r for r in records if r["place"]["lat"] >= 10]
    last = {r["name"].strip().lower(): r for r in wanted}
    assert {row["name"]: row["id"] for row in rows} == {name: r["id"] for name, r in last.items()}
    for row in rows:
        sent = records[row["id"]]
        assert row["tag"] == (sent["tags"][0] if sent["tags"] else "none")
        assert row["missing"] is None
        assert float(row["price"]) == round(sent["amount"], 2)
        assert json.loads(row["all"]) == sent["place"]
        assert int(row["when"].timestamp() * 1000) == sent["when"]
    assert sum(row["n"] for row in p.adjusted("s")) == 100
    p.check()


def test_csv_tells_null_from_empty_text_and_quotes_what_must_be(api, pipeline):
    texts = ["plain", "", None, 'say "hi"', "a,b", "two\nlines", "ção 😀", " blanks "]
    items = api.add("/items", style="json_link", pages=[[{"id": n, "t": t} for n, t in enumerate(texts)]])
    conf = conf_of(api, resource_of("items", items))
    conf["transform"] = {"tables": [{"name": "t", "from": "items", "columns": {"id": "id", "t": "t"}}]}
    p = pipeline(conf)

    p.run()

    (path,) = p.files("csv", "t")
    text = path.read_bytes().decode("utf-8")
    assert [row["t"] for row in p.csv("t")] == [t or "" for t in texts]
    lines = text.replace("\r\n", "\n").split("\n")
    assert lines[0] == "id,t"
    assert '1,""' in lines and "2," in lines
    assert '3,"say ""hi"""' in lines


def test_formulas_are_disarmed_where_that_is_asked_for(api, pipeline):
    items = api.add("/items", style="json_link", pages=[[{"id": 1, "t": '=HYPERLINK("x")'}, {"id": -2, "t": "-1+2"}]])
    conf = conf_of(api, resource_of("items", items))
    conf["exports"][0]["formula_safe"] = True
    p = pipeline(conf)

    p.run()

    rows = p.csv("items")
    assert all(row["t"][0] not in "=+-@" for row in rows)
    assert sorted(row["id"] for row in rows) == ["-2", "1"]  # a number is no formula


def test_help_is_found_however_it_is_asked_for():
    overview = riacho.riacho("--help").stdout
    assert riacho.riacho("help").stdout == riacho.riacho("-h").stdout == overview
    assert riacho.riacho("help", "run").stdout == riacho.riacho("run", "--help").stdout
    assert "no command" in riacho.riacho("help", "walk", status=2).stderr
