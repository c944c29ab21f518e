"""Every test here runs on both clusters, on each with a pipeline name, and so with topics, of its own."""

import pathlib
import shutil
import zlib

import kafka_cluster
import pytest
import riacho
from kafka_eye import KafkaEye

# Quick to notice what the tests do to broker and consumers; people keep librdkafka's own values.
QUICK = {
    "session.timeout.ms": "6000",
    "heartbeat.interval.ms": "500",
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "500",
    "topic.metadata.refresh.interval.ms": "1000",
}


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("kafka")
            if not kafka_cluster.is_installed():
                item.add_marker(pytest.mark.skip(reason="the jars of Apache Kafka are not there: deps/kafka"))


@pytest.fixture(scope="session", params=kafka_cluster.FLAVOURS)
def running_cluster(request, tmp_path_factory):
    """One for all tests of a flavour; its log stays in pytest's folder."""
    folder = tmp_path_factory.mktemp(request.param)
    with kafka_cluster.Cluster(request.param, folder) as cluster:
        yield cluster
    shutil.rmtree(folder / "data")


@pytest.fixture
def cluster(running_cluster):
    """The running cluster; what a test left dead or frozen is up again for the next one."""
    running_cluster.thaw()
    yield running_cluster.start()


@pytest.fixture
def eye(cluster):
    return KafkaEye(cluster)


def broker_of(cluster, **more):
    """The pipeline file's `broker:`; `config` adds to librdkafka's settings."""
    config = {**QUICK, **more.pop("config", {})}
    return {"type": "kafka", "brokers": cluster.brokers, "config": config, **more}


@pytest.fixture
def river(cluster, tmp_path, request):
    """Makes a pipeline over the cluster. `name` is the folder; all folders of one test are the same pipeline."""
    own = format(zlib.crc32(request.node.nodeid.encode()), "08x")

    def make(conf, name="p", **broker):
        return riacho.Pipeline(tmp_path / name, {**conf, "name": own, "broker": broker_of(cluster, **broker)})

    return make
