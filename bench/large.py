"""A state of many files for the live page: riacho lands and adjusts some pages, and the rest are copies."""

import sqlite3
import sys

import jobs
import meter

sys.path.insert(0, str(jobs.ROOT / "tests" / "support"))
from many_files import multiply  # noqa: E402


def make(folder, url, name, rows, times):
    """A pipeline whose table has the workload's records `times` times, `rows` in each file; gives what it has."""
    folder.mkdir(parents=True)
    jobs.write_pipeline(folder, url, name, rows, csv=False)
    meter.measure([jobs.RIACHO, "run", "--quiet", "pipeline.yaml"], folder)
    multiply(folder, times)
    db = sqlite3.connect(folder / "output/.riacho/state.db")
    found = db.execute("SELECT sum(files), sum(rows) FILTER (WHERE stage = 'transform') FROM totals").fetchone()
    db.close()
    return {"files": found[0], "rows": found[1]}
