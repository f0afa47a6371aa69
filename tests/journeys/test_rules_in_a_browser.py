"""Approval rules written in a real browser: by keyboard alone, with and without scripts, wide and narrow."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from chromium import Watched, browsing, look, sign_in
from order_desk import Desk, set_up
from people_at_work import PASSWORD, give_passwords, hash_cheaply
from playwright.sync_api import Page, expect
from sqlmodel import select

from app.approval import definition as definitions
from app.clock import SetClock
from app.gateway import Gateway
from app.storage.approvals import FlowVersionRow

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database", ["sqlite"], indirect=True)]


@pytest.fixture
def desk(gateway: Gateway, clock: SetClock, monkeypatch: pytest.MonkeyPatch) -> Desk:
    hash_cheaply(monkeypatch)
    clock.move(datetime.now(UTC) - clock.now())
    made = set_up(gateway)
    made.person("ana", "flow_author")
    made.person("paula", "approver")
    made.person("boss", "approver")
    give_passwords(made)
    return made


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page: Page) -> str:
    """The id, or the value of a button, that the keyboard is at."""
    return str(page.evaluate("document.activeElement.id || document.activeElement.value || ''"))


def tab_to(page: Page, wanted: str) -> None:
    for _ in range(250):
        if focused(page) == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not reach {wanted}")


def fill(page: Page, control: str, text: str) -> None:
    tab_to(page, control)
    page.keyboard.type(text)


def choose(page: Page, control: str, option: str) -> None:
    """As a keyboard does in a select: the first letters of the option."""
    tab_to(page, control)
    seen = saved(page)
    page.keyboard.type(option)
    page.keyboard.press("Tab")
    page.wait_for_function("seen => document.forms.editor.elements.seen.value !== seen", arg=seen)


def hit(page: Page, button: str, then: str) -> None:
    """A button, after which the keyboard is where the new row begins."""
    tab_to(page, button)
    page.keyboard.press("Enter")
    page.wait_for_function("id => document.activeElement.id === id", arg=then)


def saved(page: Page) -> str:
    """The number of the draft as the page knows it."""
    return str(page.evaluate("document.forms.editor.elements.seen.value"))


def begin(page: Page, site: str) -> None:
    sign_in(page, site, "ana", PASSWORD)
    page.wait_for_url("**/admin/rules")
    fill(page, "new-name", "Three stages")
    press(page, "Enter")
    page.wait_for_url("**/draft")


def test_three_stages_are_written_by_keyboard_and_published(desk: Desk, site: str, tmp_path: Path) -> None:
    with browsing(viewport={"width": 1280, "height": 900}) as browser:
        page = browser.new_page()
        watched = Watched(page)
        begin(page, site)
        look(page)
        fill(page, "stages.0.steps.0.name", "Purchasing lead")
        choose(page, "stages.0.steps.0.approver.by", "this person")
        fill(page, "stages.0.steps.0.approver.name", "paula")
        hit(page, "add:stages.0.steps.0.condition", "stages.0.steps.0.condition.field")
        choose(page, "stages.0.steps.0.condition.field", "order total without")
        choose(page, "stages.0.steps.0.condition.op", "is more")
        fill(page, "stages.0.steps.0.condition.value", "5000")
        press(page, "Tab")
        expect(page.get_by_text("Asked: Paula, when order total without tax is more than EUR")).to_be_visible()
        hit(page, "add_stage:", "stages.1.steps.0.name")
        page.keyboard.type("Head")
        fill(page, "stages.1.steps.0.approver.name", "approver")
        choose(page, "stages.1.steps.0.quorum", "all of")
        hit(page, "add_stage:", "stages.2.steps.0.name")
        page.keyboard.type("Owner")
        choose(page, "stages.2.steps.0.approver.by", "owner of the cost")
        look(page)
        page.screenshot(path=tmp_path / "wide.png", full_page=True)
        page.set_viewport_size({"width": 360, "height": 800})
        look(page)
        page.screenshot(path=tmp_path / "narrow.png", full_page=True)
        tab_to(page, "publish")
        press(page, "Enter")
        page.wait_for_url(lambda url: not url.split("?")[0].endswith("/draft"))
        look(page)
    assert watched.complaints == []
    assert watched.hosts == {site.removeprefix("http://")}
    with desk.gateway.database.read() as session:
        version = session.exec(select(FlowVersionRow)).one()
    flow = definitions.read(version.definition)
    assert [step.name for step in flow.steps] == ["Purchasing lead", "Head", "Owner"]
    assert [step.quorum for step in flow.steps] == [1, None, 1]


def test_rules_are_written_without_scripts(desk: Desk, site: str) -> None:
    with browsing(scripts=False, viewport={"width": 360, "height": 800}) as browser:
        page = browser.new_page()
        begin(page, site)
        page.get_by_label("Name of the step").fill("Lead")
        page.get_by_role("button", name="Add", exact=True).first.click()
        page.get_by_label("Field").select_option("paid by purchasing card")
        page.get_by_role("button", name="Save", exact=True).last.click()
        expect(page.get_by_text("These rules are for an order when it is so: paid by purchasing card.")).to_be_visible()
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("in force")).to_be_visible()


def test_what_is_typed_while_something_is_saved_is_not_lost(desk: Desk, site: str) -> None:
    with browsing(viewport={"width": 1280, "height": 900}) as browser:
        page = browser.new_page()
        begin(page, site)
        name, who = page.locator("[id='stages.0.steps.0.name']"), page.locator("[id='stages.0.steps.0.approver.name']")
        name.fill("Lead")
        who.click()
        who.press("End")
        who.press_sequentially("-of-all", delay=30)
        who.press("Tab")
        expect(page.get_by_text("everybody with the role approver-of-all")).to_be_visible()
        page.reload()
        expect(name).to_have_value("Lead")
        expect(who).to_have_value("approver-of-all")
