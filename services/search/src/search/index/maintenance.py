"""What goes on beside the serving: snapshots made anew, checked and cleared away."""

from __future__ import annotations

import fcntl
import logging
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from search.catalogue.catalogue import Catalogue
from search.catalogue.tables import Model
from search.index.approximate import Kind
from search.index.exact import Vectors
from search.index.snapshots import Manifest, Snapshot, SnapshotError, build, kind_and_queries

log = logging.getLogger(__name__)

# The least recall@10 against the exact index with which an approximate one may serve.
TARGET_RECALL = 0.95
# A failed build is not tried again before this: it would fail the same way after each write.
RETRY_S = 60


class RecallError(Exception):
    """An approximate index finds less than it must; the message says how much."""


class Maintenance:
    """Runs one thing at a time in a thread of its own. Of several processes, one builds."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue, self._folder = catalogue, folder
        self._lock = threading.Lock()
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._building = False
        # In time.monotonic; after a failure the next try waits.
        self._not_before = 0.0

    def close(self) -> None:
        """Take on nothing more, and wait for what has begun."""
        self._closing = True
        self.wait()

    def wait(self) -> None:
        """Until nothing goes on."""
        while alive := [t for t in self._threads if t.is_alive()]:
            for thread in alive:
                thread.join()

    def _start(self, work: Callable[[], None]) -> None:
        def whole() -> None:
            try:
                work()
            finally:
                self._catalogue.database.close_reader()

        if not self._closing:
            thread = threading.Thread(target=whole, name="maintenance", daemon=True)
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]
            thread.start()

    def verify(self, snapshot: Snapshot, report: Callable[[Snapshot, SnapshotError], None]) -> None:
        """Compare all of a snapshot with its manifest; a difference is reported."""

        def work() -> None:
            try:
                snapshot.verify()
            except SnapshotError as error:
                report(snapshot, error)
            except OSError:  # cleared away since: another one serves
                return

        self._start(work)

    def rebuild(self, damaged: str | None = None) -> None:
        """Make a snapshot of the same kind as the one that serves, unless that is going on already.

        Args:
            damaged: the name of a snapshot to replace, if it serves still.
        """
        with self._lock:
            if self._building or (damaged is None and time.monotonic() < self._not_before):
                return
            self._building = True

        def work() -> None:
            try:
                with building(self._folder) as alone:
                    model = self._catalogue.state().model
                    if alone and model is not None and damaged in (None, model.snapshot):
                        kind, queries = None, None
                        if model.snapshot is not None:
                            kind, queries = kind_and_queries(self._folder / model.snapshot)
                        make(self._folder, self._catalogue, model, kind, queries)
                        self._catalogue.compact()
            except Exception:
                # The catalogue serves without; a later change asks again.
                self._not_before = time.monotonic() + RETRY_S
                log.exception("the index snapshot could not be made")
            finally:
                self._building = False

        self._start(work)


@contextmanager
def building(folder: Path) -> Iterator[bool]:
    """Hold the right to build in a folder; False when another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def make(
    folder: Path, catalogue: Catalogue, model: Model, kind: Kind | None = None, queries: Vectors | None = None
) -> Manifest:
    """Build a snapshot and let it serve. The caller has the right to build.

    Raises:
        RecallError: it would find less than it must; the one before goes on serving.
    """
    name = f"{catalogue.name}-g{catalogue.state().seq}-{uuid.uuid4().hex[:8]}"
    manifest = build(folder / name, catalogue, model, kind, queries)
    try:
        if manifest.recall is not None and manifest.recall < TARGET_RECALL:
            raise RecallError(
                f"{manifest.kind} finds {manifest.recall:.3f} of the exact best ten; {TARGET_RECALL} is the least"
            )
        serve(folder, catalogue, model, name)
    except BaseException:
        shutil.rmtree(folder / name, ignore_errors=True)
        raise
    clear_away(folder, catalogue)
    return manifest


def serve(folder: Path, catalogue: Catalogue, model: Model, name: str) -> None:
    """Let a snapshot serve. The caller has the right to build."""
    kinds = [kind_and_queries(folder / n)[0] for n in (name, model.snapshot) if n is not None]
    # Exact answers have one order, whichever files they come from.
    reorders = any(kind.factory != "Flat" for kind in kinds)
    catalogue.serve_snapshot(model.number, name, reorders)


def clear_away(folder: Path, catalogue: Catalogue) -> None:
    """Remove this catalogue's snapshots that neither serve nor served before, whole or half-written.

    A process that has one open keeps its map of it. Other files in the folder are left alone.
    """
    kept = catalogue.snapshots()
    own = re.compile(rf"\.?{catalogue.name}-g\d+-[0-9a-f]{{8}}(\.[0-9a-f]{{8}})?")
    for path in folder.iterdir():
        if path.is_dir() and own.fullmatch(path.name) and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
