"""Dead letters mended from the page: with a login, and only after a question was answered."""

import pytest
import riacho
from page_world import conf_of_places

pytestmark = pytest.mark.browser


@pytest.fixture
def broken(api, pipeline):
    """A pipeline with two dead letters; `mend` puts the files back as they were."""
    p = pipeline(conf_of_places(api))
    p.do("extract")
    victims = p.files("landing", "places")[:2]
    whole = {path: path.read_bytes() for path in victims}
    for path in victims:
        path.write_bytes(b"<img src=x onerror=alert(1)>")
    p.do("transform", status=3)
    p.mend = lambda: [path.write_bytes(data) for path, data in whole.items()]
    return p


def open_letters(p):
    return p.do("dead list", "--json", status=None).json()["dead"]


def test_retry_of_one_and_of_all(broken, board, visit):
    p = broken
    page = visit(board(p)).open("dead", log_in=True)
    page.wait_for_selector("tbody tr")
    assert page.locator("tbody tr").count() == 2
    p.mend()

    page.locator("tbody a").first.click()
    page.wait_for_selector("dialog pre:has-text('specversion')")
    page.get_by_role("button", name="Retry", exact=True).click()
    page.wait_for_selector("dialog:has-text('Retry 1 dead letter?')")
    assert len(open_letters(p)) == 2  # not before the question was answered
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()

    page.get_by_text("1 dead letter goes back to the queue").wait_for()
    riacho.wait_until(lambda: len(open_letters(p)) == 1)
    page.get_by_role("button", name="Retry all").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    page.get_by_text("No dead letters").wait_for()

    p.do("transform")
    assert sorted(row["id"] for row in p.adjusted("places")) == list(range(300))


def test_drop_asks_for_the_token_and_then_whether(broken, board, visit):
    p = broken
    here = visit(board(p), may_fail="401")
    page = here.open("dead")

    page.get_by_role("button", name="Retry all").click()
    page.wait_for_selector("dialog:has-text('Log in to change something')")
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("dialog [role=alert]")
    page.get_by_label("Token").fill(here.board.token)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_selector("dialog", state="detached")

    page.get_by_label("Select").first.check()
    page.get_by_role("button", name="Drop 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert len(open_letters(p)) == 2

    page.get_by_role("button", name="Drop 1").click()
    page.get_by_role("dialog").get_by_role("button", name="Drop").click()
    page.get_by_text("1 dead letter dropped").wait_for()
    assert len(open_letters(p)) == 1
    page.get_by_role("button", name="Retry all").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    page.get_by_text("No dead letters").wait_for()


def test_the_token_leaves_the_address_at_once(world, visit):
    here = visit(world)

    page = here.open("river", log_in=True)

    assert "token" not in page.url
    assert page.evaluate("fetch('/api/v1/session').then((answer) => answer.json())")["logged_in"]
    assert here.board.token not in page.evaluate("JSON.stringify({...localStorage}) + document.cookie")


def test_read_only_shows_letters_and_offers_nothing(world, board, visit):
    page = visit(board(world.pipeline, "dashboard", "--read-only")).open("dead")

    page.wait_for_selector("tbody tr")

    assert page.get_by_role("button", name="Retry").count() == 0
    assert page.get_by_role("button", name="Drop").count() == 0


def test_a_new_dead_letter_appears_by_itself(api, pipeline, board, visit):
    p = pipeline(conf_of_places(api))
    p.do("extract")
    page = visit(board(p)).open("dead")
    page.get_by_text("No dead letters").wait_for()

    p.files("landing", "places")[0].unlink()
    p.do("transform", status=3)

    page.wait_for_selector("tbody tr")
    page.wait_for_selector("nav .badge:has-text('1')")
