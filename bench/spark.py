"""riacho's transform on Spark beside PySpark's own client: the same server, the same landed files, in turns.

    build/venv/bin/python bench/spark.py [ROUNDS]          # `make bench BENCH=spark` installs what it needs

500,000 earthquakes in files of 100,000, and 5,000 in 500 files. Both sessions are warm: riacho's has worked off one file
before, PySpark's too. riacho's time is from the moment that it sees the references until those of its outputs are
committed, with all that it checks, hashes and makes durable; PySpark's is from the first job to the end of the last.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import time

import data
import jobs
import meter
import server

sys.path.insert(0, str(jobs.ROOT / "tests" / "support"))
from spark_server import TOKEN, SparkServer  # noqa: E402

HOME = jobs.ROOT / "build" / "bench"
APART = 60    # references that PySpark works off one by one; its rate hardly depends on how many
FILES_OF = {"together": "all/*.parquet", "partitioned": "all/*/*.parquet", "apart": "*/*.parquet"}
JAVA = "-XX:+UseParallelGC -Xshare:auto"    # as a server runs that has time to grow warm
SPARK = """
transform:
  engine: spark
  remote: {remote}
  tables:"""


def write_pipeline(folder, url, name, rows, remote, distinct):
    table = jobs.TABLE.replace("\ntransform:\n  tables:", SPARK.format(remote=remote))
    if not distinct:
        table = table.replace("      distinct: id\n", "")
    text = jobs.PIPELINE.format(pipeline="bench", url=url, name=name) + jobs.ROLL.format(rows=rows) + table
    (folder / "pipeline.yaml").write_text(text)


def land(name, url, rows, remote):
    """The landed files that PySpark reads."""
    data.make(name)
    folder = jobs.fresh(f"spark-{name}")
    write_pipeline(folder, url, name, rows, remote, True)
    meter.measure([jobs.RIACHO, "extract", "--quiet", "pipeline.yaml"], folder)
    return folder


class Following:
    """`riacho transform --follow` whose session has worked off a first file, held still while more files land."""

    def __init__(self, folder, url, rows, remote, distinct):
        self.folder = folder
        write_pipeline(folder, url, "c", rows, remote, distinct)
        meter.measure([jobs.RIACHO, "extract", "--quiet", "pipeline.yaml"], folder)
        self.process = subprocess.Popen([jobs.RIACHO, "transform", "--follow", "--quiet", "pipeline.yaml"], cwd=folder)

    def land(self, url, name, rows, remote, distinct):
        folder = self.folder
        self.wait_for(1)
        self.process.send_signal(signal.SIGSTOP)
        shutil.rmtree(folder / "output/adjusted/quakes")    # the warm file is not to be counted
        write_pipeline(folder, url, name, rows, remote, distinct)
        meter.measure([jobs.RIACHO, "state", "reset", "pipeline.yaml", "quakes"], folder)
        meter.measure([jobs.RIACHO, "extract", "--quiet", "pipeline.yaml"], folder)
        self.landed = self.count("extract") - 1

    def count(self, stage):
        state = sqlite3.connect(f"file:{self.folder}/output/.riacho/state.db?mode=ro", uri=True)
        with contextlib.closing(state):
            return state.execute("SELECT count(*) FROM files WHERE stage = ?", [stage]).fetchone()[0]

    def wait_for(self, count):
        while self.count("transform") < count:
            if self.process.poll() is not None:
                raise RuntimeError("riacho transform --follow has ended")
            time.sleep(0.02)

    def work_off(self):
        """Seconds from the going on until all references of the outputs are committed."""
        os.sync()
        begun = time.monotonic()
        self.process.send_signal(signal.SIGCONT)
        self.wait_for(1 + self.landed)
        return time.monotonic() - begun

    def peak(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) << 10

    def close(self):
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        self.process.wait()


def riacho(url, name, rows, remote, distinct):
    folder = jobs.fresh("riacho")
    with contextlib.closing(Following(folder, url, rows, remote, distinct)) as following:
        following.land(url, name, rows, remote, distinct)
        seconds, peak = following.work_off(), following.peak()
    found = jobs.rows_in(folder / "output/adjusted/quakes/**/*.parquet", True)
    return {"seconds": seconds, "peak": peak, "found": found}


def pyspark(landed, remote, shape, distinct):
    folder = jobs.fresh("spark_warm_session")
    words = [remote, landed / "output/landing/quakes", shape, APART, "distinct" if distinct else "all"]
    done = meter.measure([jobs.PYTHON, "-B", jobs.PEERS / "spark_warm_session.py", *words], folder)
    found = jobs.rows_in(folder / "adjusted" / FILES_OF[shape], True)
    return {"seconds": done.marks["done"] - done.marks["begun"], "found": found}


def take_turns(rounds, **who):
    """The first round is for the JVM to grow warm; it does not count."""
    taken = {name: [] for name in who}
    for turn in range(rounds + 1):
        for name, start in who.items():
            sample = start()
            print(f"bench: {name} {sample['seconds']:.2f} s", file=sys.stderr, flush=True)
            if turn > 0:
                taken[name].append(sample)
    return taken


def seconds_of(samples):
    return statistics.median(sample["seconds"] for sample in samples)


def check_same(taken):
    one, *others = (samples[0]["found"] for samples in taken.values())
    for column, value in one.items():
        for other in others:
            near = isinstance(value, float) and abs(value - other[column]) <= 1e-6 * abs(value)
            if not near and value != other[column]:
                raise SystemExit(f"the rows differ: {column} is {value} and {other[column]}")


def large(rounds, url, remote, distinct):
    landed = land("a", url, 100_000, remote)
    taken = take_turns(
        rounds,
        riacho=lambda: riacho(url, "a", 100_000, remote, distinct),
        pyspark=lambda: pyspark(landed, remote, "together", distinct),
        pyspark_partitioned=lambda: pyspark(landed, remote, "partitioned", distinct),
    )
    check_same(taken)
    mine, other, like = (seconds_of(samples) for samples in taken.values())
    return {
        "rows": taken["riacho"][0]["found"]["rows"],
        "riacho_s": round(mine, 2),
        "pyspark_s": round(other, 2),
        "pyspark_partitioned_s": round(like, 2),
        "ratio": round(mine / other, 2),
        "ratio_partitioned": round(mine / like, 2),
        "riacho_peak_mib": max(sample["peak"] for sample in taken["riacho"]) >> 20,
    }


def small(rounds, url, remote):
    landed = land("s", url, 10, remote)
    count = data.pages_of("s")
    taken = take_turns(
        rounds,
        riacho=lambda: riacho(url, "s", 10, remote, True),
        pyspark=lambda: pyspark(landed, remote, "apart", True),
    )
    mine, other = count / seconds_of(taken["riacho"]), min(APART, count) / seconds_of(taken["pyspark"])
    return {
        "references": count,
        "riacho_per_s": round(mine, 1),
        "pyspark_per_s": round(other, 1),
        "times": round(mine / other, 1),
        "riacho_peak_mib": max(sample["peak"] for sample in taken["riacho"]) >> 20,
    }


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))    # so that the servers end with it
    jobs.WORK.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as servers:
        nginx = servers.enter_context(contextlib.closing(server.nginx(data.HOME, HOME / "nginx")))
        spark = servers.enter_context(SparkServer(HOME / "spark", memory="3g", java=JAVA))
        # PySpark's client sends a token without TLS to this name alone.
        remote = f"sc://localhost:{spark.port}/;token={TOKEN}"
        data.make("c")
        told = {
            "small": small(rounds, nginx.url, remote),
            "large": large(rounds, nginx.url, remote, distinct=False),
            "large_distinct": large(rounds, nginx.url, remote, distinct=True),
        }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
