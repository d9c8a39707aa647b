"""Re-indexing with another model while the former one answers searches and takes uploads."""

import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from gateway.jobs.queue import JobKind
from gateway.upstream.encoders import REMEMBERED_S, Encoders
from servicekit.clients.encoder import EncoderClient
from servicekit.records import EncoderFacts

from tests.unit.gateway.conftest import BLUE, GREEN, RED, Colours, body, get, ids, picture, upload

PICTURES = [picture(RED, (40 + i, 30)) for i in range(20)]


class OtherColours(Colours):
    """Another model: the same vectors under another name."""

    model_id = "colours-2"


@pytest.fixture
def moving(make_stack: Callable[..., Any]) -> tuple[Any, Any]:
    """A gateway with a new model over a collection of the former model, and the stack with the former model."""
    before = make_stack()
    upload(before, *PICTURES[:10])
    upload(before, *PICTURES[10:])
    former = EncoderClient("the former encoder", "http://former", before.encoder)
    return make_stack(model=OtherColours(), former=former), before


def best(stack: Any, text: str) -> tuple[str, str]:
    """The model_id of the answer to a text query, and its best picture."""
    page = body(get(stack, f"/api/v1/search?q={text}&k=1"))
    return page["model_id"], page["results"][0]["id"]


def test_the_former_model_serves_until_every_picture_has_a_vector_of_the_new_one(moving: tuple[Any, Any]) -> None:
    stack, before = moving
    green = ids(picture(GREEN))[0]
    assert get(stack, "/readyz").status_code == 200
    assert best(stack, "red")[0] == "colours-1"
    steps = stack.worker.tasks[JobKind.REINDEX]({})
    assert [next(steps).done, next(steps).done] == [0, 16]  # a batch of the encoder
    # During the re-index: searches, uploads, and the reported model.
    assert best(stack, "red")[0] == "colours-1"
    assert [i["status"] for i in body(upload(stack, picture(GREEN), picture(BLUE)))["items"]] == ["added", "added"]
    assert best(stack, "green") == ("colours-1", green)
    assert body(get(stack, "/api/v1/stats"))["model"]["model_id"] == "colours-1"
    steps.close()
    progress = stack.job("reindex")["progress"]
    assert (progress["total"], progress["done"]) == (22, 22)
    before.encoder.requests.clear()
    assert best(stack, "green") == ("colours-2", green)
    assert "POST /v1/text" not in before.encoder.requests


def test_without_the_former_encoder_the_answer_says_what_to_do(moving: tuple[Any, Any]) -> None:
    stack, before = moving
    before.encoder.cut = True
    answer = get(stack, "/api/v1/search?q=red")
    assert answer.status_code == 409
    assert "`sightline reindex` gives every picture one of the latter" in body(answer)["detail"]


def test_a_picture_that_came_after_the_last_look_is_encoded_before_the_model_serves(moving: tuple[Any, Any]) -> None:
    stack, _ = moving
    handle = stack.search.handle_request

    def late(request: Any) -> Any:
        if request.url.path == "/v1/models/serve":
            stack.search.handle_request = handle
            upload(stack, picture(GREEN))
        return handle(request)

    stack.search.handle_request = late
    progress = stack.job("reindex")["progress"]
    assert (progress["total"], progress["done"]) == (21, 21)
    assert best(stack, "green") == ("colours-2", ids(picture(GREEN))[0])


class Answering(EncoderClient):
    """An encoder's client that answers when the test lets it."""

    def __init__(self, model_id: str) -> None:
        super().__init__("the encoder", "http://encoder", httpx.MockTransport(lambda _: httpx.Response(500)))
        self._model_id, self.asked, self.may_answer = model_id, threading.Event(), threading.Event()
        self.may_answer.set()

    def model(self) -> EncoderFacts:
        self.asked.set()
        assert self.may_answer.wait(10)
        return {"model_id": self._model_id, "dim": 3, "name": "", "towers": {}, "evaluation": {}, "runtime": ""}


def test_requests_use_the_known_encoder_while_another_request_asks_for_the_models() -> None:
    now = [0.0]
    current, former = Answering("new"), Answering("old")
    encoders = Encoders(current, former, lambda: now[0])
    assert encoders.of("old") is former
    now[0] += REMEMBERED_S
    former.asked.clear()
    former.may_answer.clear()
    asking = threading.Thread(target=encoders.of, args=["old"])
    asking.start()
    assert former.asked.wait(10)
    assert encoders.of("old") is former
    former.may_answer.set()
    asking.join()
    assert (encoders.of("old"), encoders.of("new"), encoders.of(None)) == (former, current, current)
