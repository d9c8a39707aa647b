"""The gateway's main routes: search, pagination, similar pictures, uploads, duplicates, thumbnails, deletes."""

import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload


def test_a_sentence_finds_the_picture(stack: Any) -> None:
    red, green = picture(RED), picture(GREEN, (20, 60))
    details = [{"caption": "a red wall", "tags": ["wall"]}, {}]
    answer = upload(stack, red, green, details=details, names=("photos/wall.png", "C:/door.png"))
    assert answer.status_code == 201
    assert [(i["status"], i["id"]) for i in body(answer)["items"]] == [("added", i) for i in ids(red, green)]
    found = body(get(stack, "/api/v1/search?q=red"))
    assert [r["id"] for r in found["results"]] == ids(red, green)
    first, second = found["results"]
    assert first.pop("added_at")
    assert first.pop("placeholder")
    assert first == {
        "id": ids(red)[0],
        "score": 1.0,
        "confidence": None,
        "fields": [],
        "lines": [],
        "caption": "a red wall",
        "tags": ["wall"],
        "attributes": {},
        "bytes": len(red),
        "taken_at": None,
        "file_name": "wall.png",
        "width": 40,
        "height": 30,
        "file_url": f"/api/v1/images/{ids(red)[0]}/file",
        "thumbnail_url": f"/api/v1/images/{ids(red)[0]}/thumbnail",
    }
    assert (second["score"], second["file_name"], second["height"]) == (0.0, "door.png", 60)
    assert found["model_id"] == "colours-1"
    assert found["next_cursor"] is None


def test_pages_follow_each_other(stack: Any) -> None:
    contents = [picture((250, g, 0)) for g in (0, 50, 100)]
    upload(stack, *contents)
    first = body(get(stack, "/api/v1/search?q=red&k=2"))
    assert [r["id"] for r in first["results"]] == ids(*contents[:2])
    rest = body(get(stack, f"/api/v1/search?q=red&k=2&cursor={first['next_cursor']}"))
    assert [r["id"] for r in rest["results"]] == ids(contents[2])


def test_similar_leaves_the_picture_itself_out(stack: Any) -> None:
    red, orange, blue = picture(RED), picture((250, 100, 0)), picture(BLUE)
    upload(stack, red, orange, blue)
    found = body(get(stack, f"/api/v1/images/{ids(red)[0]}/similar"))
    assert [r["id"] for r in found["results"]] == ids(orange, blue)
    assert get(stack, f"/api/v1/images/{'0' * 32}/similar").status_code == 404


