"""Text in pictures: a receipt is found by its total, its line is marked, and the text can be selected and copied."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image, ImageDraw, ImageFont
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PAGE, dialog, field, plain, tiles, wait_until
from tests.e2e.test_access import check

RECEIPT = ["Rossmann", "Invoice 2024-117", "TOTAL 23.50"]


def paper(*lines: str) -> bytes:
    """A white picture of 600 x 400 pixels with lines of text."""
    image = Image.new("RGB", (600, 400), "white")
    for i, line in enumerate(lines):
        ImageDraw.Draw(image).text((60, 60 + 90 * i), line, "black", ImageFont.load_default(48))
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def test_a_receipt_is_found_by_its_total_and_its_line_is_marked_and_copied(
    open_window: Callable[..., Page], start_all: Any, tmp_path: Path
) -> None:
    with start_all(tmp_path, worker=True, GATEWAY_PAGE=PAGE, GATEWAY_READING="on") as services:
        url = services.gateway.url
        files = [("images", ("receipt.png", paper(*RECEIPT))), ("images", ("teal.png", plain("teal", (320, 240))))]
        ids = [item["id"] for item in httpx.post(f"{url}/api/v1/images", files=files, timeout=60).json()["items"]]
        page = open_window(url, permissions=["clipboard-read", "clipboard-write"])
        # The worker reads by itself.
        while httpx.get(f"{url}/api/v1/images/{ids[0]}/text").json()["text"] == "":
            assert services.worker.popen.poll() is None
        page.goto("/?q=23.50")
        expect(tiles(page).first).to_be_visible()
        tiles(page).first.click()
        text = dialog(page).get_by_role("region", name="Text in this picture")
        expect(text).to_contain_text("\n".join(RECEIPT))
        expect(text.get_by_role("listitem")).to_have_text(["TOTAL 23.50Copy"])
        # It grows from its tile.
        page.wait_for_function("() => document.querySelector('dialog').getAnimations({subtree: true}).length === 0")
        # Marked where it is drawn: at a tenth to two thirds of the width, and below the middle.
        picture = dialog(page).get_by_role("img", name="receipt.png").bounding_box()
        mark = dialog(page).locator("svg polygon").bounding_box()
        assert picture is not None and mark is not None
        # The picture is in the middle of its element (object-fit: contain).
        scale = min(picture["width"] / 600, picture["height"] / 400)
        left = picture["x"] + (picture["width"] - 600 * scale) / 2
        top = picture["y"] + (picture["height"] - 400 * scale) / 2
        assert abs(mark["x"] - left - 60 * scale) < 20 * scale
        assert abs(mark["y"] - top - 245 * scale) < 30 * scale
        assert mark["height"] < 80 * scale
        check(page, "a picture with text")
        text.get_by_role("button", name="Copy: TOTAL 23.50").click()
        expect(page.get_by_text("The text is copied.")).to_be_visible()
        assert page.evaluate("() => navigator.clipboard.readText()") == "TOTAL 23.50"
        # A double click selects a word at its place, and does not zoom.
        box = dialog(page).locator("svg text", has_text="Rossmann").bounding_box()
        assert box is not None
        page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        assert page.evaluate("() => String(getSelection()).trim()") == "Rossmann"
        assert dialog(page).get_by_role("button", name="Zoom out").get_attribute("aria-disabled") == "true"
        # All of it, by keyboard.
        text.get_by_role("button", name="Copy all").press("Enter")
        wait_until(page, "() => navigator.clipboard.readText().then(text => text.includes('Invoice'))")
        # A picture without text has no such section, and is not there once text is asked for.
        page.keyboard.press("Escape")
        expect(dialog(page)).to_have_count(0)
        expect(page).to_have_url(f"{url}/?q=23.50")
        page.goto("/?sort=added")
        expect(tiles(page)).to_have_count(2)
        page.get_by_role("button", name="Filters").click()
        page.get_by_label("With text").check()
        expect(tiles(page)).to_have_count(1)
        page.get_by_role("button", name="Remove With text").or_(page.get_by_role("button", name="With text")).click()
        expect(tiles(page)).to_have_count(2)
        field(page).fill("text:rossmann")
        expect(tiles(page)).to_have_count(1)
