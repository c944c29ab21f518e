"""`make bench`: riacho and its peers over the same pages from the same server, in turns; writes bench/RESULTS.md.

    bench.py [--only a,c,d] [--rounds N] [--who NAME]

After each workload its figures go into build/bench/results.json, and RESULTS.md is made anew from it; with --only the
other workloads keep what they had. The READMEs quote its short table.
Where time goes beside the peers, and what is fair about them, is told in docs/performance.md.
"""

import argparse
import contextlib
import datetime
import json
import os
import shutil
import signal
import sys
import uuid

import data
import jobs
import machine
import server
import table

sys.path.insert(0, str(jobs.ROOT / "tests" / "support"))
HOME = jobs.ROOT / "build" / "bench"
RESULTS = HOME / "results.json"
WAIT_MS = 50    # of the slow server of workload h


class Bench:
    """The servers of one run, and the samples so far."""

    def __init__(self, servers, rounds, who):
        self.servers, self.rounds, self.who, self.cluster = servers, rounds, who, None
        self.nginx = servers.enter_context(contextlib.closing(server.nginx(data.HOME, HOME / "nginx")))

    def slow_url(self):
        return self.servers.enter_context(contextlib.closing(server.slow(data.HOME, WAIT_MS))).url

    def brokers(self):
        """The address of a Kafka, started for the first who asks."""
        if self.cluster is None:
            from kafka_cluster import Cluster

            folder = HOME / "kafka"
            shutil.rmtree(folder, ignore_errors=True)
            self.cluster = self.servers.enter_context(Cluster("kraft", folder))
        return self.cluster.brokers

    def kafka(self):
        """The environment of a peer that wants Kafka, with a topic of its own."""
        return {"BENCH_KAFKA": self.brokers(), "BENCH_TOPIC": make_topic(self.brokers())}


def make_topic(brokers):
    from kafka.admin import KafkaAdminClient, NewTopic

    admin, name = KafkaAdminClient(bootstrap_servers=brokers), f"bench-{uuid.uuid4().hex[:8]}"
    admin.create_topics([NewTopic(name, num_partitions=1, replication_factor=1)])
    admin.close()
    return name


# ---- jobs: each gives (measure, folder) and is turned into one sample ----


LANDED = {"riacho": "output/landing/quakes/*.parquet", "dlt_rest_api": "landed/dlt/quakes/*.parquet"}
ADJUSTED = {"riacho": "output/adjusted/quakes/**/*.parquet"}


def sample_of(measure, **more):
    return {"seconds": measure.seconds, "cpu": measure.cpu, "peak": measure.peak, **more}


def extract(name, url, rows=None):
    def start():
        measure, folder = jobs.riacho("extract", url, name, rows)
        return sample_of(measure, landed=measure.seconds), {"landed": folder / LANDED["riacho"]}

    return start


def run(name, url, rows=None, csv=True, brokers=None):
    """`brokers`: gives the address of Kafka; None: the broker is `local`."""

    def start():
        measure, folder = jobs.riacho("run", url, name, rows, csv, brokers and brokers())
        files = {"landed": folder / LANDED["riacho"], "adjusted": folder / ADJUSTED["riacho"]}
        return sample_of(measure, whole=measure.seconds), files

    return start


def peer(script, name, url, mode="all", kafka=None):
    def start():
        measure, folder = jobs.peer(script, mode, url, name, kafka() if kafka else None)
        files = {"landed": folder / LANDED.get(script, "landed/**/*.parquet")}
        sample = sample_of(measure, landed=measure.marks["landed"])
        if mode == "all":
            files["adjusted"] = folder / "adjusted/**/*.parquet"
            sample["whole"] = measure.marks["done"]
        return sample, files

    return start


def read_json(name):
    def start():
        measure, folder = jobs.read_json(name)
        return sample_of(measure, landed=measure.marks["landed"] - measure.marks["begun"]), {
            "landed": folder / "landed.parquet"
        }

    return start


# ---- workloads: the jobs of each, with how many rounds they take part in ----


