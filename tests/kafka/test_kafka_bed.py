"""The clusters of the test bed: they are real ones, and come back over their data after SIGKILL."""

import kafka
import pytest
from kafka_cluster import PASSWORD, USER


def test_what_was_written_is_there_after_a_kill(cluster, eye):
    eye.create_topic("bed", partitions=3)
    eye.produce("bed", *[(f"key {n}", f"value {n}", {"n": str(n)}) for n in range(20)])

    cluster.kill()
    cluster.start()

    messages = eye.read("bed")
    assert {(m.key, m.value, m.headers["n"]) for m in messages} == {
        (f"key {n}", f"value {n}".encode(), str(n)) for n in range(20)
    }
    assert sum(eye.ends("bed").values()) == 20
    assert sorted(eye.kcat("-C", "-t", "bed", "-e", "-q", "-f", "%k=%s\n").splitlines()) == sorted(
        f"key {n}=value {n}" for n in range(20)
    )


def test_the_secure_listener_lets_in_only_who_has_the_password(cluster):
    def topics(password, patience_ms):
        consumer = kafka.KafkaConsumer(
            bootstrap_servers=cluster.secure_brokers,
            security_protocol="SASL_SSL",
            sasl_mechanism=cluster.secure_config["sasl.mechanism"],
            sasl_plain_username=USER,
            sasl_plain_password=password,
            ssl_cafile=cluster.secure_config["ssl.ca.location"],
            bootstrap_timeout_ms=patience_ms,
        )
        try:
            return consumer.topics()
        finally:
            consumer.close()

    assert isinstance(topics(PASSWORD, 30000), set)
    with pytest.raises(kafka.errors.KafkaError):
        topics("wrong", 1500)


def test_records_that_retention_removed_are_gone(eye):
    eye.create_topic("short")
    eye.produce("short", *[("k", str(n)) for n in range(10)])

    eye.delete_records("short", {0: 7})

    assert [message.value for message in eye.read("short")] == [b"7", b"8", b"9"]
