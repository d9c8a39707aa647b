"""Error and empty states of the page: outages, offline, rate limit, login with an API key, i18n, status page, PWA."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gateway.auth.keys import KeyStore, Scope
from gateway.database import Database
from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.e2e.conftest import PAGE, dialog, field, noise, plain, tiles
from tests.e2e.test_access import check


@pytest.fixture
def troubled(browser: Browser, start: Any, free_ports: Any, tmp_path: Path) -> Iterator[tuple[Page, Any]]:
    """A page on an empty collection whose encoder is down, and a function that starts the encoder."""
    port = free_ports(1)
    with (
        start("search", SEARCH_CATALOGUE=str(tmp_path / "catalogue.sqlite")) as search,
        start(
            "gateway",
            ready="/livez",
            GATEWAY_ENCODER_URL=f"http://127.0.0.1:{port}",
            GATEWAY_SEARCH_URL=search.url,
            GATEWAY_MEDIA=str(tmp_path / "media"),
            GATEWAY_PAGE=PAGE,
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
    page.get_by_role("main").get_by_role("button", name="Add pictures").click()
    expect(page.get_by_role("region", name="Adding pictures")).to_be_focused()


def test_a_page_that_was_empty_notices_the_first_picture(troubled: tuple[Page, Any]) -> None:
    page, bring_back = troubled
    page.goto("/?q=noise")
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    with bring_back():
        assert page.request.post("/api/v1/images", multipart={"images": noise()}).status == 201
        expect(tiles(page)).to_have_count(1)


@pytest.mark.parametrize("like", ["0" * 32, "../stats%23", "x%3Fk=1"])
def test_a_picture_that_is_gone_is_told(troubled: tuple[Page, Any], like: str) -> None:
    page, bring_back = troubled
    with bring_back():
        assert page.request.post("/api/v1/images", multipart={"images": noise()}).status == 201
    page.goto(f"/?term=like:{like}")
    expect(
        page.get_by_text("That picture is no longer here.").or_(page.get_by_text("That search was not understood."))
    ).to_be_visible()


def test_an_outage_is_told_and_trying_again_works(troubled: tuple[Page, Any]) -> None:
    page, bring_back = troubled
    with bring_back():
        assert page.request.post("/api/v1/images", multipart={"images": noise()}).status == 201
    page.goto("/?q=noise")
    expect(page.get_by_role("alert")).to_contain_text("Sightline could not answer.")
    expect(page.get_by_text("New words and pictures cannot be searched for at the moment")).to_be_visible()
    # Full-text search and the status page work without the encoder.
    page.goto("/?q=noise&mode=text")
    expect(tiles(page)).to_have_count(1)
    page.goto("/status")
    expect(page.get_by_role("status").filter(has_text="the encoder does not answer")).to_be_visible()
    page.goto("/?q=noise")
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_text("The search continues by itself as soon as possible.")).to_be_visible()
    with bring_back() as encoder:
        # Nobody presses "Try again".
        expect(tiles(page)).to_have_count(1)
        # An encoder that hangs is told long before the search fails, and the search goes on when it answers again.
        os.killpg(encoder.popen.pid, signal.SIGSTOP)
        field(page).fill("another noise")
        expect(page.get_by_text("The encoder does not answer.")).to_be_visible()
        os.killpg(encoder.popen.pid, signal.SIGCONT)
        expect(page.get_by_text("The encoder does not answer.")).to_have_count(0)
        expect(tiles(page)).to_have_count(1)
        # "More like this" in a collection of one picture finds nothing.
        tiles(page).click()
        dialog(page).get_by_role("link", name="More like this").click()
        expect(page.get_by_text("There is nothing else to compare it with.")).to_be_visible()


def test_without_a_network_the_page_says_so_and_goes_on_by_itself(
    open_window: Callable[..., Page], local_stack: Any
) -> None:
    page = open_window(local_stack.url, expected=("ERR_INTERNET_DISCONNECTED",))
    page.goto("/?q=a+dog")
    expect(tiles(page).first).to_be_visible()
    page.context.set_offline(True)
    field(page).fill("a fire truck")
    expect(page.get_by_role("alert")).to_contain_text("This device is offline.")
    page.context.set_offline(False)
    expect(page.get_by_alt_text("A fire truck.")).to_be_visible()


def test_who_asks_too_often_is_told_when_it_goes_on(open_window: Callable[..., Page], local_stack: Any) -> None:
    page = open_window(local_stack.url, expected=("429",))
    refused: list[Any] = []

    def answer(route: Any) -> None:
        refused.append(route)
        if len(refused) == 1:
            detail = "searches: too many at once; try again later"
            route.fulfill(status=429, headers={"Retry-After": "2"}, json={"detail": detail})
        else:
            route.continue_()

    page.route("**/api/v1/search?q=a+cello*", answer)
    page.goto("/?q=a+cello")
    expect(page.get_by_text("Too many requests at once.")).to_be_visible()
    expect(page.get_by_text(re.compile("Continues by itself in [12] seconds?.")).last).to_be_visible()
    expect(tiles(page).first).to_be_visible()


def test_a_published_collection_asks_for_a_key_once_and_shows_what_it_allows(
    open_window: Callable[..., Page], start_all: Any, tmp_path: Path
) -> None:
    with closing(Database.in_file(tmp_path / "state.sqlite")) as database:
        keys = KeyStore(database)
        reader, writer = keys.create("reader", Scope.READ), keys.create("writer", Scope.WRITE)
    with start_all(
        tmp_path, GATEWAY_PAGE=PAGE, GATEWAY_AUTH="on", GATEWAY_STATE=str(tmp_path / "state.sqlite")
    ) as services:
        page = open_window(services.gateway.url, expected=("401",))
        page.goto("/")
        page.get_by_label("API key").fill("sl_guess")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_role("alert")).to_have_text("This key is not valid here.")
        page.get_by_label("API key").fill(reader)
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
        page.reload()
        expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
        assert page.evaluate("document.cookie") == ""
        # With a read key, the page does not offer actions that need a write key.
        expect(page.get_by_role("button", name="Add pictures")).to_have_count(0)
        bearer = {"Authorization": f"Bearer {writer}"}
        file: FilePayload = {"name": "red.png", "mimeType": "image/png", "buffer": plain("red")}
        assert page.request.post("/api/v1/images", multipart={"images": file}, headers=bearer).status == 201
        page.goto("/?q=red")
        tiles(page).click()
        expect(dialog(page).get_by_role("button", name="Copy link")).to_be_visible()
        expect(dialog(page).get_by_role("button", name="Delete")).to_have_count(0)
        # Two browsers are logged in; one ends the other's session, then logs out itself.
        other = open_window(services.gateway.url, expected=("401",))
        for window in (other, page):
            window.goto("/status")
            if window is other:
                window.get_by_label("API key").fill(reader)
                window.get_by_role("button", name="Continue").click()
            expect(window.get_by_role("heading", name="Signed-in browsers")).to_be_visible()
        sessions = page.get_by_role("list", name="Signed-in browsers").get_by_role("listitem")
        expect(sessions).to_have_count(2)
        expect(sessions.first).to_contain_text("Chrome, Linux")
        check(page, "sessions")
        page.get_by_role("button", name="Sign out").click()
        expect(sessions).to_have_count(1)
        other.reload()
        expect(other.get_by_label("API key")).to_be_visible()
        # Another key in place of this one, and none.
        page.goto("/")
        page.get_by_role("button", name="Key: reader").click()
        page.get_by_role("menuitem", name="Use another key").click()
        dialog(page).get_by_label("API key").fill(writer)
        dialog(page).get_by_role("button", name="Continue").click()
        expect(page.get_by_role("button", name="Add pictures")).to_be_visible()
        known = page.request.get("/api/v1/sessions").json()["sessions"]
        assert [session["key_name"] for session in known] == ["writer"]
        page.get_by_role("button", name="Key: writer").click()
        page.get_by_role("menuitem", name="Sign out").click()
        expect(page.get_by_label("API key")).to_be_visible()
        page.goto("/?q=red")
        expect(page.get_by_label("API key")).to_be_visible()
        # Before the services stop: the windows still poll them.
        for window in (other, page):
            window.close()


def test_the_page_speaks_another_language(open_window: Callable[..., Page], local_stack: Any) -> None:
    page = open_window(local_stack.url, locale="de-DE")
    page.goto("/")
    expect(page.get_by_text("Ein Satz genügt, um das Bild zu finden.")).to_be_visible()
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_role("button", name="Sprache: Deutsch").click()
    page.get_by_role("menuitemradio", name="English").click()
    expect(page.get_by_text("Type a sentence, find the picture.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Type a sentence, find the picture.")).to_be_visible()


def test_the_status_page_tells_how_the_system_is(open_window: Callable[..., Page], local_stack: Any) -> None:
    page = open_window(local_stack.url)
    page.goto("/?q=a+status+question")
    expect(tiles(page).first).to_be_visible()
    page.goto("/")
    page.get_by_role("link", name="Status").click()
    expect(page).to_have_url(re.compile("/status$"))
    expect(page).to_have_title("Status · Sightline")
    expect(page.get_by_text("Everything is running. 377 pictures can be searched.")).to_be_visible()
    expect(page.get_by_text("377", exact=True)).to_be_visible()
    page.get_by_text("Details", exact=True).click()
    expect(page.get_by_role("row", name=re.compile("a search as a whole"))).to_contain_text("ms")
    expect(page.get_by_text("flickr8k dev text to image R@1", exact=True)).to_be_visible()
    expect(page.get_by_role("img", name="How long a search as a whole took")).to_be_visible()
    # The status page polls: a new search appears at the next update.
    page.request.get("/api/v1/search?q=another+status+question")
    expect(page.get_by_text(re.compile(r"[1-9]\d* a minute"))).to_be_visible(timeout=15_000)
    page.get_by_role("link", name="Back to the pictures").click()
    expect(field(page)).to_be_visible()


def test_the_page_can_be_installed_and_asks_nobody_else(open_window: Callable[..., Page], local_stack: Any) -> None:
    page = open_window(local_stack.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/?q=a+dog")
    expect(tiles(page).first).to_be_visible()
    tiles(page).first.click()
    expect(dialog(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert [url for url in asked if not url.startswith((local_stack.url, "data:"))] == []
    manifest = page.request.get("/manifest.webmanifest").json()
    for icon in manifest["icons"]:
        answer = page.request.get(icon["src"])
        assert answer.status == 200 and answer.headers["content-type"].startswith(icon["type"])
    session = page.context.new_cdp_session(page)
    # The only installability error is that the test's window is private (incognito).
    found = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in found] == ["in-incognito"]
