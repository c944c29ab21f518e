"""docker/, without building it: what its files say fits the program and one another. `make test-containers` builds and runs it."""

import pathlib
import re
import subprocess

import pytest
import riacho
import yaml

HOME = pathlib.Path(__file__).parents[2]
DOCKER = HOME / "docker"
COMPOSE = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
ESSENTIAL = {"libc6", "libtinfo6"}  # in every Debian image


def test_the_pipeline_is_valid():
    riacho.riacho("validate", DOCKER / "pipeline.yaml", env={"RIACHO_TOKEN": "a-token-of-twenty-letters"})


def test_the_pipeline_is_the_example():
    ours = yaml.safe_load((DOCKER / "pipeline.yaml").read_text())
    example = yaml.safe_load((HOME / "examples/earthquakes.yaml").read_text())
    assert ours["source"]["resources"] == example["source"]["resources"]
    assert ours["transform"]["tables"] == example["transform"]["tables"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_pinned_bounded_and_comes_back(name):
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+[.\d]*", service["image"])
    assert service["mem_limit"]
    assert service["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_waited_for_can_be_healthy(name):
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        if wait["condition"] == "service_healthy" and not SERVICES[other]["image"].startswith("riacho:"):
            assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"  # riacho's image has one of its own


def test_volumes_are_named():
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])
    assert all((DOCKER / name).exists() for name in used if name.startswith("."))


def test_the_image_is_of_this_version():
    version = riacho.riacho("--version").stdout.split()[1]
    assert f"ARG VERSION={version}\n" in (DOCKER / "Dockerfile").read_text()
    assert {service["image"] for service in SERVICES.values() if service["image"].startswith("riacho")} == {f"riacho:{version}"}


def test_the_image_has_the_libraries_of_the_program():
    installed = set((DOCKER / "Dockerfile").read_text().split("FROM")[-1].split())
    told = subprocess.run(["ldd", riacho.PROGRAM], text=True, capture_output=True, check=True).stdout
    found = dict(re.findall(r"(\S+) => (\S+)", told))
    headers = subprocess.run(["readelf", "-d", riacho.PROGRAM], text=True, capture_output=True, check=True).stdout
    # The image brings DuckDB itself; the loader is no file that is looked for.
    needed = [name for name in re.findall(r"NEEDED.*\[(.*)\]", headers) if name in found and "duckdb" not in name]
    files = [f"*/{pathlib.Path(found[name]).resolve().name}" for name in needed]
    told = subprocess.run(["dpkg", "-S", *files], text=True, capture_output=True, check=True).stdout
    for name, file in zip(needed, files):
        owners = {line.split(":")[0] for line in told.splitlines() if line.endswith(file[1:])}
        assert owners & (installed | ESSENTIAL), f"{name} is of {owners}"
