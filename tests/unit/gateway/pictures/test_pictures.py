"""Uploads: formats, EXIF metadata, thumbnails, progress events, quarantine, editing, object stores, hostile files."""

import io
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest
from gateway.concurrency import ConcurrencyLimit
from gateway.database import Database
from gateway.library.folders import Folders
from gateway.library.index import Library
from gateway.pictures import exif
from gateway.pictures.object_store import store_at
from gateway.pictures.quarantine import Quarantine
from gateway.pictures.storage import MediaStore
from PIL import Image, ImageDraw, TiffImagePlugin
from servicekit.errors import Kind, ServiceError
from servicekit.server.memory import DecodeMemory

from tests.unit.gateway.conftest import BLUE, RED, body, get, ids, picture, upload

GATE = ConcurrencyLimit("thumbnails", 1, 1, 1)


@pytest.mark.parametrize(
    ("form", "mimetype"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("AVIF", "image/avif"),
        ("HEIF", "image/heic"),
    ],
)
def test_every_format_is_taken_shown_and_given_back_as_it_was(stack: Any, form: str, mimetype: str) -> None:
    content = picture(RED, (64, 48), form)
    assert body(upload(stack, content))["items"][0]["status"] == "added"
    name = ids(content)[0]
    known = body(get(stack, f"/api/v1/images/{name}"))
    assert (known["width"], known["height"], known["bytes"]) == (64, 48, len(content))
    file = get(stack, f"/api/v1/images/{name}/file")
    assert (file.data, file.content_type) == (content, mimetype)
    shown = Image.open(io.BytesIO(get(stack, f"/api/v1/images/{name}/thumbnail").data))
    assert (shown.format, shown.size) == ("WEBP", (64, 48))
    red, green, blue = shown.convert("RGB").getpixel((30, 20))  # type: ignore[misc]
    assert red > 230
    assert max(green, blue) < 30


def photograph(**tags: Any) -> bytes:
    """A JPEG with EXIF: camera, GPS position, and the given tags in the Exif IFD."""
    names = {"taken": 0x9003, "iso": 0x8827, "f_number": 0x829D, "exposure": 0x829A, "focal": 0x920A, "lens": 0xA434}
    data = Image.Exif()
    data[0x010F], data[0x0110] = "Canon", "EOS 5D\0\0 "
    data.get_ifd(0x8769).update({names[k]: v for k, v in tags.items()})
    data.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 0.0)})  # where it was taken
    return picture(RED, (64, 48), "JPEG", exif=data)


def test_what_the_camera_wrote_can_be_searched_by(stack: Any) -> None:
    content = photograph(taken="2024:05:31 18:20:05", iso=400, f_number=2.8, exposure=0.008, focal=50.0, lens="EF 50mm")
    upload(stack, content, details=[{"attributes": {"lens": "nifty fifty"}}])
    known = body(get(stack, f"/api/v1/images/{ids(content)[0]}"))
    assert known["taken_at"] == "2024-05-31T18:20:05"
    assert known["attributes"] == {
        "camera_make": "Canon",
        "camera": "EOS 5D",
        "lens": "nifty fifty",  # the client's attributes override EXIF
        "iso": 400,
        "f_number": 2.8,
        "exposure_s": 0.008,
        "focal_length_mm": 50,
    }
    for url, count in [("taken_from=2024-05&taken_to=2024-05", 1), ("taken_from=2025", 0), ("attributes=iso=100..", 1)]:
        assert len(body(get(stack, f"/api/v1/search?q=red&{url}"))["results"]) == count
    # Thumbnails contain no EXIF.
    shown = Image.open(io.BytesIO(get(stack, f"/api/v1/images/{ids(content)[0]}/thumbnail").data))
    assert dict(shown.getexif()) == {}


def test_nonsense_in_a_file_is_no_reason_to_refuse_the_picture(stack: Any) -> None:
    content = photograph(taken="0000:00:00 00:00:00", iso=(0, 0), lens=" \0 ")
    assert body(upload(stack, content))["items"][0]["status"] == "added"
    known = body(get(stack, f"/api/v1/images/{ids(content)[0]}"))
    assert known["taken_at"] is None
    assert set(known["attributes"]) == {"camera_make", "camera"}
    assert exif.number(float("nan")) is None
    assert exif.text("x\r\nSet-Cookie: a") == "x Set-Cookie: a"


