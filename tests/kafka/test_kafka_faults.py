"""What may go wrong with the cluster: the program waits and says so, or fails and says why; then it goes on."""

import os
import subprocess
import time

import pytest
from kafka_cluster import Cluster
from kafka_river import small_files
from ports import free_port
from riacho import wait_until

FILES, RECORDS = 20, 5
IDS = range(FILES * RECORDS)


# ---- down at the start ----


def test_a_broker_that_is_down_is_waited_for_with_a_message(api, cluster, river):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf)

    cluster.kill()
    with p.start("run") as process:
        wait_until(lambda: cluster.brokers in process.stderr)
        assert "wait" in process.stderr
        cluster.start()
        process.wait(60)

    p.check()
    p.check_ids("items", IDS)


@pytest.mark.parametrize("command", ["run", "extract", "transform", "export"])
def test_with_no_wait_a_broker_that_is_down_fails_at_once(api, cluster, river, command):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf, brokers=f"127.0.0.1:{free_port()}")

    failed = p.do(command, "--no-wait", status=1, timeout=40)

    assert p.conf["broker"]["brokers"] in failed.stderr and "hint: " in failed.stderr


def test_waiting_for_a_broker_ends_with_a_signal(api, river):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf, brokers=f"127.0.0.1:{free_port()}")

    with p.start("run") as process:
        wait_until(lambda: p.conf["broker"]["brokers"] in process.stderr)
        process.stop(status=143)


# ---- a full disk ----


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 16 MiB, and what fills it and frees it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small disk needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder):
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while file.write(bytes(65536)):
                pass
        except OSError:
            pass


def test_a_full_disk_of_the_broker_is_waited_out(api, river, small_disk, running_cluster, tmp_path):
    _, conf = small_files(api, 60, RECORDS, delay=0.05)

    with Cluster(running_cluster.flavour, tmp_path / "small", data=small_disk / "data") as small:
        p = river(conf, on=small)
        with p.start("run") as process:
            wait_until(lambda: len(p.files("adjusted", "items")) > 3)
            fill(small_disk)
            wait_until(lambda: not small.broker.pid, timeout=60)  # Kafka ends when its only disk fails
            time.sleep(2)
            assert process.is_running(), process.result()
            os.remove(small_disk / "filler")
            small.start()
            process.wait(120)

        p.check()
        p.check_ids("items", range(60 * RECORDS))


# ---- what is gone ----


def test_a_topic_that_was_deleted_is_made_and_filled_again(api, eye, river):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf)
    p.do("extract")

    eye.delete_topic(p.topic("landed"))
    p.do("transform")
    eye.delete_topic(p.topic("adjusted"))
    p.do("export")

    p.check_ids("items", IDS)
    p.check_references("adjusted", "adjusted")


def test_a_topic_that_somebody_else_made_again_is_filled_again(api, eye, river):
    """By hand, or by the process of another host, which never sent anything to it."""
    _, conf = small_files(api, FILES, RECORDS)
    p, other = river(conf), river(conf, "other")
    p.do("extract")

    eye.delete_topic(p.topic("landed"))
    eye.create_topic(p.topic("landed"), partitions=3, retention_ms=-1)
    p.do("transform")
    eye.delete_topic(p.topic("adjusted"))
    other.do("export")
    p.do("export")

    p.check_ids("items", IDS)
    p.check_references("adjusted", "adjusted")


def test_a_topic_that_is_deleted_in_mid_run_loses_nothing(api, eye, river):
    _, conf = small_files(api, 60, RECORDS, delay=0.05)
    p = river(conf, config={"topic.metadata.propagation.max.ms": "3000"})

    with p.start("run") as process:
        wait_until(lambda: len(p.files("adjusted", "items")) > 3)
        eye.delete_topic(p.topic("landed"))
        process.wait(120, status=None)
        assert process.popen.returncode in (0, 1), process.result()
        if process.popen.returncode == 1:
            assert p.topic("landed") in process.stderr
    p.run()

    p.check_ids("items", range(60 * RECORDS))


def test_references_that_retention_removed_are_an_error(api, eye, river):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf, create_topics={"partitions": 1})
    p.do("extract")
    with p.start("transform", "--follow") as process:
        wait_until(lambda: p.lag("transform", "landed") == 0)
        process.stop()
    event = eye.read(p.topic("landed"))[0]
    eye.produce(p.topic("landed"), *[(event.key, event.value)] * 10)
    end = eye.ends(p.topic("landed"))[0]

    eye.delete_records(p.topic("landed"), {0: end - 2})
    failed = p.do("transform", status=1)

    assert p.topic("landed") in failed.stderr and "hint: " in failed.stderr
    assert str(end - 10) in failed.stderr


def test_a_group_that_begins_after_references_were_removed_is_an_error(api, eye, river):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf, create_topics={"partitions": 1})
    p.do("extract")

    eye.delete_records(p.topic("landed"), {0: 3})
    failed = p.do("transform", status=1)

    assert p.topic("landed") in failed.stderr and "hint: " in failed.stderr
