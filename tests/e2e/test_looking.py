"""The wall and the viewer: zoom, keyboard navigation, editing, delete with undo, virtual scrolling, layout."""

import re
from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.e2e.conftest import dialog, field, go_on, tiles, title_of
from tests.e2e.test_place import scroll_to


def test_the_viewer_opens_turns_and_returns_to_the_same_place(page: Page) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).nth(20)).to_be_attached()
    # A tile below the first screen, so that there is a scroll position to restore.
    tile = page.locator("[data-index='20'] > a:first-child")
    tile.scroll_into_view_if_needed()
    scrolled = page.evaluate("window.scrollY")
    assert scrolled > 0
    name = tile.get_by_role("img").get_attribute("alt")
    following = page.locator("[data-index='21'] img").get_attribute("alt")
    tile.click()
    expect(title_of(page)).to_have_text(name or "")
    page.keyboard.press("ArrowRight")
    expect(title_of(page)).to_have_text(following or "")
    page.keyboard.press("ArrowLeft")
    expect(title_of(page)).to_have_text(name or "")
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    expect(tile).to_be_focused()
    assert page.evaluate("window.scrollY") == scrolled
    expect(page).to_have_url(re.compile(r"\?q=an\+animal$"))
    # Browser Back restores the scroll position; the focus is on the tile of the last picture shown.
    tile.click()
    expect(title_of(page)).to_have_text(name or "")
    page.keyboard.press("ArrowRight")
    expect(title_of(page)).to_have_text(following or "")
    page.go_back()
    expect(dialog(page)).to_have_count(0)
    expect(page.locator("[data-index='21'] > a:first-child")).to_be_focused()
    # A new search scrolls to the top.
    field(page).fill("a flower")
    expect(page).to_have_url(re.compile(r"\?q=a\+flower$"))
    page.wait_for_function("() => window.scrollY === 0")


