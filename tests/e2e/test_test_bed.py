"""The test bed itself: the test API serves what it says and fails as it is told."""

import http.client
import json
import urllib.error
import urllib.request

import api_server
import pytest
from api_server import plain_record
from riacho import bag, canonical

opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url):
    with opener.open(url, timeout=5) as answer:
        return json.loads(answer.read()), answer.headers


def follow(api, items):
    """All records, by a client that knows the style."""
    url, records = f"{api.url}{items.path}", []
    for step in range(100):
        body, headers = get(url)
        rows = body if items.style == "header_link" else body["data"]
        records += rows
        if items.style == "json_link":
            url = body["next"]
        elif items.style == "header_link":
            link = headers.get("Link")
            url = link.split(">")[0][1:] if link else None
        elif items.style == "cursor":
            token = body["cursors"]["next"]
            url = token and f"{api.url}{items.path}?cursor={token}"
        elif items.style == "offset":
            url = len(records) < body["total"] and f"{api.url}{items.path}?offset={len(records)}&limit=50"
        elif items.style == "page_number":
            url = step + 1 < body["total"] and f"{api.url}{items.path}?page={step + 1}"
        else:
            url = None
        if not url:
            return records


@pytest.mark.parametrize("style", ["single", "json_link", "header_link", "cursor", "offset", "page_number"])
def test_every_style_serves_every_record_once(api, style):
    items = api.add("/items", style=style, total=130, page_size=130 if style == "single" else 50)

    assert bag(follow(api, items)) == bag(map(plain_record, range(130)))
    assert bag(items.served_records()) == bag(map(plain_record, range(130)))
    assert items.request_count == (1 if style == "single" else 3)


@pytest.mark.parametrize(
    "answer, error",
    [
        (api_server.reset(), (ConnectionError, urllib.error.URLError)),
        (api_server.cut(), http.client.IncompleteRead),
        (api_server.cut(chunked=True), (http.client.HTTPException, ConnectionError)),
        (api_server.status(503), urllib.error.HTTPError),
        (api_server.truncated(), ValueError),
        (api_server.html(), ValueError),
    ],
)
def test_faults_are_what_they_say_and_the_next_request_is_well(api, answer, error):
    items = api.add("/items", style="json_link", total=50).fail(1, answer)

    with pytest.raises(error):
        get(f"{api.url}/items")
    assert len(get(f"{api.url}/items")[0]["data"]) == 50
    assert len(items.served) == 1


def test_positions_expire(api):
    items = api.add("/items", style="cursor", total=100, page_size=50)
    token = get(f"{api.url}/items")[0]["cursors"]["next"]
    items.expire_positions()

    with pytest.raises(urllib.error.HTTPError) as refused:
        get(f"{api.url}/items?cursor={token}")
    assert refused.value.code == 410
    get(f"{api.url}/items")


def test_a_streamed_array_is_json_and_counts_its_records(api):
    big = api.add_stream("/big", size=1 << 20, record_text=lambda n: '{"id":%d}' % n)

    assert [row["id"] for row in get(f"{api.url}/big")[0]["data"]] == list(range(big.records_sent))


def test_null_and_missing_are_one_in_comparisons():
    assert canonical({"a": None, "b": [{"c": None}], "d": 2.0}) == {"b": [{}], "d": 2}
