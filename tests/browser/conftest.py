"""A real browser on the real page: Debian's Chromium, driven by playwright, on a board that serves a pipeline of the test's."""

import pathlib
import sys

import pytest
import riacho
from api_server import Api

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from page_world import CHROMIUM, FLAGS, Board, Visit, conf_of_places  # noqa: E402

try:
    from playwright.sync_api import sync_playwright
except ImportError:
    sync_playwright = None


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.keywords and not (sync_playwright and CHROMIUM):
            item.add_marker(pytest.mark.skip(reason="no browser: deps/install-system browser; deps/venv tests browser"))


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def board():
    """Starts boards that end with the test."""
    boards = []

    def start(*args, **more):
        boards.append(Board(*args, **more))
        return boards[-1]

    yield start
    for one in boards:
        one.close()


@pytest.fixture
def visit(chromium):
    """Opens visits; each is checked at its end."""
    visits = []

    def start(board, **more):
        visits.append(Visit(chromium, board, **more))
        return visits[-1]

    yield start
    for one in visits:
        try:
            one.check()
        finally:
            one.close()


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """One pipeline that ran, with a dead letter in it, and a board on it, for all tests that only look."""
    with Api() as api:
        pipeline = riacho.Pipeline(tmp_path_factory.mktemp("world"), conf_of_places(api))
        pipeline.do("extract")
        victim = pipeline.files("landing", "places")[-1]
        victim.write_bytes(b"<script>alert(1)</script>")
        pipeline.do("transform", status=3)
        pipeline.do("export", status=None)
        board = Board(pipeline)
        yield board
        board.close()
