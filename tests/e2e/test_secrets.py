"""No secret reaches a log, a message, a file name, the state or any file."""

import base64
import json
import urllib.parse

import api_server
import pyarrow.parquet as pq
import pytest
from api_server import plain_record, status
from riacho import assert_same_rows, conf_of, resource_of

SECRET = "k4n4ry&/+Zwitschert=="  # with characters that a URL escapes
FORMS = {
    SECRET,
    urllib.parse.quote(SECRET, safe=""),
    urllib.parse.quote(SECRET),
    urllib.parse.quote_plus(SECRET),
    base64.b64encode(f"ali:{SECRET}".encode()).decode(),
    base64.b64encode(SECRET.encode()).decode(),
    "k4n4ry",
}

AUTHS = {
    "bearer": {"auth": {"type": "bearer", "token": "${TOKEN}"}},
    "api key in a header": {"auth": {"type": "api_key", "name": "X-Key", "api_key": "${TOKEN}"}},
    "api key in the query": {"auth": {"type": "api_key", "name": "key", "api_key": "${TOKEN}", "location": "query"}},
    "basic": {"auth": {"type": "http_basic", "username": "ali", "password": "${TOKEN}"}},
    "a header": {"headers": {"X-Whatever": "${TOKEN}"}},
}


def assert_hidden(p, *results):
    for result in results:
        for form in FORMS:
            assert form not in result.stdout, (form, result)
            assert form not in result.stderr, (form, result)
    for path, data in p.all_bytes():
        for form in FORMS:
            assert form not in str(path)
            assert form.encode() not in data, (form, path)
    for path in p.output.rglob("*.parquet"):
        metadata = pq.read_metadata(path).metadata or {}
        assert not any(b"k4n4ry" in value for value in metadata.values())


def everything(p):
    """Every command that talks, at its most talkative."""
    yield p.run("--verbose", status=None)
    yield p.run("--verbose", "--log-format", "json", status=None)
    yield p.do("status", "--json", status=None)
    yield p.do("files", "--json", status=None)
    yield p.do("state show", "--json", status=None)
    yield p.do("doctor", status=None)


FAULTS = {
    "all is well": None,
    "401": status(401, "who are you?"),
    "500": status(500),
    "html": api_server.html(),
    "truncated": api_server.truncated(),
    "reset": api_server.reset(),
    "echo": lambda exchange: exchange.send(
        403, f"bad request: {exchange.handler.path} {exchange.handler.headers}".encode(), {"Content-Type": "text/plain"}
    ),
}


# Every kind of secret where all is well and where its answer is echoed, one kind of them with every fault.
CASES = [(kind, fault) for kind in AUTHS for fault in ("all is well", "echo")]
CASES += [("api key in the query", fault) for fault in FAULTS if fault not in ("all is well", "echo")]


@pytest.mark.parametrize("kind, fault", CASES)
def test_a_secret_never_shows(api, pipeline, kind, fault):
    items = api.add("/items", style="json_link", total=100, page_size=50)
    if FAULTS[fault] is not None:
        items.fail(range(2, 50), FAULTS[fault])
    p = pipeline(conf_of(api, resource_of("items", items), client=AUTHS[kind]), env={"TOKEN": SECRET})

    results = list(everything(p))

    asked = str([request["headers"] for request in items.requests] + [request["params"] for request in items.requests])
    assert any(form in asked for form in FORMS)  # it was used
    assert_hidden(p, *results)


@pytest.mark.parametrize("fault", ["all is well", "401", "truncated"])
@pytest.mark.parametrize("place", ["path", "params"])
def test_a_secret_in_the_url_never_shows(api, pipeline, place, fault):
    secret = "k4n4ry-in-the-path"
    path = f"/{secret}/items" if place == "path" else "/items"
    items = api.add(path, style="offset", total=100, page_size=50)
    if FAULTS[fault] is not None:
        items.fail(range(2, 50), FAULTS[fault])
    resource = resource_of("items", items)
    if place == "path":
        resource["endpoint"]["path"] = "/${TOKEN}/items"
    else:
        resource["endpoint"]["params"] = {"sig": "${TOKEN}"}
    p = pipeline(conf_of(api, resource), env={"TOKEN": secret})

    results = list(everything(p))

    assert items.request_count >= 2
    assert_hidden(p, *results)


def test_braces_and_stars_in_a_next_link_are_no_secrets_when_a_run_is_resumed(api, pipeline):
    items = api.add("/items", style="json_link", total=100, page_size=50, auth=("bearer", SECRET))
    link = f"{api.url}/items?page={{auth.token}}&f={{a}}&g=***&{{b}}=}}{{"
    first = json.dumps({"data": [plain_record(number) for number in range(50)], "next": link})
    second = json.dumps({"data": [plain_record(number) for number in range(50, 100)]})
    items.fail(1, api_server.raw_body(first)).fail(2, status(401))
    items.fail(3, api_server.raw_body(second))
    client = {"auth": {"type": "bearer", "token": "${TOKEN}"}}
    p = pipeline(conf_of(api, resource_of("items", items), client=client), env={"TOKEN": SECRET})

    p.run(status=1)
    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(100)))
    asked = {"page": "{auth.token}", "f": "{a}", "g": "***", "{b}": "}{"}
    assert [request["params"] for request in items.requests] == [{}, asked, asked]


def test_a_literal_secret_is_warned_of(api, pipeline):
    items = api.add("/items", style="json_link", total=10)
    conf = conf_of(api, resource_of("items", items), client={"auth": {"type": "bearer", "token": "literal-k4n4ry"}})
    p = pipeline(conf)

    said = p.do("validate")

    assert "auth.token" in said.stdout + said.stderr
    assert "k4n4ry" not in said.stdout + said.stderr


def test_a_missing_variable_is_named_and_nothing_is_touched(api, pipeline):
    items = api.add("/items", style="json_link", total=10)
    conf = conf_of(api, resource_of("items", items), client={"auth": {"type": "bearer", "token": "${NO_SUCH_TOKEN}"}})
    p = pipeline(conf)

    failed = p.run(status=2)

    assert "NO_SUCH_TOKEN" in failed.stderr
    assert not p.output.exists()
    assert items.request_count == 0
