"""When the machine is at fault: a full disk, folders that may not be written. Nothing is lost or half done."""

import os
import shutil
import subprocess
import sys

import pytest
import riacho
from api_server import plain_record
from riacho import assert_same_rows, conf_of, resource_of, wait_until

# Runs a command with a small tmpfs over a folder, in a mount namespace of its own. The command sees the
# folder full; what was in it at the end is copied out.
IN_SMALL_DISK = """
import os, shutil, subprocess, sys
folder, size, keep, *command = sys.argv[1:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder], check=True)
if os.path.isdir(keep):
    shutil.copytree(keep, folder, dirs_exist_ok=True, symlinks=True)
status = subprocess.run(command).returncode
shutil.rmtree(keep, ignore_errors=True)
shutil.copytree(folder, keep, symlinks=True)
sys.exit(status)
"""


def can_mount():
    try:
        return subprocess.run(
            ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True
        ).returncode == 0
    except FileNotFoundError:
        return False


def on_small_disk(p, size, *args):
    p.output.mkdir(exist_ok=True)
    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", IN_SMALL_DISK, p.output, size, p.dir / "kept"]
        + [riacho.PROGRAM, *args, p.file],
        capture_output=True,
        text=True,
        env=riacho.environment(),
        timeout=120,
    )
    shutil.rmtree(p.output)
    shutil.copytree(p.dir / "kept", p.output, symlinks=True)
    return done


def incompressible(number):
    chance = __import__("random").Random(number)
    return {"id": number, "noise": "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=2000))}


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces here")
@pytest.mark.parametrize("size", ["1m", "3m", "6m"])
def test_a_full_disk_stops_the_run_and_space_lets_it_go_on(api, pipeline, size):
    items = api.add("/items", style="json_link", total=3000, page_size=100, record=incompressible)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 100}}))

    full = on_small_disk(p, size, "run")

    assert full.returncode == 1, full
    assert "space" in full.stderr.lower(), full.stderr
    p.run()

    assert_same_rows(p.landing("items"), map(incompressible, range(3000)))
    assert sorted(int(row["id"]) for row in p.csv("items")) == list(range(3000))
    p.check()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.output.mkdir()
    p.output.chmod(0o500)

    failed = p.run(status=1)

    assert str(p.output) in failed.stderr


def test_a_file_where_a_folder_should_be(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.output.mkdir()
    (p.output / "landing").write_text("in the way")

    failed = p.run(status=1)
    assert "landing" in failed.stderr
    (p.output / "landing").unlink()
    p.run()

    assert_same_rows(p.landing("items"), map(plain_record, range(50)))
    p.check()


def test_an_adjusted_folder_that_vanished_is_made_anew(api, pipeline):
    items = api.add("/items", style="json_link", total=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.do("extract")
    shutil.rmtree(p.output / "adjusted", ignore_errors=True)

    p.do("transform")

    assert len(p.adjusted("items")) == 50


def test_files_nobody_knows_are_left_alone(api, pipeline):
    """A user's own file in the landing folder is no business of a recovery's."""
    items = api.add("/items", style="json_link", total=50)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.run()
    mine = p.output / "landing" / "items" / "mine.txt"
    mine.write_text("hands off")
    p.run()

    assert mine.read_text() == "hands off"


def test_follow_waits_for_space_and_says_so(api, pipeline):
    """A folder that turns into a file stands for a disk that fails; --follow waits, and goes on."""
    items = api.add("/items", style="json_link", total=40, page_size=10)
    p = pipeline(conf_of(api, resource_of("items", items)))
    p.do("extract")
    adjusted = p.output / "adjusted"
    shutil.rmtree(adjusted, ignore_errors=True)
    adjusted.write_text("in the way")

    with p.start("transform", "--follow") as process:
        wait_until(lambda: "adjusted" in process.stderr, timeout=20)
        assert process.is_running()
        adjusted.unlink()
        wait_until(lambda: len(p.files("adjusted", "items")) > 0 and len(p.adjusted("items")) == 40, timeout=90)
        process.stop()
    p.check()
