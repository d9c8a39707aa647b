"""Accessibility: axe (WCAG 2.2 AA) in every state, keyboard focus order, 400 % zoom, reduced motion, screen readers."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Literal

import httpx
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import ROOT, dialog, field, tiles

AXE = (ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js").read_text()
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# The axe rules whose result depends on the colour scheme.
COLOUR_RULES = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
SETTLED = "() => Promise.all(document.getAnimations().map(animation => animation.finished.catch(() => {})))"


SCHEMES: tuple[tuple[Literal["dark", "light"], object], ...] = (("dark", COLOUR_RULES), ("light", RULES))


def check(page: Page, state: str, widths: Sequence[int] = ()) -> None:
    """Run axe on the page in its current state, in both colour schemes and in forced colours.

    Args:
        page: the window.
        state: its name, for the message.
        widths: further widths of the window; it keeps the first one.
    """
    page.evaluate(AXE)
    size = page.viewport_size
    assert size
    for width in (size["width"], *widths):
        page.set_viewport_size({**size, "width": width})
        for scheme, rules in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            told(page, rules, f"{state}, {scheme}, {width}")
    page.set_viewport_size(size)
    page.emulate_media(forced_colors="active")
    told(page, COLOUR_RULES, f"{state}, forced colours")
    page.emulate_media(forced_colors="none")


def told(page: Page, rules: object, state: str) -> None:
    # Wait for transitions: axe would measure intermediate colours.
    page.evaluate(SETTLED)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules}).then(r => r.violations)", rules)
    assert [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in found] == [], state


# The page's message by status of the answer; 0: no answer.
TROUBLES = {
    0: "Sightline could not answer.",
    401: "This collection needs a key.",
    403: "Your key does not allow this.",
    404: "That picture is no longer here.",
    409: "The pictures are being indexed again.",
    429: "Too many requests at once.",
    503: "Sightline could not answer.",
}


def trouble(status: int) -> Callable[[Route], None]:
    """Failed responses."""

    def answer(route: Route) -> None:
        if status:
            route.fulfill(status=status, headers={"Retry-After": "60"}, json={"detail": "the encoder is not there"})
        else:
            route.abort()

    return answer


@pytest.mark.parametrize("widths", [(390, 820), (1440, 1024, 2560)])
def test_axe_finds_nothing(
    open_window: Callable[..., Page], local_stack: Any, shelf: str, widths: Sequence[int]
) -> None:
    page = open_window(
        local_stack.url, width=widths[0], height=800, expected=("status of 4", "status of 503", "ERR_FAILED")
    )
    page.goto("/")
    expect(page.get_by_text("377 pictures. Try")).to_be_visible()
    check(page, "first visit", widths[1:])
    page.get_by_role("button", name="Keyboard and help").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, "help", widths[1:])
    page.keyboard.press("Escape")
    field(page).press_sequentially("a red", delay=10)
    expect(page.get_by_role("option").first).to_be_visible()
    check(page, "suggestions", widths[1:])
    page.goto("/?q=a+fire+truck&term=-0.5*text:people")
    expect(tiles(page).first).to_be_visible()
    tiles(page).first.focus()
    check(page, "results", widths[1:])
    page.get_by_role("button", name="not people").click()
    check(page, "menu of a term", widths[1:])
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add pictures").click()
    expect(page.get_by_role("region", name="Adding pictures")).to_be_visible()
    check(page, "adding", widths[1:])
    page.goto("/?q=irregular+past+participles")
    expect(tiles(page).first).to_be_visible()
    check(page, "nothing matches", widths[1:])
    page.goto("/?q=a+dog&speed=9")
    expect(page.get_by_role("alert")).to_be_visible()
    check(page, "not understood", widths[1:])
    page.goto("/status")
    page.get_by_text("Details", exact=True).click()
    expect(page.get_by_role("table")).to_be_visible()
    check(page, "status", widths[1:])
    page.goto("/bin")
    expect(page.get_by_text("The bin is empty.")).to_be_visible()
    check(page, "bin", widths[1:])
    for status, heading in TROUBLES.items():
        page.route("**/api/v1/search?q=trouble*", trouble(status))
        page.goto("/?q=trouble")
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
        check(page, heading, widths[1:])
        page.unroute("**/api/v1/search?q=trouble*")
    nothing = {**httpx.get(f"{local_stack.url}/api/v1/facets").json(), "count": 0}
    page.route("**/api/v1/facets", lambda route: route.fulfill(json=nothing))
    none = {**httpx.get(f"{local_stack.url}/api/v1/search").json(), "results": [], "next_cursor": None}
    page.route("**/api/v1/search?k=*", lambda route: route.fulfill(json=none))
    page.goto("/")
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    check(page, "empty", widths[1:])
    page.unroute("**/api/v1/facets")
    page.unroute("**/api/v1/search?k=*")
    page.goto(f"{shelf}/?q=a+square")
    expect(tiles(page)).to_have_count(8)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Orientation").select_option("Portrait")
    expect(tiles(page)).to_have_count(4)
    check(page, "filters", widths[1:])
    tiles(page).first.click()
    expect(dialog(page).get_by_role("region", name="Similar pictures")).to_be_visible()
    check(page, "viewer", widths[1:])
    dialog(page).get_by_role("button", name="Edit").click()
    check(page, "editing", widths[1:])
    page.keyboard.press("Escape")
    dialog(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    check(page, "undo", widths[1:])
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Restored.")).to_be_visible()


def test_the_way_of_tab_is_short_and_seen(page: Page) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).first).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the pictures")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    stops: list[str] = []
    for _ in range(20):
        page.keyboard.press("Tab")
        described = page.evaluate(
            """() => {
              const at = document.activeElement, style = getComputedStyle(at), box = at.closest('form');
              const seen = style.outlineStyle !== 'none' || (box && getComputedStyle(box).boxShadow !== 'none');
              return [at.closest('[data-index]') ? 'wall' : at.getAttribute('aria-label') || at.innerText, seen];
            }"""
        )
        assert described[1], described[0]
        stops.append(described[0])
        if described[0] == "wall":
            break
    assert stops[-1] == "wall" and len(stops) < 12, stops
    # The wall is one tab stop (roving tabindex), plus the actions of its tile.
    for _ in range(4):
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement.closest('[data-index]').dataset.index") == "0"
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('[data-index]')") is None


def test_it_can_be_enlarged_four_times(open_window: Callable[..., Page], local_stack: Any) -> None:
    # The viewport of 1280 x 1024 at 400 % zoom (WCAG 1.4.10, reflow).
    page = open_window(local_stack.url, width=320, height=256)
    for path in ("/", "/?q=a+fire+truck&term=-0.5*text:a+rather+long+term+that+does+not+fit", "/status"):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 320, path
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    expect(dialog(page).get_by_role("link", name="Not like this")).to_be_attached()
    assert dialog(page).evaluate("dialog => dialog.scrollWidth") <= 320


def test_nothing_moves_for_those_who_asked_for_that(open_window: Callable[..., Page], local_stack: Any) -> None:
    page = open_window(local_stack.url, reduced_motion="reduce")
    page.goto("/?q=a+fire+truck")
    expect(tiles(page).first).to_be_visible()
    tiles(page).first.click()
    expect(dialog(page)).to_be_visible()
    assert page.evaluate("() => document.getAnimations().length") == 0


def test_what_happens_is_read_out(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    told = page.get_by_role("status").first
    expect(told).to_have_text(re.compile("Showing the 48 best matches"))
    expect(page.get_by_role("heading", name="Pictures for a fire truck")).to_be_attached()
    assert page.locator("main img:not([alt])").count() == 0
