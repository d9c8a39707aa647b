"""Export of a collection, and re-indexing with another model: back-fill, resume, missing files, switch-over."""

import base64
import json
from typing import Any

import numpy as np

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload


def events_of(answer: Any) -> list[tuple[str, dict[str, Any]]]:
    assert answer.status_code == 200
    events = [e.split("\n") for e in answer.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in events]


def test_an_export_holds_every_picture(stack: Any) -> None:
    contents = [picture(c) for c in (RED, GREEN, BLUE)]
    upload(stack, *contents, details=[{"caption": "a wall"}, {}, {}])
    lines = [json.loads(line) for line in get(stack, "/api/v1/export").text.splitlines()]
    assert [line["id"] for line in lines] == sorted(ids(*contents))
    assert all("vector" not in line and "media_key" not in line for line in lines)
    with_vectors = {
        line["id"]: line for line in map(json.loads, get(stack, "/api/v1/export?vectors=true").text.splitlines())
    }
    red = with_vectors[ids(contents[0])[0]]
    assert (red["caption"], red["model_id"]) == ("a wall", "colours-1")
    assert np.frombuffer(base64.b64decode(red["vector"]), "<f4").tolist() == [1, 0, 0]


def test_a_new_model_takes_over_when_it_has_every_picture(stack: Any) -> None:
    contents = [picture((250, 0, i)) for i in range(20)]
    upload(stack, *contents[:16])
    upload(stack, *contents[16:])
    stack.model.model_id = "colours-2"
    assert get(stack, "/api/v1/search?q=red").status_code == 409
    # Interrupted in the middle, the re-index resumes where it stopped.
    requests = 0
    handle = stack.encoder.handle_request

    def cut_after_two(request: Any) -> Any:
        nonlocal requests
        requests += 1
        stack.encoder.cut = requests > 2
        return handle(request)

    stack.encoder.handle_request = cut_after_two
    events = events_of(stack.client.post("/api/v1/reindex"))
    assert [name for name, _ in events] == ["progress", "progress", "problem"]
    assert events[1][1]["done"] == 16
    assert body(get(stack, "/api/v1/stats"))["model_id"] == "colours-1"
    stack.encoder.handle_request, stack.encoder.cut = handle, False
    events = events_of(stack.client.post("/api/v1/reindex"))
    assert [(name, e["done"], e["total"]) for name, e in events] == [
        ("progress", 16, 20),
        ("progress", 20, 20),
        ("progress", 20, 20),
    ]
    found = body(get(stack, "/api/v1/search?q=red"))
    assert (found["model_id"], len(found["results"])) == ("colours-2", 20)
    # Nothing is left to do.
    assert [e["done"] for _, e in events_of(stack.client.post("/api/v1/reindex"))] == [20]


def test_a_picture_without_its_file_keeps_a_model_from_serving_and_is_named(stack: Any) -> None:
    red, blue = picture(RED), picture(BLUE)
    upload(stack, red, blue)
    next(stack.media.glob(f"??/{ids(red)[0]}.png")).unlink()
    stack.model.model_id = "colours-2"
    events = events_of(stack.client.post("/api/v1/reindex"))
    assert events[-1][0] == "problem"
    assert f"1 pictures cannot be encoded, first {ids(red)[0]}" in events[-1][1]["detail"]
    stack.client.delete(f"/api/v1/images/{ids(red)[0]}")
    assert events_of(stack.client.post("/api/v1/reindex"))[-1][1]["total"] == 1
    assert [r["id"] for r in body(get(stack, "/api/v1/search?q=blue"))["results"]] == ids(blue)


def test_an_encoder_that_changes_its_model_meanwhile_is_noticed(stack: Any) -> None:
    upload(stack, *[picture((250, 0, i)) for i in range(16)])
    upload(stack, picture(BLUE))
    stack.model.model_id = "colours-2"
    encode = stack.model.encode_images

    def encode_images(prepared: Any) -> Any:
        stack.model.model_id = "colours-3"
        return encode(prepared)

    stack.model.encode_images = encode_images
    last = events_of(stack.client.post("/api/v1/reindex"))[-1]
    assert (last[0], "an encoder serves colours-3, not colours-2" in last[1]["detail"]) == ("problem", True)
    assert body(get(stack, "/api/v1/stats"))["model_id"] == "colours-1"


def test_nothing_to_encode_is_told(stack: Any) -> None:
    ((name, problem),) = events_of(stack.client.post("/api/v1/reindex"))
    assert (name, problem["status"]) == ("problem", 404)
