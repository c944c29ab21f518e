"""Runs one program and measures it: seconds, CPU seconds and peak memory of the whole tree of its processes.

A program may tell moments of its own by lines on stdout of the form `@ NAME`; they are kept with the seconds since its
start. The measuring is done by a small process of its own (this file as a program), which takes in orphans, such as a
JVM that outlives its parent, so that their CPU counts too.
"""

import ctypes
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

PR_SET_CHILD_SUBREAPER = 36
SAMPLE_SECONDS = 0.05
ORPHAN_SECONDS = 10
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclasses.dataclass
class Measure:
    seconds: float    # until the program's end
    cpu: float        # user and system, all processes
    peak: int         # bytes resident at one moment, all processes
    marks: dict       # name: seconds since the start
    output: str       # what it said on stdout


def measure(command, cwd, env=None, timeout=600):
    """Runs `command` in the folder `cwd` and gives its Measure; raises RuntimeError if it fails."""
    os.sync()    # what others wrote is not this program's to wait for
    done = subprocess.run(
        [sys.executable, "-S", "-B", __file__, str(timeout), *map(str, command)],
        cwd=cwd, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}:\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}")
    return Measure(**json.loads(done.stdout))


# ---- the measuring process ----


def tree_of(root):
    """The process ids of `root` and of all below it."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def resident(process):
    try:
        return int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE_BYTES
    except (OSError, IndexError):
        return 0


class Watcher(threading.Thread):
    """Samples the memory of the processes below this one until closed."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.ended = 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, sum(map(resident, tree_of(os.getpid())[1:])))

    def close(self):
        self.ended.set()
        self.join()
        return self.peak


def read_marks(stream, begun):
    marks, output = {}, []
    for line in stream:
        if line.startswith("@ "):
            marks[line[2:].strip()] = time.monotonic() - begun
        else:
            output.append(line)
    return marks, "".join(output)


def wait_for_orphans():
    """Gives the CPU of what the program left behind; what does not end by itself is ended."""
    cpu, end = 0.0, time.monotonic() + ORPHAN_SECONDS
    while True:
        try:
            process, _, usage = os.wait4(-1, os.WNOHANG)
        except ChildProcessError:
            return cpu
        if process:
            cpu += usage.ru_utime + usage.ru_stime
            continue
        if time.monotonic() > end:
            for one in tree_of(os.getpid())[1:]:
                os.kill(one, signal.SIGKILL)
        time.sleep(0.02)


def explain(status, output):
    """Why it failed, if its own last words on stderr do not tell."""
    return output if os.WIFEXITED(status) else f"{output}ended by signal {os.WTERMSIG(status)}"


def main(timeout, command):
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    watcher = Watcher()
    begun = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    timer = threading.Timer(timeout, process.kill)
    timer.start()
    marks, output = read_marks(process.stdout, begun)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - begun
    timer.cancel()
    cpu = usage.ru_utime + usage.ru_stime + wait_for_orphans()
    peak = max(watcher.close(), usage.ru_maxrss * 1024)    # the kernel's record has no gaps
    if status != 0:
        is_late = seconds >= timeout
        print(f"not done within {timeout:.0f} s" if is_late else explain(status, output), file=sys.stderr)
        return 1
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak": peak, "marks": marks, "output": output}))
    return 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
