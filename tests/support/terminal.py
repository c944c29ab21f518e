"""A terminal of a test's own: what a person at a screen would see of the program."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import riacho


class Terminal:
    """The program in a pseudo terminal of that size; what it wrote so far, without escapes."""

    def __init__(self, args, rows=40, columns=100, env=None, cwd=None):
        self.fd, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = riacho.environment({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **(env or {})})
        self.popen = subprocess.Popen([riacho.PROGRAM, *map(str, args)], stdin=child, stdout=child, stderr=child,
                                      env=env, cwd=cwd, start_new_session=True)
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
