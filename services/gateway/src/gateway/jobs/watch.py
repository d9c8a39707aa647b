"""Watches the folders of the library, and queues scans: of what has changed, and of everything now and then.

Changes come from the operating system (inotify, FSEvents). A network disk reports only those that this machine makes,
and the number of watched folders is limited, so that everything is scanned every so often as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from servicekit.errors import ServiceError
from watchfiles import watch

from gateway.jobs.queue import JobKind, JobQueue
from gateway.library.walk import IGNORE_FILE

log = logging.getLogger(__name__)

# A file that is being copied changes all the time: it is scanned this many seconds after its last change.
SETTLE_S = 1.0
# The longest that changes are collected before they are noticed, in ms, and the quiet time that ends that.
DEBOUNCE_MS, STEP_MS = 500, 100
LOOK_S = 0.5
# More changed files than this are not listed in a job: everything is scanned.
MOST_PATHS = 1000
# How often the watch returns without changes: the first time says that it has begun.
TIMEOUT_MS = 500
# How often it is checked whether a disk was mounted or unmounted, which ends what the system reports of its folders.
DISKS_S = 2.0
# A watch that could not begin is begun again after 2, 4, 8 ... seconds, up to this many; one that has ended, at once.
LONGEST_PAUSE_S = 30
AT_ONCE_S = 0.1

# What stands for a byte of a file name that is not UTF-8, and what watchfiles 1.3 says when it ends at such a name.
REPLACED = "\N{REPLACEMENT CHARACTER}"
NOT_UTF_8 = "Unable to decode path"
FULL: Mapping[str, Any] = {"remove": False}


class LibraryWatch:
    """Queues scans of a library in two threads: one collects changes, one queues them when they have settled."""

    def __init__(
        self,
        folders: Sequence[Path],
        queue: JobQueue,
        rescan_s: float,
        has_files: Callable[[], bool],
        identities: Callable[[], Mapping[Path, str | None]],
        passes_over: Callable[[Path], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A watch that does nothing until it is started.

        Args:
            folders: the library's folders, absolute.
            queue: receives the scans.
            rescan_s: seconds between scans of everything.
            has_files: whether pictures of the library are in the collection, perhaps of folders that it had before.
            identities: what distinguishes the folders, and the disks below them, from others at the same place; None
                for one that is away.
            passes_over: whether changes of a file are nothing to the library.
            clock: seconds, monotonic.
        """
        self._folders, self._queue, self._rescan_s = folders, queue, rescan_s
        self._has_files, self._identities = has_files, identities
        self._passes_over, self._clock = passes_over, clock
        self._lock = threading.Lock()
        self._changed: dict[Path, float] = {}
        self._scanned_at: float | None = None
        # Set when a watch begins: changes before that were not seen.
        self._missed = threading.Event()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=run, name=name, daemon=True)
            for name, run in (("watch of the library", self._watch), ("scans of the library", self._submit))
        ]

    def start(self) -> None:
        """Start watching; everything is scanned as soon as changes are seen, since files may have changed before."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop both threads."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def note(self, paths: Iterable[Path]) -> None:
        """Note that files or folders have changed now."""
        now = self._clock()
        places = [place for path in paths for place in places_of(path) if not self._passes_over(place)]
        with self._lock:
            self._changed.update((place, now) for place in places)

    def submit_due(self) -> None:
        """Queue a scan of everything if one is due, or of the changes that have settled.

        Raises:
            ServiceError: the database does not answer; the changes are kept.
        """
        now = self._clock()
        due = self._scanned_at is not None and now - self._scanned_at >= self._rescan_s
        with self._lock:
            settled = [path for path, at in self._changed.items() if now - at >= SETTLE_S]
        # The patterns in such a file say what is left out of a whole folder.
        patterns = any(path.name == IGNORE_FILE for path in settled)
        everything = self._missed.is_set() or due or patterns or len(settled) > MOST_PATHS
        if not everything and not settled:
            return
        if not everything and self._queue.waiting(JobKind.SCAN):
            return  # the changes go into one scan, after those that wait
        if not self._folders and not self._has_files():  # there is no library, and no picture of one to be hidden
            self._missed.clear()
            return
        params = FULL if everything else {"remove": False, "paths": sorted(map(str, settled))}
        self._queue.submit(JobKind.SCAN, params)
        if everything:
            self._missed.clear()
            self._scanned_at = now
        with self._lock:
            for path in settled:
                # Unless it has changed again.
                if now - self._changed[path] >= SETTLE_S:
                    del self._changed[path]

    def _submit(self) -> None:
        while not self._stopping.wait(LOOK_S):
            try:
                self.submit_due()
            except ServiceError as error:
                log.warning("no scan can be queued: %s", error.detail)
            except Exception:
                # Without this thread, no change would be scanned any more, and nothing would say so.
                log.exception("unexpected error; the scan is queued later")

    def _watch(self) -> None:
        if not self._folders:
            self._missed.set()
            return
        failures = 0
        while not self._stopping.is_set():
            try:
                self._watch_until_disks_change()
                failures = 0
            except Exception as error:  # what watchfiles raises is not documented
                if NOT_UTF_8 in str(error):
                    log.info("the watch of the library has ended and is begun again: %s", error)
                    self._missed.set()
                    self._stopping.wait(AT_ONCE_S)
                else:  # there are more folders than the system watches, or a folder went away
                    log.warning("the library cannot be watched, which is tried again: %s", error)
                    if self._scanned_at is None:
                        self._missed.set()
                    failures += 1
                    self._stopping.wait(min(2**failures, LONGEST_PAUSE_S))

    def _watch_until_disks_change(self) -> None:
        """Collect changes until the watch is stopped, or a folder or disk appears, goes away or is exchanged."""
        before, checked_at, watching = self._identities_now({}), self._clock(), False
        for changes in self._changes([folder for folder in self._folders if folder.is_dir()]):
            if not watching:
                watching = True
                self._missed.set()
            self.note(Path(path) for _, path in changes)
            if self._clock() - checked_at >= DISKS_S:
                checked_at = self._clock()
                if self._identities_now(before) != before:
                    return

    def _changes(self, folders: Sequence[Path]) -> Iterator[Iterable[tuple[Any, str]]]:
        """What changes in folders, until the watch is stopped; nothing every TIMEOUT_MS."""
        if folders:
            yield from watch(
                *folders,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._stopping,
                rust_timeout=TIMEOUT_MS,
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
        while not self._stopping.wait(TIMEOUT_MS / 1000):
            yield ()

    def _identities_now(self, before: Mapping[Path, str | None]) -> Mapping[Path, str | None]:
        try:
            return self._identities()
        except ServiceError:  # the disks below the folders are in the database, which does not answer
            return before


def places_of(path: Path) -> set[Path]:
    """Where a change may be found: at the path that the system reports, and without links in it.

    A link inside the library to a folder of it is not followed by a scan; the system may report that folder's changes
    under the name of the link.
    """
    place = nameable(path)
    return {place, place.parent.resolve() / place.name}


def nameable(path: Path) -> Path:
    """The path, or the folder above it whose name is known: watchfiles replaces bytes that are not UTF-8."""
    return next((p for p in (path, *path.parents) if REPLACED not in str(p)), path)
