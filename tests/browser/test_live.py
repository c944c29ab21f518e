"""The page while the pipeline works: what is new appears by itself, in every view; nothing is missed, also after a break."""

import os
import pathlib
import time

import pytest
import riacho
from api_server import plain_record
from page_world import until

pytestmark = pytest.mark.browser


@pytest.fixture
def growing(api, pipeline):
    """A pipeline whose every run lands one file, which becomes one adjusted and one CSV file."""
    items = api.add("/items", style="offset", total=20, page_size=50)
    p = pipeline(riacho.conf_of(api, riacho.resource_of("items", items)))
    p.endpoint = items
    p.run()
    return p


def newest(p, stage):
    """(seq, name, time in ms) of the newest file of a stage."""
    return p.sql(
        "SELECT seq, replace(path, rtrim(path, replace(path, '/', '')), ''), time FROM files WHERE stage = ? ORDER BY seq DESC",
        stage,
    )[0]


# View -> what shows a run's news there: an expression of the run's number and of the names of its files.
NEWS = {
    "river": lambda n, names: f"document.querySelector('.latest').textContent.includes({names['export']!r})",
    "files?stage=extract": lambda n, names: f"document.querySelector('tbody').textContent.includes({names['extract']!r})",
    "files?stage=transform": lambda n, names: f"document.querySelector('tbody').textContent.includes({names['transform']!r})",
    "files?stage=export": lambda n, names: f"document.querySelector('tbody').textContent.includes({names['export']!r})",
    "data?table=items": lambda n, names: f"document.querySelector('.pager').textContent.includes('of {20 * n}')",
    "sql": lambda n, names: f"document.querySelector('.sql-side').textContent.includes('{20 * n} rows')",
    "runs": lambda n, names: f"[...document.querySelectorAll('tbody tr')].some((row) => row.textContent.startsWith('#{n} ') && row.textContent.includes('Ended'))",
}


def test_a_new_file_appears_by_itself_in_every_view(growing, board, visit):
    p = growing
    here = board(p)
    pages = {view: visit(here).open(view) for view in NEWS}
    for view, page in pages.items():
        until(page, "!!document.querySelector('main table, main .latest, .sql-side li')")
        until(page, NEWS[view](1, names_of(p)))
        page.evaluate("window.__kept = document.querySelector('h1')")

    p.run()
    names = names_of(p)
    delays = {}
    for view, page in pages.items():
        until(page, NEWS[view](2, names))
        delays[view] = round(time.time() - newest(p, "export")[2] / 1000, 2)

    # The pages were neither loaded nor drawn anew.
    assert all(page.evaluate("window.__kept === document.querySelector('h1')") for page in pages.values())
    print("shown, in seconds after the run's last file, one view looked at after another:", delays)


def test_rows_are_asked_for_again_unless_that_was_slow_twice(growing, board, visit):
    """One slow answer may be the machine's; of a query that is slow each time, the reader is told what is new."""

    def slowly(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "elapsed_ms": 900})

    reader = visit(board(growing))
    reader.page.route("**/api/v1/queries**", slowly)
    page = reader.open("data?table=items")
    page.wait_for_selector(".pager")
    until(page, NEWS["data?table=items"](1, {}))

    growing.run()
    until(page, NEWS["data?table=items"](2, {}))

    growing.run()
    page.click("button.news")
    until(page, NEWS["data?table=items"](3, {}))


def names_of(p):
    return {stage: newest(p, stage)[1] for stage in ("extract", "transform", "export")}


def test_a_new_schema_appears_by_itself(growing, board, visit):
    p = growing
    page = visit(board(p)).open("schemas")
    page.wait_for_selector("text=Version 1")

    p.endpoint.record = lambda number: {**plain_record(number), "surprise": 1.5}
    p.run()

    page.wait_for_selector("text=Version 2")
    page.wait_for_selector("tr.is-added:has-text('surprise')")


