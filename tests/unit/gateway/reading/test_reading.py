"""Reading, by the real reader: what is drawn into pictures here is found by searches, marked, and told by the API."""

import io
import os
import signal
from typing import Any

import pytest
from gateway.reading.job import Due, read_pictures
from gateway.reading.reader import Reader
from gateway.upstream.search import SearchClient
from PIL import Image, ImageDraw, ImageFont
from servicekit.errors import Kind, ServiceError
from servicekit.records import Line

from tests.unit.gateway.conftest import RED, body, get, ids, picture, upload


def page(*lines: str, size: int = 28, turn: int = 0, ground: str = "white") -> bytes:
    """A picture with lines of text, turned counter-clockwise by so many degrees."""
    image = Image.new("RGB", (300, 40 + 50 * len(lines)), ground)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(size)
    for i, line in enumerate(lines):
        draw.text((20, 20 + 50 * i), line, "black", font)
    stream = io.BytesIO()
    image.rotate(turn, expand=True).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def reader() -> Any:
    reader = Reader.installed(10**8, 10**9)
    assert reader is not None
    yield reader
    reader.close()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_lines_are_read_in_every_direction(reader: Reader, turn: int) -> None:
    lines = reader.read(page("Rossmann 4711", "TOTAL 23.50", turn=turn))
    assert {line["text"] for line in lines} == {"Rossmann 4711", "TOTAL 23.50"}
    assert all(line["confidence"] > 0.8 for line in lines)


def test_a_line_is_where_it_is_drawn(reader: Reader) -> None:
    (line,) = reader.read(page("Rossmann", size=32))
    xs, ys = line["box"][0::2], line["box"][1::2]
    # Drawn at (20, 20) of 300 x 90 pixels, about 150 x 32 pixels large.
    assert min(xs) == pytest.approx(20 / 300, abs=0.03)
    assert max(xs) == pytest.approx(165 / 300, abs=0.08)
    assert min(ys) == pytest.approx(25 / 90, abs=0.12)
    assert max(ys) == pytest.approx(55 / 90, abs=0.12)


def test_a_picture_without_text_has_no_lines_and_a_damaged_one_is_told(reader: Reader) -> None:
    assert reader.read(picture(RED, (64, 64))) == []
    with pytest.raises(ServiceError, match="not a picture") as told:
        reader.read(b"no picture at all")
    assert told.value.kind is Kind.UNSUPPORTED_PICTURE
    # It goes on.
    assert reader.read(page("Rossmann"))[0]["text"] == "Rossmann"


def test_a_reader_that_is_killed_is_started_again(reader: Reader) -> None:
    assert reader.read(page("Rossmann"))
    process = reader._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert reader.read(page("Rossmann"))[0]["text"] == "Rossmann"
    assert reader._process is not process


RECEIPT, SHIRT = page("Rossmann", "Invoice 2024-117", "TOTAL 23.50"), page("DOG LIFE", ground="red")


@pytest.fixture
def read(stack: Any) -> Any:
    """A collection of a red picture, a receipt and a shirt, after they were read."""
    answer = upload(stack, picture(RED), RECEIPT, SHIRT, details=[{"caption": "a red wall"}, {}, {}])
    assert answer.status_code == 201
    job = stack.job("read")
    assert job["status"] == "done", job
    assert job["progress"] == {"total": 3, "done": 3, "written": 2, "failed": []}
    return stack


def test_what_is_written_is_told(read: Any) -> None:
    receipt, red = ids(RECEIPT, picture(RED))
    told = body(get(read, f"/api/v1/images/{receipt}/text"))
    assert (told["read"], told["text"]) == (True, "Rossmann\nInvoice 2024-117\nTOTAL 23.50")
    assert told["reader"].startswith("RapidOCR ")
    assert [line["text"] for line in told["lines"]] == told["text"].split("\n")
    assert body(get(read, f"/api/v1/images/{red}/text")) == {**told, "text": "", "lines": []}
    assert get(read, f"/api/v1/images/{'0' * 32}/text").status_code == 404
    # Not read yet.
    green = picture((0, 255, 0))
    upload(read, green)
    assert body(get(read, f"/api/v1/images/{ids(green)[0]}/text")) == {
        "read": False,
        "reader": None,
        "text": "",
        "lines": [],
    }
    assert body(get(read, "/api/v1/facets"))["written"]


