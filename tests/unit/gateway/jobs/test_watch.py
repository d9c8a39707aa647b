"""The watch of the library: what is scanned after which change, with a real folder and with a clock of the test."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gateway.database import Database
from gateway.jobs.queue import JobKind, JobQueue, Status
from gateway.jobs.watch import MOST_PATHS, SETTLE_S, LibraryWatch, nameable

FULL = {"remove": False}


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(Database.in_file(tmp_path / "state.sqlite")) as database:
        yield JobQueue(database)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def finish(queue: JobQueue) -> list[dict[str, Any]]:
    """The arguments of the jobs that wait, which are done afterwards."""
    params = []
    while job := queue.claim(JobKind.SCAN, "test"):
        params.append(job.params)
        queue.end(job.id, "test", Status.DONE, None)
    return params


def changed(*paths: Path) -> dict[str, Any]:
    return {"remove": False, "paths": [str(path) for path in paths]}


def test_a_file_is_scanned_when_it_has_not_changed_for_a_while(queue: JobQueue, tmp_path: Path) -> None:
    clock = Clock()
    watch = LibraryWatch([tmp_path], queue, 900, lambda: True, clock=clock)
    watch.note([tmp_path / "b.png", tmp_path / "a.png"])
    clock.now += SETTLE_S / 2
    watch.note([tmp_path / "a.png"])  # is still being written
    watch.submit_due()
    assert finish(queue) == []
    clock.now += SETTLE_S / 2
    watch.submit_due()
    assert finish(queue) == [changed(tmp_path / "b.png")]
    clock.now += SETTLE_S
    watch.submit_due()
    watch.submit_due()
    assert finish(queue) == [changed(tmp_path / "a.png")]


def test_changes_wait_while_another_scan_waits_and_many_become_a_scan_of_everything(
    queue: JobQueue, tmp_path: Path
) -> None:
    clock = Clock()
    watch = LibraryWatch([tmp_path], queue, 900, lambda: True, clock=clock)
    queue.submit(JobKind.SCAN, {"remove": True})
    watch.note([tmp_path / "a.png"])
    clock.now += SETTLE_S
    watch.submit_due()
    assert finish(queue) == [{"remove": True}]
    watch.note([tmp_path / f"{number}.png" for number in range(MOST_PATHS)])
    clock.now += SETTLE_S
    watch.submit_due()
    watch.submit_due()
    assert finish(queue) == [FULL]
    # Everything is scanned again after a while; the scan of everything counts as the last one.
    clock.now += 899
    watch.submit_due()
    assert finish(queue) == []
    clock.now += 1
    watch.submit_due()
    assert finish(queue) == [FULL]


def until_scanned(queue: JobQueue, wanted: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + 20
    while not any(wanted(params) for params in finish(queue)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_changes_of_a_real_folder_are_seen(queue: JobQueue, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    watch = LibraryWatch([folder], queue, 900, lambda: True)
    watch.start()
    try:
        until_scanned(queue, lambda params: params == FULL)
        (folder / "new.png").write_bytes(b"x")
        until_scanned(queue, lambda params: str(folder / "new.png") in params.get("paths", ()))
        (folder / "2024").mkdir()
        (folder / "2024" / "deep.png").write_bytes(b"x")
        until_scanned(queue, lambda params: any("2024" in path for path in params.get("paths", ())))
        (folder / "new.png").rename(folder / "2024" / "moved.png")
        until_scanned(queue, lambda params: str(folder / "2024" / "moved.png") in params.get("paths", ()))
        # watchfiles ends at such a name; the watch begins again with a scan of everything.
        Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")).write_bytes(b"x")
        until_scanned(queue, lambda params: params == FULL or str(folder) in params.get("paths", ()))
    finally:
        watch.stop()


def test_a_folder_that_is_away_is_scanned_so_that_the_job_says_so(queue: JobQueue, tmp_path: Path) -> None:
    watch = LibraryWatch([tmp_path / "away"], queue, 900, lambda: True)
    watch.start()
    try:
        until_scanned(queue, lambda params: params == FULL)
    finally:
        watch.stop()


def test_a_name_that_is_not_known_becomes_its_folder() -> None:
    assert nameable(Path("/photos/a.png")) == Path("/photos/a.png")
    assert nameable(Path("/photos/caf\N{REPLACEMENT CHARACTER}.png")) == Path("/photos")
