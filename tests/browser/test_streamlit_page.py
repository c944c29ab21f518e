"""examples/streamlit/app.py as its readers see it: in a browser, while the pipeline works."""

import pathlib
import re
import subprocess
import sys

import pytest
import riacho
from ports import free_port
from riacho import conf_of, resource_of

pytestmark = [pytest.mark.browser, pytest.mark.streamlit]

APP = pathlib.Path(__file__).parents[2] / "examples/streamlit/app.py"


@pytest.fixture
def streamlit(tmp_path):
    """Starts the app over a folder; gives its address."""
    pytest.importorskip("streamlit")
    port = free_port()
    started = []

    def start(*args):
        flags = ["--server.port", str(port), "--server.address", "127.0.0.1", "--server.headless", "true",
                 "--browser.gatherUsageStats", "false"]
        log = open(tmp_path / "streamlit.log", "w")
        started.append(subprocess.Popen([sys.executable, "-m", "streamlit", "run", *flags, str(APP), "--", *map(str, args)],
                                        stdout=log, stderr=subprocess.STDOUT, cwd=tmp_path))
        riacho.wait_until(lambda: "http://" in (tmp_path / "streamlit.log").read_text(), timeout=60)
        return f"http://127.0.0.1:{port}"

    yield start
    for one in started:
        one.terminate()
        one.wait(timeout=30)


def files_told(page):
    """How many files the page says there are; no subheader yet: none."""
    found = re.search(r"(\d+) files", " ".join(page.locator("h3").all_inner_texts()))
    return int(found[1]) if found else 0


def test_a_new_file_is_shown_without_a_reload(api, pipeline, streamlit, chromium):
    items = api.add("/items", style="json_link", total=60, page_size=10, delay=0.5)
    p = pipeline({**conf_of(api, resource_of("items", items)), "landing": {"roll": {"rows": 10}}})
    page = chromium.new_page()
    page.goto(streamlit(p.output))
    page.get_by_text("No table yet").wait_for(timeout=30000)
    shown = []

    with p.start("run") as process:
        while process.is_running():
            if (now := files_told(page)) not in shown:
                shown.append(now)
        process.wait()

    riacho.wait_until(lambda: files_told(page) == 18, timeout=10)
    assert len(shown) > 2, f"it grew in steps: {shown}"
    page.close()
