"""What the tests of the page share: a board that serves a pipeline, a reader that visits it, and a pipeline to look at."""

import pathlib
import re
import shutil

import riacho

ROOT = pathlib.Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
PACKAGES = ROOT / "build" / "browser" / "node_modules"

# As root there is no sandbox; the rest keeps a browser of tests from calling home.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

# Told by the page itself: what the content security policy refused, and whether a hostile text ran.
WATCH = """
window.__refused = [];
addEventListener("securitypolicyviolation", (event) => window.__refused.push(`${event.violatedDirective}: ${event.blockedURI}`));
window.alert = () => { window.__ran = true; };
"""


def until(page, expression):
    """Waits until the expression is true in the page. (Playwright's own way would need eval in the page.)"""
    riacho.wait_until(lambda: page.evaluate(expression), timeout=10)


class Board:
    """`riacho dashboard` or `serve` over a pipeline."""

    def __init__(self, pipeline, command="dashboard", *args, listen="127.0.0.1:0"):
        self.pipeline = pipeline
        self.process = pipeline.start(command, "--listen", listen, *args)
        riacho.wait_until(lambda: self.address() or not self.process.is_running())
        assert self.process.is_running(), self.process.result()
        self.url = self.address()

    def address(self):
        found = re.search(r"dashboard: (http://[^/\s]+)/", self.process.stderr)
        return found and found[1]

    @property
    def token(self):
        return (self.pipeline.state / "dashboard.token").read_text().strip()

    def close(self):
        if self.process.is_running():
            self.process.stop()


class Visit:
    """One reader: a window with a language, a colour scheme and a size of its own. Keeps what must not happen."""

    def __init__(self, chromium, board, locale="en-US", scheme="light", width=1280, height=860, may_fail=""):
        self.board = board
        self.url = board.url
        self.may_fail = may_fail
        self.context = chromium.new_context(
            locale=locale,
            color_scheme=scheme,
            viewport={"width": width, "height": height},
            accept_downloads=True,
            reduced_motion="reduce",
            timezone_id="UTC",
        )
        self.context.add_init_script(WATCH)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15000)
        self.wrong = []
        self.page.on("console", self.on_console)
        self.page.on("pageerror", lambda error: self.wrong.append(f"page: {error}"))
        self.page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", self.on_request)

    def on_console(self, message):
        if message.type in ("error", "warning") and not (self.may_fail and re.search(self.may_fail, message.text)):
            self.wrong.append(f"console: {message.text}")

    def on_request(self, request):
        if not request.url.startswith((self.board.url, "data:", "blob:")):
            self.wrong.append(f"left the origin: {request.url}")

    def open(self, view="river", log_in=False):
        """`view` as it stands behind the #/ of the address."""
        if log_in:
            self.page.goto(f"{self.board.url}/#token={self.board.token}")
            self.page.wait_for_selector("h1")
        self.page.goto(f"{self.board.url}/#/{view}")
        self.page.wait_for_selector("h1")
        return self.page

    def check(self):
        """Nothing went wrong since it was opened."""
        assert self.wrong == [], self.wrong
        refused = self.page.evaluate("window.__refused")
        assert refused == [], refused
        assert not self.page.evaluate("window.__ran")

    def barriers(self):
        """What axe-core finds, by rule and place."""
        if not self.page.evaluate("!!window.axe"):
            self.page.evaluate((PACKAGES / "axe-core" / "axe.min.js").read_text())
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        # All that it tells of what is well would be most of the work.
        return self.page.evaluate(
            """(tags) => axe.run(document, {runOnly: tags, resultTypes: ["violations"]}).then(({violations}) =>
                violations.flatMap((one) => one.nodes.map((node) => [one.id, node.target, node.failureSummary])))""",
            tags,
        )

    def close(self):
        self.context.close()


# ---- a pipeline to look at ----

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "\"><svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)} [one|two] {name}",
]


def record(number):
    """A place on earth with a measure, a time, and a text that would like to be a script."""
    return {
        "id": number,
        "name": HOSTILE[number % len(HOSTILE)],
        "size": round((number * 37 % 1000) / 10, 1),
        "time": f"2026-01-{1 + number // 24 % 28:02}T{number % 24:02}:00:00Z",
        "longitude": (number * 7) % 360 - 180 + 0.5,
        "latitude": (number * 5) % 170 - 85 + 0.25,
        "note": None if number % 3 else f"note {number}",
        "<b onclick=alert(1)>odd key</b>": number % 2 == 0,
    }


def conf_of_places(api, **more):
    """Two resources: 300 places, which come as five files, and a few words, whose third page has a column more."""
    places = api.add("/places", style="offset", total=300, page_size=60, record=record)
    words = api.add(
        "/words",
        style="page_number",
        with_total=False,
        pages=[[{"id": 1, "word": "rio"}], [{"id": 2, "word": "mar"}], [{"id": 3, "word": "lago", "depth": 2.5}]],
    )
    conf = riacho.conf_of(
        api, riacho.resource_of("places", places), riacho.resource_of("words", words), landing={"roll": {"rows": 60}}
    )
    conf["name"] = "places"
    conf.update(more)
    return conf
