"""The search service as a real process: what it acknowledged survives `kill -9`, and wrong settings stop it at once."""

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def picture(number: int) -> dict[str, Any]:
    """Picture `number`, whose vector is (cos, sin) of that many hundredths of a radian."""
    angle = number / 100
    vector = np.array([np.cos(angle), np.sin(angle)], "<f4")
    return {
        "id": f"{number:032x}",
        "media_key": "m",
        "file_name": f"{number}.jpg",
        "width": 1,
        "height": 1,
        "caption": "",
        "tags": [],
        "vector": base64.b64encode(vector.tobytes()).decode(),
    }


def test_an_acknowledged_write_survives_kill_9(start: Any, tmp_path: Path) -> None:
    """Writes go on in a thread until the kill cuts one off; every one that was answered must be there afterwards."""
    settings = {"SEARCH_CATALOGUE": str(tmp_path / "catalogue.sqlite")}
    acknowledged: list[int] = []
    enough = threading.Event()

    def write(url: str) -> None:
        for number in range(10_000):
            try:
                call(f"{url}/v1/pictures", {"model_id": "m", "dim": 2, "pictures": [picture(number)]})
            except OSError:  # the kill: no answer, no promise
                return
            acknowledged.append(number)
            if len(acknowledged) == 50:
                enough.set()

    with start("search", **settings) as search:
        writer = threading.Thread(target=write, args=(search.url,))
        writer.start()
        assert enough.wait(30)
        search.kill()
        writer.join(30)
    assert len(acknowledged) >= 50
    with start("search", **settings) as search:
        ids = [picture(n)["id"] for n in acknowledged]
        found = {
            p["id"]
            for start in range(0, len(ids), 1000)
            for p in call(f"{search.url}/v1/lookup", {"ids": ids[start : start + 1000]})["pictures"]
        }
        assert found == set(ids)
        # And the index that was rebuilt finds the last of them by its own vector.
        last = picture(acknowledged[-1])
        answer = call(f"{search.url}/v1/query", {"model_id": "m", "terms": [{"vector": last["vector"]}], "k": 1})
        assert answer["results"][0]["id"] == last["id"]


def test_an_unknown_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "SEARCH_CATALOGUE": str(tmp_path / "c.sqlite"), "SEARCH_CATALOG": "typo"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:search.gunicorn_conf"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "SEARCH_CATALOG is not a setting" in done.stderr


@pytest.mark.parametrize("service", ["encoder", "search", "gateway"])
def test_each_service_has_a_process_of_its_own_port(service: str) -> None:
    code = f"import {service}.gunicorn_conf as c; print(c.bind, c.wsgi_app, c.workers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    port = {"encoder": 8081, "search": 8082, "gateway": 8080}[service]
    assert done.stdout.split() == [f"127.0.0.1:{port}", f"{service}:create_app()", "1"]
