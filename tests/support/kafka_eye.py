"""Looks at a cluster with clients that are not riacho's: kafka-python (no librdkafka in it), and kcat."""

import json
import subprocess
import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError
from riacho import wait_until


class Message:
    def __init__(self, record):
        self.topic, self.partition, self.offset = record.topic, record.partition, record.offset
        self.key = None if record.key is None else record.key.decode()
        self.value = record.value
        self.headers = {name: value.decode() for name, value in record.headers}

    def event(self):
        return json.loads(self.value)

    def __repr__(self):
        return f"{self.topic}[{self.partition}]@{self.offset} {self.key} {self.headers} {self.value!r}"


class KafkaEye:
    """`cluster` may be down; each call connects anew, so that it sees what is there now."""

    def __init__(self, cluster):
        self.cluster = cluster

    def admin(self):
        return KafkaAdminClient(bootstrap_servers=self.cluster.brokers)

    def ask(self, what, *args, **more):
        """Of a broker that just started some answers come later."""
        end = time.monotonic() + 30
        while True:
            admin = self.admin()
            try:
                return getattr(admin, what)(*args, **more)
            except KafkaError as error:
                if not error.retriable or time.monotonic() > end:
                    raise
                time.sleep(0.1)
            finally:
                admin.close()

    # topics

    def topics(self, prefix=""):
        return sorted(name for name in self.ask("list_topics") if name.startswith(prefix))

    def create_topic(self, name, partitions=1, **config):
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        topic = NewTopic(name, partitions, 1, topic_configs=config)
        wait_until(lambda: self.made(topic))

    def made(self, topic):
        """False while one of that name is still being deleted, which ZooKeeper takes its time for."""
        try:
            self.ask("create_topics", [topic], wait_for_metadata=True)
        except TopicAlreadyExistsError:
            return False
        return True

    def delete_topic(self, name):
        self.ask("delete_topics", [name])

    def delete_records(self, topic, before):
        """Removes what stands before these offsets: {partition: offset}, as retention does."""
        self.ask("delete_records", {TopicPartition(topic, no): offset for no, offset in before.items()})

    def set_config(self, topic, **config):
        config = {key.replace("_", "."): str(value) for key, value in config.items()}
        self.ask("alter_configs", [ConfigResource(ConfigResourceType.TOPIC, topic, config)])

    def config(self, topic):
        """{key: value} of what was set for the topic."""
        told = self.ask("describe_configs", [ConfigResource(ConfigResourceType.TOPIC, topic)])["topic"][topic]
        return {key: setting["value"] for key, setting in told.items()}

    # messages

    def consumer(self):
        return KafkaConsumer(
            bootstrap_servers=self.cluster.brokers, enable_auto_commit=False, auto_offset_reset="earliest"
        )

    def ends_of(self, consumer, topic):
        """{place: end offset}; a broker that just started may not know yet what it leads."""
        end = time.monotonic() + 30
        while True:
            places = [TopicPartition(topic, no) for no in consumer.partitions_for_topic(topic) or []]
            if places:
                return consumer.end_offsets(places)
            assert time.monotonic() < end, f"there is no topic {topic}"
            time.sleep(0.1)

    def ends(self, topic):
        """{partition: end offset}"""
        consumer = self.consumer()
        try:
            return {place.partition: end for place, end in self.ends_of(consumer, topic).items()}
        finally:
            consumer.close()

    def read(self, topic):
        """All messages that are in the topic now."""
        consumer = self.consumer()
        try:
            ends = self.ends_of(consumer, topic)
            consumer.assign(list(ends))
            messages = []
            while any(consumer.position(place) < end for place, end in ends.items()):
                for records in consumer.poll(timeout_ms=1000).values():
                    messages += [Message(record) for record in records]
            return messages
        finally:
            consumer.close()

    def events(self, topic):
        """The references of a topic, each id once: they travel at least once. One id always means one file."""
        events = {}
        for message in self.read(topic):
            event = message.event()
            assert message.key == event["id"] and event["data"]["sha256"], message
            assert events.setdefault(message.key, event)["data"]["sha256"] == event["data"]["sha256"], message
        return list(events.values())

    def produce(self, topic, *messages):
        """`messages`: (key, value) or (key, value, headers), in bytes or text. Returns [(partition, offset)]."""
        producer = KafkaProducer(bootstrap_servers=self.cluster.brokers, max_request_size=16 << 20)

        def as_bytes(value):
            return value.encode() if isinstance(value, str) else value

        def send(key, value, headers=None):
            pairs = [(name, as_bytes(text)) for name, text in (headers or {}).items()]
            return producer.send(topic, key=as_bytes(key), value=as_bytes(value), headers=pairs)

        try:
            sent = [send(*message).get(20) for message in messages]
            return [(it.partition, it.offset) for it in sent]
        finally:
            producer.close()

    # groups

    def members(self, group):
        """{member: [(topic, partition)]}"""
        told = self.ask("describe_groups", [group])[group]
        return {
            member["member_id"]: [
                (part["topic"], no)
                for part in (member["member_assignment"] or {}).get("assigned_partitions", [])
                for no in part["partitions"]
            ]
            for member in told["members"]
        }

    def committed(self, group, topic):
        """{partition: offset} that the group has committed."""
        told = self.ask("list_group_offsets", {group: None})[group]
        return {place.partition: it.offset for place, it in told.items() if place.topic == topic}

    def lag(self, group, topic):
        """How many messages lie behind what the group has committed."""
        committed = self.committed(group, topic)
        return sum(end - max(committed.get(no, 0), 0) for no, end in self.ends(topic).items())

    # kcat

    def kcat(self, *args):
        done = subprocess.run(
            ["kcat", "-b", self.cluster.brokers, *args], capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout
