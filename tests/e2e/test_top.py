"""riacho top, in a terminal of its own."""

import os
import re

import pytest
from riacho import Pipeline, conf_of, resource_of
from terminal import Terminal


@pytest.fixture
def pipeline(api, tmp_path):
    served = api.add("/items", total=100, page_size=20, style="page_number")
    pipeline = Pipeline(tmp_path / "p", conf_of(api, resource_of("items", served)))
    pipeline.run()
    return pipeline


@pytest.mark.parametrize("columns", [100, 40, 8])
def test_it_shows_the_state_in_any_width(pipeline, columns):
    terminal = Terminal(["top", pipeline.file], columns=columns)
    for word in ("EXTRACT", "items", "LANDED"):
        terminal.wait_for(word[:columns])
    assert terminal.end() == 0


def test_what_was_exported_is_told_by_table(pipeline):
    terminal = Terminal(["top", pipeline.file])
    terminal.wait_for("EXPORTED")
    assert re.search(r"export:csv\s+items\s", terminal.text)
    assert terminal.end() == 0


def test_keys_scroll(pipeline):
    terminal = Terminal(["top", pipeline.file], rows=8)
    terminal.wait_for("EXTRACT")
    assert "RUN  " not in terminal.text
    terminal.send(b"  " + b"\x1bOB" * 20 + b"j" * 20)
    terminal.wait_for("ended")
    assert terminal.end() == 0


def test_colours_are_for_those_who_want_them(pipeline):
    with pipeline.start("run", "--follow"):
        coloured = Terminal(["top", pipeline.file])
        coloured.wait_for("live")
        plain = Terminal(["top", pipeline.file], env={"NO_COLOR": "1"})
        plain.wait_for("live")
        assert coloured.end() == plain.end() == 0
    assert re.search(rb"\x1b\[[0-9;]*3[12]m", coloured.raw) and not re.search(rb"\x1b\[[0-9;]*3[12]m", plain.raw)


def test_control_c_ends_it_and_gives_the_terminal_back(pipeline):
    terminal = Terminal(["top", pipeline.file])
    terminal.wait_for("EXTRACT")
    terminal.popen.send_signal(2)
    assert terminal.end(b"") == 0
    assert b"\x1b[?1049l" in terminal.raw


def test_without_a_terminal_it_says_what_serves_instead(pipeline):
    assert "riacho status" in pipeline.do("top", status=2).stderr


def test_an_unknown_terminal_is_named(pipeline):
    terminal = Terminal(["top", pipeline.file], env={"TERM": "no-such-terminal"})
    terminal.wait_for("no-such-terminal")
    assert terminal.end(b"") == 2


def test_it_ends_with_its_terminal(pipeline):
    terminal = Terminal(["top", pipeline.file])
    terminal.wait_for("EXTRACT")
    os.close(terminal.fd)
    assert terminal.popen.wait(timeout=10) == 0
