"""The page in a real Chromium: windows whose complaints fail a test, and collections to look at."""

import io
import json
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
    # A wheel that has turned has scrolled.
    "--disable-smooth-scrolling",
]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    # Two cores that also run the services are slow now and then.
    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        # Debian's own; install the package chromium.
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_window(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a fresh window at an address; anything that the browser complains about fails the test.

    `expected`: parts of complaints that belong to what is tried, as the browser's own line about an answer of 503.
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
    """A window on the sample gallery, which stays as it is."""
    return open_window(local_stack.url)


@pytest.fixture(scope="session")
def shelf(start_all: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a small collection with tags, dates and both orientations, which tests may change and put back."""
    folder = tmp_path_factory.mktemp("shelf")
    with start_all(folder, GATEWAY_PAGE=PAGE) as services:
        fill(services.gateway.url)
        yield services.gateway.url


COLOURS = ["red", "green", "blue", "orange", "purple", "white", "black", "yellow"]


def fill(url: str) -> None:
    """Put eight squares of one colour each into a collection: the even ones lie, the odd ones stand."""
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
    """A picture that no other test has, as a file of a form."""
    stream = io.BytesIO()
    Image.effect_noise((64, 48), seed).save(stream, "PNG")
    return {"name": "noise.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def field(page: Page) -> Locator:
    """The one field."""
    return page.get_by_role("combobox", name="What the picture shows")


def tiles(page: Page) -> Locator:
    """The pictures of the wall that are in the document, in order."""
    return page.locator("main [data-index] > a:first-child")


def names(page: Page, count: int) -> list[str | None]:
    """The names of the first pictures."""
    return [tiles(page).nth(i).get_by_role("img").get_attribute("alt") for i in range(count)]


def dialog(page: Page) -> Locator:
    """The viewer."""
    return page.get_by_role("dialog")


def title_of(page: Page) -> Locator:
    """What the viewer calls its picture."""
    return dialog(page).get_by_role("heading", level=2)
