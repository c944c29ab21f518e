"""Sources: every pagination style to its end, and every way an API may fail."""

import re

import api_server
import pytest
from api_server import plain_record, reset, retry_after, stall, status
from riacho import as_name, assert_same_rows, conf_of, resource_of

STYLES = ["json_link", "header_link", "cursor", "offset", "page_number"]


@pytest.fixture(scope="module")
def styled(many):
    """Every style, plain and packed, landed by one run."""
    p, _ = many(
        {
            f"{style}_{encoding}": (dict(style=style, total=230, page_size=50, encoding=encoding), {})
            for style in STYLES
            for encoding in ("plain", "gzip")
        }
    )
    summary = p.run("--json").json()
    p.check()
    return p, {extract["resource"]: extract for extract in summary["extract"]}


@pytest.mark.parametrize("encoding", ["plain", "gzip"])
@pytest.mark.parametrize("style", STYLES)
def test_every_style_lands_every_record_once(styled, style, encoding):
    p, told = styled
    name = f"{style}_{encoding}"

    assert_same_rows(p.landing(name), map(plain_record, range(230)))
    assert sorted(int(row["id"]) for row in p.csv(name)) == list(range(230))
    assert told[name]["records"] == 230 and told[name]["requests"] == 5
    assert told[name]["why"]


@pytest.mark.parametrize("style", ["offset", "page_number"])
def test_without_a_total_an_empty_page_is_the_end(api, pipeline, style):
    items = api.add("/items", style=style, total=100, page_size=50, with_total=False)
    p = pipeline(conf_of(api, resource_of("items", items)))

    done = p.run("--json").json()

    assert_same_rows(p.landing("items"), map(plain_record, range(100)))
    assert items.request_count == 3
    assert "empty" in done["extract"][0]["why"]


def test_where_a_run_found_a_list_later_runs_look_for_it(api, pipeline):
    listed = api.add("/listed", style="single", total=1).fail(1, api_server.raw_body('{"meta": {"n": 1}, "data": [{"id": 1}]}'))
    bare = api.add("/bare", style="single", total=1).fail(1, api_server.raw_body('[{"id": 1}]'))
    one = api.add("/one", style="single", total=1).fail_always(api_server.raw_body('{"id": 1}'))
    resources = [{"name": e.path[1:], "endpoint": {"path": e.path}} for e in (listed, bare, one)]
    p = pipeline(conf_of(api, *resources))
    p.run()
    listed.fail([2], api_server.raw_body('{"meta": {"n": 0}, "data": null}')).fail(3, status(204))
    bare.fail(range(2, 4), api_server.raw_body("[]"))
    p.run()
    p.run()
    listed.fail(4, api_server.raw_body('{"message": "maintenance"}'))
    bare.fail(4, api_server.raw_body('{"message": "maintenance"}'))

    failed = p.run(status=1)

    assert failed.stderr.count("The run before found the records there") == 2, failed
    assert [len(p.landing(name)) for name in ("listed", "bare", "one")] == [1, 1, 4]
    p.check()

    p.do("state reset", "listed")
    listed.fail(5, api_server.raw_body('{"items": [{"id": 2}]}'))
    bare.fail(5, api_server.raw_body('[{"id": 2}]'))
    p.run()
    assert [len(p.landing(name)) for name in ("listed", "bare")] == [2, 2]


@pytest.mark.parametrize("with_total", [True, False])
def test_an_api_that_caps_its_pages_loses_no_record_also_over_a_resume(api, pipeline, with_total):
    items = api.add("/items", style="offset", total=250, page_size=200, cap=100, with_total=with_total)
    items.fail_page(200, status(400))
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 100}}))

    p.run(status=1)
    assert_same_rows(p.landing("items"), map(plain_record, range(200)))
    items.page_faults.clear()
    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(250)))
    asked = [int(request["params"]["offset"]) for request in items.requests]
    assert asked == [0, 100, 200, 200] + ([] if with_total else [250])


