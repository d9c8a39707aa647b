"""The bin: what is deleted can be had back by undo or from the bin's page, or is deleted for good."""

from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.conftest import dialog, tiles


def count(shelf: str) -> Any:
    return httpx.get(f"{shelf}/api/v1/facets").json()["count"]


def delete_white(page: Page, shelf: str) -> None:
    """Delete the white picture in the viewer."""
    (white,) = httpx.get(f"{shelf}/api/v1/search?q=white&mode=text").json()["results"]
    page.goto(f"/?q=white&mode=text&picture={white['id']}")
    dialog(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Moved to the bin: A white square.")).to_be_visible()
    expect(page.get_by_text("Nothing was found.").last).to_be_visible()


def test_a_deleted_picture_is_had_back_by_undo_however_late(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.clock.install()
    delete_white(page, shelf)
    page.wait_for_function("() => fetch('/api/v1/facets').then(a => a.json()).then(found => found.count === 7)")
    # The message waits while the pointer or the focus is on it.
    undo = page.get_by_role("button", name="Undo")
    undo.hover()
    page.clock.run_for(60_000)
    expect(undo).to_be_visible()
    page.mouse.move(5, 5)
    undo.focus()
    page.clock.run_for(60_000)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Restored.")).to_be_visible()
    expect(tiles(page)).to_have_count(1)
    assert count(shelf) == 8
    page.clock.run_for(10_000)
    expect(page.get_by_text("Restored.")).to_have_count(0)


def test_the_bin_gives_back_and_deletes_for_good(open_window: Callable[..., Page], shelf: str) -> None:
    (white,) = httpx.get(f"{shelf}/api/v1/search?q=white&mode=text").json()["results"]
    content = httpx.get(shelf + white["file_url"]).content
    page = open_window(shelf)
    delete_white(page, shelf)
    page.goto("/")
    page.get_by_role("link", name="Bin").click()
    expect(page).to_have_title("Bin · Sightline")
    expect(page.get_by_text("1 deleted picture. Each is deleted for good after 30 days.")).to_be_visible()
    page.get_by_role("button", name="Restore: A white square.").click()
    expect(page.get_by_text("The bin is empty.")).to_be_visible()
    assert count(shelf) == 8
    delete_white(page, shelf)
    page.goto("/bin")
    page.get_by_role("button", name="Delete for good: A white square.").click()
    expect(page.get_by_text("The bin is empty.")).to_be_visible()
    assert httpx.get(f"{shelf}/api/v1/bin").json()["count"] == 0
    details = '[{"caption": "A white square.", "tags": ["plain", "cold"], "taken_at": "2021-05-01T12:00:00"}]'

    def add_white() -> None:
        sent = httpx.post(f"{shelf}/api/v1/images", files={"images": ("white.png", content)}, data={"details": details})
        assert sent.is_success

    add_white()
    delete_white(page, shelf)
    page.goto("/bin")
    page.get_by_role("button", name="Empty the bin").click()
    asked = page.get_by_role("dialog", name="Delete 1 picture for good?")
    expect(asked).to_be_visible()
    page.keyboard.press("Escape")
    expect(asked).to_have_count(0)
    assert httpx.get(f"{shelf}/api/v1/bin").json()["count"] == 1
    page.get_by_role("button", name="Empty the bin").click()
    asked.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The bin is empty. Deleted pictures stay here for 30 days.")).to_be_visible()
    assert httpx.get(f"{shelf}/api/v1/bin").json()["count"] == 0
    add_white()
    assert count(shelf) == 8


def test_an_address_that_the_page_does_not_have_is_answered_by_the_page(
    open_window: Callable[..., Page], shelf: str
) -> None:
    page = open_window(shelf, expected=("status of 404",))
    answer = page.goto("/nowhere")
    assert answer is not None and answer.status == 404
    expect(page.get_by_role("heading", name="There is no such page.")).to_be_visible()
    page.get_by_role("link", name="To the front page").click()
    expect(page.get_by_role("combobox")).to_be_visible()