def test_an_empty_collection_finds_nothing_and_encodes_nothing(stack: Any) -> None:
    assert body(get(stack, "/api/v1/search?q=red"))["results"] == []
    assert stack.encoder.requests == []


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/v1/search?mode=text", "mode: text needs a term of text"),
        ("/api/v1/search?q=red&sort=added", "sort: a search with terms has its order"),
        ("/api/v1/search?sort=size", "sort: Input should be 'added' or 'taken'"),
        ("/api/v1/search?q=", "q: empty"),
        ("/api/v1/search?q=%20%0A", "q: empty"),
        (f"/api/v1/search?q={'x' * 51}", "q: 51 characters; the limit is 50"),
        ("/api/v1/search?q=red&k=0", "k: Input should be greater than or equal to 1"),
        ("/api/v1/search?q=red&k=201", "k: 201 is more than the limit of 200"),
        ("/api/v1/search?q=red&k=many", "k: "),
        ("/api/v1/search?q=red&limit=3", "limit: unknown"),
        ("/api/v1/search?q=red&q=blue", "q: given more than once"),
        ("/api/v1/search?q=red&cursor=made-up", "cursor: "),
        ("/api/v1/stats?verbose=1", "verbose: unknown"),
        ("/api/v1/images", "ids: Field required"),
        ("/api/v1/images?ids=", "ids: '' is not one"),
        ("/api/v1/images?ids=hello", "ids: 'hello' is not one; an id is 32 hex digits"),
        ("/api/v1/images?ids=" + ",".join(["0" * 32] * 101), "ids: 101 ids; a request holds 1 to 100"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(stack: Any, path: str, says: str) -> None:
    upload(stack, picture(RED))
    answer = get(stack, path)
    assert answer.status_code == 400
    assert answer.content_type == "application/problem+json"
    assert says in body(answer)["detail"]


@pytest.mark.parametrize("name", ["0" * 32, "nothing", "..", "0%3Fx=1"])
@pytest.mark.parametrize("end", ["", "/file", "/thumbnail", "/similar"])
def test_a_picture_that_is_not_there_is_404(stack: Any, name: str, end: str) -> None:
    assert get(stack, f"/api/v1/images/{name}{end}").status_code == 404
    assert stack.client.delete(f"/api/v1/images/{name}").status_code == 404


def test_one_bad_file_among_good_ones_is_told_in_its_place(stack: Any) -> None:
    good, cut = picture(RED), picture(BLUE)[:60]
    answer = upload(stack, cut, good, b"no picture")
    assert answer.status_code == 201
    items = body(answer)["items"]
    assert [i["status"] for i in items] == ["failed", "added", "failed"]
    assert "damaged" in items[0]["error"]["detail"]
    assert "not a picture in a known format" in items[2]["error"]["detail"]
    assert body(get(stack, "/api/v1/stats"))["count"] == 1


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"", 422, "file 0: not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "file 0: not a picture"),
        (picture(RED, (1, 65_536)), 413, "the picture is 1 x 65536; no side may have more than 65535"),
        (picture(RED, (400, 251)), 413, "400 x 251 pixels; the limit is 100000"),
        (picture(RED) + b"x" * 100_000, 413, "bytes; the limit is 100000"),
    ],
)
def test_an_upload_without_a_good_file_fails_and_keeps_nothing(
    stack: Any, content: bytes, status: int, says: str
) -> None:
    answer = upload(stack, content)
    assert answer.status_code == status
    assert says in body(answer)["detail"]
    assert body(answer)["items"][0]["status"] == "failed"
    assert {p.parent.name for p in stack.media.rglob("*") if p.is_file()} == {"quarantine"}


def test_what_a_camera_calls_a_jpeg_is_one(stack: Any) -> None:
    """MPO: several JPEGs in one file, as many cameras write."""
    stream = io.BytesIO()
    first, second = Image.new("RGB", (40, 30), RED), Image.new("RGB", (20, 15), BLUE)
    first.save(stream, "MPO", save_all=True, append_images=[second])
    assert body(upload(stack, stream.getvalue()))["items"][0]["status"] == "added"
    name = ids(stream.getvalue())[0]
    assert get(stack, f"/api/v1/images/{name}/file").content_type == "image/jpeg"
    assert (body(get(stack, f"/api/v1/images/{name}"))["width"]) == 40


