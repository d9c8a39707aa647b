"""Several pictures at once: selected by mouse, finger and keyboard; tagged, downloaded, deleted and searched by."""

import re
import zipfile
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import dialog, tiles


@pytest.fixture
def wall(open_window: Callable[..., Page], shelf: str) -> Page:
    page = open_window(shelf)
    page.goto("/?sort=taken")
    expect(tiles(page)).to_have_count(8)
    return page


def bar(page: Page) -> Locator:
    return page.get_by_role("region", name="Selected pictures")


def selected(page: Page) -> list[int]:
    """The places of the selected pictures."""
    found = page.locator("[data-selected]").evaluate_all("tiles => tiles.map(tile => Number(tile.dataset.index))")
    return sorted(found)


def test_pictures_are_selected_with_the_mouse(wall: Page) -> None:
    tiles(wall).nth(1).click(modifiers=["ControlOrMeta"])
    expect(bar(wall).get_by_text("1 selected")).to_be_visible()
    tiles(wall).nth(4).click(modifiers=["Shift"])
    assert selected(wall) == [1, 2, 3, 4]
    # While something is selected a click selects.
    tiles(wall).nth(6).click()
    tiles(wall).nth(2).click()
    assert selected(wall) == [1, 3, 4, 6]
    expect(dialog(wall)).to_have_count(0)
    bar(wall).get_by_role("button", name="Clear").click()
    expect(bar(wall)).to_have_count(0)
    # By the mark on a tile, without a key.
    tiles(wall).nth(5).hover()
    wall.locator("[data-index='5']").get_by_role("button", name="Select").click()
    assert selected(wall) == [5]
    # A selection belongs to its wall.
    wall.goto("/?sort=added")
    expect(bar(wall)).to_have_count(0)
    tiles(wall).first.click()
    expect(dialog(wall)).to_be_visible()


def test_pictures_are_selected_by_keyboard(wall: Page) -> None:
    tiles(wall).nth(2).focus()
    wall.keyboard.press("Space")
    assert selected(wall) == [2]
    wall.keyboard.press("Shift+ArrowRight")
    wall.keyboard.press("Shift+ArrowRight")
    expect(bar(wall).get_by_text("3 selected")).to_be_visible()
    assert selected(wall) == [2, 3, 4]
    wall.keyboard.press("Shift+ArrowLeft")
    assert selected(wall) == [2, 3]
    wall.keyboard.press("ControlOrMeta+a")
    expect(bar(wall).get_by_text("8 selected")).to_be_visible()
    wall.keyboard.press("Escape")
    expect(bar(wall)).to_have_count(0)
    # The focus is still on the wall, and Enter opens.
    wall.keyboard.press("Enter")
    expect(dialog(wall)).to_be_visible()


def test_a_long_press_selects(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf, width=390, height=844, has_touch=True, is_mobile=True)
    page.goto("/?sort=taken")
    expect(tiles(page)).to_have_count(8)
    place = tiles(page).first.bounding_box()
    assert place is not None
    client = page.context.new_cdp_session(page)
    points = [{"x": place["x"] + 20, "y": place["y"] + 20}]
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": points})
    expect(bar(page).get_by_text("1 selected")).to_be_visible()
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert selected(page) == [0]
    tiles(page).nth(1).tap()
    assert selected(page) == [0, 1]
    expect(dialog(page)).to_have_count(0)


def test_the_selected_are_tagged_and_searched_by(wall: Page, shelf: str) -> None:
    for place in (0, 1):
        tiles(wall).nth(place).click(modifiers=["ControlOrMeta"])
    bar(wall).get_by_role("button", name="Tag").click()
    wall.get_by_label("Tags, separated by commas").fill("chosen, two words")
    wall.keyboard.press("Enter")
    expect(wall.get_by_text("2 pictures tagged.")).to_be_visible()
    listed: Any = httpx.get(f"{shelf}/api/v1/search?tags=chosen&tags=two+words").json()
    assert len(listed["results"]) == 2
    wall.get_by_role("button", name="Undo").click()
    expect(wall.get_by_text("Changed back.")).to_be_visible()
    assert httpx.get(f"{shelf}/api/v1/search?tags=chosen").json()["results"] == []
    bar(wall).get_by_role("link", name="More like these").click()
    expect(wall).to_have_url(re.compile(r"\?term=like%3A[0-9a-f]{32}&term=like%3A[0-9a-f]{32}$"))
    expect(tiles(wall)).to_have_count(6)
    expect(bar(wall)).to_have_count(0)


def test_the_selected_are_saved_as_one_archive(wall: Page) -> None:
    for place in (2, 3, 4):
        tiles(wall).nth(place).click(modifiers=["ControlOrMeta"])
    with wall.expect_download() as started:
        bar(wall).get_by_role("button", name="Download").click()
    assert re.fullmatch(r"sightline-.*\.zip", started.value.suggested_filename)
    with zipfile.ZipFile(started.value.path()) as opened:
        assert sorted(opened.namelist()) == ["orange.png", "purple.png", "white.png"]
        assert opened.testzip() is None
    expect(wall.get_by_text("Downloading 3 pictures")).to_be_visible()


def test_the_selected_are_deleted_and_had_back(wall: Page, shelf: str) -> None:
    for place in (5, 6):
        tiles(wall).nth(place).click(modifiers=["ControlOrMeta"])
    bar(wall).get_by_role("button", name="Delete").click()
    expect(wall.get_by_text("2 pictures moved to the bin")).to_be_visible()
    expect(tiles(wall)).to_have_count(6)
    expect(bar(wall)).to_have_count(0)
    wall.get_by_role("button", name="Undo").click()
    expect(wall.get_by_text("2 pictures restored.")).to_be_visible()
    expect(tiles(wall)).to_have_count(8)
    assert httpx.get(f"{shelf}/api/v1/facets").json()["count"] == 8
