"""A run through the page by keyboard alone: search, refine, open, edit, delete, undo, restore, select, download."""

import re
import zipfile
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import dialog, field, tiles, title_of


def tab_to(page: Page, name: str) -> None:
    """Press Tab until the element with this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "() => (document.activeElement.getAttribute('aria-label') || document.activeElement.innerText || '').trim()"
        )
        if focused == name:
            return
    raise AssertionError(f"Tab does not lead to {name}")


def search(page: Page, text: str, count: int = 8) -> None:
    """Search from the field, and go to the first picture."""
    page.keyboard.press("/")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    expect(page).to_have_url(re.compile("q=" + text.replace(" ", r"\+")))
    expect(tiles(page)).to_have_count(count)
    page.keyboard.press("Enter")
    expect(page.locator("[data-index='0']:focus-within")).to_have_count(1)


@pytest.fixture
def answered_again(open_window: Callable[..., Page], shelf: str) -> Iterator[tuple[Page, Callable[[], list[str]]]]:
    """A search that is shown from before a change and is being answered again; the focus is in the field.

    The function lets the answer come, in the opposite order, and returns the ids.
    """
    page = open_window(shelf)
    page.goto("/")
    expect(tiles(page).first).to_be_visible()
    search(page, "a square")
    page.keyboard.press("Enter")
    name = title_of(page).inner_text()
    picture = re.search(r"picture=([0-9a-f]{32})", page.url)
    assert picture is not None
    page.keyboard.press("Delete")
    expect(page.get_by_text(f"Moved to the bin: {name}")).to_be_visible()
    expect(title_of(page)).not_to_have_text(name)
    page.keyboard.press("Escape")
    search(page, "a black square", 7)
    held: list[Route] = []
    page.route(re.compile(r"/api/v1/search\?q=a\+square&"), lambda route: held.append(route))
    page.keyboard.press("/")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("a square")
    expect(page.locator("main [aria-busy=true]")).to_have_count(1)
    expect(tiles(page)).to_have_count(7)

    def answer() -> list[str]:
        found = held[0].fetch().json()
        found["results"].reverse()
        held[0].fulfill(json=found)
        expect(page.locator("main [aria-busy=true]")).to_have_count(0)
        return [hit["id"] for hit in found["results"]]

    yield page, answer
    assert httpx.post(f"{shelf}/api/v1/selection/restore", json={"ids": [picture[1]]}).is_success


def test_enter_waits_for_the_answer_to_a_search_that_is_shown_from_before(
    answered_again: tuple[Page, Callable[[], list[str]]],
) -> None:
    page, answer = answered_again
    page.keyboard.press("Enter")
    expect(field(page)).to_be_focused()
    first, *_ = answer()
    expect(page.locator(f"[data-index='0'] #tile-{first}")).to_be_focused()


def test_the_focus_stays_with_its_picture_when_the_order_changes(
    answered_again: tuple[Page, Callable[[], list[str]]],
) -> None:
    page, answer = answered_again
    # From the field onto the wall without waiting.
    for key in ("Escape", "Escape", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)
    focused = page.locator("[data-index='1'] a:focus").get_attribute("id")
    ids = answer()
    expect(page.locator(f"[data-index='5'] #{focused}")).to_be_focused()
    assert f"tile-{ids[5]}" == focused
    page.keyboard.press("ArrowLeft")
    expect(page.locator(f"#tile-{ids[4]}")).to_be_focused()


def test_everything_can_be_done_by_keyboard(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/")
    expect(tiles(page).first).to_be_visible()
    search(page, "a square")
    # Refine: another like the first one.
    page.keyboard.press("+")
    expect(page).to_have_url(re.compile("term=like"))
    expect(tiles(page)).to_have_count(7)
    expect(page.locator("[data-index='0']:focus-within")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    name = title_of(page).inner_text()
    picture = re.search(r"picture=([0-9a-f]{32})", page.url)
    assert picture is not None
    page.keyboard.press("e")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Written by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(title_of(page)).to_have_text("Written by keyboard")
    # Delete, and undo.
    page.keyboard.press("Delete")
    expect(page.get_by_text("Moved to the bin: Written by keyboard")).to_be_visible()
    tab_to(page, "Undo")
    while page.evaluate("() => !document.activeElement.closest('p').innerText.includes('Moved')"):
        tab_to(page, "Undo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Restored.")).to_be_visible()
    # Delete again, and restore from the bin.
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    search(page, "Written by keyboard", 7)
    page.keyboard.press("Enter")
    expect(title_of(page)).to_have_text("Written by keyboard")
    page.keyboard.press("Delete")
    expect(page.get_by_text("Moved to the bin: Written by keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    tab_to(page, "Sightline")
    page.keyboard.press("Enter")
    tab_to(page, "Bin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Restore: Written by keyboard")).to_be_visible()
    tab_to(page, "Restore: Written by keyboard")
    page.keyboard.press("Enter")
    expect(page.get_by_text("The bin is empty.")).to_be_visible()
    tab_to(page, "Back to the pictures")
    page.keyboard.press("Enter")
    expect(tiles(page).first).to_be_visible()
    # Select five, and download them.
    search(page, "a square")
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.get_by_text("5 selected")).to_be_visible()
    with page.expect_download() as started:
        tab_to(page, "Download")
        page.keyboard.press("Enter")
    with zipfile.ZipFile(started.value.path()) as opened:
        assert len(opened.namelist()) == 5
    assert httpx.patch(f"{shelf}/api/v1/images/{picture[1]}", json={"caption": name}).is_success
