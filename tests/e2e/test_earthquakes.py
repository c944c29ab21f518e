"""The main job on real data: the bundled earthquakes, from the sample API to landing, adjusted and CSV."""

import datetime
import json
import shutil
import urllib.request

import pytest
import riacho

EXAMPLE = riacho.ROOT / "examples" / "earthquakes.yaml"
SOURCE = riacho.ROOT / "build" / "deps" / "share" / "earthquakes.json"
FIRST_UPDATE_MS = 1514764800000  # the example's initial_value


@pytest.fixture(scope="module")
def usgs(tmp_path_factory):
    """`riacho sample-api` on a free port; gives its URL."""
    folder = tmp_path_factory.mktemp("sample-api")
    with riacho.Process(["sample-api", "--listen", "127.0.0.1:0"], folder) as process:
        riacho.wait_until(lambda: "http://" in process.stderr or not process.is_running())
        yield "http://" + process.stderr.split("http://", 1)[1].split("/", 1)[0]
        process.stop()


@pytest.fixture
def quakes(tmp_path, usgs):
    shutil.copy(EXAMPLE, tmp_path / "earthquakes.yaml")
    pipeline = riacho.Pipeline(tmp_path, EXAMPLE.read_text(), env={"USGS_URL": usgs})
    pipeline.conf = {"name": "earthquakes"}
    return pipeline


@pytest.fixture(scope="module")
def expected():
    features = json.loads(SOURCE.read_text())["features"]
    return [f for f in features if f["properties"]["updated"] >= FIRST_UPDATE_MS]


def as_time(milliseconds):
    return datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)


def test_landing_adjusted_and_csv_hold_what_the_source_holds(quakes, expected):
    quakes.run()

    riacho.assert_same_rows(quakes.landing("quakes"), expected)
    by_id = {f["id"]: f for f in expected}
    adjusted = {row["id"]: row for row in quakes.adjusted("quakes")}
    assert adjusted.keys() == by_id.keys()
    for id, row in adjusted.items():
        properties, point = by_id[id]["properties"], by_id[id]["geometry"]["coordinates"]
        assert row["magnitude"] == properties["mag"]
        assert row["place"] == properties["place"].strip()
        assert row["time"].replace(tzinfo=datetime.timezone.utc) == as_time(properties["time"])
        assert row["longitude"] == point[0]
    rows = quakes.csv("quakes")
    assert len(rows) == len(expected)
    for row in rows:
        assert float(row["magnitude"]) == by_id[row["id"]]["properties"]["mag"]
        assert row["place"] == by_id[row["id"]]["properties"]["place"].strip()
    quakes.check()


def test_a_second_run_adds_nothing(quakes, expected):
    quakes.run()
    files = quakes.files("landing", "quakes")
    again = quakes.run("--json").json()

    assert quakes.files("landing", "quakes") == files
    assert len(quakes.csv("quakes")) == len(expected)
    assert again["extract"][0]["rows"] == 0
    assert again["extract"][0]["requests"] <= 3
    quakes.check()


def test_what_changes_at_the_source_arrives_with_the_next_run(quakes, api, expected):
    """The same pipeline against an API whose newest records come later."""
    early, late = expected[700:], expected[:700]
    early_end = max(f["properties"]["updated"] for f in early)
    late = [f for f in late if f["properties"]["updated"] > early_end]
    served = {"now": early}
    quakes.env["USGS_URL"] = api.url
    endpoint = api.add("/fdsnws/event/1/query", style="offset", total=0, envelope="features")

    def answer(exchange):
        offset, limit = int(exchange.params["offset"]) - 1, int(exchange.params["limit"])
        after = exchange.params["updatedafter"]
        since = datetime.datetime.fromisoformat(after.replace("Z", "+00:00")).timestamp() * 1000
        found = [f for f in served["now"] if f["properties"]["updated"] >= int(since)]
        body = json.dumps({"type": "FeatureCollection", "features": found[offset : offset + limit]})
        exchange.send(200, body.encode(), {"Content-Type": "application/json"})

    endpoint.fail_always(answer)
    quakes.run()
    riacho.assert_same_rows(quakes.landing("quakes"), early)

    served["now"] = early + late
    quakes.run()

    riacho.assert_same_rows(quakes.landing("quakes"), early + late)
    quakes.check()


def test_the_demo_prints_adjusted_earthquakes(tmp_path):
    demo = riacho.riacho("demo", cwd=tmp_path)

    assert "6.4" in demo.stdout
    assert "magnitude" in demo.stdout
    assert list((tmp_path / "riacho-demo").rglob("adjusted/quakes/*.parquet"))


def test_the_demo_can_be_run_twice(tmp_path):
    riacho.riacho("demo", cwd=tmp_path)
    again = riacho.riacho("demo", cwd=tmp_path)

    assert "6.4" in again.stdout


@pytest.mark.parametrize("example", sorted((riacho.ROOT / "examples").glob("*.yaml")), ids=lambda p: p.name)
def test_every_example_is_valid(example):
    riacho.riacho("validate", example)


def test_the_sample_api_refuses_what_the_real_one_refuses(usgs):
    for bad in ("limit=0", "limit=20001", "offset=0", "starttime=1517443200000", "orderby=id", "color=red"):
        url = f"{usgs}/fdsnws/event/1/query?format=geojson&{bad}"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url)
        assert refused.value.code == 400
