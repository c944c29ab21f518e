"""riacho validate: every fault at once, with its place; nothing touched."""

import json
import os
import subprocess

import riacho

GOOD = """\
name: p
source:
  client: {base_url: http://127.0.0.1:9}
  resources: [a]
"""
BAD = """\
name: P
source:
  client:
    base_ulr: http://127.0.0.1:9
  resources:
    - {name: a, endpoint: {paginator: offset, params: {since: "{incremental.start_value}"}}}
"""


def validate(path, *args, **env):
    return subprocess.run(
        [riacho.PROGRAM, "validate", *args, path],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        cwd=path.parent,
    )


def write(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    return path


def test_a_valid_file_is_said_to_be_valid_and_nothing_is_touched(tmp_path):
    done = validate(write(tmp_path, GOOD))

    assert done.returncode == 0, done.stderr
    assert "valid" in done.stdout
    assert os.listdir(tmp_path) == ["p.yaml"]


def test_all_faults_are_told_at_once_with_file_line_and_column(tmp_path):
    path = write(tmp_path, BAD)
    done = validate(path)

    assert done.returncode == 2
    assert done.stdout == ""
    for line, expected in [
        ("1:7", 'key "name": expected a name'),
        ("4:5", 'key "source.client.base_ulr": there is no such key; did you mean "base_url"?'),
        ("4:5", 'key "source.client.base_url": is missing'),
        ("6:39", 'key "source.resources[0].endpoint.paginator.limit": is missing'),
        ("6:63", '"{incremental.start_value}" needs "incremental"'),
    ]:
        assert any(
            told.startswith(f"{path}:{line}: ") and expected in told for told in done.stderr.splitlines()
        ), (line, expected, done.stderr)
    assert os.listdir(tmp_path) == ["p.yaml"]


def test_faults_as_json(tmp_path):
    done = validate(write(tmp_path, BAD), "--json")

    told = json.loads(done.stdout)
    assert done.returncode == 2
    assert told["ok"] is False and told["errors"] == len(told["faults"]) == 5
    assert told["faults"][0]["line"] == 1 and told["faults"][0]["key"] == "name"


def test_a_missing_variable_is_named(tmp_path):
    done = validate(write(tmp_path, GOOD.replace("name: p", "name: ${NO_SUCH_VARIABLE}")))

    assert done.returncode == 2
    assert '1:7: key "name": the environment variable "NO_SUCH_VARIABLE" is not set' in done.stderr


def test_a_warning_does_not_make_a_file_invalid(tmp_path):
    done = validate(write(tmp_path, GOOD.replace("http://127.0.0.1:9", "http://x, auth: {token: abc}")))

    assert done.returncode == 0
    assert "3:46: warning:" in done.stderr


def test_no_value_of_a_variable_is_told(tmp_path):
    text = GOOD.replace("[a]", '[{name: a, endpoint: {method: "${CANARY}", paginator: "${CANARY}"}}]')
    done = validate(write(tmp_path, text), "--json", CANARY="c4nary-value")

    assert done.returncode == 2
    assert "c4nary" not in done.stdout + done.stderr


def test_a_file_that_is_not_there_is_wrong_usage(tmp_path):
    done = validate(tmp_path / "nowhere.yaml")

    assert done.returncode == 2
    assert "nowhere.yaml" in done.stderr
