"""One real Spark Connect server for the tests of this folder, and the C programs that take its address."""

import os
import pathlib
import subprocess

import pytest
import riacho
from spark_server import SparkServer


@pytest.fixture(scope="session")
def spark_server(tmp_path_factory):
    with SparkServer(tmp_path_factory.mktemp("spark")) as server:
        yield server


@pytest.fixture(scope="session")
def spark_cluster(tmp_path_factory):
    """A driver over a standalone master with two workers."""
    with SparkServer(tmp_path_factory.mktemp("spark-cluster"), workers=2) as server:
        yield server


@pytest.fixture
def contract(spark_server):
    """Runs a contract program against the server."""

    def run(name, timeout=850, **env):
        program = pathlib.Path(riacho.PROGRAM).parent / "plain" / "bin" / name
        env = {**os.environ, "RIACHO_SPARK": spark_server.remote, **env}
        done = subprocess.run([program], env=env, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
