"""The dashboard's doors: who may ask, from where, and how much."""

import concurrent.futures
import http.client
import re
import resource
import socket
import stat

import pytest
from board import Board, Stream
from riacho import IS_TORTURE, Pipeline, wait_until

TOKEN = "a token of more than sixteen characters"


@pytest.fixture(scope="module")
def pipeline(many):
    pipeline, _ = many({"items": ({"total": 200, "page_size": 100, "style": "page_number"}, {})})
    pipeline.run()
    return pipeline


@pytest.fixture(scope="module")
def board(pipeline):
    with Board(pipeline) as board:
        yield board


def with_dashboard(pipeline, name, env=None, **dashboard):
    """The same state, with another pipeline file beside it."""
    other = Pipeline(pipeline.dir, {**pipeline.conf, "dashboard": dashboard}, env)
    other.file = pipeline.dir / f"{name}.yaml"
    other.write(other.conf)
    pipeline.write(pipeline.conf)
    return other


# ---- from where ----

SNAPSHOT, RETRY, QUERIES, LOGIN = "/api/v1/snapshot", "/api/v1/dead/retry", "/api/v1/queries", "/api/v1/login"
ALL = {"all": True}

# name: method, path, body, headers (or a function of the board), status
PROBES = {
    "rebound name": ("GET", SNAPSHOT, None, {"Host": "evil.example"}, 421),
    "rebound name with our port": ("GET", SNAPSHOT, None, lambda b: {"Host": f"evil.example:{b.port}"}, 421),
    "rebound name for the page": ("GET", "/", None, {"Host": "evil.example"}, 421),
    "rebound name for metrics": ("GET", "/metrics", None, {"Host": "evil.example"}, 421),
    "our name with another port": ("GET", SNAPSHOT, None, {"Host": "localhost:1"}, 421),
    "our name without a port": ("GET", SNAPSHOT, None, {"Host": "localhost"}, 421),
    "our name with a tail": ("GET", SNAPSHOT, None, lambda b: {"Host": f"localhost.evil.example:{b.port}"}, 421),
    "our address with a tail": ("GET", SNAPSHOT, None, lambda b: {"Host": f"127.0.0.1.nip.io:{b.port}"}, 421),
    "another address": ("GET", SNAPSHOT, None, lambda b: {"Host": f"10.0.0.1:{b.port}"}, 421),
    "a user before the name": ("GET", SNAPSHOT, None, lambda b: {"Host": f"localhost@evil:{b.port}"}, 421),
    "an empty host": ("GET", SNAPSHOT, None, {"Host": ""}, (400, 421)),
    "two hosts": ("GET", SNAPSHOT, None, lambda b: {"Host": [b.address, "evil.example"]}, 400),
    "no host": ("GET", SNAPSHOT, None, {"Host": None}, 400),
    "reading from another site": ("GET", SNAPSHOT, None, {"Sec-Fetch-Site": "cross-site"}, 403),
    "reading from a sister site": ("GET", SNAPSHOT, None, {"Sec-Fetch-Site": "same-site"}, 403),
    "reading with another origin": ("GET", SNAPSHOT, None, {"Origin": "http://evil.example"}, 403),
    "reading with the origin null": ("GET", SNAPSHOT, None, {"Origin": "null"}, 403),
    "events for another origin": ("GET", "/api/v1/events", None, {"Origin": "http://evil.example"}, 403),
    "a query with another origin": ("POST", QUERIES, {"kind": "rows"}, {"Origin": "http://evil.example"}, 403),
    "a query with another port's origin": ("POST", QUERIES, {"kind": "rows"}, {"Origin": "http://127.0.0.1:1"}, 403),
    "a query with the origin null": ("POST", QUERIES, {"kind": "rows"}, {"Origin": "null"}, 403),
    "a query of a navigation": ("POST", QUERIES, {"kind": "rows"}, {"Sec-Fetch-Site": "none"}, 403),
    "a form": ("POST", QUERIES, "kind=rows", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "a form with a file": ("POST", QUERIES, "x", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    "JSON as plain text": ("POST", QUERIES, '{"kind":"rows"}', {"Content-Type": "text/plain"}, 415),
    "JSON of no type": ("POST", QUERIES, '{"kind":"rows"}', {}, 415),
    "almost JSON": ("POST", QUERIES, '{"kind":"rows"}', {"Content-Type": "application/jsonx"}, 415),
    "an action without a login": ("POST", RETRY, ALL, {}, 401),
    "an action with a wrong token": ("POST", RETRY, ALL, {"Authorization": "Bearer wrong"}, 401),
    "an action with a made-up session": ("POST", RETRY, ALL, {"Cookie": "riacho_session=" + "0" * 64}, 401),
    "an action with an empty session": ("POST", RETRY, ALL, {"Cookie": "riacho_session="}, 401),
    "an action with the token, from elsewhere": (
        "POST", RETRY, ALL, lambda b: {"Authorization": f"Bearer {b.token}", "Origin": "http://evil.example"}, 403),
    "an action by GET": ("GET", RETRY, None, lambda b: {"Authorization": f"Bearer {b.token}"}, 405),
    "a login by GET": ("GET", LOGIN + "?token=x", None, {}, 405),
    "a wrong login": ("POST", LOGIN, {"token": "wrong"}, {}, 401),
    "an empty login": ("POST", LOGIN, {"token": ""}, {}, 401),
    "a preflight": ("OPTIONS", QUERIES, None, {"Access-Control-Request-Method": "POST"}, 405),
    "PUT": ("PUT", QUERIES, {}, {}, 405),
    "TRACE": ("TRACE", "/", None, {}, 405),
    "dots": ("GET", "/../../../../etc/passwd", None, {}, 404),
    "dots among assets": ("GET", "/assets/../../etc/passwd", None, {}, 404),
    "written dots": ("GET", "/assets/%2e%2e/%2e%2e/etc/passwd", None, {}, 404),
    "written slashes": ("GET", "/assets/..%2f..%2fetc%2fpasswd", None, {}, 404),
    "twice written dots": ("GET", "/%252e%252e/etc/passwd", None, {}, 404),
    "back slashes": ("GET", "/assets/..\\..\\etc\\passwd", None, {}, 404),
    "a NUL": ("GET", "/assets/x%00.js", None, {}, 404),
    "a file by its path": ("GET", "/api/v1/files/landing%2fitems", None, {}, (400, 404)),
    "a query's file by its path": ("GET", "/api/v1/queries/..%2f..%2fstate.db/file", None, {}, 404),
    "the state": ("GET", "/output/.riacho/state.db", None, {}, 404),
    "a whole URL": ("GET", "http://evil.example/api/v1/snapshot", None, {}, 404),
    "two lengths": ("POST", QUERIES, "{}", {"Content-Type": "application/json", "Content-Length": ["2", "2"]}, 400),
    "a length and a coding": ("POST", QUERIES, "2\r\n{}\r\n0\r\n\r\n", {
        "Content-Type": "application/json", "Content-Length": "2", "Transfer-Encoding": "chunked"}, 400),
    "another coding": ("POST", QUERIES, "{}", {
        "Content-Type": "application/json", "Content-Length": None, "Transfer-Encoding": "gzip, chunked"}, 400),
    "too large a body": ("POST", QUERIES, "x" * 70000, {"Content-Type": "application/json"}, 413),
    "too large a head": ("GET", SNAPSHOT, None, {"X-Filler": "x" * 20000}, (400, 431)),
    "too many headers": ("GET", SNAPSHOT, None, {f"X-{i}": "x" for i in range(80)}, 431),
}


@pytest.mark.parametrize("name", PROBES)
def test_probes_are_refused(board, name):
    method, path, body, headers, expected = PROBES[name]
    headers = headers(board) if callable(headers) else dict(headers)
    answer = board.ask(method, path, body, headers)
    assert answer.status in (expected if isinstance(expected, tuple) else (expected,)), answer
    assert b"root:" not in answer.body and "Access-Control-Allow-Origin" not in answer.headers
    assert "Set-Cookie" not in answer.headers
    board.get("/livez")


@pytest.mark.parametrize("path", ["/", "/api/v1/snapshot", "/metrics", "/nothing"])
def test_every_answer_has_the_headers_of_a_careful_page(board, path):
    headers = board.ask("GET", path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin" and headers["X-Frame-Options"] == "DENY"
    assert path == "/" or headers["Cache-Control"] == "no-store"


def test_our_own_names_are_welcome(board):
    for host in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST"):
        board.get(SNAPSHOT, host=f"{host}:{board.port}")
    board.get(SNAPSHOT, headers={"Origin": f"http://{board.address}", "Sec-Fetch-Site": "same-origin"})
    board.get("/", headers={"Sec-Fetch-Site": "cross-site"})  # a link from elsewhere


# ---- tokens ----


def cookie_of(answer):
    return answer.headers["Set-Cookie"].split(";")[0]


def test_a_login_opens_the_actions_and_a_logout_closes_them(board):
    answer = board.post(LOGIN, {"token": board.token}, 204)
    cookie = {"Cookie": "other=1; " + cookie_of(answer)}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert board.get("/api/v1/session", headers=cookie).json()["can_act"]
    assert board.post(RETRY, ALL, headers=cookie).json() == {"done": 0}
    board.post("/api/v1/logout", {}, 204, headers=cookie)
    board.post(RETRY, ALL, 401, headers=cookie)


def test_the_token_is_private_and_in_no_message(board, pipeline):
    token = pipeline.state / "dashboard.token"
    assert stat.S_IMODE(token.stat().st_mode) == 0o600 and len(board.token) == 64
    assert board.token not in board.process.stderr
    for path in (SNAPSHOT, "/metrics", "/api/v1/session", "/"):
        assert board.token not in board.get(path).text


def test_a_read_only_dashboard_has_no_actions(pipeline, board):
    token = board.token
    with Board(pipeline, "--read-only") as board:
        assert not board.get("/api/v1/session").json()["can_act"]
        assert board.token == token  # it wrote none
        for path in (RETRY, "/api/v1/dead/drop"):
            answer = board.post(path, ALL, 403)
            assert answer.json()["error"]["code"] == "read_only"
        assert board.query(kind="rows", of={"table": "items"})["row_count"] == 100


def test_a_configured_token_is_asked_of_everybody(pipeline):
    other = with_dashboard(pipeline, "token", {"TOKEN": TOKEN}, token="${TOKEN}", hosts=["data.example.org"])
    with Board(other) as board:
        for path in (SNAPSHOT, "/metrics", "/api/v1/files", "/api/v1/events"):
            board.get(path, 401)
        for path in ("/", "/livez", "/readyz", "/api/v1/session"):
            board.get(path)
        assert board.get("/api/v1/session").json()["login_required"]
        board.get(SNAPSHOT, headers={"Authorization": f"Bearer {TOKEN}"}, host="data.example.org")
        origin = {"Origin": "https://data.example.org", "Host": "data.example.org"}
        answer = board.post(LOGIN, {"token": TOKEN}, 204, headers=origin)
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")
        board.get(SNAPSHOT, headers={"Cookie": cookie_of(answer)})
        assert TOKEN not in board.process.stderr


def test_guessing_tokens_is_slowed_down(pipeline):
    with Board(with_dashboard(pipeline, "guess", {"TOKEN": TOKEN}, token="${TOKEN}")) as board:
        statuses = [board.ask("POST", LOGIN, {"token": f"guess {i}"}).status for i in range(25)]
        assert statuses[:20] == [401] * 20 and set(statuses[20:]) == {429}


def test_guesses_in_a_header_count_as_those_at_the_login(pipeline):
    def show(token):
        return board.ask("GET", SNAPSHOT, headers={"Authorization": f"Bearer {token}"}).status

    with Board(with_dashboard(pipeline, "guess", {"TOKEN": TOKEN}, token="${TOKEN}")) as board:
        session = {"Cookie": cookie_of(board.post(LOGIN, {"token": TOKEN}, 204))}
        assert {show(TOKEN) for _ in range(200)} == {200}
        statuses = [show(f"guess {i}") for i in range(25)]
        assert statuses[:20] == [401] * 20 and set(statuses[20:]) == {429}
        assert show(TOKEN) == 429 and board.ask("POST", LOGIN, {"token": TOKEN}).status == 429
        board.get(SNAPSHOT, headers=session)
        board.get("/livez", headers={"Authorization": "Bearer guess"})


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "[::]:0", "host.example:0"])
def test_others_reach_it_only_with_a_token(pipeline, listen):
    result = pipeline.do("dashboard", "--listen", listen, status=2)
    assert "without a token" in result.stderr and "dashboard.token" in result.stderr


def test_with_a_token_it_listens_everywhere(pipeline):
    other = with_dashboard(pipeline, "open", {"TOKEN": TOKEN}, token="${TOKEN}", listen="0.0.0.0:0")
    with Board(other, listen="0.0.0.0:0") as board:
        board.host = "127.0.0.1"
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        board.get(SNAPSHOT, headers=bearer, host=f"10.1.2.3:{board.port}")  # an address is no name that can be rebound
        board.get(SNAPSHOT, 421, headers=bearer, host=f"evil.example:{board.port}")


def test_a_short_token_is_refused(pipeline):
    other = with_dashboard(pipeline, "short", {"TOKEN": "short"}, token="${TOKEN}")
    assert "fewer than 16 characters" in other.do("dashboard", status=2).stderr


# ---- how much ----


def slow_sockets(board, count):
    """Each has sent half a head."""
    sockets = []
    for _ in range(count):
        sockets.append(socket.create_connection((board.host, board.port)))
        sockets[-1].sendall(f"GET / HTTP/1.1\r\nHost: {board.address}\r\nX-Slow: ".encode())
    return sockets


def test_half_heads_end_in_time_and_stop_nobody(pipeline):
    count = 1000 if IS_TORTURE else 200
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with Board(pipeline) as board:
        sockets = slow_sockets(board, count)
        try:
            for i in range(100):
                board.get(SNAPSHOT, timeout=5)
                for slow in sockets[i % 7 :: 7]:  # a byte now and then gains them nothing
                    try:
                        slow.sendall(b"x")
                    except OSError:
                        pass
            connections = r"^riacho_dashboard_connections (\d+)$"
            wait_until(lambda: int(re.search(connections, board.get("/metrics").text, re.M)[1]) <= 2, 20, 0.5)
        finally:
            for slow in sockets:
                slow.close()


def test_what_is_no_http_is_hung_up_on(board):
    for bytes_ in (b"\x16\x03\x01\x02\x00\x01", b"GET\r\n\r\n", b"\r\n" * 100, b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000):
        with socket.create_connection((board.host, board.port), timeout=15) as raw:
            try:
                raw.sendall(bytes_)
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except OSError:
                pass
        board.get("/livez")


def test_many_at_once_are_answered(board):
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: board.ask("GET", SNAPSHOT).status, range(300)))
    assert set(answers) == {200}


def test_streams_are_bounded(board):
    streams = [Stream(board) for _ in range(64)]
    try:
        wait_until(lambda: all(stream.events for stream in streams))
        assert board.ask("GET", "/api/v1/events").status == 429
    finally:
        for stream in streams:
            stream.close()


def test_a_connection_serves_many_requests(board):
    connection = http.client.HTTPConnection(board.host, board.port)
    for _ in range(50):
        connection.request("GET", SNAPSHOT)
        assert len(connection.getresponse().read()) > 100
    connection.close()
