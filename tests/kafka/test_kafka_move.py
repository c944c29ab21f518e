"""`riacho state move`: what is unsent and unread goes along from one broker to the other, whenever it is killed."""

import random
import subprocess

import pytest
import riacho
from kafka_river import small_files
from riacho import wait_until

FILES, RECORDS = 30, 5
IDS = range(FILES * RECORDS)
LOCAL = {"type": "local"}
KILLS = 20 if riacho.IS_TORTURE else 2

# Slow enough that a transform can be stopped in the middle.
SLOW = {"tables": [{"name": "items", "from": "items", "sql": "SELECT *, sleep_ms(20) AS waited FROM items"}]}


class Mover:
    """A pipeline that changes its broker."""

    def __init__(self, river, conf):
        self.p = river({**conf, "transform": SLOW})
        self.kafka = self.p.conf["broker"]

    def use(self, kind):
        self.p.write({**self.p.conf, "broker": self.kafka if kind == "kafka" else LOCAL})

    def move(self, to, run):
        """`run` carries out `state move`. The file names Kafka while it moves, in either direction."""
        self.use("kafka")
        run("--to", to)
        self.use(to)


@pytest.fixture
def mover(api, river):
    _, conf = small_files(api, FILES, RECORDS, delay=0.05)
    return Mover(river, conf)


def begin(mover, kind):
    """Everything landed with that broker, and at least a part of it transformed; of that again a part exported."""
    mover.use(kind)
    p = mover.p
    with p.start("extract") as process:
        wait_until(lambda: len(p.files("landing", "items")) >= 5)
        process.stop(status=143)
    p.do("transform")
    p.do("export")
    p.do("extract")
    some = len(p.files("adjusted", "items"))
    with p.start("transform", "--follow") as process:
        wait_until(lambda: len(p.files("adjusted", "items")) > some)
        process.stop()
    assert len(p.files("csv", "items")) == some < len(p.files("adjusted", "items")) <= FILES


def end(mover):
    mover.p.do("transform")
    mover.p.do("export")
    mover.p.check_ids("items", IDS)
    assert not mover.p.left_over()


OTHER = {"local": "kafka", "kafka": "local"}


@pytest.mark.parametrize("kind", OTHER)
def test_what_is_unread_goes_along(mover, kind):
    begin(mover, kind)
    mover.use(OTHER[kind])
    refused = mover.p.do("transform", status=2)

    mover.move(OTHER[kind], lambda *args: mover.p.do("state move", *args))

    assert "state move" in refused.stderr
    end(mover)


def test_there_and_back_again(mover):
    begin(mover, "local")

    for to in ("kafka", "local", "kafka"):
        mover.move(to, lambda *args: mover.p.do("state move", *args))

    end(mover)


@pytest.mark.parametrize("kind", OTHER)
def test_a_move_that_is_killed_is_made_again(mover, kind):
    begin(mover, kind)
    chance = random.Random(20180206)

    def run_with_kills(*args):
        longest = 1.5
        for _ in range(KILLS):
            with mover.p.start("state move", *args) as process:
                try:
                    process.popen.wait(chance.uniform(0, longest))
                except subprocess.TimeoutExpired:
                    process.kill()
        mover.p.do("state move", *args)

    mover.move(OTHER[kind], run_with_kills)

    end(mover)


def test_a_state_that_is_in_use_is_not_moved(mover):
    mover.use("kafka")
    p = mover.p
    p.do("extract")

    with p.start("transform", "--follow") as process:
        wait_until(lambda: len(p.files("adjusted", "items")) >= 1)
        refused = p.do("state move", "--to", "local", status=1)
        assert process.is_running() and "another process" in refused.stderr
        process.stop()

    end(mover)


def test_without_the_cluster_there_is_no_move(mover, cluster):
    mover.use("kafka")
    mover.p.do("extract")

    cluster.kill()
    failed = mover.p.do("state move", "--to", "local", status=1)
    cluster.start()

    assert cluster.brokers in failed.stderr
    end(mover)
