"""Spark as teams run it: a standalone master with two workers, and the examples on either broker."""

import datetime

import kafka_cluster
import pytest
import riacho
import yaml

pytestmark = pytest.mark.spark

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
EXAMPLE = riacho.ROOT / "examples" / "earthquakes.yaml"


@pytest.fixture(scope="module")
def kafka(tmp_path_factory):
    if not kafka_cluster.is_installed():
        pytest.skip("the jars of Apache Kafka are not there: deps/kafka")
    with kafka_cluster.Cluster("kraft", tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def usgs(tmp_path_factory):
    with riacho.Process(["sample-api", "--listen", "127.0.0.1:0"], tmp_path_factory.mktemp("usgs")) as process:
        riacho.wait_until(lambda: "http://" in process.stderr or not process.is_running())
        yield "http://" + process.stderr.split("http://", 1)[1].split("/", 1)[0]


def run_example(folder, usgs, name, **parts):
    """The example as it stands, but for what `parts` say, and in files of a page each."""
    conf = yaml.safe_load(EXAMPLE.read_text())
    conf["landing"]["roll"]["rows"] = 100
    for part, settings in parts.items():
        conf[part] = {**conf.get(part, {}), **settings}
    p = riacho.Pipeline(folder / name, {**conf, "name": name}, env={"USGS_URL": usgs})
    p.run(timeout=250)
    return p


def test_the_earthquakes_are_the_same_on_every_engine_and_broker(
    tmp_path, usgs, kafka, spark_server, spark_cluster, spark
):
    brokers = {"local": {"type": "local"}, "kafka": {"type": "kafka", "brokers": kafka.brokers}}
    servers = {"alone": spark_server, "workers": spark_cluster}
    expected = run_example(tmp_path, usgs, "duckdb")
    rows, cells = expected.adjusted("quakes"), expected.csv("quakes")
    assert len(rows) > 1000
    for broker, to in brokers.items():
        for server, at in servers.items():
            engine = {"engine": "spark", "remote": at.remote}
            p = run_example(tmp_path, usgs, f"{broker}-{server}", broker=to, transform=engine)
            assert len(p.files("adjusted", "quakes")) > 1
            assert all(path.is_dir() for path in p.files("adjusted", "quakes")), p.dir
            riacho.assert_same_rows(p.adjusted("quakes"), rows)
            riacho.assert_same_rows(p.csv("quakes"), cells)
    frame = spark.read.option("recursiveFileLookup", "true").parquet(str(p.output / "adjusted" / "quakes"))
    frame = frame.selectExpr("id", "magnitude", "place", "unix_micros(time) AS time", "depth_km")
    microseconds = datetime.timedelta(microseconds=1)
    told = [{**{name: row[name] for name in frame.columns}, "time": (row["time"] - EPOCH) // microseconds} for row in rows]
    riacho.assert_same_rows([row.asDict() for row in frame.collect()], told)
