"""A run through the page by keyboard alone: search, refine, open, edit, delete, undo, restore, select, download."""

import re
import zipfile
from collections.abc import Callable

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.conftest import dialog, tiles, title_of


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