def earthquakes(bench):
    url = bench.nginx.url
    return {
        "riacho extract": (9, extract("a", url)),
        "riacho run": (9, run("a", url)),
        "DuckDB read_json": (9, read_json("a")),
        "DuckDB from Python": (3, peer("duckdb_python", "a", url)),
        "polars (read_json)": (3, peer("polars_read_json", "a", url)),
        "polars (dicts)": (1, peer("polars_dicts", "a", url, "land")),
        "dlt": (2, peer("dlt_rest_api", "a", url, "land")),
        "PySpark": (2, peer("pyspark_seed", "a", url, kafka=bench.kafka)),
    }


def ten_times(bench):
    return {"riacho run": (1, run("b", bench.nginx.url))}


def cold_start(bench):
    url = bench.nginx.url
    return {
        "riacho run": (11, run("c", url)),
        "DuckDB from Python": (3, peer("duckdb_python", "c", url)),
        "polars (read_json)": (3, peer("polars_read_json", "c", url)),
        "dlt": (3, peer("dlt_rest_api", "c", url, "land")),
        "PySpark": (2, peer("pyspark_seed", "c", url, kafka=bench.kafka)),
    }


def small_files(bench):
    url = bench.nginx.url
    todo = {
        "riacho run": (3, run("d", url, rows=10, csv=False)),
        "riacho run over Kafka": (3, run("d", url, rows=10, csv=False, brokers=bench.brokers)),
    }
    if data.SCALE == 1:    # the same records in 20 pages: a part of them would be others
        data.make("d20")
        todo["riacho run, 20 pages"] = (3, run("d20", url, rows=10, csv=False))
    return todo


def many_small_files(bench):
    return {"riacho run": (1, run("d10", bench.nginx.url, rows=10, csv=False))}


def landing_of(name):
    def make(bench):
        url = bench.nginx.url
        return {
            "riacho extract": (3, extract(name, url)),
            "DuckDB read_json": (3, read_json(name)),
            "DuckDB from Python": (2, peer("duckdb_python", name, url, "land")),
            "polars (read_json)": (2, peer("polars_read_json", name, url, "land")),
            "dlt": (1, peer("dlt_rest_api", name, url, "land")),
        }

    return make


def far_away(bench):
    url = bench.slow_url()
    return {
        "riacho run": (2, run("h", url)),
        "DuckDB from Python": (1, peer("duckdb_python", "h", url)),
        "polars (read_json)": (1, peer("polars_read_json", "h", url)),
        "dlt": (1, peer("dlt_rest_api", "h", url, "land")),
    }


WORKLOADS = {
    "a": earthquakes,
    "c": cold_start,
    "d": small_files,
    "b": ten_times,
    "e": landing_of("e"),
    "f": landing_of("f"),
    "g": landing_of("g"),
    "h": far_away,
    "d10": many_small_files,
}


# ---- floors of (a), each measured alone, from what riacho has just made ----


def floors_of(name, bench):
    (HOME / "durable").mkdir(exist_ok=True)
    run(name, bench.nginx.url)()
    landed = f"'{jobs.WORK}/riacho/output/landing/quakes/*.parquet'"
    adjusted = f"'{jobs.WORK}/riacho/output/adjusted/quakes/**/*.parquet'"
    to = str(HOME / "floor")
    parquet, csv = f"'{to}.parquet' (FORMAT parquet, COMPRESSION zstd)", f"'{to}.csv' (HEADER)"
    write = f"COPY t TO {parquet}"
    return {
        "receive the pages (libcurl)": jobs.floor("fetch", f"{bench.nginx.url}/{name}", data.pages_of(name)),
        "parse them (yyjson)": jobs.floor("parse", *data.page_paths(name)),
        "encode the landing (DuckDB COPY of ready vectors)": jobs.floor("copy", table_of(landed), write),
        "encode the adjusted files (the same)": jobs.floor("copy", table_of(adjusted), write),
        "write the CSV (DuckDB COPY of ready vectors)": jobs.floor("copy", table_of(adjusted), f"COPY t TO {csv}"),
        "make the files durable (fsync)": jobs.floor("durable", HOME / "durable", *files_made()),
    }