def test_a_shared_link_shows_the_same_picture_and_closing_it_the_wall(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    name, shared = title_of(page).inner_text(), page.url
    page.goto("about:blank")
    page.goto(shared)
    expect(title_of(page)).to_have_text(name)
    # The confidence in words.
    expect(dialog(page).get_by_text("Strong match")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(dialog(page)).to_have_count(0)
    expect(tiles(page).first).to_be_focused()


def test_a_picture_comes_nearer(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    picture = dialog(page).locator("img").first
    expect(picture).to_be_visible()
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())

    def width() -> float:
        # After the zoom animation.
        picture.element_handle().wait_for_element_state("stable")
        box = picture.bounding_box()
        assert box
        return box["width"]

    whole = width()
    picture.dblclick()
    assert width() > 2 * whole
    picture.dblclick()
    assert abs(width() - whole) < 2
    page.get_by_role("button", name="Zoom in").click()
    assert width() > 1.3 * whole
    page.get_by_role("button", name="Zoom out").click()
    assert abs(width() - whole) < 2
    picture.hover()
    page.mouse.wheel(0, -400)
    assert width() > 1.1 * whole


def test_a_picture_that_is_nearer_is_moved_by_keys(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    picture = dialog(page).locator("img").first
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    name = title_of(page).inner_text()
    for _ in range(3):
        page.get_by_role("button", name="Zoom in").click()
    page.evaluate("() => Promise.allSettled(document.getAnimations().map(a => a.finished))")
    before = picture.bounding_box()
    assert before
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([image, x]) => image.getBoundingClientRect().x < x - 20", arg=[picture.element_handle(), before["x"]]
    )
    expect(title_of(page)).to_have_text(name)


def test_more_like_this_from_the_viewer_begins_at_the_best_match(page: Page) -> None:
    page.goto("/?q=an+animal")
    tile = page.locator("[data-index='20'] > a:first-child")
    tile.scroll_into_view_if_needed()
    tile.click()
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("s")
    expect(page).to_have_url(re.compile("term=like"))
    expect(tiles(page).first).to_be_focused()
    assert page.evaluate("window.scrollY") == 0


def test_the_original_is_downloaded_and_the_link_copied(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/?q=a+square")
    tiles(page).first.click()
    with page.expect_download() as started:
        dialog(page).get_by_role("link", name="Download").click()
    assert re.fullmatch(r"[a-z]+\.png", started.value.suggested_filename)
    dialog(page).get_by_role("button", name="Copy link").click()
    expect(page.get_by_text("The link is copied.")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_caption_and_tags_are_edited_and_had_back(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/?q=an+orange+square")
    expect(tiles(page)).to_have_count(8)
    tiles(page).filter(has=page.get_by_alt_text("A orange square.")).click()
    edit = dialog(page).get_by_role("button", name="Edit")
    edit.click()
    expect(dialog(page).get_by_label("Caption")).to_be_focused()
    # Escape closes the form, not the viewer.
    page.keyboard.press("Escape")
    edit.click()
    dialog(page).get_by_label("Caption").fill("The colour of oranges")
    # What was typed survives Escape, and the closing of the viewer, and it is said that it is not saved.
    page.keyboard.press("Escape")
    expect(page.get_by_text("Your changes are not saved yet.").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(dialog(page)).to_have_count(0)
    tiles(page).filter(has=page.get_by_alt_text("A orange square.")).click()
    dialog(page).get_by_role("button", name="Continue editing").click()
    expect(dialog(page).get_by_label("Caption")).to_have_value("The colour of oranges")
    expect(dialog(page).get_by_role("button", name="Discard")).to_be_visible()
    # Unsaved changes: navigation to other pictures is disabled.
    expect(dialog(page).get_by_role("button", name="Next")).to_have_attribute("aria-disabled", "true")
    expect(dialog(page).get_by_role("region", name="Similar pictures")).to_have_count(0)
    dialog(page).get_by_label("Tags").fill("fruit, plain , fruit")
    dialog(page).get_by_role("button", name="Save").click()
    expect(title_of(page)).to_have_text("The colour of oranges")
    expect(dialog(page).get_by_role("link", name="fruit")).to_be_visible()
    found = httpx.get(f"{shelf}/api/v1/search?q=fruit&mode=text").json()["results"]
    assert [sorted(hit["tags"]) for hit in found] == [["fruit", "plain"]]
    page.get_by_role("button", name="Undo").click()
    expect(title_of(page)).to_have_text("A orange square.")
    assert httpx.get(f"{shelf}/api/v1/search?q=fruit&mode=text").json()["results"] == []


def test_the_keyboard_leads_over_the_wall(page: Page) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).first).to_be_visible()
    go_on(page)
    page.keyboard.press("/")
    expect(field(page)).to_be_focused()
    field(page).press("Escape")
    # The whole wall is one tab stop (roving tabindex); arrow keys move the focus between tiles.
    tiles(page).first.focus()
    page.keyboard.press("ArrowRight")
    focused = page.locator("[data-index]:focus-within")
    expect(focused).to_have_attribute("data-index", "1")
    page.keyboard.press("ArrowDown")
    below = int(focused.get_attribute("data-index") or 0)
    assert below > 2
    page.keyboard.press("ArrowUp")
    expect(focused).to_have_attribute("data-index", "1")
    # Row by row as far as results are loaded; further pages load meanwhile.
    for _ in range(200):
        page.keyboard.press("ArrowDown")
        if int(focused.get_attribute("data-index") or 0) > 100:
            break
    assert int(focused.get_attribute("data-index") or 0) > 100
    expect(focused).to_be_in_viewport()
    page.keyboard.press("Home")
    expect(focused).to_have_attribute("data-index", "0")
    assert page.locator("main a[tabindex='0']").count() == 4
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    expect(focused).to_have_attribute("data-index", "0")
    page.keyboard.press("Enter")
    expect(dialog(page)).to_be_visible()
    page.keyboard.press("Escape")
    # At once: while the browser still goes back, which would end on the wall.
    page.keyboard.press("-")
    expect(page).to_have_url(re.compile("term=-0.5"))
    focused.press("s")
    expect(page).to_have_url(re.compile(r"\?term=like%3A[0-9a-f]{32}$"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard and help")).to_be_visible()
    # Single-key shortcuts can be switched off, for users of speech input (WCAG 2.1.4).
    page.get_by_label("Use single keys").uncheck()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    tiles(page).first.press("s")
    page.keyboard.press("?")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(field(page)).not_to_be_focused()


def test_the_focus_stays_where_it_was_however_far_is_scrolled(page: Page) -> None:
    page.goto("/?q=an+animal")
    tile = page.locator("[data-index='3'] > a:first-child")
    tile.focus()
    page.evaluate("() => window.scrollTo(0, 5400)")
    expect(page.locator("[data-index='3']")).not_to_be_in_viewport()
    expect(tile).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-index='4']:focus-within")).to_be_in_viewport()


def test_a_window_that_is_turned_shows_the_same_pictures(page: Page) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).first).to_be_visible()
    scroll_to(page, 40)
    page.set_viewport_size({"width": 600, "height": 800})
    expect(page.locator("[data-index='40']")).to_be_in_viewport()


def test_undo_is_in_sight_however_long_the_caption(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf, width=390, height=844)
    page.route(
        "**/api/v1/search?*",
        lambda route: route.fulfill(response=(answer := route.fetch()), json=long_captions(answer.json())),
    )
    page.goto("/?q=a+square")
    tiles(page).first.click()
    dialog(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Restored.")).to_be_visible()


def long_captions(answer: Any) -> Any:
    """The same answer with very long captions."""
    return {**answer, "results": [{**hit, "caption": "long " * 80} for hit in answer["results"]]}


def test_the_wall_goes_on_to_the_last_picture(page: Page) -> None:
    page.goto("/?q=things")
    expect(tiles(page).first).to_be_visible()
    # It ends after the pictures that are less certain, until more are asked for.
    page.keyboard.press("End")
    expect(page.get_by_role("button", name="Show less certain pictures")).to_be_visible()
    expect(page.locator("[data-index='47']")).to_have_attribute("aria-setsize", "48")
    go_on(page)
    last = page.locator("[data-index='376']")
    for _ in range(40):
        if last.count():
            break
        page.mouse.wheel(0, 4000)
        page.wait_for_load_state("networkidle")
    expect(last).to_be_in_viewport()
    expect(last).to_have_attribute("aria-setsize", "377")
    # Virtual scrolling: tiles far from the viewport are not in the DOM.
    assert tiles(page).count() < 100
    expect(page.locator("[data-index='100']")).to_have_count(0)


def test_pictures_have_their_place_and_a_likeness_before_they_are_there(page: Page) -> None:
    page.route("**/thumbnail?*", lambda route: None)
    page.goto("/?q=a+flower")
    tile = page.locator("[data-index='0']")
    expect(tile).to_be_visible()
    box = tile.bounding_box()
    assert box and box["height"] > 100
    assert "url(" in tile.evaluate("tile => tile.style.backgroundImage")
    assert tile.locator("img").evaluate("image => getComputedStyle(image).opacity") == "0"


def test_keys_lead_from_the_field_to_the_pictures_and_through_the_viewer(
    open_window: Callable[..., Page], shelf: str
) -> None:
    page = open_window(shelf)
    page.goto("/?q=a+square&mode=vector")
    expect(tiles(page)).to_have_count(8)
    search = page.get_by_role("combobox", name="What the picture shows")
    for key in ("Enter", "ArrowDown"):
        search.focus()
        page.keyboard.press("Escape")
        search.focus()
        page.keyboard.press(key)
        expect(page.locator("[data-index='0']:focus-within")).to_have_count(1)
    # Arrows lead onto the wall from where nothing has the focus, too.
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    expect(page.locator("[data-index='0']:focus-within")).to_have_count(1)
    page.keyboard.press("Enter")
    picture = dialog(page).locator("img").first
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    actual = dialog(page).get_by_role("button", name="Actual size")
    page.keyboard.press("Space")
    expect(actual).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Space")
    expect(actual).to_have_attribute("aria-pressed", "false")
    with page.expect_download() as started:
        page.keyboard.press("d")
    assert started.value.suggested_filename.endswith(".png")
    name = title_of(page).inner_text()
    page.keyboard.press("e")
    expect(dialog(page).get_by_label("Caption")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("Delete")
    expect(page.get_by_text(f"Moved to the bin: {name}")).to_be_visible()
    expect(title_of(page)).not_to_have_text(name)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Restored.")).to_be_visible()


def test_a_zoomed_picture_shows_the_pixels_of_its_file(open_window: Callable[..., Page], shelf: str) -> None:
    page = open_window(shelf)
    page.goto("/?q=a+square")
    tiles(page).first.click()
    picture = dialog(page).locator("img").first
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture.element_handle())
    expect(picture).to_have_attribute("src", re.compile("/thumbnail"))
    page.get_by_role("button", name="Zoom in").click()
    expect(picture).to_have_attribute("src", re.compile(r"/file$"))
