"""How many references a second go from the landing to CSV: over `local`, and over a Kafka that it starts.

    build/venv/bin/python bench/references.py [COUNT]

COUNT landing files of a few rows (2,000) are landed first; measured is the `riacho run` that carries their references
through both topics, so that the files hardly count. The two brokers take turns, three times; the best of each is told.
"""

import json
import pathlib
import resource
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from api_server import Api  # noqa: E402
from kafka_cluster import Cluster  # noqa: E402
from kafka_river import small_files  # noqa: E402
from riacho import Pipeline  # noqa: E402

RECORDS, ROUNDS = 4, 3


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(folder, broker, count):
    """Seconds and CPU seconds of riacho for `count` references through transform and export."""
    with Api() as api:
        _, conf = small_files(api, count, RECORDS)
        p = Pipeline(folder, {**conf, "name": folder.name, "broker": broker})
        p.do("extract", timeout=600)
        began, cpu = time.monotonic(), cpu_seconds()
        p.run(timeout=600)
        seconds, cpu = time.monotonic() - began, cpu_seconds() - cpu
    assert len(p.files("csv", "items")) == count
    return seconds, cpu


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder, Cluster("kraft", pathlib.Path(folder) / "kafka") as cluster:
        brokers = {"local": {"type": "local"}, "kafka": {"type": "kafka", "brokers": cluster.brokers}}
        measured = {kind: [] for kind in brokers}
        for turn in range(ROUNDS):
            for kind, broker in brokers.items():
                measured[kind].append(measure(pathlib.Path(folder) / f"{kind}{turn}", broker, count))
        cluster.stop()
    best = {kind: min(seconds for seconds, _ in all_of) for kind, all_of in measured.items()}
    cpu = {kind: min(used for _, used in all_of) for kind, all_of in measured.items()}
    told = {
        "references": count,
        "per_second": {kind: round(count / seconds) for kind, seconds in best.items()},
        "cpu_ms_each": {kind: round(used / count * 1000, 2) for kind, used in cpu.items()},
        "kafka_to_local": round(best["kafka"] / best["local"], 2),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
