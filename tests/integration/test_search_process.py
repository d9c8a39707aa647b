"""The search service as a process: durability under `kill -9`, a full disk, several processes, invalid settings."""

import base64
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import running


def call(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def picture(number: int) -> dict[str, Any]:
    """Picture `number`, whose vector is (cos, sin) of number / 100 radians."""
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
    """A thread writes until the kill interrupts a write; every acknowledged write must survive."""
    settings = {"SEARCH_CATALOGUE": str(tmp_path / "catalogue.sqlite")}
    acknowledged: list[int] = []
    enough = threading.Event()

    def write(url: str) -> None:
        for number in range(10_000):
            try:
                call(f"{url}/v1/pictures", {"model_id": "m", "dim": 2, "pictures": [picture(number)]})
            except OSError:  # killed: not acknowledged
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
        # The restarted index finds the last picture by its own vector.
        last = picture(acknowledged[-1])
        answer = call(f"{search.url}/v1/query", {"model_id": "m", "terms": [{"vector": last["vector"]}], "k": 1})
        assert answer["results"][0]["id"] == last["id"]


def test_an_unknown_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    environment = {**os.environ, "SEARCH_CATALOGUE": str(tmp_path / "c.sqlite"), "SEARCH_CATALOG": "typo"}
    command = [sys.executable, "-m", "gunicorn", "-c", "python:search.gunicorn_conf"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert "SEARCH_CATALOG is not a setting" in done.stderr


@pytest.mark.parametrize(
    ("conf", "package", "port"),
    [
        ("encoder.gunicorn_conf", "encoder", 8081),
        ("search.gunicorn_conf", "search", 8082),
        ("gateway.gunicorn_conf", "gateway", 8080),
        ("gateway.worker_conf", "gateway.worker", 8083),
    ],
)
def test_each_process_has_a_port_of_its_own(conf: str, package: str, port: int) -> None:
    code = f"import {conf} as c; print(c.bind, c.wsgi_app, c.workers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == [f"127.0.0.1:{port}", f"{package}:create_app()", "1"]


def test_a_full_disk_refuses_writes_with_507_and_loses_nothing(
    tmp_path: Path, free_ports: Callable[[int], int]
) -> None:
    """A file size limit of 2 MB (ulimit -f) has the same effect on SQLite as a full disk."""
    port = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = ["bash", "-c", f"ulimit -f 2048 && exec {sys.executable} -m gunicorn -c python:search.gunicorn_conf"]
    settings = {"SEARCH_BIND": f"127.0.0.1:{port}", "SEARCH_CATALOGUE": str(tmp_path / "catalogue.sqlite")}
    acknowledged: list[int] = []
    with running(command, settings, url, "/readyz", tmp_path / "log"):
        for first in range(0, 10**6, 50):
            numbers = range(first, first + 50)
            body = {"model_id": "m", "dim": 2, "pictures": [picture(n) for n in numbers]}
            try:
                call(f"{url}/v1/pictures", body)
            except urllib.error.HTTPError as error:
                assert error.code == 507
                assert json.load(error)["detail"].startswith("the catalogue's disk takes no more (")
                break
            acknowledged += numbers
        assert len(acknowledged) > 300
        query = {"model_id": "m", "terms": [{"vector": picture(acknowledged[-1])["vector"]}], "k": 5}
        assert call(f"{url}/v1/query", query)["results"][0]["score"] > 0.9999
        assert call(f"{url}/v1/stats")["count"] == len(acknowledged)


def test_three_processes_agree_and_each_reads_every_write(start: Any, tmp_path: Path) -> None:
    settings = {"SEARCH_CATALOGUE": str(tmp_path / "catalogue.sqlite"), "SEARCH_SNAPSHOT_ROWS": "100"}
    with start("search", **settings) as a, start("search", **settings) as b, start("search", **settings) as c:
        urls = [a.url, b.url, c.url]
        failed: list[str] = []

        def work(worker: int) -> None:
            """Write through one process, read through the next, delete through a third, read again."""
            for turn in range(40):
                number = worker * 1000 + turn
                write, read, delete = (urls[(worker + turn + i) % 3] for i in range(3))
                # Each worker has its own plane, and each of its pictures its own direction in it.
                vector = np.zeros(8, "<f4")
                vector[2 * worker : 2 * worker + 2] = np.cos(turn / 40), np.sin(turn / 40)
                encoded = base64.b64encode(vector.tobytes()).decode()
                body = {"model_id": "m", "dim": 8, "pictures": [{**picture(number), "vector": encoded}]}
                query = {"model_id": "m", "terms": [{"vector": encoded}], "k": 1}
                try:
                    call(f"{write}/v1/pictures", body)
                    if call(f"{read}/v1/query", query)["results"][0]["id"] != f"{number:032x}":
                        failed.append(f"{number} not found")
                    if turn % 4 == 0:
                        gone = urllib.request.Request(f"{delete}/v1/pictures/{number:032x}", method="DELETE")
                        urllib.request.urlopen(gone, timeout=10).close()
                        after = call(f"{write}/v1/query", query)["results"]
                        if after and after[0]["id"] == f"{number:032x}":
                            failed.append(f"{number} found after its delete")
                except OSError as error:
                    failed.append(f"{number}: {error}")

        workers = [threading.Thread(target=work, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert failed == []
        assert [call(f"{url}/v1/stats")["count"] for url in urls] == [4 * 30] * 3
