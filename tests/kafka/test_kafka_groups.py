"""Several consumers of one group share the work, join, leave, freeze and come back; nothing is lost or doubled."""

import signal
import sqlite3
import time

from kafka_river import small_files
from riacho import wait_until

FILES, RECORDS = 120, 5

# What a transform does is not the matter here, but each is to have its turn.
SLOW = {"tables": [{"name": "items", "from": "items", "sql": "SELECT *, sleep_ms(10) AS waited FROM items"}]}


def landed(api, river, count=FILES, transform=SLOW, **broker):
    """A river whose landing is done, `count` files of one resource, and its hosts' maker."""
    _, conf = small_files(api, count, RECORDS)
    conf["transform"] = transform

    def host(name):
        return river(conf, name, **broker)

    first = host("first")
    first.do("extract")
    return first, host


def outputs_of(host):
    """How many references the state of that host has worked off."""
    try:
        return host.sql("SELECT count(*) FROM files WHERE stage = 'transform'")[0][0]
    except sqlite3.OperationalError:  # it is just being made
        return 0


def is_through(p):
    return p.lag("transform", "landed") == 0 and len(p.files("adjusted", "items")) >= FILES


def test_two_then_four_consumers_share_one_resource_through_joins_and_leaves(api, eye, river):
    items, conf = small_files(api, FILES, RECORDS, delay=0.2)  # until all four have taken part
    conf["transform"] = SLOW
    first = river(conf, "first", create_topics=None)
    hosts = [river(conf, f"host{n}", create_topics=None) for n in range(4)]

    with first.start("extract") as source:
        processes = [one.start("transform", "--follow") for one in hosts[:2]]
        wait_until(lambda: all(outputs_of(one) > 0 for one in hosts[:2]), timeout=60)
        processes += [one.start("transform", "--follow") for one in hosts[2:]]
        wait_until(lambda: all(outputs_of(one) > 0 for one in hosts), timeout=60)
        assert source.is_running()
        processes[0].stop()
        processes[3].kill()
        items.delay = 0
        source.wait(120)
    wait_until(lambda: is_through(first), timeout=120)
    for process in processes[1:3]:
        process.stop()
    hosts[3].do("transform")
    first.do("export")

    first.check()
    first.check_ids("items", range(FILES * RECORDS))


def test_a_frozen_consumer_that_comes_back_does_no_harm(api, eye, river):
    first, host = landed(api, river, config={"session.timeout.ms": "2000"})
    frozen, other = host("frozen"), host("other")

    sleeper = frozen.start("transform", "--follow")
    wait_until(lambda: len(first.files("adjusted", "items")) >= 3)
    sleeper.popen.send_signal(signal.SIGSTOP)
    with other.start("transform", "--follow") as process:
        wait_until(lambda: is_through(first), timeout=120)
        sleeper.popen.send_signal(signal.SIGCONT)
        wait_until(lambda: len(eye.members(first.group("transform"))) == 2)
        time.sleep(1)
        assert sleeper.is_running()
        sleeper.stop()
        process.stop()
    frozen.do("transform")
    first.do("export")

    first.check()
    first.check_ids("items", range(FILES * RECORDS))


def test_a_transform_three_times_longer_than_the_poll_interval_keeps_its_partitions(api, cluster, river):
    sql = "SELECT *, sleep_ms(6500) AS waited FROM items LIMIT 1"
    long = {"tables": [{"name": "items", "from": "items", "sql": sql}]}
    limits = {"session.timeout.ms": "2000", "max.poll.interval.ms": "2000"}
    first, host = landed(api, river, count=2, transform=long, config=limits)
    log_size = cluster.broker.log.stat().st_size

    with host("other").start("transform", "--follow") as other:
        done = host("slow").do("transform")
        other.stop()
    first.do("export")

    assert done.seconds > 6
    first.check()
    first.check_ids("items", [0, RECORDS], kinds=["adjusted", "csv"])
    with open(cluster.broker.log, errors="replace") as log:
        log.seek(log_size)
        rebalances = [line for line in log if "rebalance group" in line and first.group("transform") in line]
    assert len(rebalances) <= 8, rebalances  # joins and leaves of the two; a storm has one every two seconds
