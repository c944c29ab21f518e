"""A fresh Debian root to try a package in: what debootstrap makes, with this machine's apt sources."""

import contextlib
import pathlib
import shutil
import subprocess


def run(*args, **more):
    """As subprocess.run, with the output of what failed in the error."""
    done = subprocess.run(args, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert done.returncode == 0, f"{' '.join(map(str, args))} ended with {done.returncode}:\n{done.stdout}"
    return done.stdout


def mirror():
    """Where this machine's apt gets Debian from, and its release's name."""
    told = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "MetaKey: main/binary-amd64/Packages")
    return told.splitlines()[0].split()


def copy(path, root):
    """A file or folder of this machine, at the same place in the root."""
    source, target = pathlib.Path(path), root / path.lstrip("/")
    if source.is_dir():
        shutil.copytree(source, target, dirs_exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


class Root:
    def __init__(self, path):
        self.path = path
        self.mounts = contextlib.ExitStack()

    def make(self):
        uri, release = mirror()
        run("debootstrap", "--variant=minbase", release, self.path, uri)
        (self.path / "etc/apt/sources.list").unlink(missing_ok=True)
        for path in ("/etc/apt/sources.list.d", "/etc/apt/apt.conf.d", "/etc/apt/auth.conf.d", "/etc/apt/keyrings",
                     "/usr/share/keyrings", "/etc/resolv.conf", "/etc/hosts", "/etc/ssl/certs/ca-certificates.crt"):
            copy(path, self.path)
        for folder in ("proc", "dev"):
            run("mount", "--bind", f"/{folder}", self.path / folder)
            self.mounts.callback(run, "umount", self.path / folder)
        self.do("apt-get", "update")

    def do(self, *args, user="root"):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "DEBIAN_FRONTEND": "noninteractive"}
        return run("chroot", f"--userspec={user}", self.path, *args, env=environment)

    def files(self):
        """Every file and folder in it but those of apt, dpkg and of running programs."""
        skipped = ("proc", "dev", "tmp", "var/cache", "var/lib/apt", "var/lib/dpkg", "var/log")
        found = run("find", self.path, "-xdev", "-printf", "%P\\n").splitlines()
        return {name for name in found if not name.startswith(skipped)}

    def unmount(self):
        self.mounts.close()

    def close(self):
        self.unmount()
        shutil.rmtree(self.path)
