"""The story in a browser: from the first evaluation to a won deal, a race, a setting, faults, and a whole month."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from sandbox.play.serve import Served
from sandbox.world import eventually
from tests.browser.conftest import PATIENCE, Visit

expect.set_options(timeout=PATIENCE)
ACME, YARROW, QUARTZ, PINECONE, ROWAN = "Acme Corp", "Yarrow Labs", "Quartz Energy", "Pinecone Travel", "Rowan Legal"


def card(page: Page, account: str) -> str:
    """The id of the account's card, as a selector: it stays the same whatever the card says later."""
    found = page.locator(".talk article", has_text=account).first
    expect(found).to_be_visible()
    return f"#{found.get_attribute('id')}"


def press(page: Page, place: str, button: str) -> None:
    page.locator(place).get_by_role("button", name=button).click()


def shoot(page: Page, tmp_path: Path) -> None:
    """README's picture is made here: `make screenshot`."""
    file = os.environ.get("HEADROOM_SCREENSHOT") or str(tmp_path / "play.png")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.screenshot(path=file)
    assert Path(file).stat().st_size < 200_000


def test_from_the_first_evaluation_to_a_won_deal(visit: Visit, served: Served, tmp_path: Path) -> None:
    page = visit()
    acme = card(page, ACME)
    press(page, acme, "Claim")
    expect(page.locator(acme)).to_contain_text("@rep.one")
    press(page, acme, "Push to CRM")
    deal = page.locator(".deal", has_text=ACME)
    expect(deal).to_contain_text("rep.one")
    expect(page.locator(acme).locator("a[href*='/deal/']")).to_be_visible()
    page.locator(acme).scroll_into_view_if_needed()
    shoot(page, tmp_path)
    deal.locator("summary").first.click()
    deal.get_by_text("Note", exact=True).click()
    expect(deal.locator(".note")).to_contain_text("API calls")
    deal.get_by_role("button", name="Won").click()
    expect(page.get_by_label("Won", exact=True)).to_contain_text(ACME)
    assert [one.status for one in served.play.board.deals()] == ["won"]
    expect(page.locator(acme)).to_contain_text(f"Won: {ACME}")  # the CRM has told the bot


def test_of_two_reps_who_race_for_a_card_one_has_it_and_the_other_is_told(visit: Visit, served: Served) -> None:
    first, second = visit("me=U0REP1"), visit("me=U0REP2")
    yarrow = card(first, YARROW)
    second.add_init_script("window.EventSource = class { addEventListener() {} }")  # this page hears of nothing
    second.reload()
    expect(second.locator(yarrow).get_by_role("button", name="Claim")).to_be_visible()
    press(first, yarrow, "Claim")
    expect(first.locator(yarrow)).to_contain_text("@rep.one")
    press(second, yarrow, "Claim")  # which still shows the button
    workspace = served.play.world.slack.workspace
    assert eventually(lambda: workspace.ephemerals)
    second.reload()
    expect(second.locator(".whisper")).to_contain_text("@rep.one has this one")
    expect(second.locator(yarrow)).to_contain_text("@rep.one")
    expect(first.locator(".whisper")).to_have_count(0)
    assert served.play.world.slack.people.refused == []


def test_only_a_manager_changes_the_thresholds(visit: Visit) -> None:
    page = visit()
    ask(page, "/upsell thresholds")
    expect(page.locator(".whisper").last).to_contain_text("Thresholds are set by managers")
    page.get_by_label("You are").select_option("U0BOSS")
    expect(page).to_have_url(re.compile("me=U0BOSS"))
    ask(page, "/upsell thresholds")
    levels = page.get_by_label("Approaching a limit: levels in percent")
    levels.fill("lots")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("alert")).to_contain_text("percentages")
    levels.fill("70, 85, 100")
    page.get_by_role("button", name="Save").last.click()
    expect(page.get_by_role("dialog")).to_contain_text("Saved.")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    ask(page, "/upsell thresholds")
    expect(page.get_by_label("Approaching a limit: levels in percent")).to_have_value("70, 85, 100")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def ask(page: Page, command: str) -> None:
    page.get_by_label("Message or command").fill(command)
    page.keyboard.press("Enter")


def test_a_write_whose_answer_is_lost_makes_one_deal(visit: Visit, served: Served) -> None:
    page = visit("tab=faults")
    page.get_by_role("group", name="How Pipedrive fails").get_by_label("writes applied, answers lost").check()
    quartz = card(page, QUARTZ)
    press(page, quartz, "Push to CRM")
    assert eventually(lambda: deals_of(served, QUARTZ))
    page.get_by_role("group", name="How Pipedrive fails").get_by_label("works", exact=True).check()
    page.get_by_role("button", name="+1 hour").click()
    expect(page.locator(quartz).locator("a[href*='/deal/']")).to_be_visible()
    assert deals_of(served, QUARTZ) == 1


