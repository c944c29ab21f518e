"""A pipeline over Kafka, and what must be true of it at any time that nothing runs."""

import collections
import csv
import json

import pyarrow.parquet as pq
from riacho import Pipeline, conf_of, resource_of, sha256_of

# Quick to notice what the tests do to broker and consumers; people keep librdkafka's own values.
QUICK = {
    "session.timeout.ms": "3000",
    "heartbeat.interval.ms": "300",
    "reconnect.backoff.ms": "50",
    "reconnect.backoff.max.ms": "500",
    "topic.metadata.refresh.interval.ms": "1000",
}


# A cluster with some thousands of partitions starts slowly.
FEW = {"partitions": 4}


def broker_of(cluster, brokers=None, config=None, **more):
    """The pipeline file's `broker:`; `config` adds to librdkafka's settings, `create_topics` None leaves that out."""
    told = {"type": "kafka", "brokers": brokers or cluster.brokers, "config": {**QUICK, **(config or {})}}
    told.update({"create_topics": FEW, **more})
    return {key: value for key, value in told.items() if value is not None}


def small_files(api, count, records=5, path="/items", **served):
    """A source of many small landing files, with ids from 0: (its endpoint, the pipeline's settings). It gives
    only what is new since the cursor, so that one more run, after one that ended unseen, adds nothing."""
    total = count * records
    items = api.add(path, style="page_number", total=total, page_size=records, **served)

    def answer(exchange):
        since = int(exchange.params["since"])
        first = since + int(exchange.params.get("page", 0)) * records
        rows = [items.record(number) for number in range(first, min(first + records, total))]
        body = {"data": rows, "total": -(-(total - since) // records)}
        exchange.send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    items.fail_always(answer)
    endpoint = {
        "params": {"since": "{incremental.start_value}"},
        "incremental": {"cursor_path": "id", "initial_value": 0},
    }
    return items, conf_of(api, resource_of("items", items, endpoint), landing={"roll": {"rows": records}})


class River(Pipeline):
    """One host of it: the output folders are the `shared` ones, the state is the host's."""

    def __init__(self, folder, conf, shared, eye, env=None):
        self.shared, self.eye, self.processes = shared, eye, []
        folders = {
            "landing": {**conf.get("landing", {}), "dir": str(shared / "landing")},
            "transform": {**conf.get("transform", {}), "dir": str(shared / "adjusted")},
            "exports": [{**export, "dir": str(shared / "csv")} for export in conf.get("exports", [])],
            "state": "state",
        }
        super().__init__(folder, {**conf, **folders}, env)

    @property
    def name(self):
        return self.conf["name"]

    @property
    def output(self):
        return self.shared

    @property
    def state(self):
        return self.dir / "state"

    def start(self, command, *args):
        self.processes.append(super().start(command, *args))
        return self.processes[-1]

    def topic(self, kind):
        return f"{self.name}.{kind}"

    def group(self, stage):
        return f"{self.name}.{stage}"

    def events(self, kind):
        return self.eye.events(self.topic(kind))

    def lag(self, stage, kind):
        return self.eye.lag(self.group(stage), self.topic(kind))

    def dead_letters(self):
        return self.do("dead list", "--json", status=None).json()["dead"]

    def check(self, stages=("transform", "export:csv")):
        """Topics and files agree: each file has its reference, each reference its whole file; nothing is left
        over, and the groups are through."""
        assert not self.left_over()
        self.check_references("landed", "landing")
        if "transform" in stages:
            self.check_references("adjusted", "adjusted")
            assert self.lag("transform", "landed") == 0
        if "export:csv" in stages:
            assert self.lag("export:csv", "adjusted") == 0

    def check_references(self, topic, root):
        known = set()
        for event in self.events(topic):
            data = event["data"]
            path = self.output / root / data["path"]
            known.add(path)
            assert path.stat().st_size == data["bytes"], event
            assert sha256_of(path) == data["sha256"], event
            assert pq.ParquetFile(path).metadata.num_rows == data["rows"], event
        there = {path for path in (self.output / root).rglob("*.parquet") if ".tmp" not in path.parts}
        assert there == known, {"unreferred": there - known, "missing": known - there}

    def ids(self, kind, name):
        """The column "id" of all files of a kind (landing, adjusted, csv), as a multiset. Reads that column only."""
        count = collections.Counter()
        for path in self.files(kind, name):
            if kind == "csv":
                with open(path, newline="", encoding="utf-8") as file:
                    count.update(int(row["id"]) for row in csv.DictReader(file))
            else:
                count.update(pq.ParquetFile(path).read(columns=["id"])["id"].to_pylist())
        return count

    def check_ids(self, name, expected, kinds=("landing", "adjusted", "csv")):
        """No record is lost and none is doubled."""
        expected = collections.Counter(expected)
        for kind in kinds:
            have = self.ids(kind, name)
            lost, extra = expected - have, have - expected
            assert not lost and not extra, (
                f"{kind}: {lost.total()} lost, {extra.total()} doubled; "
                f"lost: {sorted(lost)[:5]}; doubled: {sorted(extra)[:5]}"
            )


