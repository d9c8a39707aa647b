"""Slow clients (slowloris): timeouts, minimum transfer rate, upload slots, idle connections, pipelining."""

import io
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.conftest import Services

HEAD = b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
UPLOAD = (
    b"POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n"
    b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
)


# A search faster than this did not wait for the timeout of a slow client.
AT_ONCE_S = 1.8


@pytest.fixture(scope="module")
def services(start_all: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A system with one large picture, a timeout of two seconds for heads, and a minimum rate of 64 KiB per second."""
    folder = tmp_path_factory.mktemp("slow")
    pace = {"GATEWAY_READ_TIMEOUT_S": "2", "GATEWAY_LEAST_RATE": str(2**16)}
    with start_all(folder, **pace, GATEWAY_HTTP_THREADS="12", GATEWAY_MAX_UPLOADS="2") as services:
        picture = io.BytesIO()
        Image.effect_noise((1500, 1500), 90).save(picture, "PNG")
        files = {"images": ("noise.png", picture.getvalue())}
        httpx.post(f"{services.gateway.url}/api/v1/images", files=files, timeout=60).raise_for_status()
        yield services


@pytest.fixture
def connect(services: Services) -> Iterator[Any]:
    with ExitStack() as stack:

        def connected(sent: bytes, **options: int) -> socket.socket:
            connection = stack.enter_context(socket.socket())
            connection.settimeout(30)
            for name, value in options.items():
                connection.setsockopt(socket.SOL_SOCKET, getattr(socket, name), value)
            connection.connect(("127.0.0.1", int(services.gateway.url.rpartition(":")[2])))
            connection.sendall(sent)
            return connection

        yield connected


def answer(connection: socket.socket) -> bytes:
    """Read until the other end closes the connection."""
    parts = []
    while part := connection.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def search(services: Services) -> float:
    """The latency of another client's search, in seconds."""
    began = time.monotonic()
    httpx.get(f"{services.gateway.url}/api/v1/search?q=noise", timeout=30).raise_for_status()
    return time.monotonic() - began


@pytest.mark.parametrize(
    "sent",
    [b"GET /api/v1/stats HTTP/1.1\r\nHost: loc", HEAD % 99, (HEAD + b'\r\n{"terms"') % 99, b"\x16\x03\x01\x02\x00"],
    ids=["half a line", "half a head", "half a small body", "TLS"],
)
def test_half_a_request_takes_no_thread(services: Services, connect: Any, sent: bytes) -> None:
    slow = [connect(sent) for _ in range(30)]
    assert search(services) < AT_ONCE_S
    # Single bytes do not extend the timeout: it applies to the whole head.
    began = time.monotonic()
    slow[0].settimeout(0.1)
    answers: list[bytes] = []
    while not answers:
        try:
            answers.append(answer(slow[0]))
        except TimeoutError:
            slow[0].send(b"x")
    assert time.monotonic() - began < 5
    for got in answers + [answer(connection) for connection in slow[1:]]:
        assert got.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
        assert b'"type":"urn:sightline:error:too-slow"' in got


def test_large_bodies_wait_for_a_slot_and_have_to_keep_up(services: Services, connect: Any) -> None:
    slow = [connect(UPLOAD % 10_000_000) for _ in range(20)]
    assert search(services) < AT_ONCE_S
    statuses = Counter(answer(connection)[9:12] for connection in slow)
    # Two uploads are read and one waits for a slot, until they time out (408); the others are refused (429).
    assert set(statuses) == {b"408", b"429"}
    assert statuses[b"429"] >= 10


def test_large_searches_wait_for_a_slot_too(services: Services, connect: Any) -> None:
    slow = [connect((HEAD + b"\r\n{") % 900_000) for _ in range(20)]
    assert search(services) < AT_ONCE_S
    assert {answer(connection)[9:12] for connection in slow} == {b"408", b"429"}


@pytest.mark.parametrize("length", [b"Content-Length: 900000", b"Transfer-Encoding: CHUNKED"])
def test_a_large_body_is_not_waited_for_where_everybody_may_send_a_small_one(
    services: Services, connect: Any, length: bytes
) -> None:
    head = b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n%b\r\n\r\n"
    began = time.monotonic()
    assert answer(connect(head % length)).startswith(b"HTTP/1.1 413 REQUEST ENTITY TOO LARGE\r\n")
    assert time.monotonic() - began < AT_ONCE_S


def test_a_small_body_with_a_large_head_is_collected(services: Services, connect: Any) -> None:
    padding = b"".join(b"X-Padding-%d: %b\r\n" % (i, b"x" * 1000) for i in range(4))
    slow = [connect(HEAD % 32_000 + padding + b"\r\n{") for _ in range(20)]
    assert search(services) < AT_ONCE_S
    assert {answer(connection)[:12] for connection in slow} == {b"HTTP/1.1 408"}


def test_a_client_that_does_not_read_is_let_go(services: Services, connect: Any) -> None:
    found = httpx.get(f"{services.gateway.url}/api/v1/search?q=noise").json()["results"][0]
    request = f"GET {found['file_url']} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    readers = [connect(request, SO_RCVBUF=4096) for _ in range(20)]
    assert search(services) < AT_ONCE_S
    # Another download gets a slot when one of the slow ones times out.
    deadline = time.monotonic() + 20
    while (whole := httpx.get(services.gateway.url + found["file_url"], timeout=30)).status_code == 429:
        assert time.monotonic() < deadline
    assert len(whole.content) == found["bytes"]
    # The two with a slot were cut off; most of the others were refused.
    got = [answer(connection) for connection in readers]
    assert sum(g.startswith(b"HTTP/1.1 200 OK") and len(g) < found["bytes"] for g in got) >= 2
    assert sum(g.startswith(b"HTTP/1.1 429 TOO MANY REQUESTS") for g in got) >= 15


def test_an_answer_before_the_end_of_a_body_is_seen(services: Services) -> None:
    """Most clients send the whole body before they read: if the server closed the connection early, they would get
    a connection reset instead of the answer.
    """
    with httpx.Client(base_url=services.gateway.url, timeout=30) as http:
        refused = http.post("/api/v1/nothing", content=b"x" * 20_000_000)
        assert refused.status_code == 404
        large = http.post("/api/v1/search", content=b"x" * 2_000_000, headers={"Content-Type": "application/json"})
        assert large.status_code == 413
        assert http.get("/api/v1/search?q=noise").status_code == 200


def test_requests_one_behind_the_other_are_answered_in_order(services: Services, connect: Any) -> None:
    first = b"GET /api/v1/search?q=noise HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connection = connect(first + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n")
    connection.sendall(b"Connection: close\r\n\r\n")
    got = answer(connection)
    assert got.startswith(b"HTTP/1.1 200 OK\r\n")
    assert got.count(b"HTTP/1.1 404 NOT FOUND\r\n") == 1


