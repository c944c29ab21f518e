"""Without a mouse: every view, table and dialog is reached and left by keys, and the focus is always seen."""

import pytest
from page_world import until

pytestmark = pytest.mark.browser


def focus(page):
    return page.evaluate("document.activeElement.outerHTML.slice(0, 200)")


def test_keys_go_to_every_view(world, visit):
    page = visit(world).open("river")

    for key, view in enumerate(["river", "files", "data", "sql", "schemas", "dead", "runs"], 1):
        page.keyboard.press(str(key))
        until(page, f"location.hash.startsWith('#/{view}')")
        # The new view's head has the focus: the next Tab goes on from there.
        if key > 1:
            until(page, "document.activeElement.tagName === 'H1'")


def test_rows_are_reached_opened_and_left(world, visit):
    page = visit(world).open("files")
    page.wait_for_selector("tbody tr")

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open] .lineage")
    page.keyboard.press("Escape")

    page.wait_for_selector("dialog", state="detached")
    assert page.evaluate("!document.querySelector('dialog[open]')")


def test_tab_passes_everything_and_shows_where_it_is(world, visit):
    page = visit(world).open("files")
    page.wait_for_selector("tbody tr")
    seen = []

    for _ in range(40):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e);
            return [e.tagName, e.textContent.trim().slice(0, 40) || e.getAttribute("aria-label"), s.outlineStyle, parseFloat(s.outlineWidth)]; }"""
        )
        if at[0] != "BODY":
            seen.append(at)

    assert seen[0][1] == "Skip to the content"
    assert [at for at in seen if at[2] == "none" or at[3] < 1] == []
    assert any(at[0] == "INPUT" for at in seen)
    assert any("places" in (at[1] or "") for at in seen)


def test_help_and_shortcuts_that_can_be_switched_off(world, visit):
    page = visit(world).open("river")

    page.keyboard.press("?")
    page.wait_for_selector("dialog[open] kbd")
    page.get_by_label("Shortcuts of one key").press("Space")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    page.keyboard.press("2")
    page.wait_for_timeout(200)
    assert page.evaluate("location.hash") == "#/river"

    page.reload()
    page.wait_for_selector("h1")
    page.keyboard.press("2")
    page.wait_for_timeout(200)
    assert page.evaluate("location.hash") == "#/river"  # remembered


def test_theme_and_language_are_kept(world, visit):
    page = visit(world).open("river")

    page.keyboard.press("t")
    page.keyboard.press("t")
    page.keyboard.press("l")
    page.wait_for_selector("h1:has-text('Riacho')")
    page.reload()

    page.wait_for_selector("h1:has-text('Riacho')")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"


def test_slash_searches_and_escape_leaves_the_menu(world, visit):
    page = visit(world).open("data?table=places")
    page.wait_for_selector("td")

    page.keyboard.press("/")
    page.keyboard.type("note 27")
    until(page, "location.hash.includes('q=note')")
    menu = page.get_by_role("button", name="Column size")
    menu.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=menu]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    page.wait_for_selector("[role=menu]", state="detached")
    assert "Column size" in focus(page)
