"""`sightline scan`, `reindex` and `jobs`: summaries, exit status, a queue, a gateway that restarts."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner, Result
from sightline_cli import jobs
from sightline_cli.client import Client

from tests.unit.gateway.conftest import BLUE, RED, body, ids, picture, upload


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "red.png").write_bytes(picture(RED))
    (folder / "cut.png").write_bytes(picture(BLUE)[:50])
    (folder / "film.mp4").write_bytes(b"x")
    return folder


@pytest.fixture
def shelf(make_stack: Callable[..., Any], photos: Path) -> Any:
    return make_stack(folders=str(photos))


@pytest.fixture
def working(shelf: Any) -> Iterator[Any]:
    """The stack with a worker that runs in threads."""
    shelf.worker.start()
    yield shelf
    shelf.worker.stop()


class Sometimes(httpx.WSGITransport):
    """A transport to the gateway that fails as many requests as `down` says, after the first one."""

    down, answered = 0, 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.answered and self.down:
            self.down -= 1
            raise httpx.ConnectError("refused", request=request)
        self.answered += 1
        return super().handle_request(request)


def run(stack: Any, command: click.Command, *arguments: str, down: int = 0) -> Result:
    client = Client("http://localhost", None)
    client.http.close()
    transport = Sometimes(app=stack.client.application)
    transport.down = down
    client.http = httpx.Client(transport=transport, base_url="http://localhost")
    with client.http:
        return CliRunner().invoke(command, arguments, obj=client)


def test_a_scan_is_followed_and_summed_up(working: Any, photos: Path) -> None:
    result = run(working, jobs.scan)
    assert result.exit_code == 1  # a file could not be read
    assert result.stdout == "1 added, 0 already there, 1 could not be read, 0 gone.\nLeft out: 1 video.\n"
    assert f"{photos}/cut.png: the picture is damaged" in result.stderr
    (photos / "cut.png").unlink()
    (photos / "red.png").unlink()
    (photos / "blue.png").write_bytes(picture(BLUE))
    result = run(working, jobs.scan, "--remove", "--json")
    progress = json.loads(result.stdout)
    assert (result.exit_code, progress["added"], progress["gone"], progress["forgotten"]) == (0, 1, 1, 1)
    (photos / "blue.png").rename(photos.parent / "blue.png")
    gone, hidden, _ = run(working, jobs.scan).stdout.splitlines()
    assert gone == "0 added, 0 already there, 0 could not be read, 1 gone."
    assert hidden == "Pictures whose files are gone are hidden; they come back with their files."
    (photos.parent / "blue.png").rename(photos / "blue.png")
    assert "1 are back, with what was said of them." in run(working, jobs.scan).stdout


def test_a_gateway_that_restarts_does_not_end_the_waiting(working: Any) -> None:
    result = run(working, jobs.scan, down=2)
    assert result.stdout.startswith("1 added, ")


def test_a_scan_waits_for_another_one(shelf: Any) -> None:
    first = body(shelf.client.post("/api/v1/jobs", json={"kind": "scan", "remove": True}))
    threading.Timer(0.2, shelf.worker.start).start()
    result = run(shelf, jobs.scan)
    shelf.worker.stop()
    assert result.stdout.startswith("0 added, 1 already there")
    assert [job["status"] for job in body(shelf.client.get("/api/v1/jobs"))["jobs"]] == ["done", "done"]
    assert body(shelf.client.get(f"/api/v1/jobs/{first['id']}"))["progress"]["added"] == 1


def test_without_a_worker_the_command_says_so_and_the_job_stays_queued(
    shelf: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "NO_WORKER_S", 0)
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > 2:
            raise KeyboardInterrupt  # as Ctrl-C

    monkeypatch.setattr("sightline_cli.jobs.time.sleep", wait)
    result = run(shelf, jobs.scan)
    assert result.exit_code == 1
    assert result.stderr.count("No worker has taken the job yet") == 1
    (job,) = body(shelf.client.get("/api/v1/jobs"))["jobs"]
    assert f"the scan goes on: `sightline jobs` shows it, `sightline jobs cancel {job['id']}` ends it" in result.stderr
    assert job["status"] == "queued"
    assert f"{job['id']}  {job['created_at']}  scan  queued" in run(shelf, jobs.jobs).stdout
    assert run(shelf, jobs.jobs, "cancel", job["id"]).stdout == f"{job['id']} is cancelled.\n"
    assert json.loads(run(shelf, jobs.jobs, "--json").stdout)[0]["status"] == "cancelled"


def test_a_job_that_fails_ends_the_command_with_the_reason(make_stack: Callable[..., Any]) -> None:
    stack = make_stack()
    stack.worker.start()
    result = run(stack, jobs.scan)
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (
        1,
        "Error: there is no library; name its folders in GATEWAY_LIBRARY",
    )
    upload(stack, picture(RED))
    assert run(stack, jobs.reindex).stdout == "colours-1 serves 1 pictures.\n"
    stack.model.model_id = "colours-2"
    next(stack.media.glob(f"??/{ids(picture(RED))[0]}.png")).unlink()
    assert "1 pictures cannot be encoded" in run(stack, jobs.reindex).stderr
    stack.worker.stop()
