"""The page on a phone: one finger on a picture, touches beside a menu, a phone on its side, the width of the screen."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import dialog, tiles, title_of

START = (200, 260)


@pytest.fixture
def phone(open_window: Callable[..., Page], local_stack: Any) -> Page:
    return open_window(local_stack.url, width=390, height=844, has_touch=True, is_mobile=True)


def drag(page: Page, *steps: tuple[int, int], release: bool = True) -> None:
    """Draw one finger over the screen, by points relative to where it began."""
    touch = page.context.new_cdp_session(page)
    for i, (dx, dy) in enumerate([(0, 0), *steps]):
        points = [{"x": START[0] + dx, "y": START[1] + dy}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove" if i else "touchStart", "touchPoints": points})
    if release:
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def grown(page: Page) -> None:
    """Wait until the viewer has opened."""
    page.wait_for_function("() => document.querySelector('dialog').getAnimations({subtree: true}).length === 0")


def place(page: Page) -> tuple[float, float]:
    """Where the viewer's picture is: the middle of its box."""
    box = dialog(page).get_by_role("img").first.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_the_picture_follows_the_finger_turns_and_closes(phone: Page) -> None:
    phone.goto("/?q=a+flower")
    first, following = (phone.locator(f"[data-index='{i}'] img").get_attribute("alt") or "" for i in (0, 1))
    tiles(phone).first.tap()
    expect(title_of(phone)).to_have_text(first)
    grown(phone)
    x, y = place(phone)
    # Too short a way: it comes back. At the first picture it gives way to the right, and comes back too.
    drag(phone, (-20, 0), (-40, 0), release=False)
    assert place(phone) == pytest.approx((x - 40, y), abs=2)
    drag(phone, (60, 0), (120, 0), release=False)
    assert x + 10 < place(phone)[0] < x + 60
    drag(phone, (60, 0), (120, 0))
    expect(title_of(phone)).to_have_text(first)
    drag(phone, (-60, 4), (-150, 8))
    expect(title_of(phone)).to_have_text(following)
    # Down a little, and back.
    drag(phone, (0, 30), (5, 60), release=False)
    assert place(phone)[1] > y + 30
    drag(phone, (0, 30), (5, 60))
    expect(dialog(phone)).to_be_visible()
    drag(phone, (0, 60), (5, 200))
    expect(dialog(phone)).to_have_count(0)
    expect(phone.locator("[data-index='1'] > a:first-child")).to_be_focused()
    # Upwards the page scrolls to what is known of the picture.
    tiles(phone).first.tap()
    expect(title_of(phone)).to_have_text(first)
    drag(phone, (0, -60), (0, -160), (0, -200))
    phone.wait_for_function("() => document.querySelector('dialog').scrollTop > 50")
    expect(dialog(phone)).to_be_visible()


def test_the_picture_grows_from_its_tile(phone: Page) -> None:
    phone.goto("/?q=a+flower")
    tile = tiles(phone).nth(2)
    box = tile.bounding_box()
    assert box
    # The first frame, of an animation that is stopped as soon as it begins.
    phone.evaluate("""() => {
      const animate = Element.prototype.animate;
      Element.prototype.animate = function (...given) {
        const animation = animate.apply(this, given);
        animation.pause();
        return animation;
      };
    }""")
    tile.tap()
    expect(dialog(phone)).to_be_visible()
    assert place(phone) == pytest.approx((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), abs=3)


def test_a_touch_beside_a_menu_closes_it_and_nothing_else(phone: Page) -> None:
    phone.goto("/?q=a+flower&term=text:red")
    expect(tiles(phone).first).to_be_visible()
    address = phone.url
    phone.get_by_role("button", name="red: change or remove").tap()
    expect(phone.get_by_role("menu")).to_be_visible()
    box = tiles(phone).nth(4).bounding_box()
    assert box
    phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(phone.get_by_role("menu")).to_have_count(0)
    expect(dialog(phone)).to_have_count(0)
    assert phone.url == address
    tiles(phone).nth(4).tap()
    expect(dialog(phone)).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(844, 390), (1000, 420)])
def test_on_its_side_the_picture_has_the_height(
    open_window: Callable[..., Page], local_stack: Any, width: int, height: int
) -> None:
    page = open_window(local_stack.url, width=width, height=height, has_touch=True)
    page.goto("/?q=a+flower")
    tiles(page).first.tap()
    expect(dialog(page)).to_be_visible()
    grown(page)
    stage = dialog(page).get_by_role("img").first.bounding_box()
    assert stage
    assert stage["height"] > 0.85 * height
    # What is known of the picture stands beside it, and scrolls by itself.
    expect(dialog(page).get_by_role("link", name="More like this")).to_be_in_viewport()
    assert dialog(page).evaluate("dialog => dialog.scrollHeight <= dialog.clientHeight + 1")


def test_terms_and_the_text_share_lines_and_nothing_is_wider_than_the_screen(phone: Page) -> None:
    phone.goto("/?q=a+flower&term=text:red&term=-0.5*text:people")
    expect(tiles(phone).first).to_be_visible()
    assert phone.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    boxes = [phone.get_by_role("button", name=name).bounding_box() for name in ("red: change", "people: change")]
    boxes.append(phone.get_by_role("combobox").bounding_box())
    lines = [round(box["y"] + box["height"] / 2) for box in boxes if box]
    # Two terms in the first line; the text, for which it has no room, in the next.
    assert lines[0] == lines[1] < lines[2] < lines[0] + 45
    phone.set_viewport_size({"width": 820, "height": 844})
    text = phone.get_by_role("combobox").bounding_box()
    assert text
    assert round(text["y"] + text["height"] / 2) == pytest.approx(lines[0] + 0, abs=40)
    tiles(phone).first.tap()
    expect(dialog(phone).get_by_role("link", name="Not like this")).to_be_visible()
