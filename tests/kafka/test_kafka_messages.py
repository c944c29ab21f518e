"""What else may stand in a topic: none of it stops the others, none of it is lost silently. Dead letters over Kafka."""

import copy
import hashlib
import json

import pytest
from board import Board
from kafka_river import small_files
from riacho import wait_until

FILES, RECORDS = 8, 5


@pytest.fixture
def landed(api, river):
    _, conf = small_files(api, FILES, RECORDS)
    p = river(conf)
    p.do("extract")
    return p


def forged(event, id, **data):
    """The event with another id, and with these members of its data."""
    event = copy.deepcopy(event)
    event["id"] = id
    event["data"].update(data)
    return event


def bad_messages(p):
    """{name: (key, value)}; those with files of their own have them made."""
    event = p.events("landed")[0]
    whole = (p.output / "landing" / event["data"]["path"]).read_bytes()

    def file_of(name, content):
        path = f"items/{name}.parquet"
        (p.output / "landing" / path).write_bytes(content)
        return json.dumps(forged(event, name, path=path))

    outside = p.dir / "outside.parquet"
    outside.write_bytes(whole)
    (p.output / "landing" / "items" / "link.parquet").symlink_to(outside)
    altered = bytearray(whole)
    altered[len(altered) // 2] ^= 0xFF
    values = {
        "no-text": b"\xff\xfe\x00\x80 no text at all",
        "no-json": "not JSON",
        "half-json": json.dumps(event)[:-20],
        "no-cloud-event": json.dumps({"hello": "world"}),
        "a-list": json.dumps([event]),
        "empty": "",
        "unknown-type": json.dumps({**forged(event, "unknown-type"), "type": "com.example.other"}),
        "no-data": json.dumps({key: value for key, value in forged(event, "no-data").items() if key != "data"}),
        "missing": json.dumps(forged(event, "missing", path="items/missing.parquet")),
        "cut": file_of("cut", whole[:-100]),
        "altered": file_of("altered", bytes(altered)),
        "dots": json.dumps(forged(event, "dots", path="items/../../outside.parquet")),
        "absolute": json.dumps(forged(event, "absolute", path=str(outside))),
        "link": json.dumps(forged(event, "link", path="items/link.parquet")),
        "other-root": json.dumps(forged(event, "other-root", root="elsewhere")),
    }
    return {name: (name, value) for name, value in values.items()}


def as_bytes(value):
    return value.encode() if isinstance(value, str) else value


def test_what_is_no_good_reference_goes_to_the_dead_letters_untouched(eye, landed):
    p = landed
    bad = bad_messages(p)
    good = eye.read(p.topic("landed"))
    places = dict(zip(bad, eye.produce(p.topic("landed"), *bad.values())))
    eye.produce(p.topic("landed"), *[(message.key, message.value) for message in good])  # all once more

    told = p.do("transform", status=3)
    p.do("export", status=3)

    p.check_ids("items", range(FILES * RECORDS), kinds=["adjusted", "csv"])
    dead = {message.headers["x-original-partition"] + "@" + message.headers["x-original-offset"]: message
            for message in eye.read(p.topic("dead"))}
    assert len(dead) == len(bad)
    for name, (partition, offset) in places.items():
        message = dead[f"{partition}@{offset}"]
        assert message.value == as_bytes(bad[name][1]), name
        assert message.headers["x-original-topic"] == p.topic("landed")
        assert message.headers["x-error"] and int(message.headers["x-attempts"]) >= 1
    assert len(p.dead_letters()) == len(bad), told
    assert p.lag("transform", "landed") == 0


def test_many_messages_that_are_no_references_do_not_stop_the_others(eye, landed):
    """Five like faults in a row are the surroundings'; but no surroundings make text of a reference."""
    p = landed
    eye.produce(p.topic("landed"), *[(None, f"line {n} of a log") for n in range(20)])

    p.do("transform", status=3)

    p.check_ids("items", range(FILES * RECORDS), kinds=["adjusted"])
    assert len(p.dead_letters()) == 20


def test_a_message_that_is_larger_than_any_reference_stops_nobody(eye, landed):
    """Its letter has the begin, the size and the hash of it; the whole stays where it is."""
    p = landed
    large = b"not a reference " * (5 << 16)  # 5 MiB
    eye.set_config(p.topic("landed"), max_message_bytes=8 << 20)
    ((partition, offset),) = eye.produce(p.topic("landed"), ("large", large))

    p.do("transform", status=3)
    refused = p.do("dead retry", "large", status=2)
    p.do("dead retry", "--all", status=0)

    p.check_ids("items", range(FILES * RECORDS), kinds=["adjusted"])
    (message,) = eye.read(p.topic("dead"))
    assert message.value == large[: len(message.value)] and len(message.value) >= 500_000
    assert message.headers["x-size"] == str(len(large))
    assert message.headers["x-sha256"] == hashlib.sha256(large).hexdigest()
    assert message.headers["x-original-partition"] == str(partition)
    assert message.headers["x-original-offset"] == str(offset)
    assert "too large" in refused.stderr and "hint: " in refused.stderr
    assert [letter["id"] for letter in p.dead_letters()] == ["large"]
    p.do("dead drop", "large")
    assert p.dead_letters() == []


def test_a_tombstone_is_a_dead_letter(eye, landed):
    p = landed
    eye.produce(p.topic("landed"), ("anything", None))

    p.do("transform", status=3)

    assert len(p.dead_letters()) == 1
    p.check_ids("items", range(FILES * RECORDS), kinds=["adjusted"])
    assert p.lag("transform", "landed") == 0


# ---- dead letters ----


@pytest.fixture
def hosts(landed, river):
    """Two hosts of a pipeline, of which one landing file is missing: (first, second, put the file back)."""
    victim = landed.files("landing", "items")[2]
    whole = victim.read_bytes()
    victim.unlink()
    second = river(landed.conf, "second")
    second.do("transform", status=3)
    return landed, second, lambda: victim.write_bytes(whole)


def test_dead_letters_are_seen_from_every_host_and_retried_from_any(hosts):
    first, second, mend = hosts
    (letter,) = first.dead_letters()
    assert letter["id"] == second.dead_letters()[0]["id"]

    first.do("dead retry", letter["id"])
    second.do("transform", status=3)  # not mended yet: it comes back
    assert len(first.dead_letters()) == len(second.dead_letters()) == 1

    mend()
    first.do("dead retry", "--all")
    second.do("transform")
    first.do("export")

    assert first.dead_letters() == second.dead_letters() == []
    first.check_ids("items", range(FILES * RECORDS))
    first.check()


def test_a_dead_letter_that_one_host_drops_is_gone_for_all(hosts):
    first, second, _ = hosts
    (letter,) = first.dead_letters()

    first.do("dead drop", letter["id"])

    assert first.dead_letters() == second.dead_letters() == []
    second.do("transform")
    lost = {n for n in range(FILES * RECORDS)} - set(first.ids("adjusted", "items"))
    assert len(lost) == RECORDS


def test_what_is_decided_in_a_lone_dashboard_reaches_other_hosts(hosts):
    first, second, mend = hosts
    mend()

    with Board(second) as board:
        assert board.act("/api/v1/dead/retry", {"all": True}).json() == {"done": 1}
        wait_until(lambda: second.sql("SELECT count(*) FROM outbox") == [(0,)])
    first.do("transform")

    assert first.dead_letters() == second.dead_letters() == []
    assert sorted(first.ids("adjusted", "items")) == list(range(FILES * RECORDS))


def test_a_dead_letter_is_retried_on_a_host_that_is_new(hosts, river):
    first, second, mend = hosts
    mend()
    third = river(first.conf, "third")

    third.do("dead retry", "--all")
    third.do("transform")
    third.do("export")

    assert first.dead_letters() == second.dead_letters() == []
    first.check_ids("items", range(FILES * RECORDS))
    first.check()
