"""`make bench BENCH=board`: the live page at size, and what its viewers cost the pipeline; writes bench/BOARD.md.

    board.py [--only views,page,paint,viewers,slow,late] [--rounds N] [--keep]

Its states are made by bench/large.py. The page is driven in Debian's Chromium, as the tests do it. What is a ratio is taken
from pairs of runs that take turns. BENCH_SCALE=100 makes a hundredth of the files, and writes no table.
"""

import argparse
import contextlib
import json
import os
import pathlib
import selectors
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import time

import data
import jobs
import large
import machine
import server

sys.path[:0] = [str(jobs.ROOT / "tests" / "support"), str(jobs.ROOT / "tests" / "browser")]
os.environ["RIACHO"] = str(jobs.RIACHO)

import board as api  # noqa: E402
import riacho  # noqa: E402

HOME = jobs.ROOT / "build" / "bench" / "board"
RESULTS = HOME / "results.json"
TABLE = jobs.ROOT / "bench" / "BOARD.md"

STRONG = json.dumps([{"column": "magnitude", "op": ">=", "value": 5}])
# Every view of the page, as it stands behind the #/ of the address, on the largest state.
VIEWS = {
    "river": "river",
    "files": "files",
    "files, searched": "files?search=no-such-file",
    "one file": "files?file=150000",
    "rows": "data?table=quakes",
    "rows, the last page": "data?table=quakes&offset=99999900",
    "rows, sorted": "data?table=quakes&sort=-time",
    "rows, filtered": f"data?table=quakes&filters={STRONG}",
    "rows, sorted and filtered": f"data?table=quakes&sort=-magnitude&filters={STRONG}",
    "rows, searched": "data?table=quakes&q=alaska",
    "landing": "data?resource=quakes",
    "profile": "data?table=quakes&tab=profile",
    "chart": "data?table=quakes&tab=chart",
    "map": "data?table=quakes&tab=map",
    "SQL": "sql",
    "schemas": "schemas",
    "dead letters": "dead",
    "runs": "runs",
    "one run": "runs?run=100",
}
# The view shows what it is for, or how far that is with a way to stop it.
SHOWN = "document.querySelector('main td, main .uplot canvas, main .profile, main .empty, main .facts, main svg.map, main dl')"
WORKING = "[...document.querySelectorAll('main .working button')].length > 0"


class Folder:
    """A pipeline's folder as the tests' Board takes it."""

    def __init__(self, folder):
        self.dir, self.file, self.env = folder, folder / "pipeline.yaml", {}
        self.state = folder / "output" / ".riacho"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


def cpu_of(process):
    """Seconds that a process has had so far."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process):
    return int(pathlib.Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


# ---- every view at size ----


@contextlib.contextmanager
def chromium():
    from page_world import CHROMIUM, FLAGS
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def time_of_view(browser, url, address):
    """Seconds from the address until the view shows its first page, or a progress with a way to stop; and until the page, if that
    comes within ten seconds."""
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    begun, seconds = time.monotonic(), {}
    page.goto(f"{url}/#/{address}")
    while "page" not in seconds and time.monotonic() - begun < (10 if seconds else 60):
        is_shown, is_working = page.evaluate(f"[!!{SHOWN}, {WORKING}]")
        if is_shown or is_working:
            seconds.setdefault("something", time.monotonic() - begun)
        if is_shown:
            seconds["page"] = time.monotonic() - begun
        page.wait_for_timeout(20)
    page.goto("about:blank")    # who leaves cancels
    context.close()
    return seconds


def views(bench):
    found = {}
    with api.Board(Folder(bench.state("files"))) as board, chromium() as browser:
        time_of_view(browser, f"http://{board.address}", "river")
        for name, address in VIEWS.items():
            found[name] = time_of_view(browser, f"http://{board.address}", address)
            say(f"{name}: {told(found[name])}")
        peak = resident(board.process.popen.pid)
    return {**bench.sizes["files"], "views": found, "resident": peak, "load": os.getloadavg()[0]}


# ---- a page of ten million rows ----


def page(bench):
    request = {"kind": "rows", "of": {"table": "quakes"}, "filters": json.loads(STRONG), "limit": 100}
    orders = {"time": [{"column": "time", "descending": True}], "magnitude": [{"column": "magnitude", "descending": True}]}
    found = {}
    with api.Board(Folder(bench.state("rows"))) as board:
        board.query(**request, sort=orders["time"])
        for name, order in orders.items():
            found[name] = [ask_page(board, {**request, "sort": order}) for _ in range(max(5, bench.rounds))]
            say(f"by {name}: {median(one['seconds'] for one in found[name]) * 1000:.0f} ms")
    return {**bench.sizes["rows"], "orders": found, "load": os.getloadavg()[0]}


def ask_page(board, request):
    process = board.process.popen.pid
    begun, cpu = time.monotonic(), cpu_of(process)
    answer = board.query(**request)
    if answer["state"] != "done" or len(answer["rows"]) != 100:
        raise RuntimeError(f"no page: {answer['error']}")
    return {"seconds": time.monotonic() - begun, "cpu": cpu_of(process) - cpu}


# ---- first paint ----


def paint(bench):
    """A browser's first visit: nothing of the page is in its cache."""
    samples = []
    with api.Board(Folder(bench.state("rows"))) as board, chromium() as browser:
        for _ in range(3 + max(11, bench.rounds)):
            context = browser.new_context()
            view = context.new_page()
            view.goto(f"http://{board.address}/")
            view.wait_for_selector("h1")
            entries = "Object.fromEntries(performance.getEntriesByType('paint').map((one) => [one.name, one.startTime]))"
            samples.append(view.evaluate(entries)["first-paint"])
            context.close()
    say(f"first paint: {median(samples[3:]):.0f} ms")
    return {"ms": samples[3:], "load": os.getloadavg()[0]}


