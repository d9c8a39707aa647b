"""Two gateways on one PostgreSQL share API keys, sessions, the library's files and the calibration of confidence."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gateway.database import Database
from gateway.search.calibration import CALIBRATIONS
from PIL import Image
from sqlalchemy import select

from tests.integration.test_command_line import run

QUERIES = ("a dog", "noise", "a red wall", "blue", "television", "grass", "the sea", "an orange", "night", "qwxz vbnm")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    chance = np.random.default_rng(0)
    for number in range(12):
        pixels = chance.integers(0, 255, (48, 64, 3), np.uint8) // (1 + number % 4) + 10 * number
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def verdicts(client: httpx.Client) -> list[Any]:
    """The confidence of the best result of each query, and whether the gateway calls it a match."""
    pages = [client.get("/api/v1/search", params={"q": q}).json() for q in QUERIES]
    return [(page["results"][0]["confidence"], page["confident"]) for page in pages]


def until_measured(client: httpx.Client, url: str, pictures: int) -> None:
    """Search until the calibration of a collection of this size is in the database."""
    with closing(Database(url)) as database:
        deadline = time.monotonic() + 60
        while [pictures] not in [list(row) for row in database.rows(select(CALIBRATIONS.c.pictures))]:
            assert time.monotonic() < deadline, "the calibration was not measured"
            client.get("/api/v1/search", params={"q": "noise"})


def until_done(client: httpx.Client, job_id: str) -> dict[str, Any]:
    """Poll a job until it is done."""
    deadline = time.monotonic() + 60
    while True:
        job: dict[str, Any] = client.get(f"/api/v1/jobs/{job_id}").json()
        if job["status"] == "done":
            return job
        assert job["status"] in ("queued", "running") and time.monotonic() < deadline, job


def until_count(client: httpx.Client, pictures: int) -> None:
    """Poll until the collection has so many pictures."""
    deadline = time.monotonic() + 30
    while (count := client.get("/api/v1/stats").json()["count"]) != pictures:
        assert time.monotonic() < deadline, f"{count} pictures"


def until_in_step(*clients: httpx.Client) -> None:
    """Search until all gateways report the same generation; without Redis each polls it once per second."""
    deadline = time.monotonic() + 60
    while len({c.get("/api/v1/search", params={"q": "noise"}).json()["generation"] for c in clients}) > 1:
        assert time.monotonic() < deadline, "a gateway does not see what another has written"


def test_two_gateways_on_one_database_agree(
    start: Any, postgresql: Callable[[], str], photos: Path, tmp_path: Path
) -> None:
    shared = {
        "GATEWAY_DATABASE_URL": postgresql(),
        "GATEWAY_AUTH": "on",
        "GATEWAY_LIBRARY": str(photos),
        "GATEWAY_MEDIA": str(tmp_path / "media"),
    }
    with (
        start("encoder") as encoder,
        start("search", SEARCH_CATALOGUE=str(tmp_path / "catalogue.sqlite")) as search,
        start("gateway", GATEWAY_ENCODER_URL=encoder.url, GATEWAY_SEARCH_URL=search.url, **shared) as first,
        start("gateway", GATEWAY_ENCODER_URL=encoder.url, GATEWAY_SEARCH_URL=search.url, **shared) as second,
        start("worker", GATEWAY_ENCODER_URL=encoder.url, GATEWAY_SEARCH_URL=search.url, **shared),
    ):
        key = run(shared, "keys", "create", "laptop", "--scope", "admin").stdout.strip()
        head = {"Authorization": f"Bearer {key}"}
        with (
            httpx.Client(base_url=first.url, headers=head, timeout=60) as one,
            httpx.Client(base_url=second.url, headers=head, timeout=60) as two,
        ):
            # A key that the command line created works at both gateways, and so does a session that one of them began.
            assert [c.get("/api/v1/stats").status_code for c in (one, two)] == [200, 200]
            cookie = one.post("/api/v1/session", json={"key": key}).cookies["sightline_session"]
            browser = {"Cookie": f"sightline_session={cookie}"}
            assert httpx.get(f"{second.url}/api/v1/session", headers=browser).json()["key_name"] == "laptop"

            # A worker scans the library; both gateways know of the job, and can send the files.
            job = one.post("/api/v1/jobs", json={"kind": "scan", "join": True}).json()
            progress = until_done(two, job["id"])["progress"]
            assert progress["added"] + progress["unchanged"] == 12
            found = two.get("/api/v1/search", params={"q": "noise", "k": 12}).json()["results"]
            assert len(found) == 12
            for picture in found:
                assert [c.get(picture["file_url"]).content for c in (one, two)] == [
                    (photos / picture["file_name"]).read_bytes()
                ] * 2

            # Once the calibration is measured, both report the same confidence; the same again with more pictures.
            until_measured(one, shared["GATEWAY_DATABASE_URL"], 12)
            few = verdicts(one)
            assert few == verdicts(two)
            assert None not in [confident for _, confident in few]
            Image.new("RGB", (90, 60), (250, 120, 0)).save(photos / "orange.png")
            Image.new("RGB", (90, 60), (0, 120, 250)).save(photos / "blue.png")
            # The worker watches the folder.
            until_count(two, 14)
            until_measured(two, shared["GATEWAY_DATABASE_URL"], 14)
            until_in_step(one, two)
            assert few != verdicts(one) == verdicts(two)

            # A revoked key is refused by both from the next request on.
            run(shared, "keys", "revoke", key.split("_")[1])
            assert [c.get("/api/v1/stats").status_code for c in (one, two)] == [401, 401]
