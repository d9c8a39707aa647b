"""Overload, deadlines and retries: a service that is slow, busy or dies during a request; body size limits."""

import io
import threading
from typing import Any

import httpx
import pytest
from gateway.concurrency import ConcurrencyLimit
from gateway.search.cache import MemoryCache
from gateway.search.single_flight import SingleFlightCache
from prometheus_client import Counter
from servicekit.errors import Kind, ServiceError

from tests.unit.gateway.conftest import BLUE, RED, body, get, ids, picture, upload


def dying(wire: Any, times: int, error: Exception) -> list[str]:
    """Let the connection break during the next `times` requests; returns the requests that were sent."""
    handle, seen = wire.handle_request, []

    def handle_request(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url.path}")
        if len(seen) <= times:
            raise error
        response: httpx.Response = handle(request)
        return response

    wire.handle_request = handle_request
    return seen


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("refused"), httpx.ReadError("reset"), httpx.RemoteProtocolError("closed")]
)
def test_a_replica_that_dies_under_a_request_is_no_reason_to_fail(stack: Any, error: Exception) -> None:
    upload(stack, picture(RED))
    dying(stack.encoder, 1, error)
    dying(stack.search, 1, error)
    assert get(stack, "/api/v1/search?q=red").status_code == 200


def test_a_request_is_tried_twice_and_no_more(stack: Any) -> None:
    upload(stack, picture(RED))
    seen = dying(stack.search, 9, httpx.ReadError("reset"))
    answer = stack.client.get(f"/api/v1/images/{ids(picture(RED))[0]}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert seen == ["POST /v1/lookup"] * 2


def test_what_must_not_happen_twice_is_tried_once(stack: Any) -> None:
    upload(stack, picture(RED))
    seen = dying(stack.search, 1, httpx.ReadError("reset"))
    answer = stack.client.patch(f"/api/v1/images/{ids(picture(RED))[0]}", json={"caption": "x"})
    assert (answer.status_code, seen) == (503, [f"PATCH /v1/pictures/{ids(picture(RED))[0]}"])


def test_a_slow_service_is_not_asked_again(stack: Any) -> None:
    upload(stack, picture(RED))
    seen = dying(stack.encoder, 1, httpx.ReadTimeout("slow"))
    answer = get(stack, "/api/v1/search?q=red")
    assert (answer.status_code, body(answer)["detail"]) == (503, "the encoder did not answer in time")
    assert len(seen) == 1


def test_the_time_that_is_left_is_handed_down(make_stack: Any) -> None:
    stack = make_stack(deadline_s=5)
    upload(stack, picture(RED))
    left = []
    handle = stack.encoder.handle_request

    def handle_request(request: httpx.Request) -> httpx.Response:
        left.append(int(request.headers["X-Time-Left-Ms"]))
        request.headers["X-Time-Left-Ms"] = "0"  # the deadline has passed when the request arrives
        response: httpx.Response = handle(request)
        return response

    stack.encoder.handle_request = handle_request
    answer = get(stack, "/api/v1/search?q=red")
    assert (answer.status_code, body(answer)["detail"]) == (
        503,
        "the encoder failed: the time for this request is over",
    )
    assert 4000 < left[0] <= 5000
    stack.encoder.handle_request = handle
    # A client cannot set the deadline: concurrent identical searches share one computation, and its deadline.
    assert get(stack, "/api/v1/search?q=blue", X_Time_Left_Ms="0").status_code == 200
    # Writes are not subject to the deadline of searches.
    assert stack.client.delete(f"/api/v1/images/{ids(picture(RED))[0]}").status_code == 204


def test_a_gate_lets_some_work_some_wait_and_turns_the_others_away() -> None:
    limit = ConcurrencyLimit("searches", working=1, waiting=1, patience_s=10)
    inside, go_on, done = threading.Event(), threading.Event(), []

    def work(name: str) -> None:
        with limit.slot():
            inside.set()
            assert go_on.wait(10)
            done.append(name)

    first = threading.Thread(target=work, args=["first"])
    first.start()
    assert inside.wait(10)
    second = threading.Thread(target=work, args=["second"])
    second.start()
    while limit._admitted._value:  # until the second waits
        pass
    with pytest.raises(ServiceError, match="busy with other searches; try again") as caught, limit.slot():
        pass
    assert (caught.value.kind, caught.value.retry_after) == (Kind.TOO_MANY_REQUESTS, 1)
    go_on.set()
    first.join()
    second.join()
    assert done == ["first", "second"]
    with limit.slot():
        pass


def test_a_slot_that_is_not_free_in_time_is_refused() -> None:
    limit = ConcurrencyLimit("searches", working=1, waiting=1, patience_s=0.1)
    said = r"busy with other searches after 0\.1 s of waiting"
    with limit.slot(), pytest.raises(ServiceError, match=said), limit.slot():
        pass
    with limit.slot():
        pass


def test_a_request_that_would_wait_too_long_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("gateway.concurrency.time.monotonic", lambda: now[0])
    limit = ConcurrencyLimit("searches", working=1, waiting=5, patience_s=1)
    for _ in range(50):
        with limit.slot():
            now[0] += 3
    # A slot was held for 3 s of late.
    with limit.slot(), pytest.raises(ServiceError, match="busy with other searches; try again"), limit.slot():
        pass
    for _ in range(50):
        with limit.slot():
            now[0] += 0.01
    waited = threading.Event()

    def work() -> None:
        with limit.slot():
            waited.set()

    with limit.slot():
        second = threading.Thread(target=work)
        second.start()
        while not limit._queued:
            pass
    second.join()
    assert waited.is_set()


def test_a_failure_gives_its_turn_back(make_stack: Any) -> None:
    stack = make_stack(max_searches=1, http_threads=1)
    upload(stack, picture(RED), picture(BLUE))
    stack.encoder.cut = True
    assert [get(stack, f"/api/v1/search?q={i}").status_code for i in range(5)] == [503] * 5
    stack.encoder.cut = False
    assert get(stack, "/api/v1/search?q=red").status_code == 200


def test_what_failed_for_another_is_tried_for_oneself() -> None:
    """Single flight: of two identical requests, the first one's deadline passes during the computation."""
    results = SingleFlightCache(MemoryCache(10**6, 10), Counter("lookups", "", ["cache", "result"], registry=None))
    begun, go_on = threading.Event(), threading.Event()

    def late() -> int:
        begun.set()
        assert go_on.wait(10)
        raise ServiceError(Kind.UNAVAILABLE, "the time for this request is over")

    def ask(work: Any, told: list[Any]) -> None:
        try:
            told.append(results.once("page", "k", work))
        except ServiceError as error:
            told.append(error.kind)

    first: list[Any] = []
    second: list[Any] = []
    threads = [threading.Thread(target=ask, args=[late, first]), threading.Thread(target=ask, args=[lambda: 7, second])]
    threads[0].start()
    assert begun.wait(10)
    threads[1].start()
    while not results._lookups.labels("page", "shared")._value.get():
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert (first, second) == ([Kind.UNAVAILABLE], [7])


def test_each_route_takes_no_larger_body_than_it_has_use_for(make_stack: Any) -> None:
    stack = make_stack(max_file_bytes=10_000)
    for method, path, size in [
        ("POST", "/api/v1/session", 5_000),
        ("PATCH", f"/api/v1/images/{'0' * 32}", 1_100_000),
        ("POST", "/api/v1/search", 11_000),
    ]:
        answer = stack.client.open(path, method=method, data=b'{"' + b"x" * size, content_type="application/json")
        assert answer.status_code == 413, path
    files = {"images": (io.BytesIO(b"x" * 11_000), "x.png")}
    assert stack.client.post("/api/v1/search", data=files).status_code == 413


def test_a_trace_that_is_none_is_not_passed_on(stack: Any) -> None:
    upload(stack, picture(RED))
    assert get(stack, "/api/v1/search?q=red", traceparent="\u00e9").status_code == 200
