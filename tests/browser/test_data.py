"""Any table, resource or file: sorted, filtered and searched over all rows by the server, drawn, and taken along."""

import csv

import pyarrow.parquet as pq
import pytest
import riacho
from page_world import record, until

pytestmark = pytest.mark.browser

# The last file of the five is a dead letter.
ROWS = [record(number) for number in range(240)]


def column(page, name):
    """The texts of a column as they are shown."""
    return page.evaluate(
        """(name) => {
            const heads = [...document.querySelectorAll("thead th")].map((th) => th.querySelector(".name")?.textContent);
            const at = heads.indexOf(name);
            return [...document.querySelectorAll("tbody tr")].map((tr) => tr.children[at].textContent);
        }""",
        name,
    )


def pager(page):
    return page.locator(".pager span").inner_text()


def until_sizes(page, sizes):
    """The page keeps the old rows until the answer is there, so the whole column is waited for."""
    riacho.wait_until(lambda: [float(text) for text in column(page, "size")] == sizes, timeout=10)


def shows(page, text):
    until(page, f"document.querySelector('.pager span')?.textContent.endsWith({text!r})")


def test_sort_is_over_all_rows(world, visit):
    page = visit(world).open("data?table=places")
    shows(page, "1–100 of 240")

    page.get_by_role("button", name="size", exact=True).click()
    until(page, "location.hash.includes('sort=size')")
    until(page, "document.querySelector('th[aria-sort=ascending]')")
    sizes = sorted(row["size"] for row in ROWS)
    until_sizes(page, sizes[:100])

    page.get_by_role("button", name="size", exact=True).click()
    until(page, "document.querySelector('th[aria-sort=descending]')")
    until_sizes(page, sizes[::-1][:100])

    page.get_by_role("button", name="Next").click()
    shows(page, "101–200 of 240")
    until_sizes(page, sizes[::-1][100:200])


def test_search_and_filters_are_over_all_rows(world, visit):
    page = visit(world).open("data?table=places")
    shows(page, "of 240")

    page.get_by_label("Search all rows").fill("NOTE 23")
    expected = [row for row in ROWS if row["note"] and "note 23" in row["note"]]
    shows(page, f"of {len(expected)}")
    assert column(page, "note") == [row["note"] for row in expected]

    page.get_by_label("Search all rows").fill("")
    shows(page, "of 240")
    page.get_by_role("button", name="Filter", exact=True).click()
    form = page.get_by_role("dialog")
    form.get_by_label("Column").select_option("size")
    form.get_by_label("Condition").select_option(">=")
    form.get_by_label("Value").fill("90")
    form.get_by_role("button", name="Apply").click()
    large = [row for row in ROWS if row["size"] >= 90]
    shows(page, f"of {len(large)}")
    assert sorted(map(float, column(page, "size"))) == sorted(row["size"] for row in large)

    # From a column's menu, on top of the first.
    page.get_by_role("button", name="Column note").click()
    page.get_by_role("menuitem", name="Filter …").click()
    page.get_by_role("dialog").get_by_label("Condition").select_option("is_null")
    page.get_by_role("dialog").get_by_role("button", name="Apply").click()
    shows(page, f"of {len([row for row in large if row['note'] is None])}")

    page.get_by_role("button", name="Remove the filter note is null").click()
    shows(page, f"of {len(large)}")
    # The address is the state.
    page.reload()
    shows(page, f"of {len(large)}")


def test_nothing_fits_and_how_to_get_back(world, visit):
    page = visit(world).open("data?table=places&q=nothing+is+like+this")

    page.get_by_text("Nothing fits the search and the filters.").wait_for()
    page.get_by_role("button", name="Clear search and filters").click()

    shows(page, "of 240")


def test_columns_are_hidden_and_shown_again(world, visit):
    page = visit(world).open("data?table=places")
    shows(page, "of 240")

    page.get_by_role("button", name="Column note").click()
    page.get_by_role("menuitem", name="Hide").click()
    page.get_by_text("1 column hidden").wait_for()
    assert page.locator("thead .name", has_text="note").count() == 0

    page.get_by_role("button", name="Show all").click()
    page.locator("thead .name", has_text="note").wait_for()


@pytest.mark.parametrize("form", ["CSV", "Parquet"])
def test_what_is_filtered_is_downloaded(world, visit, tmp_path, form):
    page = visit(world).open('data?table=places&sort=-size&filters=[{"column":"size","op":">","value":"95"}]')
    expected = sorted((row["size"] for row in ROWS if row["size"] > 95), reverse=True)
    shows(page, f"of {len(expected)}")

    page.get_by_role("button", name="Download").click()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name=f"As {form}").click()
    path = tmp_path / f"taken.{form.lower()}"
    download.value.save_as(path)

    if form == "CSV":
        with open(path, newline="", encoding="utf-8") as file:
            sizes = [float(row["size"]) for row in csv.DictReader(file)]
    else:
        sizes = pq.read_table(path).column("size").to_pylist()
    assert sizes == expected
    assert download.value.suggested_filename.endswith(form.lower())


def test_the_profile_tells_each_column(world, visit):
    page = visit(world).open("data?table=places&tab=profile")
    card = page.locator(".profile", has=page.get_by_role("button", name="note", exact=True))

    card.wait_for()
    nulls = sum(row["note"] is None for row in ROWS) / len(ROWS)
    assert f"{nulls:.1%}".replace(".0%", "%") in card.inner_text()
    page.get_by_role("button", name="size", exact=True).click()
    sheet = page.get_by_role("dialog")
    sheet.locator(".histogram rect").first.wait_for()

    text = sheet.inner_text()
    assert str(min(row["size"] for row in ROWS)) in text or "0" in text
    assert str(max(row["size"] for row in ROWS)) in text
    assert "240" in text
    counted = sheet.locator(".histogram rect title").all_text_contents()
    assert sum(int(line.rsplit(": ", 1)[1]) for line in counted) == 240


def test_a_chart_and_a_map(world, visit):
    page = visit(world).open("data?table=places&tab=chart")
    page.wait_for_selector(".uplot canvas")
    page.get_by_label("Across").select_option("size")
    page.get_by_role("checkbox", name="latitude").check()
    until(page, "location.hash.includes('x=size') && document.querySelectorAll('.uplot').length === 2")

    page.get_by_role("link", name="Map").click()
    page.wait_for_selector(".map .cell")
    page.get_by_text("The busiest places in sight").click()
    assert page.locator(".map tbody tr").count() > 5

    # Keys move and zoom.
    before = page.locator(".map svg").get_attribute("viewBox")
    page.locator(".map svg").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    assert page.locator(".map svg").get_attribute("viewBox") != before


def test_a_file_and_a_resource_open_as_data(world, visit):
    page = visit(world).open("files?stage=extract&file=1")

    page.get_by_role("link", name="Look at the rows").click()
    until(page, "location.hash.startsWith('#/data?file=1')")
    page.wait_for_selector("td")

    page.get_by_label("What to look at").select_option("resource:words")
    shows(page, "of 3")
    assert set(column(page, "word")) == {"rio", "mar", "lago"}
