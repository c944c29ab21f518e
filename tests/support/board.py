"""The dashboard of a pipeline, running; what it answers; its stream of events."""

import http.client
import json
import re
import socket
import threading
import time

import riacho
import yaml

OPENAPI = yaml.safe_load((riacho.ROOT / "docs" / "openapi.yaml").read_text())


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)}\n{self.body[:2000]}"


class Board:
    """`riacho dashboard` (or `serve`) on a port of its own. A context manager."""

    def __init__(self, pipeline, *args, command="dashboard", listen="127.0.0.1:0", prefix=()):
        self.pipeline = pipeline
        words = [command, pipeline.file, "--listen", listen, *args]
        self.process = riacho.Process(words, pipeline.dir, pipeline.env, prefix)
        riacho.wait_until(lambda: self.address or not self.process.is_running())
        assert self.address, self.process.stderr
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)

    @property
    def address(self):
        found = re.search(r"dashboard: http://(\S+)/", self.process.stderr)
        return found and found[1]

    @property
    def token(self):
        return (self.pipeline.state / "dashboard.token").read_text()

    def ask(self, method, path, body=None, headers=None, host=None, timeout=30):
        """One request on a connection of its own. `headers`: None as a value leaves one out."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        sent = {"Host": host or self.address}
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            sent["Content-Type"] = "application/json"
        if body is not None:
            sent["Content-Length"] = str(len(body))
        sent.update(headers or {})
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                for one in value if isinstance(value, list) else [value]:
                    if one is not None:
                        connection.putheader(name, one)
            connection.endheaders(body.encode() if isinstance(body, str) else body)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path, status=200, **more):
        answer = self.ask("GET", path, **more)
        assert answer.status == status, answer
        return answer

    def post(self, path, body, status=200, **more):
        answer = self.ask("POST", path, body, **more)
        assert answer.status == status, answer
        return answer

    def act(self, path, body, status=200):
        return self.post(path, body, status, headers={"Authorization": f"Bearer {self.token}"})

    def query(self, timeout=60, **request):
        """The query's document when it has ended."""
        answer = self.ask("POST", "/api/v1/queries", request)
        assert answer.status in (200, 202), answer
        document, rows = answer.json(), answer.json()["rows"]
        end = time.monotonic() + timeout
        while document["state"] in ("queued", "running"):
            assert time.monotonic() < end, document
            path = f"/api/v1/queries/{document['id']}?wait_ms=1000&after={len(rows)}"
            document = self.ask("GET", path).json()
            rows += document["rows"]
        return {**document, "rows": rows}

    def stream(self, **more):
        return Stream(self, **more)

    def stop(self):
        return self.process.stop()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.process.is_running():
            self.process.stop()


class Event:
    def __init__(self, name, id, data, at):
        self.name, self.id, self.data, self.at = name, id, data, at

    def __repr__(self):
        return f"{self.name} {self.id}: {str(self.data)[:200]}"


class Stream:
    """Reads the events in a thread. `is_frozen`: asks, and reads nothing."""

    def __init__(self, board, last_id=None, path="/api/v1/events", is_frozen=False):
        self.events = []
        self.socket = socket.create_connection((board.host, board.port))
        if is_frozen:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        last = f"Last-Event-ID: {last_id}\r\n" if last_id else ""
        self.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: {board.address}\r\n{last}\r\n".encode())
        self.head = b""
        self.has_ended = False
        self.thread = None
        if not is_frozen:
            self.thread = threading.Thread(target=self.read, daemon=True)
            self.thread.start()

    def read(self):
        try:
            self.read_events()
        except (OSError, ValueError):
            pass
        self.has_ended = True

    def read_events(self):
        file = self.socket.makefile("rb")
        while (line := file.readline()) not in (b"\r\n", b""):
            self.head += line
        text = b""
        while size := int(file.readline() or b"0", 16):
            text += file.read(size)
            file.readline()
            *frames, text = text.split(b"\n\n")
            for frame in frames:
                self.take(frame.decode())

    def take(self, frame):
        fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            self.events.append(Event(fields["event"], fields.get("id"), json.loads(fields["data"]), time.monotonic()))

    def named(self, name):
        return [event for event in list(self.events) if event.name == name]

    def seqs(self):
        """Of all files that it told of, in order."""
        return [file["seq"] for event in self.named("files") for file in event.data["files"]]

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR) if not self.has_ended else None
        self.socket.close()
        if self.thread:
            self.thread.join(10)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self.close()
        except OSError:
            pass
