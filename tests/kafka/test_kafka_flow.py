"""The pipeline over a real cluster: the same rows as over `local`, and references that anybody can read."""

import json

import pytest
from kafka_river import River, small_files
from riacho import assert_same_rows, conf_of, resource_of, without_lineage

ATTRIBUTES = {"id", "source", "type", "subject", "time", "specversion"}


def test_what_is_adjusted_is_the_same_as_over_local(api, pipeline, river):
    items = api.add("/items", style="json_link", total=600, page_size=50)
    notes = api.add("/notes", style="offset", total=70, page_size=20)
    conf = conf_of(api, resource_of("items", items), resource_of("notes", notes))
    local = pipeline({**conf, "name": "local"})
    over_kafka = river(conf)

    local.run()
    over_kafka.run()

    for table in ("items", "notes"):  # lineage names the state
        for rows_of in (River.landing, River.adjusted, River.csv):
            assert_same_rows(map(without_lineage, rows_of(over_kafka, table)), map(without_lineage, rows_of(local, table)))
    over_kafka.check()


def test_an_export_that_is_added_later_gets_all_that_was_adjusted(api, river):
    _, conf = small_files(api, 12)
    p = river(conf)
    p.run()

    late = {**p.conf["exports"][0], "name": "late", "dir": str(p.dir / "late")}
    p.write({**p.conf, "exports": [*p.conf["exports"], late]})
    p.do("transform")
    p.do("export")

    p.check()
    p.check_ids("items", range(60))
    for path in p.files("csv", "items"):
        assert (p.dir / "late" / "items" / path.name).read_bytes() == path.read_bytes()


def test_references_are_cloud_events_that_kcat_reads(api, eye, river):
    _, conf = small_files(api, 30)
    p = river(conf)

    p.run()

    for kind in ("landed", "adjusted"):
        text = eye.kcat("-C", "-t", p.topic(kind), "-e", "-q", "-f", "%k\t%h\t%s\n")
        lines = [line.split("\t") for line in text.splitlines()]
        assert len(lines) == 30
        for key, header_text, value in lines:
            event = json.loads(value)
            assert key == event["id"]
            assert event["specversion"] == "1.0" and event["type"] == f"io.riacho.file.{kind}"
            assert event["source"] == f"/riacho/{p.name}"
            headers = dict(pair.split("=", 1) for pair in header_text.split(","))
            for name in ATTRIBUTES:
                assert headers[f"ce_{name}"] == event[name]
            assert "traceparent" in headers
    places = {message.partition for message in eye.read(p.topic("landed"))}
    assert len(places) > 1, "one resource's files are to spread over the partitions"


def test_the_topics_keep_references_for_ever(api, eye, river):
    _, conf = small_files(api, 2)
    p = river(conf, create_topics=None)

    p.run()

    for kind in ("landed", "adjusted"):
        assert len(eye.ends(p.topic(kind))) == 12
        assert eye.config(p.topic(kind))["retention.ms"] == "-1"


def test_topics_that_may_not_be_made_are_asked_for(api, eye, river):
    items, conf = small_files(api, 3)
    p = river(conf, create_topics=False)

    failed = p.run(status=1)

    assert p.topic("landed") in failed.stderr
    assert "hint: " in failed.stderr and "create" in failed.stderr.lower()
    assert eye.topics(p.name) == []

    for kind in ("landed", "adjusted", "dead"):
        eye.create_topic(p.topic(kind), partitions=2, retention_ms=-1)
    p.run()

    p.check()
    p.check_ids("items", range(15))


def test_hosts_share_folders_and_work(api, river):
    """One host extracts; another, whose state is its own, transforms; a third one exports."""
    _, conf = small_files(api, 20)
    first, second, third = river(conf, "first"), river(conf, "second"), river(conf, "third")

    first.do("extract")
    second.do("transform")
    third.do("export")
    for host in (first, second, third):  # nothing is left for any of them
        assert host.do("transform", "--json").json()["ok"]
        host.do("export")

    first.check()
    first.check_ids("items", range(100))


