"""A real Apache Kafka on this machine: 4.1 in KRaft mode, or 3.9 coordinated by ZooKeeper 3.8; one node.

    with Cluster("kraft", folder) as cluster:       # or "zookeeper"
        cluster.brokers                             # "127.0.0.1:21402"
        cluster.kill(); cluster.start()             # SIGKILL, and the same node again over the same data

People use it by `make kafka`, `make kafka-zookeeper` and `make kafka-stop`. The jars come from deps/kafka.
A second listener speaks TLS and asks who is there: SCRAM-SHA-256 on KRaft, PLAIN on ZooKeeper.
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from ports import free_port, is_open

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "kafka"
FLAVOURS = {"kraft": "4.1", "zookeeper": "3.9"}
USER, PASSWORD = "riacho", "sesame"

JAVA = ["java", "-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
LOGGING = [
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    "-Dorg.slf4j.simpleLogger.log.org.apache.zookeeper=warn",
    "-Dzookeeper.admin.enableServer=false",
]

COMMON = """
num.network.threads=2
num.io.threads=2
num.recovery.threads.per.data.dir=1
background.threads=2
log.cleaner.dedupe.buffer.size=2097152
log.dirs={folder}/data
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=100
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
inter.broker.listener.name=PLAINTEXT
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={folder}/tls/server.pem
"""

KRAFT = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure}
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=250
listener.name.secure.sasl.enabled.mechanisms=SCRAM-SHA-256
listener.name.secure.scram-sha-256.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
"""

ZOOKEEPER = """
broker.id=1
zookeeper.connect=127.0.0.1:{controller}
zookeeper.session.timeout.ms=1500
listeners=PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure}
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_{user}="{password}";
"""

ZOO = """
dataDir={folder}/zookeeper
clientPort={controller}
clientPortAddress=127.0.0.1
tickTime=500
admin.enableServer=false
"""


def is_installed():
    return (HOME / "jars" / ".stamp").exists()


def make_certificates(folder):
    """An authority, and a certificate of its for 127.0.0.1 and localhost, as the PEM file that Kafka reads."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

    def openssl(words):
        subprocess.run(["openssl", *words.split()], cwd=folder, check=True, capture_output=True)

    new_key = "req -newkey rsa:2048 -nodes"
    openssl(f"{new_key} -x509 -keyout authority.key -out authority.pem -days 365 -subj /CN=authority-of-tests")
    openssl(f"{new_key} -keyout server.key -out server.csr -subj /CN=localhost")
    openssl(
        "x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial"
        " -out server.crt -days 365 -extfile names"
    )
    (folder / "server.pem").write_text((folder / "server.key").read_text() + (folder / "server.crt").read_text())


def class_path(version):
    return f"{HOME}/jars/{version}/*"


def archive_path(version):
    return HOME / f"{version}.jsa"


def archive_of(version):
    """Java's words for the archive of loaded classes, which starts a node with half the CPU; none if it is not there."""
    path = archive_path(version)
    return [f"-XX:SharedArchiveFile={path}"] if path.exists() else []


class Node:
    """One Java process: ZooKeeper, or a Kafka broker. Found again by the file with its id."""

    def __init__(self, name, folder, version, heap, main, properties, port):
        self.name, self.folder, self.port = name, folder, port
        self.command = [
            *JAVA, *archive_of(version), f"-Xmx{heap}m", *LOGGING, "-cp", class_path(version), main, str(properties),
        ]
        self.log = folder / f"{name}.log"
        self.pid_file = folder / f"{name}.pid"
        self.popen = None

    @property
    def pid(self):
        """0 if it does not run. A process that happens to have the id by now is not ours."""
        if self.popen:
            return self.popen.pid if self.popen.poll() is None else 0
        try:
            pid = int(self.pid_file.read_text())
            return pid if self.command[-1] in pathlib.Path(f"/proc/{pid}/cmdline").read_text() else 0
        except (OSError, ValueError):
            return 0

    def launch(self):
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.pid_file.write_text(str(self.popen.pid))

    def wait_until_gone(self, seconds):
        end = time.monotonic() + seconds
        while self.pid and time.monotonic() < end:
            time.sleep(0.02)
        return not self.pid

    def signal(self, which):
        if self.pid:
            os.kill(self.pid, which)

    def kill(self):
        self.signal(signal.SIGKILL)
        assert self.wait_until_gone(20), f"{self.name} does not die"

    def stop(self):
        self.signal(signal.SIGTERM)
        if not self.wait_until_gone(20):
            self.kill()

    def last_words(self):
        return "".join(self.log.read_text(errors="replace").splitlines(keepends=True)[-40:])


