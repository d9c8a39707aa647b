"""The way in: batches of one upload at the same time, and one decoding for thumbnail, placeholder and vector."""

import io
import threading
from collections.abc import Callable
from typing import Any

import pytest
from encoder.runtime import Array

from tests.unit.gateway.conftest import BLUE, RED, Colours, body, picture, upload


class Meeting(Colours):
    """Encodes a batch only when another one is encoded at the same time."""

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.met = threading.Barrier(batches)

    def encode_images(self, prepared: list[Array]) -> Array:
        self.met.wait(timeout=10)
        return super().encode_images(prepared)


def test_batches_of_one_upload_are_worked_on_at_the_same_time(make_stack: Callable[..., Any]) -> None:
    stack = make_stack(model=Meeting(2), max_images=64)
    contents = [picture((250, 4 * i, 0)) for i in range(32)]
    answer = upload(stack, *contents)
    assert answer.status_code == 201
    assert [item["status"] for item in body(answer)["items"]] == ["added"] * 32
    assert body(stack.client.get("/api/v1/stats"))["count"] == 32


def test_a_fault_of_one_batch_leaves_the_others_stored(make_stack: Callable[..., Any]) -> None:
    class Faulty(Colours):
        def encode_images(self, prepared: list[Array]) -> Array:
            if any(p[0, 0, 2] > 200 for p in prepared):
                raise RuntimeError("no blue")
            return super().encode_images(prepared)

    stack = make_stack(model=Faulty(), max_images=64)
    good = [picture((250, 4 * i, 0)) for i in range(16)]
    assert upload(stack, *good, picture(BLUE)).status_code == 503
    assert body(stack.client.get("/api/v1/stats"))["count"] == 16
    assert body(upload(stack, *good))["items"][0]["status"] == "exists"


def test_a_picture_is_decoded_once(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the encoder decodes the file again")

    monkeypatch.setattr("encoder.routes.open_picture", fail)
    assert upload(stack, picture(RED, form="JPEG"), picture(BLUE)).status_code == 201
    found = body(stack.client.get("/api/v1/search?q=blue"))["results"]
    assert [r["file_name"] for r in found] == ["1.png", "0.png"]


def test_a_picture_that_takes_too_much_memory_is_refused_and_the_others_are_added(
    make_stack: Callable[..., Any],
) -> None:
    """A PNG takes 9 bytes of memory for a pixel, so 200 x 100 pixels fit into 250,000 bytes and 250 x 150 do not."""
    stack = make_stack(decode_bytes=250_000)
    large = picture(RED, (250, 150))
    items = body(upload(stack, large, picture(BLUE, (200, 100))))["items"]
    assert [item["status"] for item in items] == ["failed", "added"]
    assert (items[0]["error"]["limit"], items[0]["error"]["unit"]) == (250_000, "bytes-of-memory")
    answer = stack.client.post("/api/v1/search", data={"images": (io.BytesIO(large), "large.png")})
    assert (answer.status_code, "images.0: decoding the picture takes" in body(answer)["detail"]) == (413, True), (
        answer.text
    )
