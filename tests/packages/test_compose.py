"""docker/: the image, and the whole system in containers, really built and run by podman. Images that this machine
cannot pull are stood in for by local ones of the same versions, under the same tags (stand_in_images.py)."""

import json
import os
import pathlib
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pyarrow.parquet as pq
import pytest
import yaml

import stand_in_images
from debian_root import run

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

HOME = pathlib.Path(__file__).parents[2]
COMPOSE = HOME / "docker/compose.yaml"
IMAGE = "riacho:0.1.0"
STAGES = ("extract", "transform", "export", "dashboard", "sample-api")
QUAKES = 1707


@pytest.fixture(scope="module", autouse=True)
def podman_as_here(tmp_path_factory):
    """Its settings for this place, for every command of these tests."""
    os.environ["CONTAINERS_CONF"] = str(pathlib.Path(__file__).parent / "containers.conf")
    yield
    del os.environ["CONTAINERS_CONF"]


@pytest.fixture(scope="module")
def image(podman_as_here, tmp_path_factory):
    stand_in_images.make_all(tmp_path_factory.mktemp("images"))
    stand_in_images.build(IMAGE, HOME / "docker/Dockerfile", HOME)
    return IMAGE


def podman(*args):
    return run("podman", *args)


class System:
    """The services of compose.yaml, with one of the two Kafkas."""

    def __init__(self, profile):
        self.profile = profile
        self.name = f"riacho-test-{profile}"

    def compose(self, *args):
        # The variable too: podman-compose adds --profile to that of .env, where Docker Compose lets it take its place.
        return run(sys.executable, "-m", "podman_compose", "-p", self.name, "-f", COMPOSE, "--profile", self.profile, *args,
                   env={**os.environ, "COMPOSE_PROFILES": self.profile})

    def container(self, service):
        return f"{self.name}_{service}_1"

    def folder(self):
        """Where the volume «data» lies on this machine."""
        return pathlib.Path(json.loads(podman("volume", "inspect", f"{self.name}_data"))[0]["Mountpoint"])

    def rows(self, stage="adjusted"):
        """Of the complete files: a Parquet file each, or a folder of part files."""
        found = (self.folder() / stage / "quakes").rglob("*.parquet")
        return [row for path in found if path.is_file() for row in pq.read_table(path).to_pylist()]

    def lines(self):
        files = (self.folder() / "csv/quakes").rglob("*.csv")
        return sum(len(path.read_text().splitlines()) - 1 for path in files if path.is_file())

    def logs(self, service):
        return subprocess.run(["podman", "logs", self.container(service)], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout

    def wait_for(self, what, seconds):
        until = time.monotonic() + seconds
        while not what():
            if time.monotonic() > until:
                pytest.fail("\n".join(f"---- {name}\n{self.logs(name)[-3000:]}" for name in self.services()))
            time.sleep(2)

    def services(self):
        known = yaml.safe_load(COMPOSE.read_text())["services"]
        return [name for name, service in known.items() if self.profile in service.get("profiles", [self.profile])]


@pytest.fixture(scope="module", params=["kraft", "zookeeper"])
def system(request, image):
    system = System(request.param)
    system.compose("up", "-d")
    try:
        yield system
    finally:
        system.compose("down", "-v", "-t", "5")


def of_the_demo(folder):
    """What `make demo` gives on this machine, as the independent measure."""
    run(HOME / "build/riacho", "demo", cwd=folder)
    return [row for path in (folder / "riacho-demo/output/adjusted").rglob("*.parquet") for row in pq.read_table(path).to_pylist()]


def by_id(rows):
    return sorted(rows, key=lambda row: row["id"])


def test_the_image_is_small_and_runs_as_anybody_on_a_read_only_root(image, tmp_path):
    archive = tmp_path / "image.tar"
    podman("save", "-o", archive, image)
    packed = subprocess.run(f"gzip -1 <{archive} | wc -c", shell=True, capture_output=True, check=True).stdout
    assert int(packed) <= 150_000_000
    known = json.loads(podman("image", "inspect", image))[0]
    assert known["Config"]["User"] not in ("", "root", "0")
    assert known["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    told = podman("run", "--rm", "--user", "54321:54321", "--read-only", "--tmpfs", "/tmp", image, "demo")
    assert "1,707 rows" in told


def test_the_rows_are_those_of_the_demo(system, tmp_path):
    system.wait_for(lambda: len(system.rows()) >= QUAKES and system.lines() >= QUAKES, 600)

    columns = [name for name in system.rows()[0]]
    expected = [{name: row[name] for name in columns if name in row} for row in of_the_demo(tmp_path)]
    assert by_id(system.rows()) == by_id(expected)
    assert system.lines() == QUAKES


def test_every_service_is_healthy(system):
    for service in system.services():
        name = system.container(service)
        has_check = json.loads(podman("inspect", name))[0]["Config"].get("Healthcheck")
        if has_check:
            system.wait_for(lambda name=name: subprocess.run(["podman", "healthcheck", "run", name],
                                                             capture_output=True).returncode == 0, 120)


def test_the_dashboard_answers_whoever_has_the_token(system):
    def ask(token):
        request = urllib.request.Request("http://127.0.0.1:8321/api/v1/snapshot")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, None

    status, snapshot = ask("riacho-on-this-machine")
    assert status == 200
    assert snapshot["totals"]["adjusted"]["rows"] == QUAKES
    assert ask(None)[0] == 401


def test_a_stop_of_each_service_ends_it_cleanly_and_loses_nothing(system):
    for service in STAGES:
        podman("stop", "-t", "30", system.container(service))
        state = json.loads(podman("inspect", system.container(service)))[0]["State"]
        assert state["ExitCode"] == 0, (service, system.logs(service)[-2000:])
    for service in STAGES:
        podman("start", system.container(service))
    system.wait_for(lambda: "quakes" in system.logs("extract"), 60)
    time.sleep(10)

    assert sorted(row["id"] for row in system.rows()) == sorted({row["id"] for row in system.rows()})
    assert len(system.rows()) == QUAKES
    assert system.lines() == QUAKES
