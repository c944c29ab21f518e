"""examples/streamlit/app.py, over the output of a pipeline that runs."""

import pathlib
import sys

import pytest

from riacho import conf_of, resource_of

pytestmark = pytest.mark.streamlit

APP = pathlib.Path(__file__).parents[2] / "examples/streamlit/app.py"


@pytest.fixture
def show(monkeypatch):
    """Runs the app in this process, as `streamlit run app.py -- FOLDER` would."""

    def run(folder):
        from streamlit.testing.v1 import AppTest

        monkeypatch.setattr(sys, "argv", [str(APP), str(folder)])
        page = AppTest.from_file(APP, default_timeout=30).run()
        assert not page.exception, page.exception
        return page

    return run


def test_before_the_first_run_it_says_what_to_do(show, tmp_path):
    assert "riacho run FILE" in show(tmp_path).info[0].value


def test_it_shows_files_and_rows_as_they_are(show, api, pipeline):
    items = api.add("/items", style="json_link", total=30, page_size=10)
    p = pipeline({**conf_of(api, resource_of("items", items)), "landing": {"roll": {"rows": 10}}})
    p.run()

    page = show(p.output)

    files = page.dataframe[0].value
    assert sorted(files["stage"].value_counts().items()) == [("adjusted", 3), ("csv", 3), ("landing", 3)]
    assert page.subheader[0].value == "9 files"
    assert sorted(page.dataframe[1].value["id"]) == list(range(30))
    assert page.selectbox(key="table").value == "items"
    page.selectbox(key="column").select("id").run()
    assert not page.exception