def files_made():
    """How many files the last run of riacho left, and the bytes of the average one."""
    sizes = [path.stat().st_size for path in (jobs.WORK / "riacho" / "output").glob("*/**/*.*") if path.is_file()]
    return len(sizes), sum(sizes) // len(sizes)


def table_of(files):
    return f"CREATE TABLE t AS FROM read_parquet({files}, union_by_name = true)"


# ---- the run ----


def measure(key, bench):
    """Takes the jobs of a workload in turns, round by round, and checks what each left; gives the section."""
    size = data.make(key)
    section = {"bytes": size, "records": data.rows_of(key), "load": os.getloadavg()[0], "jobs": {}, "failed": {}}
    section["begun"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="minutes")
    todo, checks = {who: job for who, job in WORKLOADS[key](bench).items() if bench.who in who}, {}
    for turn in range(max(rounds for rounds, _ in todo.values())):
        for label, (rounds, start) in todo.items():
            if turn < min(rounds, bench.rounds) and label not in section["failed"]:
                take_turn(key, label, start, section, checks)
    if key == "a" and "riacho run" in section["jobs"]:
        section["floors"] = floors_of(key, bench)
    return section


def take_turn(key, label, start, section, checks):
    """One run of one job. What fails, or leaves other rows than it should, has no figures at all."""
    try:
        sample, files = start()
        if label not in checks:
            checks[label] = check(key, files, checks)
    except (RuntimeError, WrongRows) as fault:
        say(f"({key}) {label} FAILED: {fault}")
        section["failed"][label] = str(fault).strip().splitlines()[-1]
        section["jobs"].pop(label, None)
        return
    section["jobs"].setdefault(label, []).append(sample)
    say(f"({key}) {label}: {sample['seconds']:.2f} s, CPU {sample['cpu']:.2f} s, {sample['peak'] >> 20} MiB")


class WrongRows(Exception):
    pass


def check(key, files, checks):
    """Counts the landed rows, and compares the adjusted ones with those of whoever came first."""
    found = {kind: jobs.rows_in(pattern, kind == "adjusted") for kind, pattern in files.items()}
    if found["landed"]["rows"] != data.rows_of(key):
        raise WrongRows(f"landed {found['landed']['rows']} rows, not {data.rows_of(key)}")
    first = next((check["adjusted"] for check in checks.values() if "adjusted" in check), None)
    if first and "adjusted" in found:
        for column, value in found["adjusted"].items():
            if not is_like(value, first[column]):
                raise WrongRows(f"adjusted rows: {column} is {value}, not {first[column]}")
    return found


def is_like(value, expected):
    """Sums of doubles may differ in their last digits: the order of the rows is not told."""
    return value == expected or isinstance(value, float) and abs(value - expected) <= 1e-6 * abs(expected)


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def load_results():
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {"sections": {}}


def save(results):
    if data.SCALE != 1:
        print(table.page(results))
        return
    RESULTS.write_text(json.dumps(results, indent=1))
    (jobs.ROOT / "bench" / "RESULTS.md").write_text(table.page(results))
    table.quote(results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="workloads, such as a,c,d; all of them otherwise")
    parser.add_argument("--rounds", type=int, default=99, help="at most so many rounds")
    parser.add_argument("--who", default="", help="only jobs with this in their name, such as riacho")
    asked = parser.parse_args()
    chosen = asked.only.split(",") if asked.only else list(WORKLOADS)
    unknown = set(chosen) - set(WORKLOADS)
    if unknown:
        parser.error(f"there is no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))    # so that the servers end with it
    jobs.WORK.mkdir(parents=True, exist_ok=True)
    results = load_results() if asked.only else {"sections": {}}
    results["machine"], results["versions"] = machine.facts(), machine.versions(jobs.RIACHO, jobs.PYTHON)
    with contextlib.ExitStack() as servers:
        bench = Bench(servers, asked.rounds, asked.who)
        for key in chosen:
            say(f"workload {key}")
            results["sections"][key] = measure(key, bench)
            save(results)
            jobs.clear()
    say("wrote bench/RESULTS.md" if data.SCALE == 1 else "a part of the pages only: nothing written")
    return 1 if any(section["failed"] for section in results["sections"].values()) else 0


if __name__ == "__main__":
    sys.exit(main())
