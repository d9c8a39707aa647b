"""Jobs of real processes: a scan and reading end by themselves although services are killed meanwhile."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image, ImageDraw, ImageFont

PICTURES = 160
SIGNS = 32


def children(pid: int) -> list[int]:
    """The child processes of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def kill_worker_of(process: Any) -> None:
    """Kill the process that does a service's work (SIGKILL); gunicorn's arbiter starts another one."""
    (child,) = children(process.popen.pid)
    os.kill(child, signal.SIGKILL)


def test_a_scan_survives_kill_9_of_every_service(start_all: Any, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    chance = np.random.default_rng(0)
    for number in range(PICTURES):
        pixels = chance.integers(0, 255, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{number:03}.png")
    with (
        start_all(tmp_path, worker=True, GATEWAY_LIBRARY=str(photos)) as services,
        httpx.Client(base_url=services.gateway.url, transport=httpx.HTTPTransport(retries=10), timeout=60) as client,
    ):
        waiting = [services.worker, services.search, services.encoder, services.gateway]
        deadline = time.monotonic() + 240
        done, job = 0, None
        while job is None or job["status"] != "done":
            assert time.monotonic() < deadline, job
            try:
                jobs = client.get("/api/v1/jobs").json()["jobs"]
            except httpx.HTTPError:  # the gateway was killed while it answered
                continue
            # The first one: everything is scanned again when the worker's watch begins anew.
            job = next((job for job in reversed(jobs) if job["kind"] == "scan"), None)
            assert job is None or job["status"] in ("queued", "running", "done"), job
            # Each service once, when the scan has got on a bit.
            if waiting and job and job["progress"] and job["progress"]["done"] >= done + 16:
                done = job["progress"]["done"]
                kill_worker_of(waiting.pop(0))
        assert not waiting
        records = [json.loads(line) for line in client.get("/api/v1/export").text.splitlines()]
    assert job["progress"]["failed"] == 0
    assert sorted(record["file_name"] for record in records) == [f"{number:03}.png" for number in range(PICTURES)]


def test_reading_survives_kill_9_of_the_worker(start_all: Any, tmp_path: Path) -> None:
    files = []
    for number in range(SIGNS):
        sign = Image.new("RGB", (320, 320), "white")
        ImageDraw.Draw(sign).text((10, 10), f"PLATE {1000 + number}", "black", ImageFont.load_default(40))
        sign.save(tmp_path / "sign.png")
        files.append(("images", (f"{number}.png", (tmp_path / "sign.png").read_bytes())))
    with (
        start_all(tmp_path, worker=True, GATEWAY_READING="on") as services,
        httpx.Client(base_url=services.gateway.url, timeout=60) as client,
    ):
        for first in range(0, SIGNS, 16):
            assert client.post("/api/v1/images", files=files[first : first + 16]).status_code == 201

        def reading(done: int, status: str) -> int:
            """How many the job has read since its worker began, when these are so many and it is at that."""
            deadline = time.monotonic() + 120
            while True:
                jobs = [job for job in client.get("/api/v1/jobs").json()["jobs"] if job["kind"] == "read"]
                if jobs and jobs[0]["status"] == status and jobs[0]["progress"] and jobs[0]["progress"]["done"] >= done:
                    return int(jobs[0]["progress"]["done"])
                assert time.monotonic() < deadline, jobs

        done = reading(8, "running")
        kill_worker_of(services.worker)
        again = reading(1, "done")
        found = client.get("/api/v1/search", params={"q": "plate", "mode": "text", "k": 100}).json()["results"]
    # What was read when the worker was killed is not read again.
    assert again <= SIGNS - done
    assert len(found) == SIGNS
