"""pyproject.toml and poetry.lock: the one list of Python packages, the same on every machine."""

import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).parents[2]


def test_the_lock_is_made_from_this_pyproject():
    done = subprocess.run(["deps/poetry", "check", "--lock"], cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_archive_has_a_hash_and_no_address():
    lock = (ROOT / "poetry.lock").read_text()

    archives = re.findall(r"^    \{file = .*$", lock, re.M)

    assert archives
    assert [line for line in archives if not re.search(r'hash = "sha256:[0-9a-f]{64}"', line)] == []
    assert re.findall(r"^(?:url = |\[package\.source\]).*$", lock, re.M) == []
