"""Watches the folders of the library, and queues scans: of what has changed, and of everything now and then.

Changes come from the operating system (inotify, FSEvents). A network disk reports only those that this machine makes,
and the number of watched folders is limited, so that everything is scanned every so often as well.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
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
TIMEOUT_MS = 1000
# A watch that ended is begun again after 2, 4, 8 ... seconds, up to this many.
LONGEST_PAUSE_S = 30

# What stands for a byte of a file name that is not UTF-8.
REPLACED = "\N{REPLACEMENT CHARACTER}"
FULL: Mapping[str, Any] = {"remove": False}


class LibraryWatch:
    """Queues scans of a library in two threads: one collects changes, one queues them when they have settled."""

    def __init__(
        self,
        folders: Sequence[Path],
        queue: JobQueue,
        rescan_s: float,
        has_files: Callable[[], bool],
        passes_over: Callable[[Path], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A watch that does nothing until it is started.

        Args:
            folders: the library's folders, absolute.
            queue: receives the scans.
            rescan_s: seconds between scans of everything.
            has_files: whether pictures of the library are in the collection, perhaps of folders that it had before.
            passes_over: whether changes of a file are nothing to the library.
            clock: seconds, monotonic.
        """
        self._folders, self._queue, self._rescan_s = folders, queue, rescan_s
        self._has_files, self._passes_over, self._clock = has_files, passes_over, clock
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

    def note(self, paths: Sequence[Path]) -> None:
        """Note that files or folders have changed now."""
        now = self._clock()
        with self._lock:
            self._changed.update((nameable(path), now) for path in paths)

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
        pause_s, stops = 1.0, self._stopping
        if not self._folders:
            self._missed.set()
            return
        while not stops.is_set():
            began, watching = self._clock(), False
            try:
                for changes in watch(
                    *self._folders,
                    watch_filter=None,
                    debounce=DEBOUNCE_MS,
                    step=STEP_MS,
                    stop_event=stops,
                    rust_timeout=TIMEOUT_MS,
                    yield_on_timeout=True,
                    raise_interrupt=False,
                    ignore_permission_denied=True,
                ):
                    if not watching:
                        watching = True
                        self._missed.set()
                    self.note([path for path in (Path(p) for _, p in changes) if not self._passes_over(path)])
            except Exception as error:
                # A folder is missing, has too many folders below it, or (watchfiles 1.3) a file that changed has a name
                # that is not UTF-8. What it raises is not documented.
                log.warning("the watch of the library has ended and is begun again: %s", error)
                if not watching and self._scanned_at is None:
                    self._missed.set()
            pause_s = 1.0 if self._clock() - began > LONGEST_PAUSE_S else min(2 * pause_s, LONGEST_PAUSE_S)
            stops.wait(pause_s)


def nameable(path: Path) -> Path:
    """The path, or the folder above it whose name is known: watchfiles replaces bytes that are not UTF-8."""
    return next((p for p in (path, *path.parents) if REPLACED not in str(p)), path)
