"""Fixtures of the browser tests (Playwright): collections, and windows in which console errors fail the test."""

import io
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    FilePayload,
    Locator,
    Page,
    expect,
    sync_playwright,
)

ROOT = Path(__file__).parents[2]
PAGE = str(ROOT / "frontend" / "dist")
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"),
    # Scroll at once, so that tests need not wait for an animation.
    "--disable-smooth-scrolling",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # A long timeout, because the services run on the same cores.
    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        # Debian's Chromium (package chromium).
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens a new window at a URL; console errors, warnings and uncaught exceptions fail the test.

    `expected`: substrings of errors that the test provokes, such as the browser's message about a 503.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(url: str, expected: tuple[str, ...] = (), width: int = 1200, height: int = 800, **options: Any) -> Page:
        context = browser.new_context(base_url=url, viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()

        def note(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning") and not any(e in message.text for e in expected):
                complaints.append(message.text)

        page.on("console", note)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.set_default_timeout(10_000)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page(open_window: Callable[..., Page], local_stack: Any) -> Page:
    """A window on the sample gallery, which tests must not change."""
    return open_window(local_stack.url)


@pytest.fixture(scope="session")
def shelf(start_all: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a small collection with tags, dates and both orientations; tests must undo their changes."""
    folder = tmp_path_factory.mktemp("shelf")
    with start_all(folder, GATEWAY_PAGE=PAGE) as services:
        fill(services.gateway.url)
        yield services.gateway.url


COLOURS = ["red", "green", "blue", "orange", "purple", "white", "black", "yellow"]


def fill(url: str) -> None:
    """Add eight single-coloured pictures to a collection: even ones in landscape, odd ones in portrait format."""
    files, details = [], []
    for i, colour in enumerate(COLOURS):
        files.append(("images", (f"{colour}.png", plain(colour, (64, 48) if i % 2 == 0 else (48, 64)))))
        said: dict[str, Any] = {"caption": f"A {colour} square.", "tags": ["plain", "warm" if i % 4 == 0 else "cold"]}
        details.append({**said, "taken_at": f"{2016 + i}-05-01T12:00:00"})
    answer = httpx.post(f"{url}/api/v1/images", files=files, data={"details": json.dumps(details)}, timeout=60)
    assert answer.status_code == 201


def plain(colour: str, size: tuple[int, int] = (64, 48), form: str = "PNG") -> bytes:
    """A picture of one colour."""
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, form)
    return stream.getvalue()


def noise(seed: int = 90) -> FilePayload:
    """A noise picture as a form file; another seed gives a different picture."""
    stream = io.BytesIO()
    Image.effect_noise((64, 48), seed).save(stream, "PNG")
    return {"name": "noise.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def field(page: Page) -> Locator:
    """The search field."""
    return page.get_by_role("combobox", name="What the picture shows")


def tiles(page: Page) -> Locator:
    """The tiles of the wall that are in the DOM (virtual scrolling), in order."""
    return page.locator("main [data-index] > a:first-child")


def wait_until(page: Page, promise: str) -> None:
    """Evaluate a function until its promise is true: wait_for_function takes the promise for the result."""
    deadline = time.monotonic() + 60
    while not page.evaluate(promise):
        assert time.monotonic() < deadline, promise


def wait_until_judged(page: Page) -> None:
    """Wait until the background is measured, after the first search: before that nothing is known of certainty."""
    wait_until(
        page,
        "() => fetch('/api/v1/search?q=x&k=1').then(answer => answer.json())"
        ".then(found => typeof found.confident === 'boolean')",
    )


def go_on(page: Page) -> None:
    """Show the less certain pictures as well, below those that a wall ends with."""
    wait_until_judged(page)
    page.reload()
    expect(tiles(page).first).to_be_visible()
    page.keyboard.press("Control+End")
    page.get_by_role("button", name="Show less certain pictures").click()
    page.keyboard.press("Control+Home")


def names(page: Page, count: int) -> list[str | None]:
    """The alt texts of the first tiles."""
    return [tiles(page).nth(i).get_by_role("img").get_attribute("alt") for i in range(count)]


def dialog(page: Page) -> Locator:
    """The viewer."""
    return page.get_by_role("dialog")


def title_of(page: Page) -> Locator:
    """The heading of the viewer."""
    return dialog(page).get_by_role("heading", level=2)