def test_a_total_that_cannot_be_true_is_told_once_and_not_believed(api, pipeline):
    items = api.add("/items", style="offset", total=150, page_size=50, with_total=False)
    page = api_server.raw_body('{"data": [{"id": 900}, {"id": 901}], "total": 0}')
    items.fail([1, 2], page)
    resource = resource_of("items", items)
    resource["endpoint"]["paginator"]["total_path"] = "total"
    p = pipeline(conf_of(api, resource))

    done = p.run()

    assert done.stderr.count("beyond the total") == 1
    assert len(p.landing("items")) == 4 + 146


@pytest.mark.parametrize("style", ["json_link", "header_link", "single"])
def test_auto_finds_the_style_and_says_so(api, pipeline, style):
    items = api.add("/items", style=style, total=120, page_size=120 if style == "single" else 50)
    resource = resource_of("items", items)
    del resource["endpoint"]["paginator"]
    p = pipeline(conf_of(api, resource))

    done = p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(120)))
    assert {"single": "single_page"}.get(style, style) in done.stderr


def test_an_empty_page_in_the_middle_is_not_the_end(api, pipeline):
    pages = [[plain_record(1)], [], [plain_record(2)], []]
    for style in ("json_link", "header_link", "cursor"):
        items = api.add(f"/{style}", style=style, pages=pages)
        p = pipeline(conf_of(api, resource_of("items", items)), name=style)

        p.run()

        assert_same_rows(p.landing("items"), [plain_record(1), plain_record(2)])


def test_a_source_without_records_lands_nothing_and_ends_well(api, pipeline):
    items = api.add("/items", style="json_link", pages=[[]])
    p = pipeline(conf_of(api, resource_of("items", items)))

    p.run()

    assert p.files("landing", "items") == []
    p.check()


@pytest.mark.parametrize("paginator", [None, {"type": "single_page"}, {"type": "page_number"}])
def test_an_answer_without_content_is_an_empty_page(api, pipeline, paginator):
    served = {code: api.add(f"/{code}", style="single", total=1).fail_always(status(code, "")) for code in (204, 205)}
    resources = [{"name": f"r{code}", "endpoint": {"path": e.path}} for code, e in served.items()]
    for resource in resources:
        if paginator:
            resource["endpoint"]["paginator"] = paginator
    p = pipeline(conf_of(api, *resources))

    done = p.run("--json").json()

    assert [(extract["records"], extract["requests"]) for extract in done["extract"]] == [(0, 1), (0, 1)]
    p.check()


@pytest.mark.parametrize("code, says", [(200, "the body is empty"), (304, "the API answered 304")])
def test_an_answer_that_lacks_its_content_is_an_error(api, pipeline, code, says):
    api.add("/items", style="single", total=1).fail_always(status(code, ""))
    p = pipeline(conf_of(api, {"name": "items", "endpoint": {"path": "/items"}}))

    assert says in p.run(status=1).stderr


def test_several_resources_land_each_for_itself(api, pipeline):
    endpoints = {f"r{n}": api.add(f"/r{n}", style=STYLES[n], total=60 + n, page_size=20) for n in range(5)}
    p = pipeline(conf_of(api, *(resource_of(name, e) for name, e in endpoints.items())))

    p.run()

    for name, endpoint in endpoints.items():
        assert_same_rows(p.landing(name), map(plain_record, range(endpoint.total)))
    p.check()


def test_one_failing_resource_does_not_stop_the_others(api, pipeline):
    good = api.add("/good", style="json_link", total=60, page_size=20)
    bad = api.add("/bad", style="json_link", total=60, page_size=20).fail_always(status(404))
    p = pipeline(conf_of(api, resource_of("bad", bad), resource_of("good", good)))

    done = p.run(status=1)

    assert '"bad"' in done.stderr
    assert_same_rows(p.landing("good"), map(plain_record, range(60)))


# ---- what passes ----

PASSING = {
    "500": status(500),
    "502": status(502),
    "429": status(429),
    "503": status(503, headers={"Retry-After": "0"}),
    "reset": reset(),
    "cut": api_server.cut(),
    "cut-chunked": api_server.cut(chunked=True),
}


