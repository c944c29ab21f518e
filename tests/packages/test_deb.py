"""The Debian package: installed in a fresh root, used by somebody without rights, and removed."""

import pathlib

import pytest

from debian_root import Root, run

pytestmark = pytest.mark.packages

HOME = pathlib.Path(__file__).parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = Root(tmp_path_factory.mktemp("root") / "debian")
    try:
        root.make()
        yield root
    finally:
        root.close()


@pytest.fixture(scope="module")
def package():
    run("make", "deb", cwd=HOME)
    found = sorted(HOME.glob("build/riacho_*.deb"))
    assert len(found) == 1
    return found[0]


@pytest.mark.timeout(900)
def test_the_package_installs_runs_the_demo_and_leaves_nothing(root, package):
    # What it depends on comes first, so that only its own files are looked at.
    names = run("dpkg-deb", "-f", package, "Depends").replace("\n", "").split(",")
    root.do("apt-get", "install", "-y", "--no-install-recommends", *(name.split()[0] for name in names))
    before = root.files()
    (root.path / "tmp/riacho.deb").write_bytes(package.read_bytes())

    root.do("dpkg", "-i", "/tmp/riacho.deb")
    assert "riacho 0." in root.do("riacho", "--version")
    told = root.do("sh", "-c", "cd /tmp && riacho demo", user="nobody")
    assert "1,707 rows" in told
    assert len(list((root.path / "tmp/riacho-demo/output/adjusted").rglob("*.parquet"))) == 1
    assert (root.path / "usr/share/man/man1/riacho.1.gz").exists()

    root.do("dpkg", "--purge", "riacho")
    assert root.files() - before == set()