def test_a_receipt_is_found_by_its_total(read: Any) -> None:
    found = body(get(read, "/api/v1/search?q=23.50&mode=auto"))
    assert found["mode"] == "hybrid"
    first = found["results"][0]
    assert first["id"] == ids(RECEIPT)[0]
    assert (first["fields"], [line["text"] for line in first["lines"]]) == (["text"], ["TOTAL 23.50"])
    assert first["confidence"] == 1
    text = body(get(read, "/api/v1/search?q=invoice&mode=text"))
    assert [r["id"] for r in text["results"]] == ids(RECEIPT)
    only = body(get(read, "/api/v1/search?has_text=true"))
    assert {r["id"] for r in only["results"]} == set(ids(RECEIPT, SHIRT))
    for asked in ("text=rossmann", "q=text:rossmann", 'q=text:"invoice 2024" has:text', "q=red text:2024-117"):
        assert [r["id"] for r in body(get(read, f"/api/v1/search?{asked}"))["results"]] == ids(RECEIPT), asked
    assert get(read, "/api/v1/search?q=text:a&text=b").status_code == 400
    by_filter = body(get(read, "/api/v1/search?text=rossmann"))
    assert [r["id"] for r in by_filter["results"]] == ids(RECEIPT)
    assert [line["text"] for line in by_filter["results"][0]["lines"]] == ["Rossmann"]


def test_words_in_pictures_count_where_nothing_looks_like_them(read: Any) -> None:
    """The model of these tests knows colours by name. Nothing looks like "life", and something like "red"."""
    get(read, "/api/v1/search?q=anything")
    for step in read.waiting:
        step()
    shirt, red = ids(SHIRT, picture(RED))
    answer = body(get(read, "/api/v1/search?q=life&mode=auto&k=1"))
    assert [r["id"] for r in answer["results"]] == [shirt]
    assert answer["confident"]
    following = body(get(read, f"/api/v1/search?q=life&mode=auto&k=10&cursor={answer['next_cursor']}"))
    assert len(following["results"]) == 2
    assert shirt not in [r["id"] for r in following["results"]]
    assert body(get(read, "/api/v1/search?q=red&mode=auto"))["results"][0]["id"] == red


def test_a_picture_in_the_bin_keeps_what_was_read(read: Any) -> None:
    receipt = ids(RECEIPT)[0]
    assert read.client.delete(f"/api/v1/images/{receipt}").status_code == 204
    assert body(get(read, "/api/v1/search?q=rossmann&mode=text"))["results"] == []
    assert read.client.post("/api/v1/selection/restore", json={"ids": [receipt]}).status_code == 200
    assert [r["id"] for r in body(get(read, "/api/v1/search?q=rossmann&mode=text"))["results"]] == [receipt]


class Slow:
    """A reader whose answers are known, and which counts what it reads."""

    def __init__(self, name: str = "slow 1") -> None:
        self.name, self.count, self.closed = name, 0, False

    def read(self, content: bytes) -> list[Line]:
        self.count += 1
        return [{"text": f"word{self.count}", "box": [0.0] * 8, "confidence": 1.0}]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def many(stack: Any) -> Any:
    contents = [picture((i, 0, 0)) for i in range(1, 17)]
    assert upload(stack, *contents).status_code == 201
    return stack


def search_of(stack: Any) -> SearchClient:
    return SearchClient("the search service", "http://search", stack.search)


def test_reading_goes_on_after_an_interruption_and_reads_nothing_twice(many: Any) -> None:
    search, first, second = search_of(many), Slow(), Slow()
    for _, progress in zip(range(2), read_pictures(first, search, many.store), strict=False):
        done = progress.done
    assert (done, first.count, first.closed) == (8, 8, True)
    *_, last = read_pictures(second, search, many.store)
    assert (last.done, second.count) == (8, 8)
    # Another version reads all of them again.
    *_, again = read_pictures(Slow("slow 2"), search, many.store)
    assert again.done == 16


def test_a_missing_file_is_named_and_tried_again_by_the_next_job(many: Any) -> None:
    search, lost = search_of(many), ids(picture((3, 0, 0)))[0]
    (file,) = many.media.glob(f"??/{lost}.png")
    moved = file.rename(many.media / "moved")
    *_, last = read_pictures(Slow(), search, many.store)
    assert last.done == 15
    assert [f["id"] for f in last.failed] == [lost]
    moved.rename(file)
    *_, last = read_pictures(Slow(), search, many.store)
    assert (last.done, last.failed) == (1, [])


def test_a_job_is_due_once_the_collection_has_changed(many: Any) -> None:
    search, reader = search_of(many), Slow()
    due = Due(reader.name, search)
    assert due()
    list(read_pictures(reader, search, many.store))
    asked = len(many.search.requests)
    assert not due()
    assert not due()
    assert many.search.requests[asked:] == ["GET /v1/stats", "POST /v1/readings/missing", "GET /v1/stats"]
    upload(many, picture((200, 0, 0)))
    assert due()
    # Its file is gone: it is not read, and no further job is due for it.
    (file,) = many.media.glob(f"??/{ids(picture((200, 0, 0)))[0]}.png")
    file.unlink()
    list(read_pictures(reader, search, many.store))
    assert search.unread(reader.name, 1).total == 1
    assert not due()


def test_without_a_reader_the_job_says_what_to_install(make_stack: Any) -> None:
    job = make_stack(reading="off").job("read")
    assert job["status"] == "failed"
    assert "GATEWAY_READING" in job["problem"]["detail"]
