"""Every test here runs on both clusters, on each with a pipeline name, and so with topics, of its own."""

import pathlib
import shutil
import zlib

import kafka_cluster
import pytest
from kafka_eye import KafkaEye
from kafka_river import River, broker_of


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


@pytest.fixture
def own_name(request):
    return "t" + format(zlib.crc32(request.node.nodeid.encode()), "08x")


@pytest.fixture
def river(cluster, tmp_path, own_name):
    """Makes a pipeline over the cluster. Several of one test are one pipeline on several hosts, with the same
    output folders and each with a state of its own: `host` tells them apart. More goes into `broker:`."""
    rivers = []

    def make(conf, host="a", on=cluster, **broker):
        shared = tmp_path / "shared"
        conf = {**conf, "name": own_name, "broker": broker_of(on, **broker)}
        rivers.append(River(tmp_path / host, conf, shared, KafkaEye(on)))
        return rivers[-1]

    yield make
    for process in (process for river in rivers for process in river.processes):
        process.kill()