@pytest.mark.parametrize("kind", [2, 3])  # TIFF types ASCII and SHORT instead of bytes
def test_a_colour_profile_that_is_none_is_no_reason_to_fail(stack: Any, kind: int) -> None:
    stream = io.BytesIO()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[34675] = "profile" if kind == 2 else 7
    tags.tagtype[34675] = kind
    Image.new("RGB", (64, 48), RED).save(stream, "TIFF", tiffinfo=tags)
    assert body(upload(stack, stream.getvalue()))["items"][0]["status"] == "added"
    path = f"/api/v1/images/{ids(stream.getvalue())[0]}/thumbnail"
    assert get(stack, path, Accept="image/avif").status_code == 200


def test_a_thumbnail_is_avif_for_who_prefers_it(stack: Any) -> None:
    content = picture(RED, (400, 200))
    upload(stack, content)
    path = f"/api/v1/images/{ids(content)[0]}/thumbnail?w=240"
    for accept, kind in [
        ("image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "image/webp"),  # Chromium's header: equal preference
        ("image/avif,image/*;q=0.5", "image/avif"),
        ("image/avif", "image/avif"),
        ("text/html", "image/webp"),
        ("", "image/webp"),
    ]:
        answer = get(stack, path, Accept=accept)
        assert (answer.content_type, answer.headers["Vary"]) == (kind, "Accept")
        assert Image.open(io.BytesIO(answer.data)).size == (240, 120)
    tags = {get(stack, path, Accept=a).headers["ETag"] for a in ("image/avif", "image/webp")}
    assert len(tags) == 2
    for path in ("images", "bin"):
        stack.client.delete(f"/api/v1/{path}/{ids(content)[0]}")
    assert not [p for p in stack.media.rglob("*") if p.is_file()]


def test_an_upload_tells_of_each_file_as_it_is_done(stack: Any) -> None:
    red = picture(RED)
    upload(stack, red)
    contents = [picture((0, 0, 10 + i)) for i in range(13)]  # more than one batch of the encoder
    files = [(io.BytesIO(c), "x.png") for c in (red, b"no picture", contents[0], *contents)]
    answer = stack.client.post("/api/v1/images", data={"images": files}, headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.content_type) == (200, "text/event-stream")
    told = [e.split("\n") for e in answer.text.strip().split("\n\n")]
    items = [json.loads(data.removeprefix("data: ")) for name, data in told if name == "event: item"]
    assert [i["index"] for i in items] == list(range(16))
    assert [i["status"] for i in items] == ["exists", "failed", "added", "exists", *["added"] * 12]
    assert "not a picture" in items[1]["error"]["detail"]
    assert told[-1] == ["event: done", 'data: {"added":13,"exists":2,"failed":1}']
    assert body(get(stack, "/api/v1/stats"))["count"] == 14


def test_an_upload_that_is_cut_short_says_why_and_keeps_what_it_told(stack: Any) -> None:
    stack.encoder.cut = True
    files = [(io.BytesIO(picture(RED)), "x.png")]
    answer = stack.client.post("/api/v1/images", data={"images": files}, headers={"Accept": "text/event-stream"})
    assert answer.text.startswith("event: problem\n")
    assert "the encoder cannot be reached" in answer.text


def test_what_is_said_of_a_picture_can_be_changed(stack: Any) -> None:
    red = picture(RED)
    upload(stack, red, details=[{"caption": "a wal", "tags": ["x"]}])
    path = f"/api/v1/images/{ids(red)[0]}"
    assert body(get(stack, "/api/v1/search?q=wall&mode=text"))["results"] == []
    changed = stack.client.patch(path, json={"caption": "a wall", "attributes": {"iso": 50}})
    assert (changed.status_code, body(changed)["caption"], body(changed)["tags"]) == (200, "a wall", ["x"])
    assert body(get(stack, "/api/v1/search?q=wall&mode=text"))["results"][0]["attributes"] == {
        "iso": 50,
        "file_iso": "",  # the file says nothing of it
    }
    for wrong, says in [
        ({}, "changes nothing"),
        ({"title": "x"}, "title: unknown"),
        ({"tags": None}, "null is no value"),
        ({"tags": [""]}, "tags.0: "),
        ({"taken_at": "yesterday"}, "taken_at: "),
    ]:
        answer = stack.client.patch(path, json=wrong)
        assert (answer.status_code, says in body(answer)["detail"]) == (400, True), answer.text
    assert stack.client.patch(f"/api/v1/images/{'0' * 32}", json={"caption": "x"}).status_code == 404


def test_bad_files_are_set_aside_with_the_reason(stack: Any) -> None:
    cut = picture(BLUE)[:60]
    upload(stack, cut, b"x" * 100_001, names=("cut.png", "huge.png"))
    files = body(get(stack, "/api/v1/quarantine"))["files"]
    reasons = {f["file_name"]: f["error"]["detail"] for f in files}
    assert set(reasons) == {"cut.png", "huge.png"}
    assert "damaged" in reasons["cut.png"]
    assert "100001 bytes; the limit is 100000" in reasons["huge.png"]
    # As data too, for clients that say it in another language.
    assert [f["error"].get("limit") for f in files if f["file_name"] == "huge.png"] == [100_000]
    assert (stack.media / "quarantine" / ids(cut)[0]).read_bytes() == cut
    for file in files:
        assert stack.client.delete(f"/api/v1/quarantine/{file['id']}").status_code == 204
    assert stack.client.delete(f"/api/v1/quarantine/{ids(cut)[0]}").status_code == 404
    assert [p for p in stack.media.rglob("*") if p.is_file()] == []


def test_pictures_may_lie_in_any_store(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """An in-memory fsspec store here; an S3 bucket has another URL scheme."""
    files = store_at("memory://bucket/photos")
    database = Database.in_file(tmp_path / "state.sqlite")
    request.addfinalizer(database.close)
    store = MediaStore(files, Library(Folders([]), database), 200_000, GATE, DecodeMemory(10**7))
    content = picture(RED, (600, 300), "JPEG")
    with store.opened(content) as decoded:
        key = store.put(content, decoded)
    original = store.original(key)
    assert (original.stream.read(), original.length, original.mimetype) == (content, len(content), "image/jpeg")
    original.stream.seek(2)
    assert original.stream.read(2) == content[2:4]
    small = store.thumbnail(ids(content)[0], lambda: key, 240, "webp")
    assert Image.open(small.stream).size == (240, 120)
    assert "bucket/photos" in store.check()
    quarantine = Quarantine(files)
    quarantine.add("0" * 32, b"x", "x", ServiceError(Kind.UNSUPPORTED_PICTURE, "no"))
    assert [f["file_name"] for f in quarantine.all()] == ["x"]
    assert quarantine.release("0" * 32)
    store.delete(ids(content)[0], key)
    with pytest.raises(ServiceError, match="add the picture again"):
        store.original(key)
    kept = fsspec.filesystem("memory").find("/bucket/photos")
    assert [k for k in kept if not k.endswith(".writable")] == []
    with pytest.raises(ServiceError, match="GATEWAY_MEDIA: s4://x"):
        store_at("s4://x")


def png_that_claims(width: int, height: int) -> bytes:
    """A decompression bomb: a small PNG whose header claims a large picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


HTML = b"<html><script>alert(1)</script></html>"
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (png_that_claims(60_000, 60_000), "bomb.png"),
        (png_that_claims(2**31 - 1, 2**31 - 1), "bomb.png"),
        (SVG, "picture.svg"),
        (SVG, "picture.png"),
        (HTML, "picture.jpg"),
        (b"GIF89a" + HTML, "polyglot.gif"),
        (b"\xff\xd8\xff" + HTML, "polyglot.jpg"),
        (b"%PDF-1.4\n", "paper.jpg"),
        (b"PK\x03\x04" + b"\0" * 100, "archive.png"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "script.eps"),
        (b"", "empty.png"),
    ],
)
def test_hostile_files_are_refused_and_only_set_aside(stack: Any, content: bytes, name: str) -> None:
    answer = upload(stack, content, names=(name,))
    assert answer.status_code in (413, 422), answer.text
    kept = {p.relative_to(stack.media).parts[0] for p in stack.media.rglob("*") if p.is_file()}
    assert kept == {"quarantine"}


def test_a_picture_with_a_script_behind_it_is_served_as_a_picture_alone(stack: Any) -> None:
    content = picture(RED) + HTML
    assert body(upload(stack, content, names=("x.html",)))["items"][0]["status"] == "added"
    file = get(stack, f"/api/v1/images/{ids(content)[0]}/file")
    assert (file.content_type, file.headers["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert file.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize(
    "name",
    [
        "../../../etc/passwd.png",
        "..\\..\\x.png",
        "/etc/cron.d/x.png",
        "a\u2028Set-Cookie: x=1.png",
        "x\0.png",
        "ü" * 300,
        ".",
    ],
)
def test_a_name_is_never_a_path_nor_a_header(stack: Any, name: str) -> None:
    content = picture(RED)
    answer = upload(stack, content, names=(name,))
    assert answer.status_code == 201, answer.text
    kept = {p.relative_to(stack.media).as_posix() for p in stack.media.rglob("*") if p.is_file()}
    key = ids(content)[0]
    assert kept == {f"{key[:2]}/{key}.png", f"thumbnails/480/{key[:2]}/{key}.webp"}
    shown = body(get(stack, f"/api/v1/images/{key}"))["file_name"]
    assert "/" not in shown
    assert shown.isprintable()
    file = get(stack, f"/api/v1/images/{key}/file")
    assert "Set-Cookie" not in file.headers
    assert file.data == content


def test_half_of_every_picture_is_refused_or_read(stack: Any) -> None:
    """Pictures in every format that are truncated or have one byte inverted: never a 500."""
    for form in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"):
        image = Image.new("RGB", (64, 48))
        ImageDraw.Draw(image).ellipse((5, 5, 50, 40), RED)
        stream = io.BytesIO()
        image.save(stream, form)
        content = stream.getvalue()
        for step in range(1, 8):
            at = len(content) * step // 8
            for damaged in (content[:at], content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]):
                assert upload(stack, damaged).status_code in (200, 201, 413, 422)


def test_an_upload_says_when_details_were_not_taken(stack: Any) -> None:
    content = picture(RED)
    details = [{"caption": "a wall"}]
    assert body(upload(stack, content, details=details))["items"][0]["details_taken"] is True
    # The picture is there: its own caption stays, and the answer says so, but only if there were details.
    item = body(upload(stack, content, details=[{"caption": "a door"}]))["items"][0]
    assert (item["status"], item["details_taken"]) == ("exists", False)
    assert body(get(stack, f"/api/v1/images/{ids(content)[0]}"))["caption"] == "a wall"
    assert body(upload(stack, content))["items"][0]["details_taken"] is True
    (failed, _) = body(upload(stack, b"no picture", picture(BLUE), details=[{"caption": "x"}, {}]))["items"]
    assert (failed["status"], failed["details_taken"]) == ("failed", False)


def test_a_look_up_names_pictures_that_were_deleted(stack: Any) -> None:
    red, blue = ids(picture(RED), picture(BLUE))
    upload(stack, picture(RED), picture(BLUE))
    assert stack.client.delete(f"/api/v1/images/{red}").status_code == 204
    answer = body(get(stack, f"/api/v1/images?ids={red},{blue},{'0' * 32}"))
    assert ([image["id"] for image in answer["images"]], answer["deleted"]) == ([blue], [red])
    upload(stack, picture(RED))
    assert body(get(stack, f"/api/v1/images?ids={red}"))["deleted"] == []


def test_a_picture_that_is_uploaded_while_it_is_deleted_is_there(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    red = picture(RED)
    upload(stack, red)
    url, again = f"/api/v1/images/{ids(red)[0]}", []
    handle = stack.search.handle_request

    def uploading_after_the_record_is_gone(request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = handle(request)
        if request.url.path == "/v1/delete":
            again.append(body(upload(stack, red))["items"][0]["status"])
        return answer

    monkeypatch.setattr(stack.search, "handle_request", uploading_after_the_record_is_gone)
    assert stack.client.delete(url).status_code == 204
    assert again == ["added"]
    assert get(stack, f"{url}/file").data == red
    assert body(get(stack, f"/api/v1/images?ids={ids(red)[0]}"))["deleted"] == []
