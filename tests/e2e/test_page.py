"""The page in a real Chromium, over the whole local stack: what a person does and sees."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway.keys import KeyFile, Scope
from PIL import Image
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Debian's own; install the package chromium.
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, local_stack: Any) -> Iterator[Page]:
    """A fresh window; anything that the browser complains about fails the test."""
    context = browser.new_context(base_url=local_stack.url, viewport={"width": 1200, "height": 800})
    page = context.new_page()
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_default_timeout(10_000)
    yield page
    context.close()
    assert complaints == []


def field(page: Page) -> Any:
    return page.get_by_role("textbox", name="What the picture shows")


def tiles(page: Page) -> Any:
    return page.locator("main li > a")


def test_typing_a_sentence_shows_the_right_picture_and_the_url_says_it(page: Page) -> None:
    page.goto("/")
    expect(page.get_by_text("Type a sentence, find the picture.")).to_be_visible()
    expect(page.get_by_text("394 pictures")).to_be_visible()
    field(page).press_sequentially("a vehicle for emergencies", delay=20)
    expect(page).to_have_url(re.compile(r"\?q=a\+vehicle\+for\+emergencies$"))
    expect(page).to_have_title("a vehicle for emergencies · Sightline")
    expect(tiles(page).filter(has=page.get_by_alt_text("A fire truck."))).to_be_visible()
    names = [tiles(page).nth(i).get_by_role("img").get_attribute("alt") for i in range(5)]
    assert "A fire truck." in names
    picture = page.get_by_alt_text("A fire truck.")
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    # Back undoes the search as one step, not letter by letter.
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(field(page)).to_have_value("")


def test_a_sentence_that_nothing_fits_is_told(page: Page) -> None:
    page.goto("/")
    # What "nothing fits" looks like here is measured beside the first search.
    page.wait_for_function(
        "fetch('/api/v1/search?q=a&k=1').then(a => a.json()).then(found => found.confident !== null)"
    )
    verdict = page.get_by_text("Nothing here clearly matches. These come closest.")
    page.goto("/?q=irregular+past+participles")
    expect(verdict).to_be_visible()
    expect(tiles(page).first).to_be_visible()
    page.goto("/?q=a+fire+truck")
    expect(tiles(page).filter(has=page.get_by_alt_text("A fire truck."))).to_be_visible()
    expect(verdict).to_have_count(0)


def test_each_search_is_one_step_back(page: Page) -> None:
    page.goto("/?q=a+dog")
    expect(tiles(page).first).to_be_visible()
    field(page).press("Enter")  # what is shown already: no step
    field(page).fill("")
    expect(page).to_have_url(re.compile(r"/$"))
    field(page).press_sequentially("a cello", delay=20)
    expect(page).to_have_url(re.compile(r"\?q=a\+cello$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"/$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?q=a\+dog$"))
    expect(field(page)).to_have_value("a dog")


def test_an_example_is_a_link_that_searches(page: Page) -> None:
    page.goto("/")
    example = page.get_by_role("banner").get_by_role("listitem").first.get_by_role("link")
    words = example.inner_text()
    example.click()
    expect(field(page)).to_have_value(words)
    expect(tiles(page).first).to_be_visible()


def test_the_viewer_opens_turns_and_returns_to_the_same_place(page: Page) -> None:
    page.goto("/?q=an+animal")
    expect(tiles(page).nth(20)).to_be_visible()
    # Out of sight of the first screen, so that there is a place to keep.
    tile = tiles(page).nth(20)
    tile.scroll_into_view_if_needed()
    scrolled = page.evaluate("window.scrollY")
    assert scrolled > 0
    name = tile.get_by_role("img").get_attribute("alt")
    following = tiles(page).nth(21).get_by_role("img").get_attribute("alt")
    tile.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(name or "")
    expect(dialog.get_by_text("Similarity")).to_be_visible()
    expect(dialog.locator("dd").first).to_have_text(re.compile(r"^-?0\.\d{3}$"))
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(following or "")
    page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(name or "")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tile).to_be_focused()
    assert page.evaluate("window.scrollY") == scrolled
    expect(page).to_have_url(re.compile(r"\?q=an\+animal$"))
    # The browser's own Back leads to the same place, after a turn to the tile of the picture shown last.
    tile.click()
    expect(dialog.get_by_role("heading", level=2)).to_have_text(name or "")
    page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", level=2)).to_have_text(following or "")
    page.go_back()
    expect(dialog).to_have_count(0)
    expect(tiles(page).nth(21)).to_be_focused()
    # A new search begins at its best match.
    field(page).fill("a flower")
    expect(page).to_have_url(re.compile(r"\?q=a\+flower$"))
    page.wait_for_function("window.scrollY === 0")


def test_a_shared_link_shows_the_same_picture_and_closing_it_the_wall(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    heading = page.get_by_role("dialog").get_by_role("heading", level=2)
    name, shared = heading.inner_text(), page.url
    page.goto("about:blank")
    page.goto(shared)
    expect(heading).to_have_text(name)
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(tiles(page).first).to_be_visible()


def test_more_like_this_searches_by_the_picture(page: Page) -> None:
    page.goto("/?q=a+fire+truck")
    tiles(page).first.click()
    page.get_by_role("dialog").get_by_role("link", name="More like this").click()
    expect(page).to_have_url(re.compile(r"\?like=[0-9a-f]{32}$"))
    expect(page.get_by_text("like this", exact=True)).to_be_visible()
    expect(tiles(page).first).to_be_visible()
    # Words take the picture's place.
    field(page).fill("a cat")
    expect(page).to_have_url(re.compile(r"\?q=a\+cat$"))
    page.go_back()
    expect(page).to_have_url(re.compile(r"\?like="))


def test_the_wall_goes_on_to_the_last_picture(page: Page) -> None:
    page.goto("/?q=things")
    expect(tiles(page).nth(47)).to_be_attached()
    for _ in range(40):
        if tiles(page).count() == 394:
            break
        page.mouse.wheel(0, 4000)
        page.wait_for_load_state("networkidle")
    expect(tiles(page)).to_have_count(394)


def test_the_wall_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/?q=a+flower")
    expect(tiles(page).first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture
def troubled(browser: Browser, start: Any, free_ports: Any, tmp_path: Path) -> Iterator[tuple[Page, Any]]:
    """A page over an empty collection whose encoder is not there, and a function that brings it back."""
    port = free_ports(1)
    with (
        start("search", SEARCH_CATALOGUE=str(tmp_path / "catalogue.sqlite")) as search,
        start(
            "gateway",
            ready="/livez",
            GATEWAY_ENCODER_URL=f"http://127.0.0.1:{port}",
            GATEWAY_SEARCH_URL=search.url,
            GATEWAY_MEDIA=str(tmp_path / "media"),
            GATEWAY_PAGE="frontend/dist",
        ) as gateway,
    ):
        page = browser.new_page(base_url=gateway.url)
        page.set_default_timeout(10_000)
        yield page, lambda: start("encoder", port=port)
        page.close()


def test_an_empty_collection_says_how_to_fill_it(troubled: tuple[Page, Any]) -> None:
    page, _ = troubled
    page.goto("/")
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    page.goto("/?q=anything")
    expect(page.get_by_text("sightline add ~/Pictures")).to_be_visible()


def test_a_page_that_was_empty_notices_the_first_picture(troubled: tuple[Page, Any]) -> None:
    page, bring_back = troubled
    page.goto("/?q=noise")
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    with bring_back():
        assert page.request.post("/api/v1/images", multipart={"images": one_picture()}).status == 201
        expect(tiles(page)).to_have_count(1)


@pytest.mark.parametrize("like", ["0" * 32, "../stats%23", "x%3Fk=1"])
def test_a_picture_that_is_gone_is_told(troubled: tuple[Page, Any], like: str) -> None:
    page, _ = troubled
    page.goto(f"/?like={like}")
    expect(page.get_by_text("That picture is no longer here.")).to_be_visible()


def test_an_outage_is_told_and_trying_again_works(troubled: tuple[Page, Any]) -> None:
    page, bring_back = troubled
    with bring_back():
        add = page.request.post("/api/v1/images", multipart={"images": one_picture()})
        assert add.status == 201
    page.goto("/?q=noise")
    expect(page.get_by_role("alert")).to_contain_text("Sightline could not answer.")
    expect(page.get_by_text("a part of it is not: the encoder cannot be reached.")).to_be_visible()
    with bring_back():
        page.get_by_role("button", name="Try again").click()
        expect(tiles(page)).to_have_count(1)
        # One picture has nothing to be compared with.
        tiles(page).click()
        page.get_by_role("dialog").get_by_role("link", name="More like this").click()
        expect(page.get_by_text("Nothing else is here to compare with.")).to_be_visible()


def one_picture() -> Any:
    stream = io.BytesIO()
    Image.effect_noise((64, 48), 90).save(stream, "PNG")
    return {"name": "noise.png", "mimeType": "image/png", "buffer": stream.getvalue()}


def test_a_published_collection_asks_for_a_key_once(browser: Browser, start_all: Any, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "state.sqlite")
    key = keys.create("laptop", Scope.READ)
    keys.close()
    with start_all(
        tmp_path,
        GATEWAY_PAGE=str(Path(__file__).parents[2] / "frontend" / "dist"),
        GATEWAY_AUTH="on",
        GATEWAY_STATE=str(tmp_path / "state.sqlite"),
    ) as services:
        context = browser.new_context(base_url=services.gateway.url)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("API key").fill("sl_guess")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("alert")).to_have_text("That key is not known here.")
        page.get_by_label("API key").fill(key)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
        page.reload()
        expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        context.close()