# ---- viewers beside a pipeline ----


class Viewers:
    """Sockets that read the stream of events in a process of their own. Frozen ones ask, and read nothing."""

    def __init__(self, board, count, frozen=0):
        command = [sys.executable, "-B", __file__, "--view", board.host, str(board.port), str(count), str(frozen)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def close(self):
        """What each got: [(wall clock ms, text), …]."""
        out, _ = self.process.communicate(b"\n")
        return json.loads(out)


def view(host, port, count, frozen):
    selector, got = selectors.DefaultSelector(), [[] for _ in range(count)]
    selector.register(sys.stdin, selectors.EVENT_READ)
    ask = f"GET /api/v1/events HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    sockets = []
    for number in range(count + frozen):
        sockets.append(socket.create_connection((host, port)))
        if number >= count:
            sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sockets[-1].sendall(ask)
        if number < count:
            selector.register(sockets[-1], selectors.EVENT_READ, got[number])
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                print(json.dumps([[(at, part.decode(errors="replace")) for at, part in one] for one in got]))
                return
            part = key.fileobj.recv(1 << 20)
            if part:
                key.data.append((int(time.time() * 1000), part))
            else:
                selector.unregister(key.fileobj)


def serve(folder, url, name, more=""):
    """The pipeline and its page in one process, over a workload."""
    jobs.write_pipeline(folder, url, name, rows=data.SETS[name][2])
    with open(folder / "pipeline.yaml", "a") as file:
        file.write("schedule: {every: 1h}\n" + more)
    return api.Board(Folder(folder), command="serve")


DRAINED = """SELECT (SELECT count(*) FROM runs WHERE status = 'ended') = 1 AND (SELECT count(*) FROM groups) = 2
    AND NOT EXISTS (SELECT 1 FROM groups g JOIN topics t ON t.no = g.topic WHERE g.next < t.next) AND NOT EXISTS (SELECT 1 FROM claims)"""


def wait_until_drained(folder):
    db = sqlite3.connect(f"file:{folder / 'output/.riacho/state.db'}?mode=ro", uri=True)
    while not db.execute(DRAINED).fetchone()[0]:
        time.sleep(0.02)
    db.close()


def run_with(bench, count):
    folder = jobs.fresh("board")
    begun = time.monotonic()
    with serve(folder, bench.nginx.url, "a") as board:
        viewers = Viewers(board, count) if count else None
        wait_until_drained(folder)
        sample = {"seconds": time.monotonic() - begun, "cpu": cpu_of(board.process.popen.pid)}
        if viewers:
            sample["events"] = len(viewers.close()[0])
    return sample


def viewers(bench):
    run_with(bench, 0)
    pairs = []
    for number in range(max(7, bench.rounds)):
        order = (0, 10) if number % 2 else (10, 0)
        pair = {str(count): run_with(bench, count) for count in order}
        pairs.append(pair)
        say(f"ten viewers: {pair['0']['seconds'] / pair['10']['seconds']:.3f} x, CPU {pair['10']['cpu'] / pair['0']['cpu']:.3f} x")
    return {"pairs": pairs, "load": os.getloadavg()[0]}


# ---- slow sockets ----


def p99(board, requests=400):
    times = []
    for _ in range(requests):
        begun = time.monotonic()
        board.get("/api/v1/snapshot")
        times.append(time.monotonic() - begun)
    return sorted(times)[int(requests * 0.99)] * 1000


class SlowSockets:
    """So many connections that each send a head byte by byte; who is cut off comes again."""

    def __init__(self, board, count):
        command = [sys.executable, "-B", __file__, "--crawl", board.host, str(board.port), str(count)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def close(self):
        self.process.communicate(b"\n")


def crawl(host, port, count):
    def begin():
        one = socket.create_connection((host, port))
        one.sendall(b"GET / HTTP/1.1\r\nHost: ")
        return one

    sockets = [begin() for _ in range(count)]
    print("ready", flush=True)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    at = 0
    while not selector.select(0.02):
        for _ in range(count // 100):    # each once in two seconds
            at = (at + 1) % count
            try:
                sockets[at].sendall(b"x")
            except OSError:
                sockets[at].close()
                sockets[at] = begin()


def slow(bench):
    rounds = []
    with api.Board(Folder(bench.state("rows"))) as board:
        p99(board)
        for _ in range(max(5, bench.rounds)):
            idle = p99(board)
            sockets = SlowSockets(board, 1000)
            rounds.append({"idle": idle, "slow": p99(board)})
            sockets.close()
            say(f"p99: idle {idle:.1f} ms, beside 1,000 slow sockets {rounds[-1]['slow']:.1f} ms")
    return {"rounds": rounds, "load": os.getloadavg()[0]}


# ---- many viewers, one frozen ----


def lateness_of(parts):
    """How long after it became true each file was told, in ms; and the files' numbers in the order they were told."""
    text, late, seqs = "", [], []
    for at, part in parts:
        text += part.replace("\r\n", "\n")
        *frames, text = text.split("\n\n")
        for frame in frames:
            fields = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
            if fields.get("event") == "files":
                for file in json.loads(fields["data"])["files"]:
                    seqs.append(file["seq"])
                    late.append(at - wall_ms(file["time"]))
    return late, seqs


def wall_ms(text):
    import datetime

    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


def late(bench):
    folder = jobs.fresh("board")
    pace = "      rate_limit: 10/s\n"
    with serve(folder, bench.nginx.url, "d") as board:
        board.stop()
    text = (folder / "pipeline.yaml").read_text().replace("    base_url", pace[2:] + "    base_url")
    shutil.rmtree(folder / "output")
    (folder / "pipeline.yaml").write_text(text)
    with api.Board(Folder(folder), command="serve") as board:
        viewers = Viewers(board, 63, frozen=1)
        time.sleep(30)
        got = [lateness_of(parts) for parts in viewers.close()]
    worst = [max(late) for late, _ in got]
    whole = all(seqs == list(range(seqs[0], seqs[-1] + 1)) for _, seqs in got)
    say(f"63 viewers beside a frozen one: {len(got[0][1])} files, the latest {max(worst):.0f} ms late, none missed: {whole}")
    return {"late": [one for late, _ in got for one in late], "files": len(got[0][1]), "whole": whole}


# ---- the run ----


class Bench:
    """States that are made when somebody asks for them, and the server of the pages."""

    def __init__(self, rounds, nginx):
        self.rounds, self.nginx, self.sizes = rounds, nginx, {}

    def state(self, name):
        rows, times = {"files": (1000, 200), "rows": (100_000, 20)}[name]
        folder = HOME / name
        stamp = folder / "sizes.json"
        if name not in self.sizes and stamp.exists():
            self.sizes[name] = json.loads(stamp.read_text())    # kept by a run before
        if name not in self.sizes:
            shutil.rmtree(folder, ignore_errors=True)
            self.sizes[name] = large.make(folder, self.nginx.url, "a", rows, times)
            stamp.write_text(json.dumps(self.sizes[name]))
            say(f"a state of {self.sizes[name]['files']:,} files, {self.sizes[name]['rows']:,} rows in the table")
        return folder


PARTS = {"views": views, "page": page, "paint": paint, "viewers": viewers, "slow": slow, "late": late}


def measure(asked):
    results = json.loads(RESULTS.read_text()) if asked.only and RESULTS.exists() else {}
    HOME.mkdir(parents=True, exist_ok=True)
    jobs.WORK.mkdir(parents=True, exist_ok=True)
    for name in ("a", "d"):
        data.make(name)
    with contextlib.closing(server.nginx(data.HOME, HOME / "nginx")) as nginx:
        bench = Bench(asked.rounds, nginx)
        for part in asked.only.split(",") if asked.only else PARTS:
            say(part)
            results[part] = PARTS[part](bench)
            results["machine"] = machine.facts()
            RESULTS.write_text(json.dumps(results))
            if data.SCALE == 1:
                TABLE.write_text(table(results))
    if not asked.keep:
        for name in bench.sizes:
            shutil.rmtree(HOME / name)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="parts, such as views,paint; all of them otherwise")
    parser.add_argument("--rounds", type=int, default=1, help="at least so many rounds")
    parser.add_argument("--keep", action="store_true", help="leave the large states where they are, for the next run")
    measure(parser.parse_args())


# ---- the table ----


def row(what, found, wanted):
    return f"| {what} | {found} | {wanted} |"


def told(view):
    if "page" not in view:
        return f"a progress after {view['something']:.2f} s, the page after more than 10 s"
    return f"the page after {view['page']:.2f} s"


def rows_of_views(part):
    slowest = max(one["something"] for one in part["views"].values())
    head = f"{part['files']:,} files, a table of {part['rows']:,} rows"
    yield row(f"{head}: the slowest view shows its page, or a progress that can be cancelled, after", f"{slowest:.2f} s", "≤ 3 s")
    for name, one in part["views"].items():
        yield row(f"… {name}", told(one), "")
    yield row("… memory of the dashboard after all of them", f"{part['resident'] >> 20} MiB", "")


def rows_of_page(part):
    for name, samples in part["orders"].items():
        wall, cpu = (median(one[key] for one in samples) for key in ("seconds", "cpu"))
        what = f"a page of {part['rows']:,} rows, filtered, by {name}"
        yield row(what, f"{wall * 1000:.0f} ms (CPU {cpu * 1000:.0f} ms)", "≤ 500 ms")


def rows_of_paint(part):
    yield row("first paint, cold", f"{median(part['ms']):.0f} ms (at most {max(part['ms']):.0f} ms)", "≤ 200 ms")


def rows_of_viewers(part):
    wall = median(pair["0"]["seconds"] / pair["10"]["seconds"] for pair in part["pairs"])
    cpu = median(pair["10"]["cpu"] / pair["0"]["cpu"] for pair in part["pairs"])
    yield row("throughput with ten viewers", f"{wall:.3f} × (the process's CPU: {cpu:.3f} ×)", "≥ 0.97 ×")


def rows_of_slow(part):
    idle, slow = (median(one[key] for one in part["rounds"]) for key in ("idle", "slow"))
    ratio = median(one["slow"] / one["idle"] for one in part["rounds"])
    yield row("a good client's p99 beside 1,000 slow sockets", f"{ratio:.2f} × ({idle:.1f} ms, {slow:.1f} ms)", "≤ 2 ×")


def rows_of_late(part):
    what = f"63 viewers beside a frozen one, {part['files']} files"
    found = f"the latest {max(part['late']):.0f} ms, median {median(part['late']):.0f} ms; none missed: {'yes' if part['whole'] else 'NO'}"
    yield row(what, found, "≤ 1 s, none missed")


ROWS = {"views": rows_of_views, "page": rows_of_page, "paint": rows_of_paint, "viewers": rows_of_viewers}
ROWS |= {"slow": rows_of_slow, "late": rows_of_late}


def table(results):
    on = results["machine"]
    loads = [f"{results[part]['load']:.1f}" for part in ROWS if "load" in results.get(part, {})]
    lines = [
        "# The live page: measured",
        "",
        "Made by `make bench BENCH=board`; how is told in [docs/performance.md](../docs/performance.md#the-live-page).",
        f"On {on['cores']} cores ({on['processor']}), {on['memory']}; load while it was measured: {', '.join(loads)}.",
        "",
        "| what | measured | goal |",
        "|---|---|---|",
        *(line for part, rows in ROWS.items() if part in results for line in rows(results[part])),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--view"]:
        view(sys.argv[2], *map(int, sys.argv[3:]))
    elif sys.argv[1:2] == ["--crawl"]:
        crawl(sys.argv[2], *map(int, sys.argv[3:]))
    else:
        main()
