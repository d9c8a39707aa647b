"""The jobs API: submit, progress, cancel, refused requests, and scans of a part of the library."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway.jobs.queue import JobKind
from gateway.library.scan import BATCH

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, picture


def found(stack: Any) -> set[str]:
    return {r["file_name"] for r in body(get(stack, "/api/v1/search?q=red&k=100"))["results"]}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "2024").mkdir(parents=True)
    (folder / "2024" / "red.png").write_bytes(picture(RED))
    return folder


@pytest.fixture
def shelf(make_stack: Callable[..., Any], photos: Path) -> Any:
    return make_stack(folders=str(photos))


def scan_of(stack: Any, *paths: Path) -> dict[str, Any]:
    """The last step of a scan of some files and folders, as the watch submits it."""
    params = {"remove": False, "paths": [str(path) for path in paths]}
    *_, last = stack.worker.tasks[JobKind.SCAN](params)
    progress: dict[str, Any] = last.document()
    return progress


def test_a_job_is_submitted_done_and_listed(shelf: Any) -> None:
    answer = shelf.client.post("/api/v1/jobs", json={"kind": "scan"})
    job = body(answer)
    assert (answer.status_code, job["status"], job["progress"], job["ended_at"]) == (202, "queued", None, None)
    assert body(shelf.client.post("/api/v1/jobs", json={"kind": "scan"}))["id"] == job["id"]
    assert shelf.worker.run_next(JobKind.SCAN)
    done = body(get(shelf, f"/api/v1/jobs/{job['id']}"))
    assert (done["status"], done["progress"]["added"], done["problem"]) == ("done", 1, None)
    assert done["created_at"] <= done["started_at"] <= done["ended_at"]
    assert body(get(shelf, "/api/v1/jobs"))["jobs"] == [done]
    assert found(shelf) == {"2024/red.png"}


def test_a_job_is_cancelled_before_it_begins(shelf: Any) -> None:
    job = body(shelf.client.post("/api/v1/jobs", json={"kind": "scan"}))
    answer = shelf.client.delete(f"/api/v1/jobs/{job['id']}")
    assert (answer.status_code, body(answer)["status"]) == (202, "cancelled")
    assert not shelf.worker.run_next(JobKind.SCAN)


@pytest.mark.parametrize(
    ("request_body", "says"),
    [
        ({"kind": "sing"}, "kind"),
        ({}, "kind"),
        ({"kind": "scan", "remove": "yes"}, "remove"),
        ({"kind": "reindex", "remove": True}, "remove: unknown"),
        ({"kind": "scan", "paths": ["/etc"]}, "paths: unknown"),
    ],
)
def test_what_is_no_job_is_refused(shelf: Any, request_body: dict[str, Any], says: str) -> None:
    answer = shelf.client.post("/api/v1/jobs", json=request_body)
    assert answer.status_code == 400
    assert says in body(answer)["detail"]


def test_an_unknown_job_is_404(shelf: Any) -> None:
    assert get(shelf, "/api/v1/jobs/unknown").status_code == 404
    assert shelf.client.delete("/api/v1/jobs/unknown").status_code == 404


def test_a_part_of_the_library_is_scanned(shelf: Any, photos: Path, tmp_path: Path) -> None:
    shelf.job("scan")
    (photos / "blue.png").write_bytes(picture(BLUE))
    (photos / "2024" / "green.png").write_bytes(picture(GREEN))
    (photos / ".thumbs").mkdir()
    (photos / ".thumbs" / "copy.png").write_bytes(picture((9, 9, 9)))
    (tmp_path / "elsewhere.png").write_bytes(picture((9, 9, 9)))
    hidden, outside = photos / ".thumbs" / "copy.png", tmp_path / "elsewhere.png"
    assert scan_of(shelf, photos / "blue.png", hidden, outside)["total"] == 1
    # A folder that is new, moved or copied comes as a whole.
    (photos / "2024").rename(photos / "2025")
    progress = scan_of(shelf, photos / "2024", photos / "2025", photos / "2025" / "red.png")
    assert (progress["total"], progress["exists"], progress["added"], progress["gone"]) == (2, 1, 1, 1)
    (photos / "blue.png").unlink()
    progress = scan_of(shelf, photos / "blue.png")
    assert (progress["total"], progress["gone"]) == (0, 1)


def test_a_file_that_is_edited_and_scanned_alone_passes_its_caption_on(shelf: Any, photos: Path) -> None:
    shelf.job("scan")
    ((former, _),) = [(r["id"], r) for r in body(get(shelf, "/api/v1/search?q=red"))["results"]]
    shelf.client.patch(f"/api/v1/images/{former}", json={"caption": "a wall"})
    (photos / "2024" / "red.png").write_bytes(picture(BLUE))
    assert scan_of(shelf, photos / "2024" / "red.png")["added"] == 1
    shelf.job("scan")  # so that the gateway, whose cache the scan above did not know, asks again
    (now,) = body(get(shelf, "/api/v1/search?q=red"))["results"]
    assert (now["caption"], now["id"] != former) == ("a wall", True)


def test_the_files_that_changed_last_are_added_first(make_stack: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(80):
        (folder / f"{number:02}.png").write_bytes(picture((200, number, 0)))
        os.utime(folder / f"{number:02}.png", (number * 1000, number * 1000))
    stack = make_stack(folders=str(folder))
    steps = stack.worker.tasks[JobKind.SCAN]({"remove": False})
    while next(steps).counts["added"] < BATCH:
        pass
    assert found(stack) == {f"{number:02}.png" for number in range(80 - BATCH, 80)}
    steps.close()
