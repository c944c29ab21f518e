"""A real Apache Spark on this machine, with its Connect server: in local mode, or a driver over a standalone
master with two workers.

    with SparkServer(folder) as server:          # or SparkServer(folder, workers=2)
        server.remote                            # "sc://127.0.0.1:21702/;token=sesame"
        server.kill(); server.start()            # SIGKILL, and another one at the same address

People use it by `make spark` and `make spark-stop`. Spark comes with the pinned PySpark (deps/venv spark).
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

from ports import free_port, is_open

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "build" / "spark"
TOKEN = "sesame"
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto"    # quick to start
SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"

OPTIONS = {
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.connect.grpc.binding.address": "127.0.0.1",
    "spark.connect.authenticate.token": TOKEN,
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.network.timeout": "20s",
    "spark.network.timeoutInterval": "5s",
    "spark.executor.heartbeatInterval": "2s",
}


def home():
    """Where the pinned PySpark keeps the distribution."""
    import importlib.util

    return pathlib.Path(importlib.util.find_spec("pyspark").origin).parent


class SparkServer:
    def __init__(self, folder, workers=0, port=None, memory="1g", java=JAVA):
        self.dir = pathlib.Path(folder)
        self.dir.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self.memory = memory
        self.java = java
        self.worker_count = workers
        self.master_port = free_port() if workers else None
        self.master = None
        self.workers = []
        self.driver = None

    @property
    def remote(self):
        return f"sc://127.0.0.1:{self.port}/;token={TOKEN}"

    @property
    def processes(self):
        return [p for p in [self.master, *self.workers, self.driver] if p]

    def run(self, name, args):
        env = {
            **os.environ,
            "SPARK_HOME": str(home()),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_DIRS": str(self.dir / "local"),
            "SPARK_WORKER_DIR": str(self.dir / "work"),
            "JAVA_TOOL_OPTIONS": self.java,
        }
        with open(self.dir / f"{name}.log", "ab") as log:
            return subprocess.Popen(
                args, cwd=self.dir, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def run_class(self, name, *args):
        return self.run(name, [str(home() / "bin" / "spark-class"), *map(str, args)])

    def wait(self, name, process, port):
        end = time.monotonic() + 120
        while not is_open(port):
            log = (self.dir / f"{name}.log").read_text(errors="replace")
            assert process.poll() is None, f"Spark's {name} ended:\n{log[-4000:]}"
            assert time.monotonic() < end, f"Spark's {name} does not listen:\n{log[-4000:]}"
            time.sleep(0.1)

    def start_worker(self, index):
        return self.run_class(
            f"worker-{index}",
            "org.apache.spark.deploy.worker.Worker",
            *("--host", "127.0.0.1", "--webui-port", "0", "--cores", "1", "--memory", "1g"),
            f"spark://127.0.0.1:{self.master_port}",
        )

    def start_master(self):
        self.master = self.run_class(
            "master",
            "org.apache.spark.deploy.master.Master",
            *("--host", "127.0.0.1", "--port", self.master_port, "--webui-port", free_port()),
        )
        self.wait("master", self.master, self.master_port)

    def start(self):
        """Returns once the server listens. What was started ends if that fails."""
        assert not is_open(self.port), f"something else listens on port {self.port} already"
        try:
            return self.start_all()
        except BaseException:
            self.stop()
            raise

    def start_all(self):
        if self.worker_count and not self.master:
            self.start_master()
            self.workers = [self.start_worker(index) for index in range(self.worker_count)]
        master = f"spark://127.0.0.1:{self.master_port}" if self.worker_count else "local[2]"
        options = {
            **OPTIONS,
            "spark.connect.grpc.binding.port": self.port,
            "spark.sql.warehouse.dir": self.dir / "warehouse",
        }
        if self.worker_count:
            options |= {"spark.executor.memory": "512m", "spark.executor.cores": 1}
        conf = [word for key, value in options.items() for word in ("--conf", f"{key}={value}")]
        self.driver = self.run(
            "driver",
            [
                *(str(home() / "bin" / "spark-submit"), "--master", master, "--driver-memory", self.memory),
                *("--class", SERVER, *conf),
            ],
        )
        self.wait("driver", self.driver, self.port)
        return self

    @staticmethod
    def end(process, how=signal.SIGKILL):
        """Ends the process with all that it started: the group is its own."""
        try:
            os.killpg(process.pid, how)
        except ProcessLookupError:
            pass
        process.wait()

    def kill(self):
        """The Connect server, which is the driver, dies."""
        self.end(self.driver)
        self.driver = None

    def kill_worker(self, index):
        """A worker dies with its executors; another one comes in its place."""
        self.end(self.workers[index])
        self.workers[index] = self.start_worker(index)

    def java_of(self, process):
        """The process of its group that is the JVM: scripts start it."""
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.getpgid(int(folder.name)) == process.pid and (folder / "comm").read_text().strip() == "java":
                    return int(folder.name)
            except (OSError, ProcessLookupError):
                continue
        return None

    def tell(self):
        """What the driver was doing, as (title, text): for the report of a failed test."""
        log = self.dir / "driver.log"
        if log.exists():
            yield "log", log.read_text(errors="replace")[-6000:]
        pid = self.driver and self.java_of(self.driver)
        if pid:
            said = subprocess.run(["jstack", str(pid)], capture_output=True, text=True, timeout=60)
            at_work = [one for one in said.stdout.split("\n\n") if re.match('"(Executor task|SparkConnectExec|dag-)', one)]
            yield "threads", "\n\n".join(at_work) or said.stderr

    def stop(self):
        for process in self.processes:
            self.end(process)
        self.master, self.workers, self.driver = None, [], None

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.stop()


# ---- for people ----


def is_spark(pid):
    """Process ids are used again: whether it is still what was started."""
    try:
        return b"spark" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def stop_for_people():
    """Whether there was one."""
    note = HOME / "processes.json"
    if not note.exists():
        return False
    for pid in filter(is_spark, json.loads(note.read_text())):
        os.killpg(pid, signal.SIGKILL)
    shutil.rmtree(HOME)
    return True


def start_for_people(workers):
    import pyspark

    stop_for_people()
    server = SparkServer(HOME, workers=workers, port=15002).start()
    (HOME / "processes.json").write_text(json.dumps([p.pid for p in server.processes]))
    of = f"a standalone master with {workers} workers" if workers else "local mode"
    print(f"Apache Spark {pyspark.__version__} ({of}) listens on port {server.port}. For your pipeline file:\n")
    print(f'transform: {{engine: spark, remote: "{server.remote}"}}\n')
    print("To see whether it gives the rows that DuckDB gives: riacho compare FILE")
    print(f"Its logs are in {HOME}; `make spark-stop` ends it and removes them.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("do", choices=["start", "stop"])
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    if asked.do == "start":
        start_for_people(asked.workers)
    elif stop_for_people():
        print("Apache Spark has ended.")


if __name__ == "__main__":
    sys.exit(main())
