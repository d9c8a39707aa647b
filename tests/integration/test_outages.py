"""Outages of Redis and the encoder, overload by a hanging encoder, graceful shutdown: real processes, a real Redis."""

import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from PIL import Image

PNG = io.BytesIO()
Image.effect_noise((64, 48), 90).save(PNG, "PNG")


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Any]:
    """A Redis server for this test on a Unix socket, with `stop` and `start`."""
    program = shutil.which("redis-server")
    assert program, "install redis-server (a Debian package of that name)"
    path = tmp_path / "redis.sock"

    class Server:
        url = f"unix://{path}"
        popen: subprocess.Popen[bytes] | None = None

        def start(self) -> None:
            command = [str(program), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(tmp_path)]
            self.popen = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            client = redis.Redis.from_url(self.url, retry=redis.retry.Retry(redis.backoff.ConstantBackoff(0.05), 200))
            client.ping()
            client.close()

        def stop(self) -> None:
            if self.popen:
                self.popen.kill()
                self.popen.wait()
                self.popen = None

    server = Server()
    server.start()
    yield server
    server.stop()


def names(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [r["file_name"] for r in answer.json()["results"]]


def test_redis_holds_what_was_found_and_its_loss_changes_no_answer(
    start: Any, start_all: Any, redis_server: Any, tmp_path: Path
) -> None:
    with (
        start_all(tmp_path, REDIS_URL=redis_server.url) as services,
        httpx.Client(base_url=services.gateway.url, timeout=30) as client,
        redis.Redis.from_url(redis_server.url) as store,
    ):
        files = {"images": ("noise.png", PNG.getvalue())}
        assert client.post("/api/v1/images", files=files).status_code == 201
        assert names(client.get("/api/v1/search?q=television+noise")) == ["noise.png"]
        assert len(store.keys("sightline:*")) == 3  # the vector, the page of hits, and the mark of the upload
        services.encoder.kill()
        assert names(client.get("/api/v1/search?q=television+noise")) == ["noise.png"]
        gone = client.get("/api/v1/search?q=something+else")
        assert (gone.status_code, gone.json()["detail"]) == (503, "the encoder cannot be reached")
        port = int(services.encoder.url.rpartition(":")[2])
        with start("encoder", port=port):
            redis_server.stop()
            for _ in range(3):
                assert names(client.get("/api/v1/search?q=television+noise")) == ["noise.png"]
            ready = client.get("/readyz").json()
            assert ready["status"] == "ok"
            assert "Redis does not answer" in ready["checks"]["cache"]["detail"]
            assert client.delete(
                f"/api/v1/images/{client.get('/api/v1/search?q=x').json()['results'][0]['id']}"
            ).is_success
            redis_server.start()
            assert names(client.get("/api/v1/search?q=television+noise")) == []


def test_an_encoder_that_hangs_holds_up_nobody_else(start_all: Any, tmp_path: Path) -> None:
    """Searches wait for the encoder, or for their turn, until their deadline; those beyond that get 429 at once."""
    with (
        start_all(tmp_path, GATEWAY_HTTP_THREADS="8", GATEWAY_MAX_SEARCHES="1", GATEWAY_DEADLINE_S="3") as services,
        httpx.Client(base_url=services.gateway.url, timeout=30) as client,
        ThreadPoolExecutor(7) as pool,
    ):
        assert client.post("/api/v1/images", files={"images": ("noise.png", PNG.getvalue())}).status_code == 201
        assert names(client.get("/api/v1/search?q=noise")) == ["noise.png"]
        os.killpg(services.encoder.popen.pid, signal.SIGSTOP)
        waiting = [pool.submit(client.get, f"/api/v1/search?q=question+{i}") for i in range(7)]
        # Meanwhile cached searches are answered.
        assert names(client.get("/api/v1/search?q=noise")) == ["noise.png"]
        answers = [w.result() for w in waiting]
        # Of 8 threads, 5 may compute or wait: 2 of 7 are refused at once.
        statuses = [a.status_code for a in answers]
        assert set(statuses) == {429, 503} and statuses.count(429) >= 2
        assert all(a.headers["Retry-After"] == "1" for a in answers)
        os.killpg(services.encoder.popen.pid, signal.SIGCONT)
        assert names(client.get("/api/v1/search?q=question+1")) == ["noise.png"]


def test_a_gateway_that_is_asked_to_stop_finishes_what_it_has(start_all: Any, tmp_path: Path) -> None:
    with (
        start_all(tmp_path) as services,
        ThreadPoolExecutor(1) as pool,
    ):
        os.killpg(services.encoder.popen.pid, signal.SIGSTOP)
        files = {"images": ("noise.png", PNG.getvalue())}
        upload = pool.submit(httpx.post, f"{services.gateway.url}/api/v1/images", files=files, timeout=30)
        # The file is stored before it is encoded; once it exists, the upload is in progress.
        while not list((tmp_path / "media").glob("??/*.png")):
            assert not upload.done()
        services.gateway.popen.terminate()
        os.killpg(services.encoder.popen.pid, signal.SIGCONT)
        assert upload.result().status_code == 201
        assert services.gateway.popen.wait(30) == 0


def test_the_command_line_says_that_no_server_answers(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("sightline")), "--url", "http://127.0.0.1:9"]
    (tmp_path / "noise.png").write_bytes(PNG.getvalue())
    for arguments in (["search", "x"], ["doctor"], ["add", str(tmp_path)]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 3
        assert "no gateway answers at http://127.0.0.1:9" in done.stderr
