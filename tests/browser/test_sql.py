"""The query box: read-only, with errors that help, a history, a chart, and a way to stop."""

import csv

import pytest
from page_world import until

pytestmark = pytest.mark.browser


def ask(page, sql):
    page.get_by_label("Query", exact=True).fill(sql)
    page.keyboard.press("Control+Enter")


def cells(page):
    return page.evaluate(
        "[...document.querySelectorAll('.sql-main tbody tr')].map((tr) => [...tr.children].slice(1).map((td) => td.textContent))"
    )


def test_a_query_and_its_result(world, visit):
    page = visit(world).open("sql")

    ask(page, "SELECT count(*) AS n, count(DISTINCT name) AS names FROM places")

    page.wait_for_selector(".sql-main td")
    assert cells(page) == [["240", "6"]]


def test_the_landing_and_a_join(world, visit):
    page = visit(world).open("sql")

    ask(page, "SELECT w.word, l.depth FROM words w JOIN \"landing.words\" l USING (id) ORDER BY id DESC LIMIT 2")

    page.wait_for_selector(".sql-main td")
    assert cells(page) == [["lago", "2.5"], ["mar", "null"]]


@pytest.mark.parametrize(
    "sql", ["SELECT nothing FROM places", "SELEKT 1", "DELETE FROM places", "COPY places TO '/tmp/x.csv'", "ATTACH 'x.db'"]
)
def test_what_is_refused_says_why(world, visit, sql):
    here = visit(world, may_fail="4[0-9][0-9]")
    page = here.open("sql")

    ask(page, sql)

    page.wait_for_selector(".sql-main [role=alert]")
    assert len(page.locator(".sql-main [role=alert]").inner_text()) > 15


def test_a_long_query_is_cancelled(world, visit):
    page = visit(world).open("sql")

    ask(page, "SELECT sum(a.range * b.range % 7) FROM range(400000) a, range(400000) b")
    page.wait_for_selector(".working")
    page.locator(".editor").get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled").wait_for()

    ask(page, "SELECT 42 AS answer")  # the server is free again
    page.wait_for_selector(".sql-main td")
    assert cells(page) == [["42"]]


def test_the_history_is_kept_and_the_address_holds_the_query(world, visit):
    page = visit(world).open("sql")
    ask(page, "SELECT 1 AS one")
    page.wait_for_selector(".sql-main td")
    ask(page, "SELECT 2 AS two")
    until(page, "document.querySelectorAll('.history li').length === 2")
    page.reload()

    until(page, "document.querySelector('textarea')?.value === 'SELECT 2 AS two'")
    page.locator(".history button", has_text="SELECT 1").click()

    assert page.get_by_label("Query", exact=True).input_value() == "SELECT 1 AS one"


def test_a_result_as_chart_and_download(world, visit, tmp_path):
    page = visit(world).open("sql")
    ask(page, "SELECT id, size FROM places ORDER BY id")
    page.wait_for_selector(".sql-main td")

    page.get_by_role("button", name="Chart").click()
    page.get_by_role("checkbox", name="size").check()
    page.wait_for_selector(".uplot canvas")
    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="As CSV").click()
    path = tmp_path / "taken.csv"
    download.value.save_as(path)

    with open(path, newline="", encoding="utf-8") as file:
        assert [int(row["id"]) for row in csv.DictReader(file)] == list(range(240))


def test_a_table_s_name_is_put_where_the_cursor_is(world, visit):
    page = visit(world).open("sql")
    page.get_by_label("Query", exact=True).fill("SELECT * FROM ")

    page.get_by_role("button", name="landing.words").click()

    assert page.get_by_label("Query", exact=True).input_value() == 'SELECT * FROM "landing.words"'
