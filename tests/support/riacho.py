"""Runs the built program on pipelines of a test's own, and reads what it made with other people's readers.

The program is `build/riacho`, or what RIACHO names.
"""

import collections
import csv
import hashlib
import json
import os
import pathlib
import random
import re
import signal
import sqlite3
import subprocess
import time

import pyarrow.parquet as pq
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RIACHO", str(ROOT / "build" / "riacho"))
IS_TORTURE = bool(os.environ.get("RIACHO_TORTURE"))

PAGINATORS = {
    "single": {"type": "single_page"},
    "json_link": {"type": "json_link", "next_url_path": "next"},
    "header_link": {"type": "header_link"},
    "cursor": {"type": "cursor", "cursor_path": "cursors.next", "cursor_param": "cursor"},
    "page_number": {"type": "page_number"},
}


def paginator_of(endpoint):
    if endpoint.style == "offset":
        total = "total" if endpoint.with_total else None
        return {"type": "offset", "limit": endpoint.page_size, "total_path": total}
    if endpoint.style == "page_number" and not endpoint.with_total:
        return {"type": "page_number", "total_path": None}
    return dict(PAGINATORS["single" if endpoint.style == "streamed" else endpoint.style])


def resource_of(name, served, endpoint=None, **more):
    """A resource that reads what the test API serves there; `endpoint` adds to its settings."""
    selector = "$" if served.style == "header_link" else served.envelope
    settings = {"path": served.path, "paginator": paginator_of(served), "data_selector": selector}
    settings.update(endpoint or {})
    return {"name": name, "primary_key": "id", "endpoint": settings, **more}


def conf_of(api, *resources, client=None, **more):
    """A pipeline file, small enough in all its limits that a test is quick."""
    conf = {
        "name": "test",
        "source": {
            "client": {
                "base_url": api.url,
                "retry": {"attempts": 3, "max_delay": "100ms", "timeout": "5s"},
                **(client or {}),
            },
            "resources": list(resources),
        },
        "landing": {"roll": {"rows": 100}},
        "exports": [{"type": "csv", "dir": "output/csv"}],
    }
    conf.update(more)
    return conf


class Result:
    def __init__(self, args, status, stdout, stderr, seconds):
        self.args, self.status, self.stdout, self.stderr, self.seconds = args, status, stdout, stderr, seconds

    def json(self):
        return json.loads(self.stdout)

    def __repr__(self):
        return f"{self.args}: status {self.status}\n--- stdout\n{self.stdout}\n--- stderr\n{self.stderr}"


def environment(extra=None):
    """The test's environment without proxies and colours: what a run shows depends on nothing else."""
    env = {k: v for k, v in os.environ.items() if not re.fullmatch(r"(?i)(https?|all|no)_proxy|NO_COLOR", k)}
    env.update(extra or {})
    return env


