"""The JSON Schema agrees with the program about what a pipeline file may hold."""

import json
import os
import re
import subprocess

import jsonschema
import pytest
import riacho
import yaml

EXAMPLES = sorted((riacho.ROOT / "examples").glob("*.yaml"))
FAULTS = riacho.ROOT / "tests" / "unit" / "pipeline_faults.txt"

# Faults of these kinds lie between settings, or in what a text says: a schema cannot tell them.
BEYOND_A_SCHEMA = re.compile(
    r"this folder and that|there is no (resource|table|column)|was given before|placeholder|brace stands|"
    r"needs a (parameter|\")|not both|never stop|is empty|not supported yet: resources|expected a path|"
    r"a query belongs|expected a URL such as https://api.example.com$|cannot hold|needs \"incremental\"|"
    r"either \"columns\"|has nothing for|goes with|only a (date|text)|has no meaning|nothing to convert|"
    r"the default is|do not tell upper|at least one|1 to 64|1 to 120|the engine \"spark\" needs|means many|"
    r"one \"incremental\"|not supported yet|and the variable's value is none|decimal\(|\"has_more_path\"|"
    r"is not set|expected an address|JSON can hold|warning|expected a (size|text, a list)|has streaming queries|"
    r"a streaming query|streaming tables"
)


@pytest.fixture(scope="module")
def schema():
    done = subprocess.run([riacho.PROGRAM, "schema"], capture_output=True, text=True, check=True)
    schema = json.loads(done.stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


def fault_cases():
    """(title, file, whether a schema could tell) of the cases that the unit tests share."""
    for case in FAULTS.read_text().split("\n=== ")[1:]:
        title, _, rest = case.partition("\n")
        text, _, told = rest.partition("---\n")
        lines = [line for line in told.splitlines() if line and ": " in line]
        yield title, text, any(not BEYOND_A_SCHEMA.search(line) for line in lines)


def load(text):
    """YAML 1.2 knows no yes and no, and the loader does."""
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(?:true|false)$"), list("tf"))
    return yaml.load(text, loader)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_valid_for_the_schema_and_for_the_program(path, schema):
    assert list(schema.iter_errors(load(path.read_text()))) == []

    done = subprocess.run([riacho.PROGRAM, "validate", path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_template_is_valid_for_the_schema(tmp_path, schema):
    subprocess.run([riacho.PROGRAM, "init", tmp_path], check=True, capture_output=True)

    text = (tmp_path / "pipeline.yaml").read_text()
    assert list(schema.iter_errors(load(text))) == []


@pytest.mark.parametrize("case", [c for c in fault_cases() if c[2]], ids=lambda case: case[0])
def test_the_schema_refuses_what_the_program_refuses(case, schema):
    assert list(schema.iter_errors(load(case[1]))) != []


def test_every_setting_is_described(schema):
    def check(node, path):
        for key, child in node.get("properties", {}).items():
            assert child.get("description") or key == "type", f"{path}.{key}"
            check(child, f"{path}.{key}")
        for branch in node.get("anyOf", []) + [node[k] for k in ("items", "additionalProperties") if
                                               isinstance(node.get(k), dict)]:
            check(branch, path)

    check(schema.schema, "")


def test_the_pages_in_docs_are_those_of_the_program():
    for args, page in (["schema"], "pipeline.schema.json"), (["schema", "--markdown"], "pipeline-file.md"):
        done = subprocess.run([riacho.PROGRAM, *args], capture_output=True, text=True, check=True)
        assert done.stdout == (riacho.ROOT / "docs" / page).read_text(), "run make docs"


def test_examples_name_the_schema_that_is_there():
    for path in EXAMPLES:
        first = path.read_text().splitlines()[0]
        named = re.fullmatch(r"# yaml-language-server: \$schema=(.+)", first)
        assert named and os.path.exists(path.parent / named.group(1))
