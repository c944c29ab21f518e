"""Every view, in both themes, in both languages, on a phone: no errors, no barriers, nothing leaves the origin."""

import json
import re
import subprocess

import pytest
from page_world import ROOT, until

pytestmark = pytest.mark.browser

VIEWS = {
    "river": "river",
    "files": "files",
    "adjusted files": "files?stage=transform",
    "a file": "files?stage=extract&file=1",
    "data": "data?table=places",
    "landing": "data?resource=places",
    "profile": "data?table=places&tab=profile",
    "chart": "data?table=places&tab=chart",
    "map": "data?table=places&tab=map",
    "sql": "sql",
    "schemas": "schemas?resource=words",
    "dead letters": "dead",
    "a dead letter": "dead?no=1",
    "runs": "runs",
    "a run": "runs?run=1",
    "unknown": "nowhere",
}


def settled(page):
    """Nothing is on its way any more."""
    page.wait_for_timeout(150)
    until(page, "!document.querySelector('.working, main .wait:empty')")


WIDTHS = [320, 390, 768]


def test_every_view_is_free_of_barriers_in_both_themes_and_fits_every_window(world, visit):
    here = visit(world)
    barriers, too_wide, colours = {}, {}, set()

    for name, address in VIEWS.items():
        page = here.open(address)
        settled(page)
        for scheme in ["light", "dark"]:
            page.emulate_media(color_scheme=scheme)
            barriers[name, scheme] = here.barriers()
            colours.add((scheme, page.evaluate("getComputedStyle(document.body).color")))
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 760})
            too_wide[name, width] = page.evaluate("document.documentElement.scrollWidth") > width
        page.set_viewport_size({"width": 1280, "height": 860})

    assert {view: found for view, found in barriers.items() if found} == {}
    assert [view for view, is_so in too_wide.items() if is_so] == []
    assert len(colours) == len({colour for _, colour in colours}) == 2


def test_hostile_texts_stay_texts(world, visit):
    """Names, values, column names and errors are made of scripts: check() at the end tells whether one ran."""
    page = visit(world).open("data?table=places")

    page.wait_for_selector("td:has-text('<script>alert(1)</script>')")

    assert page.locator("main script, main img, main [onerror], main [onclick]").count() == 0


def test_brazilian_portuguese_through_all_views(world, visit):
    here = visit(world, locale="pt-BR")

    for name, address in VIEWS.items():
        page = here.open(address)
        settled(page)
        assert page.locator("html").get_attribute("lang") == "pt-BR"
        # A key that has no message would stand there as itself.
        text = page.locator("body").inner_text()
        assert re.findall(r"\b(?:river|files|data|sql|schemas|dead|runs|status|stage|nav|action)\.[a-z_]+\b", text) == [], name

    page = here.open("data?table=places")
    page.wait_for_selector("td:has-text('99,9')")  # a decimal comma


def test_the_messages_of_all_languages_say_the_same():
    """The same keys, and in each the same values to fill in; every key that the source names is there."""
    script = "for (const n of ['en','pt-BR']) console.log(JSON.stringify((await import(`./src/board/web/i18n/${n}.js`)).default))"
    done = subprocess.run(["node", "--input-type=module", "-e", script], cwd=ROOT, capture_output=True, text=True, check=True)
    english, portuguese = (json.loads(line) for line in done.stdout.splitlines())
    source = "".join(path.read_text() for path in (ROOT / "src/board/web").rglob("*.js") if "i18n" not in path.parts)
    named = set(re.findall(r"\bt\(\s*\"([^\"]+)\"", source)) | set(re.findall(r"\"((?:[a-z]+)\.[a-z_]+)\"", source))
    prefixes = tuple(re.findall(r"\bt\(\s*`([a-z]+\.[a-z_]*)\$\{", source))
    filled = re.compile(r"\{(\w+)\}")

    assert list(english) == sorted(english)
    assert list(portuguese) == list(english)
    for key, message in english.items():
        assert set(filled.findall(portuguese[key])) == set(filled.findall(message)), key
        assert portuguese[key].count("[") == message.count("["), key
    assert {key for key in named if key.split(".")[0] in {k.split(".")[0] for k in english}} - set(english) == set()
    assert {key for key in english if key not in named and not key.startswith(prefixes)} == set()


def test_the_first_load_is_small(world, visit):
    """What a cold browser fetches before and with the first view, charts included, as it travels: at most 90 KB."""
    here = visit(world)
    sizes = {}
    here.page.on(
        "requestfinished",
        lambda request: sizes.update({request.url: request.sizes()["responseBodySize"]})
        if "/api/" not in request.url
        else None,
    )

    page = here.open("river")
    page.wait_for_selector(".uplot")
    page.wait_for_timeout(300)

    assert len(sizes) >= 4
    assert sum(sizes.values()) <= 90_000, sizes