@pytest.fixture(scope="module")
def shaken(many):
    """Every passing fault twice in a row, at the first, a middle and the last page, in one run."""
    cases = {
        as_name(f"{fault} {number}"): (dict(style="json_link", total=230, page_size=50), {})
        for fault in PASSING
        for number in (1, 3, 5)
    }
    p, endpoints = many(cases)
    for fault in PASSING:
        for number in (1, 3, 5):
            endpoints[as_name(f"{fault} {number}")].fail([number, number + 1], PASSING[fault])
    summary = p.run("--json").json()
    p.check()
    return p, endpoints, {extract["resource"]: extract for extract in summary["extract"]}


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize("number", [1, 3, 5])
def test_a_fault_that_passes_is_retried(shaken, fault, number):
    p, endpoints, told = shaken
    name = as_name(f"{fault} {number}")

    assert_same_rows(p.landing(name), map(plain_record, range(230)))
    assert endpoints[name].request_count == 5 + 2
    # One that curl makes good by itself, where a connection in use turns out dead, is not counted.
    assert told[name]["retries"] in ((1, 2) if fault == "reset" else (2,))


@pytest.mark.parametrize("value", [1, "date"])
def test_retry_after_is_honoured(api, pipeline, value):
    items = api.add("/items", style="json_link", total=100, page_size=50).fail(2, retry_after(value))
    conf = conf_of(api, resource_of("items", items))
    conf["source"]["client"]["retry"]["max_delay"] = "5s"
    p = pipeline(conf)

    p.run()

    times = [request["time"] for request in items.requests]
    # A date has whole seconds, so it may be almost a second less.
    assert times[2] - times[1] >= (0.95 if value == 1 else 0.01)
    assert_same_rows(p.landing("items"), map(plain_record, range(100)))


def test_a_silent_connection_is_given_up_and_tried_again(api, pipeline):
    items = api.add("/items", style="json_link", total=100, page_size=50).fail(2, stall(30, share=0.5))
    conf = conf_of(api, resource_of("items", items))
    conf["source"]["client"]["retry"]["timeout"] = "1s"
    p = pipeline(conf)

    done = p.run()

    assert done.seconds < 20
    assert_same_rows(p.landing("items"), map(plain_record, range(100)))


# ---- what does not pass ----


def test_an_exhausted_retry_fails_the_run_and_keeps_what_came_before(many):
    p, endpoints = many({style: (dict(style=style, total=500, page_size=50), {}) for style in STYLES})
    for style, endpoint in endpoints.items():
        endpoint.fail_page(250 if style == "offset" else 5, status(503))

    failed = p.run(status=1)

    for style in STYLES:
        assert re.search(f'"{style}".*503', failed.stderr)
        assert_same_rows(p.landing(style), map(plain_record, range(250)))
        assert len(p.csv(style)) == 250
    p.check()

    before = {style: endpoint.request_count for style, endpoint in endpoints.items()}
    for endpoint in endpoints.values():
        endpoint.page_faults.clear()
    p.run()

    for style in STYLES:
        assert_same_rows(p.landing(style), map(plain_record, range(500)))
        assert endpoints[style].request_count - before[style] == 5
    p.check()


def test_a_refusal_is_not_retried(many):
    codes = [400, 401, 403, 404]
    p, endpoints = many({f"r{code}": (dict(style="json_link", total=100), {}) for code in codes})
    for code in codes:
        endpoints[f"r{code}"].fail_always(status(code, "no such thing, sorry"))

    failed = p.run(status=1)

    for code in codes:
        assert endpoints[f"r{code}"].request_count == 1
        assert re.search(f'"r{code}".*/r{code}.*{code}', failed.stderr)


BAD_PAGES = {
    "html": api_server.html(),
    "truncated": api_server.truncated(),
    "invalid": api_server.raw_body('{"data": [{"id": 1}, {"id": }], "next": null}'),
    "nan": api_server.raw_body('{"data": [{"id": 1, "x": NaN}], "next": null}'),
    "trailing-comma": api_server.raw_body('{"data": [{"id": 1},], "next": null}'),
    "leading-zero": api_server.raw_body('{"data": [{"id": 01}], "next": null}'),
    "single-quotes": api_server.raw_body("{'data': [], 'next': null}"),
    "control": api_server.raw_body('{"data": [{"id": 1, "t": "a\nb"}], "next": null}'),
    "bad-utf8": api_server.raw_body(b'{"data": [{"id": 1, "t": "\xff\xfe"}], "next": null}'),
    "more-behind": api_server.raw_body('{"data": [{"id": 1}], "next": null} {"data": []}'),
    "empty": api_server.raw_body(""),
    "no-data": api_server.raw_body('{"results": [{"id": 1}], "next": null}'),
}