def test_a_state_that_is_used_with_the_other_broker_is_refused(api, river, pipeline):
    _, conf = small_files(api, 4)
    p = river(conf)
    p.do("extract")

    p.write({**p.conf, "broker": {"type": "local"}})
    refused = p.do("transform", status=2)

    assert "kafka" in refused.stderr and "state move" in refused.stderr


SECURE_FAULTS = {
    "a wrong password": {"sasl.password": "wrong"},
    "no password at all": {"security.protocol": "ssl"},
    "an unknown authority": {"ssl.ca.location": "/etc/ssl/certs/ca-certificates.crt"},
    "plaintext": {"security.protocol": "plaintext"},
}


def test_tls_and_a_password(api, cluster, river, monkeypatch):
    _, conf = small_files(api, 6)
    monkeypatch.setenv("KAFKA_PASSWORD", cluster.secure_config["sasl.password"])
    secure = {**cluster.secure_config, "sasl.password": "${KAFKA_PASSWORD}"}
    p = river(conf, brokers=cluster.secure_brokers, config=secure)

    p.run()

    p.check()
    p.check_ids("items", range(30))


@pytest.mark.parametrize("fault", SECURE_FAULTS)
def test_who_is_not_let_in_is_told_why(api, cluster, river, fault):
    _, conf = small_files(api, 2)
    settings = {**cluster.secure_config, **SECURE_FAULTS[fault]}
    p = river(conf, brokers=cluster.secure_brokers, config=settings)

    failed = p.run("--no-wait", status=1)
    doctor = p.do("doctor", status=1)

    words = {
        "a wrong password": "auth",
        "no password at all": "sasl",
        "an unknown authority": "certificate",
        "plaintext": "security.protocol",
    }
    for told in (failed.stderr, doctor.stdout + doctor.stderr):
        assert words[fault] in told.lower() and cluster.secure_brokers in told
    everything = [failed.stdout, failed.stderr, doctor.stdout, doctor.stderr]
    everything += [data.decode(errors="replace") for path, data in p.all_bytes()]
    assert not any(cluster.secure_config["sasl.password"] in text for text in everything)


def test_status_tells_topics_groups_and_what_is_open(api, river):
    _, conf = small_files(api, 10)
    p = river(conf, create_topics={"partitions": 4})
    p.do("extract")

    before = p.do("status", "--json").json()
    p.do("transform")
    after = p.do("status", "--json").json()
    for_people = p.do("status").stdout

    def topic(told, kind):
        (found,) = [it for it in told["kafka"]["topics"] if it["topic"] == p.topic(kind)]
        return found

    def lag(told, kind, group):
        return {it["group"]: it["lag"] for it in topic(told, kind)["groups"]}[group]

    assert before["kafka"]["brokers"] == after["kafka"]["brokers"]
    assert len(topic(before, "landed")["partitions"]) == 4
    assert sum(part["next"] - part["first"] for part in topic(before, "landed")["partitions"]) == 10
    assert lag(before, "landed", "transform") == 10 and lag(after, "landed", "transform") == 0
    assert lag(after, "adjusted", "export:csv") == 10
    for word in (p.topic("landed"), p.topic("adjusted"), "export:csv", "transform"):
        assert word in for_people


def test_doctor_tells_what_is_well_and_what_is_missing(api, eye, river):
    _, conf = small_files(api, 2)
    p = river(conf)
    p.run()

    well = p.do("doctor")
    eye.delete_topic(p.topic("adjusted"))
    p.write({**p.conf, "broker": {**p.conf["broker"], "create_topics": False}})
    missing = p.do("doctor", status=1)

    assert p.conf["broker"]["brokers"] in well.stdout
    assert p.topic("adjusted") in missing.stdout + missing.stderr