class Cluster:
    """`settings` are lines for server.properties. The folder is the caller's; it must be empty or an old one."""

    def __init__(self, flavour, folder, settings="", port=None, data=None):
        self.flavour, self.folder = flavour, pathlib.Path(folder)
        self.version = FLAVOURS[flavour]
        self.settings, self.wanted, self.data = settings, port, data
        self.nodes = None

    # what a client needs

    @property
    def brokers(self):
        return f"127.0.0.1:{self.ports['plain']}"

    @property
    def secure_brokers(self):
        return f"127.0.0.1:{self.ports['secure']}"

    @property
    def secure_config(self):
        """librdkafka's keys for `secure_brokers`."""
        return {
            "security.protocol": "sasl_ssl",
            "ssl.ca.location": str(self.folder / "tls" / "authority.pem"),
            "sasl.mechanism": "SCRAM-SHA-256" if self.flavour == "kraft" else "PLAIN",
            "sasl.username": USER,
            "sasl.password": PASSWORD,
        }

    # setting up

    @property
    def properties(self):
        return self.folder / "server.properties"

    def read_ports(self):
        ports = dict(re.findall(r"^# port (\w+) (\d+)$", self.properties.read_text(), re.M))
        return {name: int(port) for name, port in ports.items()}

    def set_up(self):
        if self.properties.exists():
            self.ports = self.read_ports()
        else:
            self.write_files()
        broker = Node("broker", self.folder, self.version, 256, "kafka.Kafka", self.properties, self.ports["plain"])
        self.nodes = [broker]
        if self.flavour == "zookeeper":
            main = "org.apache.zookeeper.server.ZooKeeperServerMain"
            conf = self.folder / "zookeeper.properties"
            zoo = Node("zookeeper", self.folder, self.version, 96, main, conf, self.ports["controller"])
            self.nodes.insert(0, zoo)

    def write_files(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        make_certificates(self.folder / "tls")
        self.ports = {"plain": free_port(self.wanted), "secure": free_port(), "controller": free_port()}
        values = {"folder": self.folder, "user": USER, "password": PASSWORD, **self.ports}
        text = COMMON + (KRAFT if self.flavour == "kraft" else ZOOKEEPER)
        lines = [f"# port {name} {port}" for name, port in self.ports.items()]
        lines += [text.format(**values).strip(), self.settings]
        if self.data:
            lines.append(f"log.dirs={self.data}")
        (self.folder / "zookeeper.properties").write_text(ZOO.format(**values))
        self.properties.write_text("\n".join(lines) + "\n")
        if self.flavour == "kraft":
            self.format_storage()

    def format_storage(self):
        """KRaft wants its folder made, and its first users with it."""
        user = f"SCRAM-SHA-256=[name={USER},password={PASSWORD}]"
        words = ["format", "-t", "cmlhY2hvLWthZmthLXRlc3Q", "-c", self.properties, "--add-scram", user]
        java = [*JAVA, *archive_of(self.version), "-cp", class_path(self.version), "kafka.tools.StorageTool"]
        made = subprocess.run([*java, *map(str, words)], capture_output=True, text=True)
        if made.returncode != 0:
            shutil.rmtree(self.folder)
            raise RuntimeError(made.stdout + made.stderr)

    # running

    @property
    def broker(self):
        return self.nodes[-1]

    def start(self, timeout=240):
        """Returns when the broker answers. What runs already stays."""
        if self.nodes is None:
            self.set_up()
        end = time.monotonic() + timeout
        for node in self.nodes:
            while not (node.pid and is_open(node.port)):
                if time.monotonic() > end:
                    raise RuntimeError(f"{node.name} did not start, see {node.log}\n{node.last_words()}")
                if not node.pid:  # also after a failure: ZooKeeper remembers a killed broker for some seconds
                    node.launch()
                time.sleep(0.05)
        return self

    def stop(self):
        for node in reversed(self.nodes or []):
            node.stop()

    def kill(self):
        """SIGKILL to the broker; ZooKeeper lives on."""
        self.broker.kill()
        while is_open(self.broker.port):  # the kernel is still closing what it had
            time.sleep(0.02)

    def freeze(self):
        self.broker.signal(signal.SIGSTOP)

    def thaw(self):
        self.broker.signal(signal.SIGCONT)

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        """Nobody needs its data any more, so it is not asked to put them in order."""
        for node in reversed(self.nodes or []):
            node.kill()


def make_archive(flavour, folder):
    """What archive_of() gives: a node leaves it when it ends in good order."""
    cluster = Cluster(flavour, folder)
    cluster.set_up()
    made = folder / "classes.jsa"
    cluster.broker.command.insert(1, f"-XX:ArchiveClassesAtExit={made}")
    try:
        cluster.start()
        cluster.broker.signal(signal.SIGTERM)
        cluster.broker.wait_until_gone(120)
    finally:
        cluster.stop()
    made.replace(archive_path(cluster.version))


def make_archives():
    for flavour, version in FLAVOURS.items():
        archive_path(version).unlink(missing_ok=True)
        with tempfile.TemporaryDirectory(dir=HOME) as folder:
            make_archive(flavour, pathlib.Path(folder))


# ---- for people ----


def cluster_for_people(flavour):
    return Cluster(flavour, HOME / flavour, port=9092 if flavour == "kraft" else 9093)


def start_for_people(flavour):
    cluster = cluster_for_people(flavour).start()
    print(f"Apache Kafka {cluster.version} ({flavour}) listens on {cluster.brokers}. For your pipeline file:\n")
    print(f'broker: {{type: kafka, brokers: "{cluster.brokers}"}}\n')
    print(f"Its data and its log are in {cluster.folder}; `make kafka-stop` ends it and removes them.")


def stop_for_people():
    for flavour in FLAVOURS:
        cluster = cluster_for_people(flavour)
        if not cluster.properties.exists():
            continue
        cluster.set_up()
        cluster.stop()
        shutil.rmtree(cluster.folder)
        print(f"Apache Kafka {cluster.version} ({flavour}) has ended.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=["start", "stop", "archive"])
    parser.add_argument("flavour", choices=FLAVOURS, nargs="?", default="kraft")
    asked = parser.parse_args()
    {"start": lambda: start_for_people(asked.flavour), "stop": stop_for_people, "archive": make_archives}[asked.do]()


if __name__ == "__main__":
    sys.exit(main())