@pytest.fixture(scope="module")
def spoilt(many):
    """Every bad page as the third of five, in one run. What landed then, and the pipeline after another run."""
    names = {as_name(bad): bad for bad in BAD_PAGES}
    p, endpoints = many({name: (dict(style="json_link", total=250, page_size=50), {}) for name in names})
    for name, bad in names.items():
        endpoints[name].fail_page(2, BAD_PAGES[bad])
    failed = p.run(status=1)
    landed = {name: p.landing(name) for name in names}
    p.check()
    for endpoint in endpoints.values():
        endpoint.page_faults.clear()
    p.run()
    p.check()
    return failed, landed, p


@pytest.mark.parametrize("bad", BAD_PAGES)
def test_a_page_that_is_no_json_fails_clearly_and_is_not_the_end(spoilt, bad):
    failed, landed, p = spoilt
    name = as_name(bad)

    assert re.search(f'"{name}".*page 3.*/{name}', failed.stderr), failed
    assert_same_rows(landed[name], map(plain_record, range(100)))
    assert_same_rows(p.landing(name), map(plain_record, range(250)))


def test_an_error_page_tells_resource_url_page_and_offset(api, pipeline):
    body = '{"data": [{"id": 1}, {"id": oops}], "next": null}'
    items = api.add("/items", style="json_link", total=50, page_size=50)
    items.fail_always(api_server.raw_body(body))
    p = pipeline(conf_of(api, resource_of("items", items)))

    failed = p.run(status=1)

    for word in ('"items"', f"{api.url}/items", "page 1", str(body.index("oops"))):
        assert word in failed.stderr, failed


def test_nobody_there(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    api.close()

    failed = p.run(status=1)

    assert api.url.split("//")[1] in failed.stderr


# ---- who may ----

AUTHS = {
    "bearer": ({"type": "bearer", "token": "${KEY}"}, ("bearer", "open sesame")),
    "header": ({"type": "api_key", "name": "X-Key", "api_key": "${KEY}"}, ("header", "X-Key", "open sesame")),
    "query": (
        {"type": "api_key", "name": "key", "api_key": "${KEY}", "location": "query"},
        ("query", "key", "open sesame"),
    ),
    "basic": (
        {"type": "http_basic", "username": "ali", "password": "${KEY}"},
        ("basic", "ali", "open sesame"),
    ),
}


@pytest.mark.parametrize("kind", AUTHS)
def test_every_kind_of_auth_opens_every_page(api, pipeline, kind):
    auth, expected = AUTHS[kind]
    items = api.add("/items", style="json_link", total=150, page_size=50, auth=expected)
    conf = conf_of(api, resource_of("items", items), client={"auth": auth})
    p = pipeline(conf, env={"KEY": "open sesame"})

    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(150)))


def test_a_next_link_to_another_origin_gets_no_credentials_and_is_refused(api, pipeline):
    with api_server.Api() as other:
        elsewhere = other.add("/items", style="json_link", total=50)
        items = api.add("/items", style="json_link", total=50, auth=("bearer", "open sesame"))
        items.fail(1, api_server.raw_body('{"data": [{"id": 1}], "next": "%s/items"}' % other.url))
        conf = conf_of(api, resource_of("items", items), client={"auth": {"type": "bearer", "token": "${KEY}"}})
        p = pipeline(conf, env={"KEY": "open sesame"})

        failed = p.run(status=1)

        assert other.url in failed.stderr
        assert elsewhere.request_count == 0


def test_the_rate_limit_holds_over_two_runs(api, pipeline):
    items = api.add("/items", style="json_link", total=60, page_size=10)
    conf = conf_of(api, resource_of("items", items))
    conf["source"]["client"]["rate_limit"] = "5/s"
    p = pipeline(conf)

    p.run()
    p.run()

    # A burst of five, and five more every second: so many requests from any one to any later one.
    times = [request["time"] for request in items.requests]
    assert len(times) == 12
    for first in range(12):
        for last in range(first + 5, 12):
            assert times[last] - times[first] >= (last - first - 4) * 0.2 - 0.05, times