def test_a_pipeline_in_the_same_process_is_live(growing, board, visit):
    """`riacho serve`: requests, rates and stages as they happen."""
    growing.write({**growing.conf, "schedule": {"every": "1s"}})
    page = visit(board(growing, "serve")).open("river")

    page.wait_for_selector(".stream.is-slow, .stream.is-fast")
    page.wait_for_selector(".connection.is-live")
    before = page.locator(".station b").nth(1).inner_text()
    until(page, f"document.querySelectorAll('.station b')[1].textContent !== {before!r}")
    until(page, "document.querySelectorAll('.timeline .bar').length >= 3")


def test_pause_holds_the_page_still_and_resume_brings_what_was_missed(growing, board, visit):
    p = growing
    page = visit(board(p)).open("files?stage=extract")
    page.wait_for_selector("tbody tr")

    page.get_by_role("button", name="Pause live updates").click()
    page.wait_for_selector("text=Paused")
    p.run()
    name = newest(p, "extract")[1]
    page.wait_for_timeout(1500)
    assert page.get_by_text(name).count() == 0

    page.get_by_role("button", name="Resume live updates").click()
    page.get_by_text(name).wait_for()


def test_a_server_that_went_away_and_came_back(growing, board, visit):
    p = growing
    first = board(p)
    here = visit(first, may_fail="ERR_|Failed to load resource")
    page = here.open("files?stage=extract")
    page.wait_for_selector(".connection.is-live")

    first.close()
    page.wait_for_selector(".connection.is-lost, .connection.is-stopped")
    p.run()
    board(p, listen=first.url.removeprefix("http://"))

    page.wait_for_selector(".connection.is-live")
    page.get_by_text(newest(p, "extract")[1]).wait_for()


def test_an_empty_pipeline_tells_what_to_do_next(api, pipeline, board, visit):
    items = api.add("/items", style="offset", total=0, page_size=50)
    p = pipeline(riacho.conf_of(api, riacho.resource_of("items", items)))
    p.run()
    here = visit(board(p))

    for view, words in {
        "files": "No files yet",
        "data": "No data yet",
        "schemas": "No schemas yet",
        "dead": "No dead letters",
        "sql": "Ask anything",
    }.items():
        here.open(view).get_by_text(words).first.wait_for()
        assert here.barriers() == []


SOAK_SECONDS = int(os.environ.get("RIACHO_SOAK_SECONDS", 7200 if riacho.IS_TORTURE else 10))


@pytest.fixture
def streaming(api, pipeline):
    """A pipeline that lands ten files a second for hours, and works beside the page."""
    items = api.add("/items", style="page_number", with_total=False, total=400_000, page_size=2)
    p = pipeline(
        riacho.conf_of(api, riacho.resource_of("items", items), client={"rate_limit": "10/s"}, landing={"roll": {"rows": 2}})
    )
    process = p.start("run")
    riacho.wait_until(lambda: (p.state / "state.db").exists() and p.files("adjusted", "items"))
    yield p
    process.kill()


@pytest.mark.torture
@pytest.mark.timeout(SOAK_SECONDS + 300)
def test_a_page_that_stays_open_grows_on_neither_side(streaming, board, visit):
    """The browser's heap after a garbage collection, and the dashboard's memory, early and late, at ten files a second."""
    here = visit(board(streaming))
    page = here.open("river")
    page.wait_for_selector(".uplot")
    session = here.context.new_cdp_session(page)
    server = pathlib.Path(f"/proc/{here.board.process.popen.pid}/statm")

    def memory():
        session.send("HeapProfiler.collectGarbage")
        heap = session.send("Runtime.getHeapUsage")["usedSize"] / 2**20
        return heap, int(server.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    page.wait_for_timeout(min(60, SOAK_SECONDS / 2) * 1000)
    early = memory()
    for past in range(SOAK_SECONDS // 10):
        page.wait_for_timeout(10_000)
        if past % 6 == 0:
            print("heap and server: {:.1f} MiB, {:.1f} MiB".format(*memory()), flush=True)
    late = memory()

    print(f"{len(streaming.files('landing', 'items'))} files landed")
    assert late[0] < early[0] + 8 and late[1] < early[1] + 16, (early, late)
    assert page.locator(".latest li").count() <= 8
