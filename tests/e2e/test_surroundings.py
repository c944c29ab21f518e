"""When the machine is at fault: a full disk, folders that may not be written. Nothing is lost or half done."""

import os
import shutil
import subprocess
import sys

import pytest
import riacho
from api_server import plain_record
from board import Board
from riacho import assert_same_rows, conf_of, resource_of

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


# A process of root's without the rights that make permissions mean nothing to it.
AS_ANYBODY = [] if os.geteuid() else ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]


def can_be_anybody():
    try:
        return not AS_ANYBODY or subprocess.run([*AS_ANYBODY, "true"]).returncode == 0
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


@pytest.mark.skipif(not can_be_anybody(), reason="root may enter anywhere")
@pytest.mark.parametrize("command", ["status", "files", "dashboard", "state show"])
def test_a_state_that_may_not_be_entered_is_not_taken_for_none(api, pipeline, command):
    p = pipeline(conf_of(api, resource_of("items", api.add("/items", style="json_link", total=10))))
    p.run()
    p.state.chmod(0)

    failed = p.do(command, status=1, prefix=AS_ANYBODY)

    p.state.chmod(0o700)
    assert "Permission denied" in failed.stderr and str(p.state) in failed.stderr
    assert "has no state yet" not in failed.stderr and "as the user who runs" in failed.stderr


@pytest.mark.skipif(not can_be_anybody(), reason="root may write anywhere")
@pytest.mark.parametrize("command", ["status", "files"])
def test_a_state_that_may_only_be_read_says_what_right_is_needed(api, pipeline, command):
    p = pipeline(conf_of(api, resource_of("items", api.add("/items", style="json_link", total=10))))
    p.run()
    everything = [p.state, *p.state.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)

    failed = p.do(command, status=1, prefix=AS_ANYBODY)

    for path in everything:
        path.chmod(0o700 if path.is_dir() else 0o600)
    assert "Even to look at a state" in failed.stderr and "as the user who runs" in failed.stderr


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


# As above, but the command follows: once it has said that there is no space, the disk grows; it is stopped
# when `count` files are adjusted.
FOLLOW_ON_SMALL_DISK = """
import pathlib, shutil, signal, subprocess, sys, time
folder, size, keep, count, err, *command = sys.argv[1:]
def wait_until(what):
    end = time.monotonic() + 60
    while not what():
        if time.monotonic() > end or child.poll() is not None:
            child.kill()
            sys.exit(f"waited in vain; status {child.poll()}; " + pathlib.Path(err).read_text())
        time.sleep(0.05)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=" + size, "tmpfs", folder], check=True)
shutil.copytree(keep, folder, dirs_exist_ok=True)
child = subprocess.Popen(command, stderr=open(err, "wb"))
wait_until(lambda: b"space" in pathlib.Path(err).read_bytes())
time.sleep(1)
if child.poll() is not None:
    sys.exit(f"status {child.poll()}; " + pathlib.Path(err).read_text())
subprocess.run(["mount", "-o", "remount,size=256m", folder], check=True)
wait_until(lambda: len(list(pathlib.Path(folder).glob("adjusted/items/*.parquet"))) == int(count))
child.send_signal(signal.SIGTERM)
status = child.wait()
shutil.rmtree(keep)
shutil.copytree(folder, keep)
sys.exit(status)
"""


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces here")
def test_follow_waits_for_space_and_goes_on(api, pipeline):
    items = api.add("/items", style="json_link", total=2000, page_size=100, record=incompressible)
    p = pipeline(conf_of(api, resource_of("items", items), landing={"roll": {"rows": 100}}))
    p.do("extract")
    used = sum(path.stat().st_size for path in p.output.rglob("*") if path.is_file())
    kept = p.dir / "kept"
    shutil.move(p.output, kept)
    p.output.mkdir()

    done = subprocess.run(
        ["unshare", "--mount", sys.executable, "-c", FOLLOW_ON_SMALL_DISK]
        + [p.output, str(used + (1 << 20)), kept, "20", p.dir / "err"]
        + [riacho.PROGRAM, "transform", p.file, "--follow"],
        capture_output=True,
        text=True,
        env=riacho.environment(),
        timeout=200,
    )

    assert done.returncode == 0, done
    p.output.rmdir()
    shutil.move(kept, p.output)
    assert sorted(row["id"] for row in p.adjusted("items")) == list(range(2000))
    p.check()


# Runs a command with a copy of a folder's content on a tmpfs of its own, on which 2 % are left.
ON_FULL_DISK = """
import os, shutil, subprocess, sys
folder, kept, *command = sys.argv[1:]
shutil.copytree(folder, kept)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", folder], check=True)
shutil.copytree(kept, folder, dirs_exist_ok=True)
with open(folder + "/filler", "wb") as filler:
    disk = os.statvfs(folder)
    os.posix_fallocate(filler.fileno(), 0, (disk.f_bavail - disk.f_blocks // 50) * disk.f_frsize)
os.execv(command[0], command)
"""


@pytest.mark.skipif(not can_mount(), reason="no mount namespaces here")
def test_a_nearly_full_disk_ends_downloads_and_nothing_else(api, pipeline):
    p = pipeline(conf_of(api, resource_of("items", api.add("/items", style="json_link", total=500, page_size=500))))
    p.run()
    prefix = ["unshare", "--mount", sys.executable, "-c", ON_FULL_DISK, p.state, p.dir / "kept"]
    without_end = "SELECT count(*) FROM items a, items b, items c, items d, items e WHERE hash(a.id, e.id) = 0"

    with Board(p, prefix=prefix) as board:
        ended = board.query(kind="download", sql=without_end, format="csv")
        rows = board.query(kind="rows", of={"table": "items"})

    assert ended["state"] == "failed" and ended["error"]["code"] == "disk"
    assert "little room left" in ended["error"]["message"]
    assert rows["state"] == "done" and len(rows["rows"]) > 0
