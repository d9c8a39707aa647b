"""Looking through the pictures without a query: the front page, all pictures, years, tags and folders as addresses."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.conftest import dialog, field, names, tiles, wait_until_judged


def test_the_front_page_shows_the_latest_and_leads_to_all(page: Page) -> None:
    page.goto("/")
    expect(tiles(page).first).to_be_visible()
    expect(field(page)).to_be_visible()
    # A first screen of pictures, and no more however far is scrolled: the footer can be reached.
    page.keyboard.press("End")
    expect(page.get_by_role("contentinfo")).to_be_in_viewport()
    tiles(page).first.click()
    expect(dialog(page)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/\?picture=[0-9a-f]{32}$"))
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    page.get_by_role("link", name="All 377 pictures").click()
    expect(page).to_have_url(re.compile(r"/\?sort=added$"))
    expect(page).to_have_title("All pictures · Sightline")
    expect(tiles(page).first).to_be_visible()
    last = page.locator("[data-index='376']")
    for _ in range(60):
        if last.count():
            break
        page.mouse.wheel(0, 4000)
        page.wait_for_load_state("networkidle")
    expect(last).to_be_in_viewport()
    # What is typed searches.
    field(page).fill("a dog")
    expect(page).to_have_url(re.compile(r"/\?q=a\+dog$"))


def test_pictures_are_sorted_by_when_they_were_taken_and_chosen_by_year(
    open_window: Callable[..., Page], shelf: str
) -> None:
    page = open_window(shelf)
    page.goto("/?sort=added")
    expect(tiles(page)).to_have_count(8)
    page.get_by_role("button", name="Sorted by Date added").click()
    page.get_by_role("menuitemradio", name="Date taken").click()
    expect(page).to_have_url(re.compile(r"sort=taken"))
    # Taken in 2016 to 2023, one a year.
    expect(tiles(page).first.get_by_role("img")).to_have_attribute("alt", "A yellow square.")
    assert names(page, 3) == ["A yellow square.", "A black square.", "A white square."]
    years = page.get_by_role("navigation", name="Years")
    years.get_by_role("link", name="2018").click()
    expect(tiles(page)).to_have_count(1)
    assert names(page, 1) == ["A blue square."]
    expect(years.get_by_role("link", name="2018")).to_have_attribute("aria-current", "page")
    years.get_by_role("link", name="All years").click()
    expect(tiles(page)).to_have_count(8)
    page.go_back()
    expect(tiles(page)).to_have_count(1)


def test_a_tag_alone_is_an_address(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/?tags=warm")
    expect(tiles(page)).to_have_count(2)
    expect(page).to_have_title("warm · Sightline")
    tiles(page).first.click()
    dialog(page).get_by_role("link", name="plain").click()
    expect(page).to_have_url(re.compile(r"/\?tags=plain$"))
    expect(tiles(page)).to_have_count(8)
    # Without its last filter a listing shows all pictures, and stays one.
    page.get_by_role("button", name="Remove the filter plain").click()
    expect(page).to_have_url(re.compile(r"/\?sort=added$"))


def test_every_search_with_words_says_how_well_it_matches(
    open_window: Callable[..., Page], local_stack: Any, shelf: str
) -> None:
    like = httpx.get(f"{local_stack.url}/api/v1/search", params={"q": "a dog", "k": 1}).json()["results"][0]["id"]
    page = open_window(local_stack.url)
    verdict = page.get_by_text("No clear match. These are the closest.")
    nothing = "quarterly+tax+return"
    page.goto("/")
    wait_until_judged(page)
    for url in (f"/?q={nothing}&mode=vector", f"/?q={nothing}", f"/?q=a+dog&term=text:{nothing}"):
        page.goto(url)
        expect(verdict).to_be_visible()
    page.goto("/?q=a+dog")
    expect(page.get_by_text("Less certain from here")).to_be_visible()
    expect(verdict).to_have_count(0)
    # A picture alone is not judged, which is said once.
    remark = page.get_by_text("Sorted by similarity.")
    page.goto(f"/?term=like:{like}")
    expect(remark).to_be_visible()
    tiles(page).first.press("s")
    expect(page).not_to_have_url(re.compile(like))
    expect(remark).to_have_count(0)


def test_a_search_is_kept_found_again_renamed_and_removed(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/?q=a+square&tags=warm")
    page.get_by_role("button", name="Keep this search").click()
    name = page.get_by_label("Name of the search")
    expect(name).to_have_value("a square")
    name.fill("Warm ones")
    page.keyboard.press("Enter")
    kept = page.get_by_role("button", name="Kept search Warm ones")
    expect(kept).to_be_visible()
    # In the collection, not in this browser: another one has it on its front page.
    other = open_window(shelf)
    other.goto("/")
    other.get_by_role("navigation", name="Kept searches").get_by_role("link", name="Warm ones").click()
    expect(other).to_have_url(re.compile(r"/\?q=a\+square&tags=warm$"))
    expect(tiles(other)).to_have_count(2)
    kept.click()
    page.get_by_role("menuitem", name="Rename").click()
    name.fill("Hot ones")
    page.get_by_role("button", name="Keep", exact=True).click()
    page.get_by_role("button", name="Kept search Hot ones").click()
    page.get_by_role("menuitem", name="Remove").click()
    expect(page.get_by_role("button", name="Keep this search")).to_be_visible()
    assert httpx.get(f"{shelf}/api/v1/searches").json()["searches"] == []
