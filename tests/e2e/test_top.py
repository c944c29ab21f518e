"""riacho top, in a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest
import riacho
from riacho import Pipeline, conf_of, resource_of


class Terminal:
    """The program in a pseudo terminal of that size; what it wrote so far, without escapes."""

    def __init__(self, args, rows=40, columns=100, env=None):
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = riacho.environment({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})})
        self.popen = subprocess.Popen([riacho.PROGRAM, *map(str, args)], stdin=child, stdout=child, stderr=child,
                                      env=env, start_new_session=True)
        os.close(child)
        self.raw = b""

    def read(self, seconds=0.1):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and select.select([self.fd], [], [], left)[0]:
            try:
                self.raw += os.read(self.fd, 65536)
            except OSError:
                break

    @property
    def text(self):
        return re.sub(rb"\x1b(\[[0-9;?]*[a-zA-Z]|[()][A-Z0-9]|[=>])", b" ", self.raw).decode(errors="replace")

    def wait_for(self, word):
        def has_it():
            self.read()
            return word in self.text

        riacho.wait_until(has_it)

    def send(self, keys):
        os.write(self.fd, keys)

    def end(self, keys=b"q"):
        self.send(keys)

        def has_ended():
            self.read()
            return self.popen.poll() is not None

        riacho.wait_until(has_ended)
        os.close(self.fd)
        return self.popen.returncode


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
