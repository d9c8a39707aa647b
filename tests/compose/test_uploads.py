"""Uploads to the composed system: one whose gateway is stopped, and pictures that take much memory."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from PIL import Image

from tests.compose.conftest import wait_until


def noise(seed: int, size: tuple[int, int] = (640, 480), form: str = "JPEG", **options: Any) -> bytes:
    """A picture that no other seed has."""
    stream = io.BytesIO()
    picture = Image.effect_noise((64, 48), 20 + seed % 100).resize(size)
    picture.putpixel((seed % 640, seed // 640), 255)
    picture.convert("RGB").save(stream, form, **options)
    return stream.getvalue()


def counted(system: Any) -> int:
    """The number of pictures in the collection."""
    count: int = httpx.get(f"{system.url}/api/v1/stats", timeout=30).json()["count"]
    return count


def test_a_gateway_that_is_stopped_in_an_upload_finishes_it(system: Any) -> None:
    before = counted(system)
    files = [("images", (f"{seed}.jpg", noise(seed))) for seed in range(60)]
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(httpx.post, f"{system.url}/api/v1/images", files=files, timeout=120)
        wait_until(lambda: counted(system) > before)
        system.compose("stop", "gateway")
        answer = sent.result()
    system.up()
    assert answer.status_code == 201
    assert [item["status"] for item in answer.json()["items"]] == ["added"] * 60
    assert counted(system) == before + 60


def test_pictures_that_take_more_memory_than_there_is_are_refused_and_end_no_process(system: Any) -> None:
    """Four clients at once: a WebP takes 17 bytes of memory for a pixel, and the gateway has 160 MiB for all."""
    (gateway,) = system.containers("gateway")
    before, restarts = counted(system), system.inspect(gateway)["RestartCount"]
    fits, does_not = (3000, 2500), (6000, 4000)
    files = [noise(100 + n, fits if n % 2 else does_not, "WEBP", quality=30, method=0) for n in range(8)]

    def send(content: bytes) -> httpx.Response:
        return httpx.post(f"{system.url}/api/v1/images", files={"images": content}, timeout=120)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(send, files))
    assert [answer.status_code for answer in answers] == [413, 201] * 4
    assert "memory" in answers[0].json()["detail"]
    assert counted(system) == before + 4
    assert system.inspect(gateway)["RestartCount"] == restarts
