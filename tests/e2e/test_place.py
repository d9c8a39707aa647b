"""Scroll restoration: the URL holds the state; back, forward and reload return to the same query, scroll and focus."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import field, go_on, tiles, title_of


def scroll_to(page: Page, index: int) -> float:
    """Scroll until a tile is in view and the position is stable; return the scroll position."""
    tile = page.locator(f"[data-index='{index}']")
    for _ in range(90):
        if tile.count() and (tile.bounding_box() or {"y": 9999})["y"] < 500:
            break
        page.evaluate(
            "() => new Promise(done => { scrollBy(0, 300); requestAnimationFrame(() => requestAnimationFrame(done)) })"
        )
        page.wait_for_load_state("networkidle")
    expect(tile).to_be_in_viewport()
    page.wait_for_function("() => Object.keys(sessionStorage).some(name => name.startsWith('sightline.place.'))")
    scrolled: float = page.evaluate("window.scrollY")
    # The position is saved to sessionStorage once scrolling has stopped.
    page.wait_for_function(
        """() => {
          const kept = sessionStorage.getItem('sightline.place.' + history.state.key);
          return kept && JSON.parse(kept).index > 20;
        }"""
    )
    return scrolled


def near(page: Page, scrolled: float) -> None:
    page.wait_for_function("scrolled => Math.abs(window.scrollY - scrolled) < 3", arg=scrolled)


# On the second visit the gateway answers both queries from its cache, while the layout changes by a row of chips.
@pytest.mark.parametrize("visit", ["first", "second"])
def test_back_and_forward_return_to_query_scroll_and_focus(page: Page, visit: str) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).first).to_be_visible()
    go_on(page)
    scrolled = scroll_to(page, 90)
    tile = page.locator("[data-index='90'] > a:first-child")
    tile.focus()
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile("term=like"))
    page.wait_for_function("() => window.scrollY === 0")
    page.go_back()
    expect(field(page)).to_have_value("an animal")
    near(page, scrolled)
    expect(tile).to_be_focused()
    page.go_forward()
    expect(page).to_have_url(re.compile("term=like"))
    page.wait_for_function("() => window.scrollY === 0")


def test_a_reload_returns_to_the_same_pictures(page: Page) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).first).to_be_visible()
    go_on(page)
    scrolled = scroll_to(page, 200)
    name = page.locator("[data-index='200'] img").get_attribute("alt")
    page.reload()
    near(page, scrolled)
    assert page.locator("[data-index='200'] img").get_attribute("alt") == name
    # The same with the viewer open.
    page.locator("[data-index='200'] > a:first-child").click()
    expect(title_of(page)).to_have_text(name or "")
    page.reload()
    expect(title_of(page)).to_have_text(name or "")
    page.keyboard.press("Escape")
    near(page, scrolled)
    expect(page.locator("[data-index='200'] > a:first-child")).to_be_focused()


def test_a_link_opens_in_a_new_tab_by_itself(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    expect(tiles(page).first).to_be_visible()
    with page.context.expect_page() as opened:
        tiles(page).first.click(button="middle")
    other = opened.value
    expect(title_of(other)).to_be_visible()
    other.keyboard.press("Escape")
    expect(other).to_have_url(re.compile(r"\?q=a\+fire\+truck$"))
    # The first tab is unchanged.
    expect(page.get_by_role("dialog")).to_have_count(0)
