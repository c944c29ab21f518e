"""A test API in this process: deterministic pages in every pagination style, and faults on demand.

    with Api() as api:
        items = api.add("/items", total=500, page_size=50, style="json_link")
        items.fail(3, status(503))          # the third request
        ... run the program against api.url ...
        assert items.request_count == 11

A record is a Python value, or `Raw` text that goes out as it stands (for keys given twice and the like).
What was served whole is kept in `served`, so that a test can compare it with what landed.
"""

import base64
import email.utils
import gzip
import json
import os
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit


class Raw(str):
    """JSON text that is sent as it stands."""


def to_json(value):
    return str(value) if isinstance(value, Raw) else json.dumps(value, ensure_ascii=False)


def plain_record(number):
    """The record with that number, from 0. Some values are null, some texts need care."""
    return {
        "id": number,
        "name": f"record {number}",
        "amount": number / 4,
        "note": None if number % 3 else f' "quoted", çedilha\n{number} ',
        "flag": number % 2 == 0,
        "tags": ["a", "b"][: number % 3],
        "place": {"lat": number % 90, "lon": -(number % 180) - 0.5},
    }


# ---- what may go wrong; each takes the exchange and answers in place of the page ----


def status(code, body="", headers=None, content_type="text/plain"):
    def answer(exchange):
        exchange.send(code, body.encode(), {"Content-Type": content_type, **(headers or {})})

    return answer


def html():
    """An error page that says 200."""
    return status(200, "<!doctype html><title>Sorry</title><p>Back soon.", content_type="text/html")


def retry_after(value, code=429):
    """`value` in seconds, or "date" for a date one second from now."""

    def answer(exchange):
        text = email.utils.formatdate(time.time() + 1, usegmt=True) if value == "date" else str(value)
        exchange.send(code, b"slow down", {"Retry-After": text})

    return answer


def reset():
    """The connection is reset before anything was answered."""

    def answer(exchange):
        exchange.reset()

    return answer


def cut(share=0.5, chunked=False):
    """The page ends in its middle, and the connection with it."""

    def answer(exchange):
        body = exchange.page_body()
        part = body[: int(len(body) * share)]
        if chunked:
            exchange.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
            exchange.write(b"%x\r\n%s\r\n" % (len(part), part))
        else:
            exchange.head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
            exchange.write(part)
        exchange.reset() if chunked else exchange.hang_up()

    return answer


def truncated(share=0.5):
    """Half a page as if it were whole: the lengths are right, the JSON is not."""

    def answer(exchange):
        body = exchange.page_body()
        exchange.send(200, body[: int(len(body) * share)], {"Content-Type": "application/json"})

    return answer


def stall(seconds, share=0.0):
    """Silence for that long after that share of the body, then the rest."""

    def answer(exchange):
        body = exchange.page_body()
        part = int(len(body) * share)
        exchange.head(200, {"Content-Type": "application/json", "Content-Length": str(len(body))})
        exchange.write(body[:part])
        exchange.api.closing.wait(seconds)
        exchange.write(body[part:])
        exchange.remember()

    return answer


def raw_body(text, content_type="application/json"):
    """Any bytes as the page."""
    data = text if isinstance(text, bytes) else text.encode()

    def answer(exchange):
        exchange.send(200, data, {"Content-Type": content_type})

    return answer


# ---- one path of the API ----