def workers(services: Services) -> str:
    """The process ids of the gateway's workers; they change if a worker is restarted."""
    parent = services.gateway.popen.pid
    return Path(f"/proc/{parent}/task/{parent}/children").read_text()


def test_idle_connections_make_room(services: Services, connect: Any) -> None:
    """A thousand idle keep-alive connections and a thousand with half a request: more than a worker's limit."""
    before = workers(services)
    for sent in (b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /livez HTTP/1.1\r\n"):
        idle = [connect(sent) for _ in range(1000)]
        # All of them, closed by the server or not, send at the moment when more connections arrive.
        for connection in idle:
            with suppress(OSError):
                connection.send(b"x")
        idle += [connect(b"") for _ in range(20)]
        assert search(services) < 5
        for connection in idle:
            connection.close()
    assert workers(services) == before


def test_a_head_without_end_takes_no_thread(services: Services, connect: Any) -> None:
    padding = b"".join(b"X-Padding-%d: %b\r\n" % (i, b"x" * 1000) for i in range(40))
    slow = [connect(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + padding) for _ in range(30)]
    assert search(services) < AT_ONCE_S
    assert {answer(connection)[9:12] for connection in slow} == {b"431"}


def test_what_came_quickly_is_no_credit_for_a_stop(services: Services, connect: Any) -> None:
    began = time.monotonic()
    part = b'Content-Disposition: form-data; name="images"; filename="x.png"\r\n\r\n'
    slow = connect(UPLOAD % 10_000_000 + part + b"x" * 8_000_000)
    assert answer(slow)[9:12] == b"408"
    # A credit of eight megabytes at 64 KiB per second would last two minutes.
    assert time.monotonic() - began < 20


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(services: Services, connect: Any) -> None:
    body = b'{"terms": [{"text": "noise"}]}'
    connection = connect(HEAD % len(body) + b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    connection.sendall(body)
    assert b"HTTP/1.1 200 OK\r\n" in answer(connection)


def test_what_is_no_http_is_refused_and_its_words_stand_in_no_log(services: Services, connect: Any) -> None:
    for sent in (
        b"GET /api/v1/search?q=SECRETh\xfcndin HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer SECRET\r\n\r\n",
        b"POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nSECRET\r\n",
    ):
        assert answer(connect(sent))[9:12] == b"400", sent
    assert "SECRET" not in services.gateway.log.read_text()


def test_words_in_a_form_are_not_kept_in_memory_without_end(services: Services) -> None:
    form = {"details": b"x" * 8_000_000}
    files = {"images": ("x.png", b"x")}
    refused = httpx.post(f"{services.gateway.url}/api/v1/images", data=form, files=files, timeout=30)
    assert refused.status_code == 413
    many = [("images", (f"{i}.png", b"x")) for i in range(200)]
    assert httpx.post(f"{services.gateway.url}/api/v1/images", files=many, timeout=30).status_code == 413
