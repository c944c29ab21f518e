"""riacho, a worker, and the Connect server die in the middle of jobs, while the source goes on giving: nothing is
lost, nothing is there twice, nothing is dead."""

import json
import random
import time

import pytest
import riacho
from riacho import conf_of, resource_of

pytestmark = [pytest.mark.spark, pytest.mark.torture, pytest.mark.timeout(3000)]

PAGE = 5
PAGES_A_RUN = 4
KILLS = 30 if riacho.IS_TORTURE else 3
SLOW_KILLS = 30 if riacho.IS_TORTURE else 1  # what dies takes seconds to come up again
COLUMNS = {"id": {"path": "id", "type": "bigint"}, "v": {"path": "v", "type": "bigint"}}
TABLES = [
    {"name": "n", "from": "items", "columns": COLUMNS, "distinct": "id"},
    {"name": "even", "from": "items", "columns": COLUMNS, "where": "id % 2 = 0"},
]


class GrowingSource:
    """Gives some records more when it is asked anew and the last ones are worked off, until it is told to end."""

    def __init__(self, api, worked_off):
        self.total, self.has_ended, self.worked_off = 0, False, worked_off
        self.endpoint = api.add("/items", style="page_number", total=0, page_size=PAGE)
        self.endpoint.fail_always(self.answer)

    def answer(self, exchange):
        since, page = int(exchange.params["since"]), int(exchange.params.get("page", 0))
        if page == 0 and not self.has_ended and self.worked_off() >= self.total:
            self.total += PAGE * PAGES_A_RUN
        first = since + page * PAGE
        ids = range(first, min(first + PAGE, self.total))
        body = {"data": [{"id": n, "v": str(n)} for n in ids], "total": -(-(self.total - since) // PAGE)}
        exchange.send(200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    @property
    def resource(self):
        settings = {
            "params": {"since": "{incremental.start_value}"},
            "incremental": {"cursor_path": "id", "initial_value": 0},
        }
        return resource_of("items", self.endpoint, settings)


class Flow:
    """The pipeline at work, over and over, and what must be true of it in the end."""

    def __init__(self, api, pipeline, server):
        self.source = GrowingSource(api, lambda: self.files() * PAGE)
        self.p = pipeline(
            conf_of(
                api,
                self.source.resource,
                landing={"roll": {"rows": PAGE}},
                transform={"engine": "spark", "remote": server.remote, "tables": TABLES},
                schedule={"every": "1s"},
            )
        )
        self.process = self.p.start("run", "--follow")

    def files(self):
        """How many there are of the first table: one for each page."""
        return len(list((self.p.output / "adjusted" / "n").glob("*.parquet")))

    def has_job(self):
        return any((self.p.output / "adjusted").glob(".tmp/*/spark/*"))

    def wait_for_work(self):
        before = self.files()
        riacho.wait_until(lambda: self.files() > before or not self.process.is_running(), timeout=240)
        assert self.process.is_running(), self.process.result()

    def kill_in_jobs(self, kill, seed, count):
        """Calls kill(n) so many times, each at some moment of a job, and after work was done since the last one."""
        chance = random.Random(seed)
        for number in range(count):
            self.wait_for_work()
            time.sleep(chance.uniform(0, 0.5))
            riacho.wait_until(self.has_job, timeout=60, every=0.005)
            kill(number)

    def end(self):
        """All of the source's records are there, once."""
        self.wait_for_work()
        self.source.has_ended = True
        self.process.stop(timeout=120)
        self.p.run(timeout=250)
        self.p.check()
        ids = list(range(self.source.total))
        assert sorted(row["id"] for row in self.p.adjusted("n")) == ids
        assert sorted(int(row["id"]) for row in self.p.csv("n")) == ids
        assert sorted(row["id"] for row in self.p.adjusted("even")) == ids[::2]
        assert self.p.do("dead list", "--json").json()["dead"] == []
        assert len(ids) > PAGE


def test_a_killed_riacho_loses_and_doubles_nothing(api, pipeline, spark_server):
    flow = Flow(api, pipeline, spark_server)

    def kill(number):
        assert flow.process.kill()
        flow.process = flow.p.start("run", "--follow")

    flow.kill_in_jobs(kill, 1, KILLS)
    flow.end()


def test_killed_workers_and_servers_lose_and_double_nothing(api, pipeline, spark_cluster):
    """The server is the driver of a cluster; its workers outlive it, and it comes up again at the same address."""
    flow = Flow(api, pipeline, spark_cluster)

    def kill_server(number):
        spark_cluster.kill()
        spark_cluster.start()

    flow.kill_in_jobs(lambda number: spark_cluster.kill_worker(number % 2), 2, SLOW_KILLS)
    flow.kill_in_jobs(kill_server, 3, SLOW_KILLS)
    flow.end()
