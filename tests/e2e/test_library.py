"""The library page: folders, a scan with its progress and results, unreadable files by reason, start and stop."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PAGE, plain, tiles


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "@eaDir").mkdir(parents=True)
    for colour in ("red", "green"):
        (folder / f"{colour}.png").write_bytes(plain(colour))
    (folder / "@eaDir" / "thumb.png").write_bytes(plain("blue"))
    for number in range(3):
        (folder / f"cut{number}.png").write_bytes(plain("blue")[:50])
    (folder / "empty.jpg").write_bytes(b"")
    return folder


@pytest.fixture
def watched(start_all: Any, photos: Path, tmp_path: Path) -> Iterator[Any]:
    with start_all(tmp_path, worker=True, GATEWAY_PAGE=PAGE, GATEWAY_LIBRARY=str(photos)) as services:
        yield services


def test_a_library_is_shown_and_follows_its_folder(
    watched: Any, photos: Path, open_window: Callable[..., Page]
) -> None:
    page = open_window(watched.gateway.url)
    page.goto("/")
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_role("heading", name="Library", level=1)).to_be_visible()
    expect(page.get_by_text("2 picture files")).to_be_visible(timeout=60_000)
    expect(page.get_by_text(str(photos), exact=True)).to_be_visible()
    expect(page.get_by_text("2 added")).to_be_visible()
    expect(page.get_by_text("4 could not be read")).to_be_visible()
    expect(page.get_by_text("previews, recycle bins: 1")).to_be_visible()
    reasons = page.locator("summary")
    expect(reasons).to_have_text("4 files: it is damaged, or not in a supported format")
    reasons.click()
    expect(page.get_by_text(f"{photos}/cut1.png")).to_be_visible()

    # Without a click: the worker sees what is copied in, and the page what the worker has done.
    (photos / "orange.png").write_bytes(plain("orange"))
    expect(page.get_by_text("3 picture files")).to_be_visible()
    (photos / "cut0.png").unlink()
    page.get_by_role("button", name="Scan everything now").click()
    expect(page.get_by_text("3 could not be read")).to_be_visible()
    expect(page.get_by_text("3 unchanged")).to_be_visible()
    page.reload()
    expect(page.get_by_text("3 unchanged")).to_be_visible()
    page.get_by_role("link", name="Back to the pictures").click()
    page.goto("/?q=orange")
    expect(tiles(page)).to_have_count(3)


def test_a_scan_is_stopped_and_a_folder_that_is_away_is_told(
    watched: Any, photos: Path, open_window: Callable[..., Page]
) -> None:
    page = open_window(watched.gateway.url)
    page.goto("/library")
    expect(page.get_by_text("2 picture files")).to_be_visible(timeout=60_000)
    start = page.get_by_role("button", name="Scan everything now")
    expect(start).to_be_visible()
    # No worker: the scan waits, and is stopped before it begins.
    watched.worker.stop()
    start.click()
    expect(page.get_by_text("Waiting for a worker, or for another scan to end.")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("It was stopped before it finished.")).to_be_visible()
    photos.rename(photos.with_name("unplugged"))
    expect(page.get_by_text("This folder is not available. Is its disk connected?")).to_be_visible()


def test_without_a_library_the_page_says_how_to_get_one(page: Page) -> None:
    page.goto("/library")
    expect(page.get_by_text("make up PHOTOS=~/Pictures")).to_be_visible()
