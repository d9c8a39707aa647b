"""`sightline backup` beside uploads, `sightline restore` into new processes: same answers, pictures and keys."""

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from PIL import Image

SIGHTLINE = str(Path(sys.executable).with_name("sightline"))
BEFORE = 24
QUERIES = ("a red wall", "the blue sea", "noise", "a green field", "the dark night")


def pictures(chance: np.random.Generator, count: int) -> list[tuple[str, tuple[str, bytes]]]:
    """Files of different pictures."""
    files = []
    for pixels in chance.integers(0, 255, (count, 2, 3, 3), dtype=np.uint8):
        stream = io.BytesIO()
        Image.fromarray(pixels).resize((32, 24)).save(stream, "PNG")
        files.append(("images", ("a.png", stream.getvalue())))
    return files


def sightline(env: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [SIGHTLINE, *arguments], capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **env}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def settings(folder: Path, services: Any = None) -> dict[str, str]:
    env = {"GATEWAY_STATE": str(folder / "state.sqlite"), "GATEWAY_AUTH": "on"}
    return env | (
        {"GATEWAY_SEARCH_URL": services.search.url, "GATEWAY_MEDIA": str(folder / "media")} if services else {}
    )


def answers(client: httpx.Client, among: set[str]) -> list[list[tuple[str, float, str]]]:
    """The answers to the queries, of the pictures that were there before the backup began."""
    found = []
    for query in QUERIES:
        answer = client.get("/api/v1/search", params={"q": query, "k": 200})
        assert answer.status_code == 200, answer.text
        found.append([(r["id"], r["score"], r["caption"]) for r in answer.json()["results"] if r["id"] in among])
    return found


def test_a_backup_beside_uploads_restores_what_was_there(start_all: Any, tmp_path: Path) -> None:
    first, second, archive = tmp_path / "first", tmp_path / "second", tmp_path / "archive"
    for folder in (first, second):
        folder.mkdir()
    chance = np.random.default_rng(0)
    with start_all(first, **settings(first)) as services:
        env = settings(first, services)
        key = json.loads(sightline(env, "keys", "create", "test", "--scope", "write", "--json"))["key"]
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=services.gateway.url, headers=headers, timeout=60) as client:
            files = pictures(chance, BEFORE)
            details = json.dumps([{"caption": f"picture {i}"} for i in range(BEFORE)])
            added = client.post("/api/v1/images", files=files, data={"details": details})
            there = {item["id"] for item in added.json()["items"]}
            assert len(there) == BEFORE
            stop = threading.Event()

            def upload() -> None:
                while not stop.is_set():
                    client.post("/api/v1/images", files=pictures(chance, 1)).raise_for_status()

            uploading = threading.Thread(target=upload)
            uploading.start()
            sightline(env, "backup", str(archive))
            stop.set()
            uploading.join()
            before = answers(client, there)
    assert "can be restored" in sightline({}, "restore", str(archive), "--check")
    with start_all(second, **settings(second)) as services:
        restored = sightline(settings(second, services), "restore", str(archive))
        assert "pictures are as in the backup" in restored
        with httpx.Client(base_url=services.gateway.url, headers=headers, timeout=60) as client:
            assert answers(client, there) == before
            for picture in there:
                assert client.get(f"/api/v1/images/{picture}/file").status_code == 200
