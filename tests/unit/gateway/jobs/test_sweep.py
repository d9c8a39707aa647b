"""The sweep of the picture store: what interrupted uploads, deletions and writes leave behind."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from gateway.database import Database
from gateway.jobs.queue import JobKind, JobQueue, Status
from gateway.jobs.sweep import GRACE_S
from gateway.pictures.object_store import FolderStore, FsspecStore
from gateway.upstream.search import SearchClient

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload


def grow_old(folder: Path) -> None:
    """Make all files older than an upload may take."""
    for path in folder.rglob("*"):
        os.utime(path, (time.time() - GRACE_S - 1,) * 2)


def search_of(stack: Any) -> SearchClient:
    return SearchClient("the search service", "http://search", stack.search)


def files(stack: Any) -> set[str]:
    return {p.relative_to(stack.media).as_posix() for p in stack.media.rglob("*") if p.is_file() and p.suffix}


def test_what_was_never_recorded_is_added_and_what_was_deleted_is_removed(stack: Any) -> None:
    red, green, blue = picture(RED), picture(GREEN), picture(BLUE)
    upload(stack, red, green, blue, details=[{"caption": c} for c in ("red", "green", "blue")])
    kept, lost, deleted = ids(red, green, blue)
    before = files(stack)
    originals = {name: (stack.media / name[:2] / f"{name}.png") for name in (kept, lost, deleted)}
    # The upload of the green one ended before its record was written; the blue one's deletion before its file was gone.
    search_of(stack).delete_all([lost])
    for path in (f"images/{deleted}", f"bin/{deleted}"):
        assert stack.client.delete(f"/api/v1/{path}").status_code == 204
    originals[deleted].write_bytes(blue)
    unfinished = originals[kept].with_name(f".{originals[kept].name}.0badcafe")
    unfinished.write_bytes(b"x")
    # Nothing happens to what may belong to an upload in progress.
    result = stack.job("sweep")["progress"]
    assert (result["restored"], result["removed"], result["failed"]) == (0, 0, [])
    grow_old(stack.media)
    result = stack.job("sweep")["progress"]
    assert (result["done"], result["restored"], result["removed"]) == (result["total"], 1, 2)
    assert files(stack) == {name for name in before if deleted not in name}
    assert not unfinished.exists()
    record = body(get(stack, f"/api/v1/images/{lost}"))
    assert (record["file_name"], record["caption"]) == (f"{lost}.png", "")
    assert get(stack, record["file_url"]).data == green
    assert get(stack, f"/api/v1/images/{deleted}").status_code == 404
    result = stack.job("sweep")["progress"]
    assert (result["restored"], result["removed"]) == (0, 0)


def test_thumbnails_go_with_their_picture_unless_it_is_hidden(make_stack: Any, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, colour in (("gone", RED), ("hidden", GREEN)):
        (photos / f"{name}.png").write_bytes(picture(colour))
    stack = make_stack(folders=str(photos))
    stack.job("scan")
    (photos / "hidden.png").unlink()
    stack.job("scan")
    gone, hidden = ids(picture(RED), picture(GREEN))
    search_of(stack).delete_all([gone])
    grow_old(stack.media)
    assert stack.job("sweep")["progress"]["removed"] == 1
    assert {name.rpartition("/")[2] for name in files(stack)} == {f"{hidden}.webp"}


def test_an_original_that_cannot_be_added_is_kept_and_named(stack: Any) -> None:
    name = "ab" * 16
    broken = stack.media / "ab" / f"{name}.png"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"x")
    grow_old(stack.media)
    (failed,) = stack.job("sweep")["progress"]["failed"]
    assert failed["id"] == name
    assert broken.exists()


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(Database.in_file(tmp_path / "state.sqlite")) as database:
        yield JobQueue(database, lambda: 1000.0)


def test_a_sweep_is_queued_once_in_a_while(queue: JobQueue) -> None:
    queue.submit_if_due(JobKind.SWEEP, 100)
    queue.submit_if_due(JobKind.SWEEP, 100)
    assert len(queue.waiting(JobKind.SWEEP)) == 1
    job = queue.claim(JobKind.SWEEP, "test")
    assert job
    queue.end(job.id, "test", Status.DONE, None)
    queue.submit_if_due(JobKind.SWEEP, 100)
    assert queue.waiting(JobKind.SWEEP) == []
    queue.submit_if_due(JobKind.SWEEP, 0)
    assert len(queue.waiting(JobKind.SWEEP)) == 1


@pytest.mark.parametrize("kind", ["folder", "fsspec"])
def test_stores_tell_the_age_of_a_file(kind: str, tmp_path: Path) -> None:
    store = FolderStore(tmp_path) if kind == "folder" else FsspecStore(MemoryFileSystem(), f"/{tmp_path.name}")
    store.write("ab/x.png", b"x")
    assert 0 <= store.age_s("ab/x.png") < 60
    assert store.leftovers("ab") == []
    with pytest.raises(FileNotFoundError):
        store.age_s("ab/y.png")
