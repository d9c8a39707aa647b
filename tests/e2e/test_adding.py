"""Uploads on the page: the queue with the status of each file, drag and drop, cancelling, retries during an outage."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PAGE, field, noise, plain, tiles
from tests.e2e.test_search import DROP


@pytest.fixture
def empty(open_window: Callable[..., Page], start_all: Any, tmp_path: Path) -> Any:
    """A window on an empty collection."""
    with start_all(tmp_path, GATEWAY_PAGE=PAGE) as services:
        yield open_window(services.gateway.url, expected=("422", "500", "503"))


def test_files_are_added_one_line_each_and_what_fails_says_why(empty: Page, tmp_path: Path) -> None:
    page = empty
    page.goto("/")
    page.get_by_role("main").get_by_role("button", name="Add pictures").click()
    folder = tmp_path / "mine"
    folder.mkdir()
    for colour in ("red", "green", "blue"):
        (folder / f"{colour}.png").write_bytes(plain(colour))
    (folder / "again.png").write_bytes(plain("red"))
    (folder / "broken.jpg").write_bytes(plain("white", form="JPEG")[:200])
    (folder / "notes.txt").write_text("not a picture, and not meant to be one")
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose a folder").click()
    chosen.value.set_files(folder)
    panel = page.get_by_role("region", name="Adding pictures")
    expect(panel.get_by_role("status")).to_have_text(
        "3 added, 1 already here, 1 failed, 1 not a picture", timeout=30_000
    )
    expect(panel.get_by_text(re.compile("failed: .*damaged"))).to_be_visible()
    expect(panel.get_by_role("listitem").filter(has_text="notes.txt")).to_contain_text("not a picture")
    # Where another try cannot help none is offered.
    expect(panel.get_by_role("button", name="Try broken.jpg again")).to_have_count(0)
    expect(panel.get_by_role("button", name="Retry failed")).to_have_count(0)
    # The new pictures are found at once, and the page shows the new count.
    expect(page.get_by_text("3 pictures. Try")).to_be_visible()
    panel.get_by_role("link", name="Show green.png").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    panel.get_by_role("button", name="Clear the list").click()
    expect(panel.get_by_role("listitem")).to_have_count(0)


def test_a_folder_is_dropped_anywhere_with_all_that_is_in_it(empty: Page, tmp_path: Path) -> None:
    page = empty
    page.goto("/")
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    folder = tmp_path / "album"
    (folder / "2024").mkdir(parents=True)
    (folder / "red.png").write_bytes(plain("red"))
    (folder / "2024" / "blue.png").write_bytes(plain("blue"))
    (folder / "notes.txt").write_text("words")
    mouse = page.context.new_cdp_session(page)

    def drag(kind: str) -> None:
        carried = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
        mouse.send("Input.dispatchDragEvent", {"type": kind, "x": 600, "y": 700, "data": carried})

    drag("dragEnter")
    drag("dragOver")
    # Both places are labelled.
    expect(page.get_by_text("Add to the collection")).to_be_visible()
    expect(page.get_by_text("Search by this picture")).to_be_visible()
    drag("drop")
    panel = page.get_by_role("region", name="Adding pictures")
    expect(panel.get_by_role("status")).to_have_text("2 added, 1 not a picture")
    expect(panel.get_by_role("listitem")).to_have_count(3)
    expect(page.get_by_text("Add to the collection")).to_have_count(0)


def test_searching_goes_on_while_pictures_are_sent_and_sending_can_be_cancelled(empty: Page) -> None:
    page = empty
    assert page.request.post("/api/v1/images", multipart={"images": noise()}).status == 201
    held: list[Any] = []
    page.route("**/api/v1/images", lambda route: held.append(route))
    page.goto("/?q=noise")
    expect(tiles(page)).to_have_count(1)
    for colour in ("red", "green", "blue", "white"):
        page.evaluate(DROP, [f"{colour}.png", list(plain(colour)), "main"])
    panel = page.get_by_role("region", name="Adding pictures")
    expect(panel.get_by_text("0 of 4")).to_be_visible()
    expect(panel.get_by_text("waiting")).to_have_count(1)
    field(page).fill("snow")
    expect(page).to_have_url(re.compile("q=snow"))
    expect(tiles(page)).to_have_count(1)
    panel.get_by_role("button", name="Cancel white.png").click()
    panel.get_by_role("button", name="Cancel the rest").click()
    expect(panel.get_by_role("status")).to_have_text("4 cancelled")
    expect(panel.get_by_role("listitem").filter(has_text="cancelled")).to_have_count(4)


def test_what_is_added_is_found_by_the_search_that_stands_there(empty: Page) -> None:
    page = empty
    assert page.request.post("/api/v1/images", multipart={"images": noise()}).status == 201
    page.goto("/?q=violet&mode=text")
    expect(page.get_by_text("No caption, tag or file name has these words.")).to_be_visible()
    page.evaluate(DROP, ["violet.png", list(plain("violet")), "main"])
    expect(tiles(page)).to_have_count(1)
    # A file that is not a picture is reported.
    page.evaluate(DROP.replace("image/png", "text/plain"), ["notes.txt", list(b"words"), "main"])
    expect(page.get_by_text("None of these files is a picture.")).to_be_visible()


def test_a_picture_that_is_dropped_before_the_session_is_known_is_added_and_not_searched_by(empty: Page) -> None:
    page = empty
    held: list[Any] = []
    page.route("**/api/v1/session", lambda route: held.append(route))
    page.goto("/")
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    page.evaluate(DROP, ["red.png", list(plain("red")), "main"])
    expect(page.get_by_role("button", name="Add pictures")).to_have_count(0)
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/session")
    expect(page.get_by_role("region", name="Adding pictures").get_by_role("status")).to_have_text("1 added")


def test_a_system_that_is_not_there_for_a_moment_is_waited_for_and_then_tried_again(empty: Page) -> None:
    page = empty
    page.goto("/")
    tries: list[Any] = []

    def answer(route: Any) -> None:
        tries.append(route)
        if len(tries) == 1:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"detail": "the encoder cannot be reached"})
        elif len(tries) == 2:
            route.fulfill(status=500, json={"detail": "out of order"})
        else:
            route.continue_()

    page.route("**/api/v1/images", answer)
    expect(page.get_by_text("There are no pictures here yet.")).to_be_visible()
    page.evaluate(DROP, ["red.png", list(plain("red")), "main"])
    panel = page.get_by_role("region", name="Adding pictures")
    expect(panel.get_by_text("failed: something went wrong on the server")).to_be_visible()
    assert len(tries) == 2
    panel.get_by_role("button", name="Try red.png again").click()
    expect(panel.get_by_role("status")).to_have_text("1 added")


def test_the_end_is_told_when_the_panel_is_closed_and_a_few_can_be_had_away_again(empty: Page) -> None:
    page = empty
    assert page.request.post("/api/v1/images", multipart={"images": noise()}).status == 201
    held: list[Any] = []
    page.route("**/api/v1/images", lambda route: held.append(route))
    page.goto("/?q=noise")
    expect(tiles(page)).to_have_count(1)
    for colour in ("red", "green"):
        page.evaluate(DROP, [f"{colour}.png", list(plain(colour)), "main"])
    page.evaluate(DROP, ["broken.jpg", list(plain("white", form="JPEG")[:200]), "main"])
    page.get_by_role("region", name="Adding pictures").get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Adding, 3 left")).to_be_visible()
    expect(page).to_have_title("Adding, 3 left · noise · Sightline")
    for route in held:
        route.continue_()
    page.unroute("**/api/v1/images")
    expect(page.get_by_text("2 added, 1 failed")).to_be_visible()
    # A mark that stays until the panel has been seen.
    mark = page.get_by_role("button", name="Adding: 1 file failed")
    expect(mark).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 pictures moved to the bin.")).to_be_visible()
    assert page.request.get("/api/v1/facets").json()["count"] == 1
    mark.click()
    page.get_by_role("region", name="Adding pictures").get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Add pictures")).to_be_visible()
