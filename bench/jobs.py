"""Whom the bench starts, and how: riacho by a pipeline file that a user would write, each peer by its script, each
floor by its small program. All give a meter.Measure."""

import json
import os
import pathlib
import shutil
import sys
import time
import uuid

import data
import meter

ROOT = pathlib.Path(__file__).resolve().parents[1]
RIACHO = ROOT / "build" / "riacho"
FLOORS = ROOT / "build" / "plain" / "bench"
PYTHON = ROOT / "build" / "venv" / "bin" / "python"
PEERS = ROOT / "bench" / "peers"
WORK = ROOT / "build" / "bench" / "work"
OLD = ROOT / "build" / "bench" / "old"

FILE_ROWS = 100_000    # riacho's default roll.rows; the peers make files of as many

PIPELINE = """
name: {pipeline}
source:
  client:
    base_url: {url}
    paginator: {{type: json_link, next_url_path: metadata.next}}
  resources:
    - name: quakes
      primary_key: id
      endpoint: {{path: /{name}/1.json, data_selector: features}}
"""
ROLL = """
landing: {{roll: {{rows: {rows}}}}}
"""
TABLE = """
transform:
  tables:
    - name: quakes
      from: quakes
      columns:
        id: id
        magnitude: {path: properties.mag, type: double}
        place: {path: properties.place, trim: true, empty_as_null: true}
        time: {path: properties.time, type: timestamp, unit: ms}
        magnitude_type: properties.magType
        longitude: {path: "geometry.coordinates[0]", type: double}
        latitude: {path: "geometry.coordinates[1]", type: double}
        depth_km: {path: "geometry.coordinates[2]", type: double}
      where: magnitude IS NOT NULL
      distinct: id
"""
KAFKA = """
broker: {{type: kafka, brokers: "{brokers}"}}
"""
EXPORT = """
exports:
  - {type: csv, dir: output/csv}
"""


def fresh(label):
    """An empty folder. What was there is only moved away: ext4 makes files slowly for a minute where many were
    deleted, and that is not the next job's to pay."""
    folder = WORK / label
    if folder.exists():
        OLD.mkdir(parents=True, exist_ok=True)
        folder.rename(OLD / f"{label}-{time.time_ns()}")
    folder.mkdir(parents=True)
    return folder


def clear():
    shutil.rmtree(OLD, ignore_errors=True)


def write_pipeline(folder, url, name, rows=None, csv=True, brokers=None):
    own = f"bench-{uuid.uuid4().hex[:8]}"    # and so topics of its own
    pipeline = PIPELINE.format(pipeline=own, url=url, name=name) + (ROLL.format(rows=rows) if rows else "") + TABLE
    pipeline += KAFKA.format(brokers=brokers) if brokers else ""
    (folder / "pipeline.yaml").write_text(pipeline + (EXPORT if csv else ""))


def riacho(command, url, name, rows=None, csv=True, brokers=None):
    """`riacho extract` or `riacho run` over a workload; the folder has landing, adjusted and csv in output/."""
    folder = fresh("riacho")
    write_pipeline(folder, url, name, rows, csv, brokers)
    return meter.measure([RIACHO, command, "--quiet", "pipeline.yaml"], folder), folder


def peer(script, mode, url, name, kafka=None):
    folder = fresh(script)
    pages_per_file = max(1, FILE_ROWS // data.SETS[name][2])
    env = {"PYTHONPATH": str(PEERS), **(kafka or {})}
    command = [PYTHON, "-B", PEERS / f"{script}.py", mode, f"{url}/{name}/1.json", pages_per_file]
    return meter.measure(command, folder, env), folder


def read_json(name):
    """DuckDB's own read_json and COPY over the pages on disk: no network, no fsync, one file."""
    folder = fresh("read_json")
    files = data.HOME / name / "*.json"
    return meter.measure([PYTHON, "-B", PEERS / "read_json.py", files], folder), folder


def floor(program, *arguments):
    """A floor's own account of its work: {"seconds", "cpu"}."""
    done = meter.measure([FLOORS / program, *arguments], fresh("floor"))
    return json.loads(done.output)


def rows_in(pattern, columns=False):
    """What another reader finds in the files; {"rows": …} and with `columns` sums over the adjusted columns."""
    done = meter.measure([PYTHON, "-B", ROOT / "bench" / "check.py", pattern, *(["columns"] if columns else [])], WORK)
    return json.loads(done.output)
