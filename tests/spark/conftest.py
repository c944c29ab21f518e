"""One real Spark Connect server for the tests of this folder."""

import pytest
from spark_server import SparkServer


@pytest.fixture(scope="session")
def spark_server(tmp_path_factory):
    with SparkServer(tmp_path_factory.mktemp("spark")) as server:
        yield server
