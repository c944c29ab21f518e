"""On what a bench ran: the machine, and the versions of all that took part."""

import os
import pathlib
import re
import subprocess

PACKAGES = ["dlt", "duckdb", "polars", "pyspark", "kafka-python", "requests"]


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).strip()


def field(path, name):
    found = re.search(rf"^{name}\s*:\s*(.*)$", pathlib.Path(path).read_text(), re.M)
    return found[1] if found else "?"


def facts():
    memory = int(field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return {
        "processor": field("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory": f"{memory:.0f} GiB",
        "kernel": os.uname().release.split("-")[0],
        "system": field_of_release("PRETTY_NAME"),
    }


def field_of_release(name):
    found = re.search(rf'^{name}="(.*)"$', pathlib.Path("/etc/os-release").read_text(), re.M)
    return found[1] if found else "?"


def versions(riacho, python):
    program = "import importlib.metadata as m, sys; print(*(m.version(name) for name in sys.argv[1:]))"
    packages = dict(zip(PACKAGES, said(python, "-c", program, *PACKAGES).split()))
    return {
        "riacho": said(riacho, "--version").splitlines()[0].removeprefix("riacho "),
        "Python": said(python, "--version").split()[-1],
        **packages,
        "Java": first_number(said("java", "-version")),
        "nginx": first_number(said("nginx", "-v")),
    }


def first_number(text):
    found = re.search(r"\d+(\.\d+)+", text)
    return found[0] if found else "?"
