"""The watch of the library: what is scanned after which change, with a real folder and with a clock of the test."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gateway.database import Database
from gateway.jobs.queue import JobKind, JobQueue, Status
from gateway.jobs.watch import MOST_PATHS, SETTLE_S, LibraryWatch, nameable
from gateway.library.folders import Folders
from gateway.library.index import Library

FULL = {"remove": False}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.in_file(tmp_path / "state" / "state.sqlite")) as opened:
        yield opened


@pytest.fixture
def queue(database: Database) -> JobQueue:
    return JobQueue(database)


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
    watch = LibraryWatch([tmp_path], queue, 900, lambda: True, dict, clock=clock)
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
    watch = LibraryWatch([tmp_path], queue, 900, lambda: True, dict, clock=clock)
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


def names(path: Path, params: dict[str, Any]) -> bool:
    return str(path) in params.get("paths", ())


def until_scanned(queue: JobQueue, wanted: Callable[[dict[str, Any]], bool]) -> None:
    deadline = time.monotonic() + 20
    while not any(wanted(params) for params in finish(queue)):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_changes_of_a_real_folder_are_seen(queue: JobQueue, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    watch = LibraryWatch([folder], queue, 900, lambda: True, dict)
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
    finally:
        watch.stop()


def test_names_that_are_not_utf_8_delay_no_change(queue: JobQueue, tmp_path: Path) -> None:
    """watchfiles ends at such a name; the watch begins again with a scan of everything."""
    watch = LibraryWatch([tmp_path], queue, 900, lambda: True, dict)
    watch.start()
    try:
        until_scanned(queue, lambda params: params == FULL)
        began = time.monotonic()
        for number in range(4):
            Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9%d.png" % number)).write_bytes(b"x")
            until_scanned(queue, lambda params: params == FULL)
        (tmp_path / "new.png").write_bytes(b"x")
        until_scanned(queue, lambda params: params == FULL or str(tmp_path / "new.png") in params.get("paths", ()))
        assert time.monotonic() - began < 15  # waits of 2, 4, 8 ... seconds would be 30 seconds together
    finally:
        watch.stop()


def test_a_folder_that_was_exchanged_or_came_back_is_watched_again(
    queue: JobQueue, database: Database, tmp_path: Path
) -> None:
    """Another disk at the same place; the other folders are watched while one is away."""
    folder, other = tmp_path / "photos", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    library = Library(Folders([folder, other, tmp_path / "away"]), database)
    watch = LibraryWatch(library.folders.paths, queue, 900, lambda: True, library.identities)
    watch.start()
    try:
        until_scanned(queue, lambda params: params == FULL)
        (other / "new.png").write_bytes(b"x")
        until_scanned(queue, lambda params: str(other / "new.png") in params.get("paths", ()))
        for place in (folder, tmp_path / "away"):
            if place.exists():
                place.rename(tmp_path / "unmounted")
            place.mkdir()
            until_scanned(queue, lambda params: params == FULL)
            (place / "new.png").write_bytes(b"x")
            until_scanned(queue, partial(names, place / "new.png"))
    finally:
        watch.stop()


def test_a_change_below_a_link_inside_the_library_is_scanned_where_it_lies(queue: JobQueue, tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    watch = LibraryWatch([tmp_path], queue, 900, lambda: True, dict, clock=clock)
    watch.note([tmp_path / "link" / "a.png"])
    clock.now += SETTLE_S
    watch.submit_due()
    assert finish(queue) == [changed(tmp_path / "link" / "a.png", tmp_path / "real" / "a.png")]


def test_a_folder_that_is_away_is_scanned_so_that_the_job_says_so(queue: JobQueue, tmp_path: Path) -> None:
    watch = LibraryWatch([tmp_path / "away"], queue, 900, lambda: True, dict)
    watch.start()
    try:
        until_scanned(queue, lambda params: params == FULL)
    finally:
        watch.stop()


def test_a_name_that_is_not_known_becomes_its_folder() -> None:
    assert nameable(Path("/photos/a.png")) == Path("/photos/a.png")
    assert nameable(Path("/photos/caf\N{REPLACEMENT CHARACTER}.png")) == Path("/photos")
