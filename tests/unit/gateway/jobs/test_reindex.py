"""Re-indexing with another model: back-fill, resume, missing files, switch-over."""

from typing import Any

import pytest
from gateway.jobs.queue import JobKind
from servicekit.errors import ServiceError

from tests.unit.gateway.conftest import BLUE, RED, body, get, ids, picture, upload


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
    steps = stack.worker.tasks[JobKind.REINDEX]({})
    assert [next(steps).done, next(steps).done] == [0, 16]
    with pytest.raises(ServiceError, match="cannot be reached"):
        next(steps)
    assert body(get(stack, "/api/v1/stats"))["model_id"] == "colours-1"
    stack.encoder.handle_request, stack.encoder.cut = handle, False
    stack.encoder.requests.clear()
    progress = stack.job("reindex")["progress"]
    assert (progress["done"], progress["total"]) == (20, 20)
    assert stack.encoder.requests.count("POST /v1/images") == 1  # the last four
    found = body(get(stack, "/api/v1/search?q=red"))
    assert (found["model_id"], len(found["results"])) == ("colours-2", 20)
    # Nothing is left to do.
    assert stack.job("reindex")["progress"]["done"] == 20


def test_a_picture_without_its_file_keeps_a_model_from_serving_and_is_named(stack: Any) -> None:
    red, blue = picture(RED), picture(BLUE)
    upload(stack, red, blue)
    next(stack.media.glob(f"??/{ids(red)[0]}.png")).unlink()
    stack.model.model_id = "colours-2"
    job = stack.job("reindex")
    assert f"1 pictures cannot be encoded, first {ids(red)[0]}" in job["problem"]["detail"]
    assert (job["status"], [failed["id"] for failed in job["progress"]["failed"]]) == ("failed", ids(red))
    stack.client.delete(f"/api/v1/images/{ids(red)[0]}")
    assert stack.job("reindex")["progress"]["total"] == 1
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
    assert "an encoder serves colours-3, not colours-2" in stack.job("reindex")["problem"]["detail"]
    assert body(get(stack, "/api/v1/stats"))["model_id"] == "colours-1"


def test_nothing_to_encode_is_told(stack: Any) -> None:
    assert stack.job("reindex")["problem"]["status"] == 404