def test_a_bot_that_is_killed_loses_nothing(visit: Visit, served: Served) -> None:
    page = visit("tab=faults")
    pinecone, rowan = card(page, PINECONE), card(page, ROWAN)
    with page.expect_response("**/do/slack/act*"):  # the click is accepted, and then the bot dies
        press(page, pinecone, "Push to CRM")
    page.get_by_role("button", name="Kill the bot now").click()
    expect(page.get_by_text("It is dead.")).to_be_visible()
    press(page, rowan, "Claim")
    expect(page.get_by_role("alert")).to_contain_text("We had some trouble connecting")
    page.get_by_role("button", name="Start it again").click()
    expect(page.get_by_text("It runs.")).to_be_visible()
    page.get_by_role("button", name="+1 hour").click()
    expect(page.locator(pinecone).locator("a[href*='/deal/']")).to_be_visible()
    press(page, rowan, "Claim")
    expect(page.locator(rowan)).to_contain_text("@rep.one")
    assert deals_of(served, PINECONE) == 1


def deals_of(served: Served, account: str) -> int:
    return sum(account in deal.organisation for deal in served.play.board.deals())


def test_what_happens_in_posthog_becomes_a_card(visit: Visit) -> None:
    page = visit("tab=posthog")
    page.get_by_role("link", name="Tundra Outdoor").click()
    expect(page.get_by_role("heading", name="Tundra Outdoor")).to_be_visible()
    page.get_by_label("Calls", exact=True).fill("98000")
    page.get_by_role("button", name="Send a burst").click()
    expect(page.locator(".account .meters")).to_contain_text("98,")
    page.get_by_role("button", name="+1 hour").click()
    expect(page.locator(".talk article", has_text="Tundra Outdoor")).to_be_visible()


def test_the_log_is_kept_by_opportunity(visit: Visit, served: Served) -> None:
    page = visit("tab=log")
    of_acme = page.locator("select[name=case] option", has_text=ACME).get_attribute("value")
    page.get_by_label("About").select_option(of_acme)
    expect(page).to_have_url(re.compile("case="))
    posted = page.locator(".log li", has_text="chat.postMessage")
    expect(posted.first).to_be_visible()
    cards = page.locator(".talk article", has_text=ACME).evaluate_all("all => all.map(one => one.dataset.ts)")
    assert posted.count() == posted.filter(has_text=re.compile("|".join([ACME, *cards]))).count()
    assert posted.count() < sum(call.path.endswith("postMessage") for call in served.play.world.slack.calls)


@pytest.mark.parametrize("width", [360, 1000, 1600])
@pytest.mark.parametrize("tab", ["slack", "crm", "posthog", "faults", "log"])
def test_every_pane_fits_and_names_what_can_be_used(visit: Visit, tab: str, width: int) -> None:
    page = visit(f"tab={tab}", width=width, dark=width == 1000)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(UNNAMED) == []


UNNAMED = """
[...document.querySelectorAll("button, a, input:not([type=hidden]), select, textarea, summary, img, progress")]
  .filter((one) => one.offsetParent && !(one.ariaLabel || one.textContent.trim() || one.alt || one.labels?.length
    || one.getAttribute("aria-labelledby")))
  .map((one) => one.outerHTML)"""


def test_thirty_days_pass(visit: Visit, served: Served) -> None:
    page = visit()
    page.get_by_role("button", name="Play 30 days").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    page.get_by_role("button", name="Play 30 days").wait_for(timeout=10 * PATIENCE)
    assert served.passing.done == 30
    assert f"{served.play.clock():%Y-%m-%d}" == "2026-12-23"
    expect(page.get_by_label("Won", exact=True).locator(".deal").nth(1)).to_be_visible()
    vendors = served.play.vendors.values()
    assert [server.errors for server in vendors] == [[]] * len(vendors)
    assert served.play.world.slack.people.refused == []


def test_zoho_can_be_chosen(visit: Visit, served: Served) -> None:
    page = visit("tab=crm")
    page.get_by_role("combobox", name="CRM").select_option("zoho")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_role("heading", name="Zoho")).to_be_visible()
    some = page.locator(".talk article", has=page.get_by_role("button", name="Push to CRM")).first
    expect(some).to_be_visible()
    press(page, f"#{some.get_attribute('id')}", "Push to CRM")
    expect(page.locator(".deal")).to_contain_text("rep.one")
    assert len(served.play.board.deals()) == 1
