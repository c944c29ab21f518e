"""SIGKILL to brokers, producers and consumers while references flow: none is lost, no output is doubled."""

import random
import shutil
import time

import pytest
import riacho
from kafka_river import small_files
from riacho import wait_until

pytestmark = [pytest.mark.torture, pytest.mark.timeout(7200 if riacho.IS_TORTURE else 300)]

BROKER_KILLS, KILLS = 50, 100
FILES = 2000 if riacho.IS_TORTURE else 120
RECORDS = 4

# Of a hundred kills, in CI: a tenth, for both clusters together.
SHARE = {"kraft": 6, "zookeeper": 4}


def part_of(kills, cluster):
    return kills if riacho.IS_TORTURE else kills * SHARE[cluster.flavour] // 100


class Fleet:
    """Processes of one pipeline on two hosts, each of which is started again whenever it was killed."""

    def __init__(self, extractor, other):
        self.jobs = [(extractor, "extract"), (extractor, "transform --follow"), (other, "transform --follow")]
        self.jobs += [(extractor, "export --follow"), (other, "export --follow")]
        self.processes = [self.launch(job) for job in range(len(self.jobs))]

    def launch(self, job):
        host, command = self.jobs[job]
        return host.start(command)

    def kill(self, job):
        """Whether SIGKILL met it running; it must have ended well otherwise, which only the extraction may."""
        process = self.processes[job]
        if process.kill():
            self.processes[job] = self.launch(job)
            return True
        assert job == 0 and process.popen.returncode == 0, process.result()
        return False

    def wait_for_the_extraction(self):
        self.processes[0].wait(timeout=600)

    def check(self):
        for process in self.processes[1:]:
            assert process.is_running(), process.result()

    def stop(self):
        for process in self.processes[1:]:
            process.stop(timeout=60)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for process in self.processes:
            process.__exit__()


def drain(hosts):
    """What is still on its way arrives."""
    for command in ("transform", "export"):
        for host in hosts:
            host.do(command, timeout=600)


def through_kills(api, river, chance, kills, strike):
    """Lets all the references flow while `strike(fleet)`, which tells how many it killed, is called at random moments.
    The source keeps pace: when half of the kills are done, half of the files have landed."""
    items, conf = small_files(api, FILES, RECORDS)
    hosts = [river(conf, "a", create_topics=None), river(conf, "b", create_topics=None)]
    done = 0

    with Fleet(*hosts) as fleet:
        while done < kills:
            done += strike(fleet)
            fleet.check()
            is_ahead = len(hosts[0].files("landing", "items")) * kills > done * FILES
            items.delay = 1 if is_ahead else 0.005
            time.sleep(chance.uniform(0.1, 1.0))
        items.delay = 0
        fleet.wait_for_the_extraction()
        fleet.check()
        fleet.stop()
    drain(hosts)

    hosts[0].check()
    hosts[0].check_ids("items", range(FILES * RECORDS))


def test_kills_of_producers_and_consumers_lose_and_double_nothing(api, cluster, river):
    chance = random.Random(20180206)

    through_kills(api, river, chance, part_of(KILLS, cluster), lambda fleet: fleet.kill(chance.randrange(5)))


def test_kills_of_the_broker_lose_and_double_nothing(api, cluster, river):
    chance = random.Random(19550503)

    def strike(fleet):
        cluster.kill()
        time.sleep(chance.choice([0, 0, 1.5]))
        cluster.start()
        return 1

    through_kills(api, river, chance, part_of(BROKER_KILLS, cluster), strike)


def test_a_consumer_without_its_ledger_neither_loses_nor_doubles(api, cluster, river):
    """Its state folder is removed between the kills, as on a machine that is made anew."""
    chance = random.Random(20260101)
    _, conf = small_files(api, FILES // 4, RECORDS)
    source, lost = river(conf, "source"), river(conf, "lost")
    source.do("extract")
    kills = 0

    while kills < max(part_of(KILLS, cluster) // 4, 3):
        with lost.start("transform", "--follow") as process:
            time.sleep(chance.uniform(0.3, 1.5))
            kills += process.kill()
        shutil.rmtree(lost.state, ignore_errors=True)
    lost.do("transform", timeout=300)
    source.do("transform", timeout=300)
    source.do("export", timeout=300)

    source.check()
    source.check_ids("items", range(FILES // 4 * RECORDS))


def through_freezes(api, cluster, river, seconds, **broker):
    _, conf = small_files(api, 60, RECORDS, delay=0.05)
    p = river(conf, **broker)

    with p.start("run") as process:
        wait_until(lambda: len(p.files("adjusted", "items")) >= 3)
        for _ in range(2):
            cluster.freeze()
            time.sleep(seconds)
            cluster.thaw()
            time.sleep(1)
        process.wait(300)

    p.check()
    p.check_ids("items", range(60 * RECORDS))


@pytest.mark.skipif(not riacho.IS_TORTURE, reason="waits for time-outs; make torture runs it")
def test_a_frozen_broker_is_waited_for(api, cluster, river):
    """Longer than its members' sessions."""
    through_freezes(api, cluster, river, 10)


def test_a_broker_that_is_frozen_longer_than_any_time_out_is_waited_for(api, cluster, river):
    """The client gives up messages and requests, the server its session with itself: a run hung for ever here."""
    short = {"message.timeout.ms": "3000", "socket.timeout.ms": "1000", "session.timeout.ms": "2000"}
    through_freezes(api, cluster, river, 3.5, config=short)