def riacho(*args, status=0, env=None, cwd=None, timeout=120, prefix=()):
    """Runs the program; `status` None accepts any. Returns a Result."""
    begun = time.monotonic()
    done = subprocess.run(
        [*prefix, PROGRAM, *map(str, args)],
        capture_output=True,
        text=True,
        env=environment(env),
        cwd=cwd,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    result = Result(args, done.returncode, done.stdout, done.stderr, time.monotonic() - begun)
    if status is not None:
        assert result.status == status, result
    return result


class Process:
    """The program running on its own; its output goes to files beside the pipeline."""

    count = 0

    def __init__(self, args, cwd, env=None, prefix=()):
        Process.count += 1
        self.args = args
        self.out = cwd / f".process-{Process.count}.out"
        self.err = cwd / f".process-{Process.count}.err"
        with open(self.out, "wb") as out, open(self.err, "wb") as err:
            self.popen = subprocess.Popen(
                [*map(str, prefix), PROGRAM, *map(str, args)],
                stdout=out,
                stderr=err,
                cwd=cwd,
                env=environment(env),
                stdin=subprocess.DEVNULL,
            )

    @property
    def stderr(self):
        return self.err.read_text(errors="replace")

    def is_running(self):
        return self.popen.poll() is None

    def result(self):
        return Result(self.args, self.popen.returncode, self.out.read_text(errors="replace"), self.stderr, 0)

    def wait(self, timeout=60, status=0):
        self.popen.wait(timeout)
        if status is not None:
            assert self.popen.returncode == status, self.result()
        return self.result()

    def stop(self, how=signal.SIGTERM, timeout=30, status=0):
        self.popen.send_signal(how)
        return self.wait(timeout, status)

    def kill(self):
        """SIGKILL to this child. Returns whether it was still running."""
        was_running = self.is_running()
        self.popen.kill()
        self.popen.wait()
        return was_running and self.popen.returncode == -signal.SIGKILL

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.is_running():
            self.kill()


def wait_until(what, timeout=30, every=0.05):
    """Waits until `what()` is true; fails the test otherwise."""
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(every)


# ---- comparing rows ----


def canonical(value):
    """The value without nulls, with 2.0 as 2: a missing key and null are one, as in any table."""
    if isinstance(value, dict):
        return {key: canonical(item) for key, item in sorted(value.items()) if item is not None}
    if isinstance(value, (list, tuple)):
        return [canonical(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def as_name(text):
    """A resource's name that tells of the text."""
    return "r_" + re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def bag(rows):
    """Rows as a multiset."""
    return collections.Counter(json.dumps(canonical(row), sort_keys=True, default=str) for row in rows)


def without_lineage(row):
    return {name: value for name, value in row.items() if not name.startswith("_riacho_")}


def assert_same_rows(rows, expected):
    have, want = bag(rows), bag(expected)
    lost, extra = want - have, have - want
    assert not lost and not extra, (
        f"{sum(lost.values())} lost, {sum(extra.values())} too many; "
        f"lost: {list(lost)[:3]}; too many: {list(extra)[:3]}"
    )


def parquet_rows(path):
    return pq.ParquetFile(path).read().to_pylist()


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Pipeline:
    """A pipeline file in a folder of the test's, and what came of it."""

    def __init__(self, folder, conf, env=None):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.file = self.dir / "pipeline.yaml"
        self.env = env or {}
        self.write(conf)

    def write(self, conf):
        self.conf = conf
        text = conf if isinstance(conf, str) else yaml.safe_dump(conf, sort_keys=False)
        self.file.write_text(text)

    # running

    def do(self, command, *args, status=0, env=None, **more):
        words = command.split()
        return riacho(*words, self.file, *args, status=status, env={**self.env, **(env or {})}, **more)

    def run(self, *args, **more):
        return self.do("run", *args, **more)

    def start(self, command, *args):
        return Process([*command.split(), self.file, *args], self.dir, self.env)

    # what is there

    @property
    def output(self):
        return self.dir / "output"

    @property
    def state(self):
        return self.output / ".riacho"

    def files(self, kind, name):
        """Finished files: kind is landing, adjusted or csv."""
        ending = "csv" if kind == "csv" else "parquet"
        folder = self.output / kind / name
        return sorted(path for path in folder.glob(f"*.{ending}") if not path.name.startswith((".", "_")))

    def parquet_rows(self, kind, name):
        """Of files, and of the parts of folders."""
        files = [
            part
            for path in self.files(kind, name)
            for part in (sorted(path.glob("*.parquet")) if path.is_dir() else [path])
        ]
        return [row for path in files for row in parquet_rows(path)]

    def landing(self, resource, lineage=False):
        rows = self.parquet_rows("landing", resource)
        return rows if lineage else [without_lineage(row) for row in rows]

    def adjusted(self, table):
        return self.parquet_rows("adjusted", table)

    def csv(self, table):
        rows = []
        for path in self.files("csv", table):
            with open(path, newline="", encoding="utf-8") as file:
                rows += list(csv.DictReader(file))
        return rows

    def sql(self, statement, *values):
        """Asks the state database. Opened for writing, as SQLite may have to recover what a kill left."""
        db = sqlite3.connect(f"file:{self.state / 'state.db'}?mode=rw", uri=True)
        try:
            return db.execute(statement, values).fetchall()
        finally:
            db.close()

    def references(self, topic):
        """The events of a topic ("landed", "adjusted"), as dicts, in order."""
        rows = self.sql(
            "SELECT coalesce(m.value, f.event) FROM messages m JOIN topics t ON t.no = m.topic"
            " LEFT JOIN files f ON f.id = m.id WHERE t.name = ? ORDER BY m.offset",
            f"{self.conf['name']}.{topic}",
        )
        return [json.loads(value) for (value,) in rows]

    def removed(self):
        """Ids of files that were taken away in good order: pruned, or replaced by a replay."""
        return {id for (id,) in self.sql("SELECT id FROM files WHERE removed IS NOT NULL")}

    # what must be true at any time that nothing runs

    def left_over(self):
        """Files under temporary names anywhere."""
        return [
            path
            for path in self.output.rglob("*")
            if ".tmp" in path.relative_to(self.output).parts and not path.is_dir()
        ]

    def check(self, was_pruned=False):
        """References, files and state agree; nothing is half done."""
        assert not self.left_over()
        self.check_topic("landed", "landing", was_pruned)
        self.check_topic("adjusted", "adjusted", was_pruned)

    def events_of_files(self, root):
        """The events of all files that the state knows, also those that are in no topic any more."""
        rows = self.sql("SELECT event FROM files WHERE root = ? AND removed IS NULL", root)
        return [json.loads(event) for (event,) in rows]

    def check_topic(self, topic, root, was_pruned):
        """Each reference once, each file referred to and unharmed, none besides."""
        events = self.events_of_files(root) if was_pruned else self.references(topic)
        assert len({event["id"] for event in events}) == len(events)
        known = set()
        removed = self.removed()
        for event in events:
            if event["id"] in removed:
                continue
            data = event["data"]
            path = self.output / root / data["path"]
            assert path.is_dir() == ("files" in data), event
            for part in data.get("files", [{**data, "path": ""}]):
                known.add(path / part["path"])
                self.check_part(path / part["path"], part)
            assert sum(part["rows"] for part in data.get("files", [data])) == data["rows"], event
        there = {
            path for path in (self.output / root).rglob("*.parquet") if ".tmp" not in path.parts and path.is_file()
        }
        assert there == known, {"unreferred": there - known, "missing": known - there}

    @staticmethod
    def check_part(path, told):
        assert path.stat().st_size == told["bytes"], told
        assert sha256_of(path) == told["sha256"], told
        assert pq.ParquetFile(path).metadata.num_rows == told["rows"], told

    def all_bytes(self):
        """(path, bytes) of everything beneath the pipeline's folder but the pipeline file."""
        for path in self.dir.rglob("*"):
            if path.is_file() and path != self.file:
                yield path, path.read_bytes()


def random_moments(seed, shortest, longest):
    """Endless delays in seconds, the same for the same seed."""
    chance = random.Random(seed)
    while True:
        yield chance.uniform(shortest, longest)
