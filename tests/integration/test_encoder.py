"""The encoder as real processes with the released bundle: a tower that is killed under load, and a stop that drains."""

import io
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

BUNDLE = Path(__file__).parents[2] / "var" / "bundle"


@pytest.fixture
def encoder(start: Any) -> Iterator[Any]:
    with start("encoder", ENCODER_BUNDLE=str(BUNDLE)) as process:
        yield process


def tower(process: Any, graph: str) -> int:
    """The process id of a tower of a running encoder."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode().split("\0")
            group = os.getpgid(int(folder.name))
        except (OSError, ProcessLookupError):
            continue
        if group == process.popen.pid and "encoder.tower" in arguments and any(a.endswith(graph) for a in arguments):
            return int(folder.name)
    raise AssertionError(f"no process computes {graph}")


class Answer(NamedTuple):
    """A status, and when it was asked for and came, in seconds of the monotonic clock."""

    status: int
    began: float
    ended: float


@pytest.mark.parametrize("graph", ["text.onnx", "image.onnx"])
def test_a_tower_that_is_killed_under_load_is_told_at_once_and_started_again(encoder: Any, graph: str) -> None:
    stop, answers = threading.Event(), []
    picture = io.BytesIO()
    Image.effect_noise((64, 48), 90).save(picture, "PNG")

    def ask(client: int) -> None:
        with httpx.Client(base_url=encoder.url, timeout=30) as http:
            number = 0
            while not stop.is_set():
                number += 1
                began = time.monotonic()
                if graph == "text.onnx":
                    answer = http.post("/v1/text", json={"texts": [f"client {client} asks {number}"]})
                else:
                    answer = http.post("/v1/images", files={"images": picture.getvalue()})
                answers.append(Answer(answer.status_code, began, time.monotonic()))

    def ready() -> int:
        return httpx.get(f"{encoder.url}/readyz", timeout=30).status_code

    def until(status: int, seconds: float) -> float:
        """When readiness was asked for that was answered with this status."""
        began = asked = time.monotonic()
        while ready() != status:
            asked = time.monotonic()
            assert asked - began < seconds, f"not {status} within {seconds} s"
        return asked

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(ask, number) for number in range(8)]
        try:
            while len(answers) < 20:
                time.sleep(0.01)
            process = tower(encoder, graph)
            os.kill(process, signal.SIGKILL)
            killed = time.monotonic()
            until(503, 5)
            recovered = until(200, 20)
            seen = len(answers)
            while len(answers) < seen + 20:
                time.sleep(0.01)
        finally:
            stop.set()
        for client in clients:
            client.result()
    assert {answer.status for answer in answers} == {200, 503}
    # What waited at the kill is answered before there is a tower again; a loaded machine needs longer for both.
    assert max(answer.ended for answer in answers if answer.began < killed < answer.ended) < recovered
    assert {answer.status for answer in answers[-10:]} == {200}


def test_a_stop_of_the_whole_group_answers_what_was_asked(encoder: Any) -> None:
    """As a supervisor stops it: every process gets the signal, the towers too."""
    files = []
    for seed in range(16):
        stream = io.BytesIO()
        Image.effect_noise((320, 240), 20 + seed).save(stream, "PNG")
        files.append(("images", stream.getvalue()))

    def counted() -> float:
        text = httpx.get(f"{encoder.url}/metrics").text
        return sum(
            float(line.split()[-1]) for line in text.splitlines() if line.startswith("encoder_batch_items_count")
        )

    before = counted()
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(httpx.post, f"{encoder.url}/v1/images", files=files, timeout=60)
        while counted() == before and not asked.done():
            time.sleep(0.01)
        os.killpg(encoder.popen.pid, signal.SIGTERM)
        answer = asked.result(60)
    assert answer.status_code == 200
    assert len(answer.json()["items"]) == 16
    assert encoder.popen.wait(30) == 0
