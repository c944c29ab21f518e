"""Pictures of every view for the docs: real earthquakes on their way, in the real page and in a terminal.
`make screenshots` calls it.

usage: python tests/browser/pictures.py docs/pictures
"""

import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "support"), str(ROOT / "tests" / "browser")]

import riacho  # noqa: E402
from api_server import Api  # noqa: E402
from page_world import CHROMIUM, FLAGS, Board, Visit, until  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402
from terminal import Terminal  # noqa: E402
from terminal_picture import COLUMNS, EMULATED, ROWS, take_terminal  # noqa: E402

QUAKES = json.loads((ROOT / "build/deps/share/earthquakes.json").read_text())["features"]

QUERY = """SELECT magnitude_type, count(*) AS quakes, round(avg(magnitude), 2) AS mean, max(magnitude) AS strongest
FROM quakes
GROUP BY magnitude_type
ORDER BY quakes DESC"""

VIEWS = {
    "files": "files?stage=transform",
    "file": "files?stage=transform&file=2",
    "data": "data?table=quakes&sort=-magnitude",
    "profile": "data?table=quakes&tab=profile",
    "chart": "data?table=quakes&tab=chart",
    "map": "data?table=quakes&tab=map",
    "sql": "sql",
    "schemas": "schemas?resource=stations",
    "dead-letters": "dead",
    "runs": "runs",
}
# Name, view, and how the reader looks at it.
OTHERS = [
    ("river-dark", "river", {"scheme": "dark"}),
    ("map-dark", VIEWS["map"], {"scheme": "dark"}),
    ("river-phone", "river", {"width": 390, "height": 844}),
    ("data-phone", VIEWS["data"], {"width": 390, "height": 844, "scheme": "dark"}),
    ("river-pt-br", "river", {"locale": "pt-BR"}),
    ("data-pt-br", VIEWS["data"], {"locale": "pt-BR"}),
]


def conf_of(api):
    quakes = api.add("/quakes", style="offset", page_size=100, total=len(QUAKES), delay=0.5, record=lambda n: QUAKES[n])
    stations = api.add(
        "/stations",
        style="page_number",
        with_total=False,
        delay=0.7,
        pages=[
            [{"id": 1, "name": "Serra", "height": 820}, {"id": 2, "name": "Foz", "height": 3}],
            [{"id": 3, "name": "Vale", "height": 411.5, "owner": {"name": "UFMG", "since": 1998}}],
            [{"id": 4, "name": "Ilha", "height": "unknown", "owner": {"name": "USP", "since": 2004, "active": True}}],
        ],
    )
    conf = riacho.conf_of(api, riacho.resource_of("quakes", quakes), riacho.resource_of("stations", stations))
    conf["name"] = "earthquakes"
    conf["source"]["client"]["rate_limit"] = "10/s"
    conf["landing"] = {"roll": {"rows": 100}}
    conf["schedule"] = {"every": "15s"}
    conf["transform"] = {
        "tables": [
            {"name": "quakes", "from": "quakes", "columns": columns_of_quakes(), "distinct": "id"},
            {
                "name": "stations",
                "from": "stations",
                "columns": {"id": "id", "name": "name", "height": {"path": "height", "type": "double"}},
            },
        ]
    }
    return conf


def columns_of_quakes():
    return {
        "id": {"path": "id", "type": "text"},
        "magnitude": {"path": "properties.mag", "type": "double"},
        "magnitude_type": {"path": "properties.magType", "type": "text"},
        "place": {"path": "properties.place", "type": "text", "trim": True},
        "time": {"path": "properties.time", "type": "timestamp", "unit": "ms"},
        "longitude": {"path": "geometry.coordinates[0]", "type": "double"},
        "latitude": {"path": "geometry.coordinates[1]", "type": "double"},
        "depth_km": {"path": "geometry.coordinates[2]", "type": "double"},
        "status": {"path": "properties.status", "type": "text"},
    }


def take(browser, board, folder, name, view, **how):
    here = Visit(browser, board, **{"width": 1360, "height": 850, **how})
    page = here.open(view, log_in=view == "dead")
    if view == "sql":
        page.locator("textarea").fill(QUERY)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".sql-main td")
    page.wait_for_timeout(1200)
    until(page, "!document.querySelector('.working, main .wait:empty')")
    page.mouse.move(0, 0)
    page.screenshot(path=folder / f"{name}.png")
    here.check()
    here.close()


def take_top(browser, board, folder):
    terminal = Terminal(["top", board.pipeline.file], ROWS, COLUMNS, env=EMULATED)
    terminal.wait_for("live")
    terminal.read(3)
    take_terminal(browser, terminal.raw, folder / "top.png")
    terminal.end()


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    with Api() as api, tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        board = Board(riacho.Pipeline(home, conf_of(api)), "serve")
        try:
            riacho.wait_until(lambda: len(board.pipeline.files("csv", "quakes")) >= 5, timeout=120)
            take(browser, board, folder, "river", "river")
            take_top(browser, board, folder)
            riacho.wait_until(lambda: len(board.pipeline.files("csv", "quakes")) >= 18, timeout=120)
            for name, view in VIEWS.items():
                take(browser, board, folder, name, view)
            for name, view, how in OTHERS:
                take(browser, board, folder, name, view, **how)
        finally:
            board.close()
            browser.close()


main(pathlib.Path(sys.argv[1]))