class Endpoint:
    """One path. Page k holds records k * page_size and so on, or what `pages` lists."""

    def __init__(
        self,
        api,
        path,
        style="single",
        total=None,
        page_size=50,
        record=plain_record,
        pages=None,
        delay=0.0,
        encoding=None,
        auth=None,
        envelope="data",
        with_total=True,
        cap=None,
    ):
        self.api = api
        self.path = path
        self.style = style
        self.page_size = page_size
        self.record = record
        self.total = total
        self.pages = pages
        self.delay = delay
        self.encoding = encoding
        self.auth = auth
        self.envelope = envelope
        self.with_total = with_total
        self.cap = cap  # the most that a page holds, whatever limit is asked for
        self.shift_every = 0  # a new record at the front after every so many requests
        self.added = 0
        self.generation = 0  # tokens of an older one are refused
        self.expired_status = 410
        self.faults = {}  # request number -> answer
        self.page_faults = {}  # page number -> answer
        self.always = None
        self.requests = []
        self.served = []  # (key of the page, its records) of every page sent whole
        self.lock = threading.Lock()

    # knobs

    def fail(self, numbers, answer):
        """Answers these requests (numbers from 1, or one number) so."""
        for number in [numbers] if isinstance(numbers, int) else numbers:
            self.faults[number] = answer
        return self

    def fail_page(self, number, answer):
        """Answers every request for that page (from 0) so."""
        self.page_faults[number] = answer
        return self

    def fail_always(self, answer):
        self.always = answer
        return self

    def expire_positions(self, code=410):
        """From now on the API refuses every cursor it gave out so far."""
        self.generation += 1
        self.expired_status = code

    # what it tells

    @property
    def request_count(self):
        return len(self.requests)

    def served_records(self):
        return [record for _, records in self.served for record in records]

    # pages

    @property
    def page_count(self):
        if self.pages is not None:
            return len(self.pages)
        return max(1, -(-self.total // self.page_size))

    def slice(self, start, size):
        if self.pages is not None:
            flat = [record for page in self.pages for record in page]
            return flat[start : start + size]
        end = min(start + size, self.total + self.added)
        # Added records stand in front, with ids after all others.
        return [
            self.record(self.total + self.added - 1 - place if place < self.added else place - self.added)
            for place in range(start, end)
        ]

    def page_records(self, number):
        if self.pages is not None:
            return self.pages[number] if 0 <= number < len(self.pages) else []
        return self.slice(number * self.page_size, self.page_size)


class Streamed:
    """One array of about `size` bytes in one answer, made on the fly. `record_text` gives a record's text."""

    style = "streamed"
    encoding = auth = None
    delay = 0.0

    def __init__(self, api, path, size, record_text, fail_after=None, envelope="data"):
        self.api, self.path, self.size = api, path, size
        self.record_text, self.fail_after, self.envelope = record_text, fail_after, envelope
        self.requests, self.served, self.faults, self.always = [], [], {}, None
        self.lock = threading.Lock()
        self.records_sent = 0

    @property
    def request_count(self):
        return len(self.requests)

    def blocks(self):
        """Texts of about 256 KiB; sets records_sent as it goes."""
        sent = number = 0
        first = True
        while sent < self.size:
            block = []
            room = 256 * 1024
            while room > 0 and sent < self.size:
                text = self.record_text(number)
                number += 1
                room -= len(text) + 1
                sent += len(text) + 1
                block.append(text)
            yield ("" if first else ",") + ",".join(block)
            first = False
            self.records_sent = number

    def stream(self, exchange):
        exchange.head(200, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"})
        exchange.write_chunk(b'{"%s":[' % self.envelope.encode())
        sent = 0
        for block in self.blocks():
            data = block.encode()
            exchange.write_chunk(data)
            sent += len(data)
            if self.fail_after is not None and sent > self.fail_after:
                self.fail_after = None
                exchange.reset()
                return
        exchange.write_chunk(b"]}")
        exchange.write(b"0\r\n\r\n")


# ---- one request ----


class Exchange:
    def __init__(self, handler, endpoint, params):
        self.handler = handler
        self.endpoint = endpoint
        self.api = endpoint.api
        self.params = params
        self.key = None
        self.records = []
        self.request = {"params": params, "headers": dict(handler.headers), "time": time.time(), "status": 0}

    # writing

    def head(self, code, headers):
        self.request["status"] = code
        lines = [f"HTTP/1.1 {code} {code}"] + [f"{name}: {value}" for name, value in headers.items()]
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def write(self, data):
        self.handler.wfile.write(data)

    def write_chunk(self, data):
        self.write(b"%x\r\n" % len(data) + data + b"\r\n")

    def send(self, code, body, headers):
        self.request["status"] = code
        lines = [f"HTTP/1.1 {code} {code}", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    def hang_up(self):
        self.handler.close_connection = True
        self.handler.connection.shutdown(socket.SHUT_RDWR)

    def reset(self):
        # A linger of zero seconds makes the close a reset.
        self.handler.close_connection = True
        self.handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.handler.connection.detach())

    def remember(self):
        with self.endpoint.lock:
            self.endpoint.served.append((self.key, self.records))

    # the page that was asked for

    def link(self, **params):
        return f"{self.api.url}{self.endpoint.path}?{urlencode(params)}"

    def number(self, name, otherwise):
        return int(self.params.get(name, otherwise))

    def token(self, page):
        return f"g{self.endpoint.generation}-{page}"

    def page_of_token(self, token):
        """Its page, or None if the API no longer knows the token."""
        generation, _, page = token.partition("-")
        return int(page) if generation == f"g{self.endpoint.generation}" else None

    def page(self):
        """(records, envelope, headers) of the page asked for, or an answer that refuses it."""
        e = self.endpoint
        headers = {"Content-Type": "application/json"}
        envelope = {}
        if e.style == "offset":
            start, size = self.number("offset", 0), self.number("limit", e.page_size)
            size = min(size, e.cap or size)
            self.key = start
            if e.with_total:
                envelope["total"] = (e.total if e.pages is None else sum(map(len, e.pages))) + e.added
            return e.slice(start, size), envelope, headers
        if e.style == "page_number":
            number = self.number("page", 0)
            if e.with_total:
                envelope["total"] = e.page_count
        elif e.style in ("json_link", "header_link", "cursor"):
            token = self.params.get("cursor" if e.style == "cursor" else "page")
            number = self.page_of_token(token) if token else 0
            if number is None:
                return status(e.expired_status, "this position has expired")
            more = number + 1 < e.page_count
            following = self.token(number + 1) if more else None
            if e.style == "json_link":
                envelope["next"] = self.link(page=following) if more else None
            elif e.style == "cursor":
                envelope["cursors"] = {"next": following}
            elif more:
                headers["Link"] = f'<{self.link(page=following)}>; rel="next", <{self.link()}>; rel="first"'
        else:
            number = 0
        self.key = number
        return e.page_records(number), envelope, headers

    def compose(self, records, envelope):
        rows = "[" + ",".join(map(to_json, records)) + "]"
        if self.endpoint.style == "header_link":
            return rows.encode()
        parts = [f"{json.dumps(self.endpoint.envelope)}:{rows}"]
        parts += [f"{json.dumps(name)}:{to_json(value)}" for name, value in envelope.items()]
        return ("{" + ",".join(parts) + "}").encode()

    def page_body(self):
        """The body of the page that would have been sent: for faults that send a part of it."""
        page = self.page()
        self.records = page[0]
        return self.compose(page[0], page[1])

    def serve_page(self):
        page = self.page()
        if callable(page):
            page(self)
            return
        self.records, envelope, headers = page
        fault = self.endpoint.page_faults.get(self.key)
        if fault is not None:
            fault(self)
            return
        body = self.compose(self.records, envelope)
        if self.endpoint.encoding == "gzip":
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        self.remember()  # first: once it is sent, the test may look
        self.send(200, body, headers)

    def is_allowed(self):
        auth = self.endpoint.auth
        if auth is None:
            return True
        kind, *expected = auth
        given = self.handler.headers.get("Authorization", "")
        if kind == "bearer":
            return given == f"Bearer {expected[0]}"
        if kind == "basic":
            return given == "Basic " + base64.b64encode(":".join(expected).encode()).decode()
        if kind == "header":
            return self.handler.headers.get(expected[0]) == expected[1]
        assert kind == "query"
        return self.params.get(expected[0]) == expected[1]

    def answer(self):
        e = self.endpoint
        with e.lock:
            e.requests.append(self.request)
            number = len(e.requests)
            if e.style != "streamed" and e.shift_every and number > 1 and (number - 1) % e.shift_every == 0:
                e.added += 1
        if e.delay:
            time.sleep(e.delay)
        if not self.is_allowed():
            self.send(401, b"who are you?", {"WWW-Authenticate": "Bearer"})
        elif number in e.faults:
            e.faults[number](self)
        elif e.always is not None:
            e.always(self)
        elif e.style == "streamed":
            e.stream(self)
        else:
            self.serve_page()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 0

    def do_GET(self):
        url = urlsplit(self.path)
        params = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
        size = int(self.headers.get("Content-Length") or 0)
        if size:
            params.update(json.loads(self.rfile.read(size)))
        endpoint = self.server.api.endpoints.get(url.path)
        try:
            if endpoint is None:
                self.send_error(404)
            else:
                Exchange(self, endpoint, params).answer()
        except (ConnectionError, ValueError, OSError):
            self.close_connection = True  # the program went away, as killed programs do

    do_POST = do_GET

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass  # a reset connection is what some tests are about


class Api:
    """Serves on a free port of 127.0.0.1 until closed."""

    def __init__(self):
        self.endpoints = {}
        self.closing = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.api = self
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def add(self, path, **what):
        self.endpoints[path] = Endpoint(self, path, **what)
        return self.endpoints[path]

    def add_stream(self, path, **what):
        self.endpoints[path] = Streamed(self, path, **what)
        return self.endpoints[path]

    @property
    def request_count(self):
        return sum(endpoint.request_count for endpoint in self.endpoints.values())

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