def test_a_part_without_a_name_is_refused(stack: Any) -> None:
    part = b'--x\r\nContent-Disposition: form-data; filename="a.jpg"\r\n\r\n1\r\n--x--\r\n'
    answer = stack.client.post("/api/v1/images", data=part, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert "(a part without a name): unknown field" in body(answer)["detail"]


def test_long_captions_are_no_reason_to_refuse_an_upload(stack: Any) -> None:
    contents = [picture((i, 0, 0)) for i in range(1, 17)]
    details = json.dumps([{"caption": "ж" * 9000} for _ in contents])
    # Werkzeug's test client would leak an open temporary file for a body of this size.
    request = httpx.Request(
        "POST", "http://gateway", files=[("images", ("a.png", c)) for c in contents], data={"details": details}
    )
    answer = stack.client.post("/api/v1/images", data=request.read(), content_type=request.headers["Content-Type"])
    assert answer.status_code == 201


def test_two_uploads_of_one_picture_keep_the_caption_that_came_first(stack: Any) -> None:
    """A race: the second upload finds no such picture, then the first one adds it before the second does."""
    red, encode = picture(RED), stack.encoder.handle_request

    def overtaken(request: Any) -> Any:
        stack.encoder.handle_request = encode
        assert upload(stack, red, details=[{"caption": "first"}]).status_code == 201
        return encode(request)

    stack.encoder.handle_request = overtaken
    second = upload(stack, red, details=[{"caption": "second"}])
    assert (second.status_code, body(second)["items"][0]["status"]) == (200, "exists")
    assert body(get(stack, f"/api/v1/images/{ids(red)[0]}"))["caption"] == "first"


def test_an_upload_that_is_wrong_as_a_whole_is_refused(stack: Any) -> None:
    assert "17 files; a request holds 1 to 16" in body(upload(stack, *[picture(RED)] * 17))["detail"]
    assert "0 files" in body(stack.client.post("/api/v1/images", data={}))["detail"]
    photos = stack.client.post("/api/v1/images", data={"photos": (io.BytesIO(b"x"), "x")})
    assert "photos: unknown field" in body(photos)["detail"]
    for details, says in [
        ([{}, {}], "details: 2 entries for 1 files"),
        ([{"title": "x"}], "details.0.title: unknown"),
        ([{"tags": "x"}], "details.0.tags: "),
        ("x", "details: "),
    ]:
        answer = upload(stack, picture(RED), details=details)
        assert answer.status_code == 400
        assert says in body(answer)["detail"]


def test_the_same_content_twice_is_one_picture_and_keeps_its_caption(stack: Any) -> None:
    red = picture(RED)
    assert [i["status"] for i in body(upload(stack, red, red, details=[{"caption": "first"}, {}]))["items"]] == [
        "added",
        "exists",
    ]
    encoded = len(stack.encoder.requests)
    again = upload(stack, red, details=[{"caption": "second"}])
    assert again.status_code == 200
    assert body(again)["items"] == [{"status": "exists", "id": ids(red)[0], "details_taken": False}]
    assert len(stack.encoder.requests) == encoded
    assert body(get(stack, f"/api/v1/images/{ids(red)[0]}"))["caption"] == "first"


def test_a_lost_file_comes_back_by_adding_it_again(stack: Any) -> None:
    red = picture(RED)
    upload(stack, red)
    path = f"/api/v1/images/{ids(red)[0]}/file"
    next(stack.media.glob("??/*.png")).unlink()
    assert "add the picture again" in body(get(stack, path))["detail"]
    assert body(upload(stack, red))["items"][0]["status"] == "exists"
    assert get(stack, path).data == red


def test_file_and_thumbnail(stack: Any) -> None:
    turned = Image.new("RGB", (600, 100), RED)
    exif = turned.getexif()
    exif[0x0112] = 6  # orientation: rotated by 90 degrees
    stream = io.BytesIO()
    turned.save(stream, "JPEG", exif=exif)
    name = ids(stream.getvalue())[0]
    upload(stack, stream.getvalue(), names=("tall.jpg",))
    file = get(stack, f"/api/v1/images/{name}/file")
    assert (file.data, file.content_type) == (stream.getvalue(), "image/jpeg")
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Cache-Control"] == "max-age=31536000, private, immutable"
    assert get(stack, f"/api/v1/images/{name}/file", Range="bytes=0-9").data == file.data[:10]
    assert get(stack, f"/api/v1/images/{name}/file", If_None_Match=file.headers["ETag"]).status_code == 304
    beyond = get(stack, f"/api/v1/images/{name}/file", Range="bytes=999999-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(file.data)}")
    small = get(stack, f"/api/v1/images/{name}/thumbnail?w=240")
    assert small.content_type == "image/webp"
    shown = Image.open(io.BytesIO(small.data))
    assert (shown.size, dict(shown.getexif())) == ((100, 600), {})  # upright, never enlarged, no metadata
    wrong = get(stack, f"/api/v1/images/{name}/thumbnail?w=241")
    assert body(wrong)["detail"] == "w: 241 is not one of 240, 480, 960, 1920"


def test_delete_forgets_record_and_files(stack: Any) -> None:
    red, blue = picture(RED), picture(BLUE)
    upload(stack, red, blue)
    assert get(stack, "/api/v1/search?q=red").status_code == 200
    answer = stack.client.delete(f"/api/v1/images/{ids(red)[0]}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert [r["id"] for r in body(get(stack, "/api/v1/search?q=red"))["results"]] == ids(blue)
    # The file waits in the bin (`tests/unit/gateway/bin`), and goes when it is deleted for good.
    assert stack.client.delete(f"/api/v1/bin/{ids(red)[0]}").status_code == 204
    assert not list(stack.media.rglob(f"{ids(red)[0]}*"))
    assert stack.client.delete(f"/api/v1/images/{ids(red)[0]}").status_code == 404


def test_stats_and_lookup(stack: Any) -> None:
    red, blue = picture(RED), picture(BLUE)
    upload(stack, red, blue, details=[{"caption": "a red wall"}, {}])
    stats = body(get(stack, "/api/v1/stats"))
    assert (stats["count"], stats["model_id"], stats["captions"]) == (2, "colours-1", ["a red wall"])
    known = body(get(stack, f"/api/v1/images?ids={ids(blue)[0]},{'0' * 32},{ids(red)[0]}"))["images"]
    assert [i["id"] for i in known] == ids(blue, red)


def test_a_service_that_is_gone_is_named_and_nothing_else_stops(stack: Any) -> None:
    upload(stack, picture(RED))
    get(stack, "/api/v1/search?q=red")
    stack.encoder.cut = True
    answer = get(stack, "/api/v1/search?q=blue")
    assert answer.status_code == 503
    assert body(answer)["detail"] == "the encoder cannot be reached"
    assert upload(stack, picture(BLUE)).status_code == 503
    assert get(stack, "/api/v1/search?q=red").status_code == 200  # known already
    assert get(stack, f"/api/v1/images/{ids(picture(RED))[0]}/similar").status_code == 200
    ready = get(stack, "/readyz")
    assert ready.status_code == 503
    assert {p for p, c in body(ready)["checks"].items() if c["status"] != "ok"} == {"encoder", "query"}
    stack.encoder.cut = False
    stack.search.cut = True
    assert get(stack, "/api/v1/search?q=red").status_code == 200  # known already
    assert body(get(stack, "/api/v1/search?q=red&k=2"))["detail"] == "the search service cannot be reached"
    stack.search.cut = False
    assert get(stack, "/readyz").status_code == 200
    # The file that the failed upload left behind does no harm: the picture is added as new.
    assert body(upload(stack, picture(BLUE)))["items"][0]["status"] == "added"


def test_another_model_is_refused_with_what_to_do(stack: Any) -> None:
    upload(stack, picture(RED))
    stack.model.model_id = "colours-2"
    answer = upload(stack, picture(BLUE))
    assert answer.status_code == 409
    assert "holds vectors of model colours-1" in body(answer)["detail"]
    assert get(stack, "/api/v1/search?q=red").status_code == 409
    assert get(stack, "/readyz").status_code == 503


def test_head_computes_nothing(stack: Any) -> None:
    upload(stack, picture(RED))
    etag = get(stack, "/api/v1/search?q=red").headers["ETag"]
    before = len(stack.search.requests)
    for path in ("/api/v1/search?q=red", "/api/v1/search?q=green"):
        answer = stack.client.head(path)
        assert (answer.status_code, answer.data, answer.content_type) == (200, b"", "application/json")
    assert stack.client.head("/api/v1/search?q=red").headers["ETag"] == etag
    assert not any(request.endswith("/query") for request in stack.search.requests[before:])


def test_a_failure_names_the_part_that_failed(stack: Any) -> None:
    upload(stack, picture(RED))
    stack.encoder.cut = True
    problem = body(get(stack, "/api/v1/search?q=blue"))
    assert (problem["status"], problem["part"]) == (503, "encoder")
    stack.search.cut = True
    assert body(get(stack, "/api/v1/search?q=green&mode=text"))["part"] == "search"
