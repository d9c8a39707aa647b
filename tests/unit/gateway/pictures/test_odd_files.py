"""Odd picture files through the gateway: damage, dates, a full disk, names of another format."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gateway.pictures.object_store import FolderStore
from PIL import Image, TiffImagePlugin
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import open_picture

from tests.unit.gateway.conftest import GREEN, RED, body, get, ids, picture, upload
from tests.unit.gateway.library.conftest import scan


def test_a_file_without_its_end_is_added_with_a_mark(stack: Any) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG")
    cut = stream.getvalue()[:-500]
    assert body(upload(stack, cut))["items"][0]["status"] == "added"
    assert body(get(stack, f"/api/v1/images/{ids(cut)[0]}"))["attributes"] == {"damage": "image file is truncated"}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_the_date_is_that_of_the_picture_then_of_its_scan_then_of_its_file(stack: Any, form: str) -> None:
    dates = {"original": 0x9003, "digitised": 0x9004, "file": 0x0132}
    open_picture(picture(RED), 10**6)  # registers HEIF, for the writer
    for given, expected in ((("original", "digitised", "file"), 1), (("digitised", "file"), 2), (("file",), 3)):
        inner: dict[int, str] = {}
        outer = Image.Exif()
        for year, name in enumerate(dates, 2001):
            if name in given:
                when = f"{year}:05:06 07:08:09"
                if name == "file":
                    outer[dates[name]] = when
                else:
                    inner[dates[name]] = when
        if form == "TIFF":
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            tags[dates["file"]], tags[0x8769] = outer[dates["file"]], inner
            content = picture((10 * expected, 90, 40), form=form, tiffinfo=tags)
        else:
            outer.get_ifd(0x8769).update(inner)
            content = picture((10 * expected, 90, 40), form=form, exif=outer)
        upload(stack, content)
        taken = body(get(stack, f"/api/v1/images/{ids(content)[0]}"))["taken_at"]
        assert taken == f"200{expected}-05-06T07:08:09", (form, given)


# HEIC turns pictures by its own means, and EXIF says nothing there (ISO 23008-12).
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_record_and_thumbnail_are_upright_in_every_format(stack: Any, form: str, orientation: int) -> None:
    upright = Image.new("RGB", (60, 40), (250, 250, 250))
    upright.paste((220, 30, 30), (0, 0, 30, 20))
    turned = upright.rotate({3: 180, 6: 90, 8: 270}[orientation], expand=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stream = io.BytesIO()
    turned.save(stream, form, exif=exif, **({"tiffinfo": exif} if form == "TIFF" else {}))
    upload(stack, stream.getvalue())
    name = ids(stream.getvalue())[0]
    record = body(get(stack, f"/api/v1/images/{name}"))
    thumbnail = Image.open(io.BytesIO(get(stack, f"/api/v1/images/{name}/thumbnail?w=480").data)).convert("RGB")
    assert (record["width"], record["height"]) == thumbnail.size == (60, 40)
    red, white = (thumbnail.getpixel(place) for place in ((10, 8), (50, 32)))
    assert isinstance(red, tuple) and isinstance(white, tuple)
    assert red[0] > 180 > red[1] and min(white) > 200


def full(*_: Any, **__: Any) -> None:
    raise ServiceError(Kind.NO_SPACE, "no space is left for pictures")


def test_a_full_disk_hides_no_picture(
    make_stack: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "red.png").write_bytes(picture(RED))
    stack = make_stack(folders=str(photos))
    stored = upload(stack, picture(GREEN))
    assert stored.status_code == 201
    monkeypatch.setattr(FolderStore, "write", full)
    assert scan(stack)["added"] == 1
    for content in (picture(RED), picture(GREEN)):
        thumbnail = get(stack, f"/api/v1/images/{ids(content)[0]}/thumbnail?w=240")
        assert (thumbnail.status_code, Image.open(io.BytesIO(thumbnail.data)).size) == (200, (40, 30))
    # A file that cannot be stored is not acknowledged.
    assert upload(stack, picture((1, 2, 3))).status_code == 507


def test_a_file_is_sent_as_what_it_is_whatever_its_name(make_stack: Callable[..., Any], tmp_path: Path) -> None:
    open_picture(picture(RED), 10**6)
    photos = tmp_path / "photos"
    photos.mkdir()
    heic = picture(RED, form="HEIF")
    (photos / "IMG_1.jpg").write_bytes(heic)
    stack = make_stack(folders=str(photos))
    scan(stack)
    answer = get(stack, f"/api/v1/images/{ids(heic)[0]}/file")
    assert (answer.content_type, answer.data) == ("image/heic", heic)


def test_a_thumbnail_that_is_there_is_sent_without_a_question_to_search(stack: Any) -> None:
    upload(stack, picture(RED))
    path = f"/api/v1/images/{ids(picture(RED))[0]}/thumbnail?w=480"
    before = len(stack.search.requests)
    first = get(stack, path)
    assert first.status_code == 200 and "immutable" in first.headers["Cache-Control"]
    assert get(stack, path, If_None_Match=first.headers["ETag"]).status_code == 304
    assert stack.search.requests[before:] == []
    # After a power failure it may be empty: it is made again.
    (kept,) = (stack.media / "thumbnails" / "480").rglob("*.webp")
    kept.write_bytes(b"")
    assert get(stack, path).data == first.data
