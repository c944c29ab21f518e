"""What all tests share: the helpers of tests/support, the test API, pipelines in the test's own folder."""

import importlib.util
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "support"))

import riacho  # noqa: E402
from api_server import Api  # noqa: E402


# Mark of a test -> the module that it needs.
NEEDS = {"spark": "pyspark", "streamlit": "streamlit"}


def pytest_collection_modifyitems(items):
    """What needs the program is refused where it was not built; what needs more is skipped, visibly."""
    if not os.access(riacho.PROGRAM, os.X_OK):
        raise pytest.UsageError(f"{riacho.PROGRAM} is not there: build it with make, or name it by RIACHO")
    for mark, module in NEEDS.items():
        if importlib.util.find_spec(module):
            continue
        for item in items:
            if mark in item.keywords:
                item.add_marker(pytest.mark.skip(reason=f"{module} is not installed: deps/venv tests {mark}"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows what the programs that it started said, and what its servers were doing."""
    outcome = yield
    report = outcome.get_result()
    if call.when != "call" or not report.failed:
        return
    if "tmp_path" in item.funcargs:
        for path in sorted(item.funcargs["tmp_path"].rglob(".process-*.err"))[-3:]:
            report.sections.append((path.name, path.read_text(errors="replace")[-3000:]))
    for name, value in item.funcargs.items():
        for title, text in value.tell() if hasattr(value, "tell") else ():
            report.sections.append((f"{name}: {title}", text))


@pytest.fixture
def api():
    with Api() as api:
        yield api


@pytest.fixture
def pipeline(tmp_path):
    """Makes a pipeline of a dict in the test's folder; the name tells several apart."""

    def make(conf, name="p", env=None):
        return riacho.Pipeline(tmp_path / name, conf, env)

    return make


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Makes one pipeline of many resources, each with an endpoint of its own: one run for many cases."""
    apis = []

    def make(cases, conf=None):
        """`cases`: name -> (what Api.add() takes, settings of the endpoint). Gives (pipeline, endpoints)."""
        api = Api()
        apis.append(api)
        endpoints = {name: api.add(f"/{name}", **what) for name, (what, _) in cases.items()}
        resources = [riacho.resource_of(name, endpoints[name], more) for name, (_, more) in cases.items()]
        folder = tmp_path_factory.mktemp("many")
        return riacho.Pipeline(folder, riacho.conf_of(api, *resources, **(conf or {}))), endpoints

    yield make
    for api in apis:
        api.close()


@pytest.fixture(scope="session")
def spark():
    """One Spark for all tests: it takes seconds to start."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .appName("riacho-tests")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "1g")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
