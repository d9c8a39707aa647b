"""Background maintenance of index snapshots: rebuild, verification, and removal of old ones.

A file lock (flock) makes sure that only one process builds at a time.
"""

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
from search.catalogue.tables import ModelEntry
from search.index.approximate import IndexKind
from search.index.exact import Vectors
from search.index.snapshots import Manifest, Snapshot, SnapshotError, build, kind_and_queries

log = logging.getLogger(__name__)

# The minimum recall@10, measured against the exact index, of an approximate index that may serve.
TARGET_RECALL = 0.95
# Minimum seconds between a failed build and the next: without it, every write would start a build that fails again.
RETRY_S = 60


class RecallError(Exception):
    """An approximate index's recall is below `TARGET_RECALL`; the message says by how much."""


class Maintenance:
    """Runs verifications and rebuilds in background threads. Of several processes, only one builds at a time."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue, self._folder = catalogue, folder
        self._lock = threading.Lock()
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._building = False
        # Earliest time of the next build after a failure, by time.monotonic.
        self._not_before = 0.0

    def close(self) -> None:
        """Start no more work, and wait for the running threads."""
        self._closing = True
        self.wait()

    def wait(self) -> None:
        """Wait until no thread is running."""
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
        """Compare every byte of a snapshot with its manifest, in the background; call `report` if one differs."""

        def work() -> None:
            try:
                snapshot.verify()
            except SnapshotError as error:
                report(snapshot, error)
            except OSError:  # deleted in the meantime, since another snapshot serves
                return

        self._start(work)

    def rebuild(self, damaged: str | None = None) -> None:
        """Build a snapshot of the same kind as the serving one, in the background, unless a build is running.

        Args:
            damaged: the name of a damaged snapshot; nothing is built if it no longer serves. None: build in any case.
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
                # The service answers from the catalogue without a snapshot; a later write starts the next build.
                self._not_before = time.monotonic() + RETRY_S
                log.exception("the index snapshot could not be made")
            finally:
                self._building = False

        self._start(work)


@contextmanager
def building(folder: Path) -> Iterator[bool]:
    """Hold the file lock for builds in a folder, without waiting; yields False if another process holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def make(
    folder: Path, catalogue: Catalogue, model: ModelEntry, kind: IndexKind | None = None, queries: Vectors | None = None
) -> Manifest:
    """Build a snapshot and serve it. The caller holds the file lock (`building`).

    Args:
        folder: the folder of all snapshots.
        catalogue: the source of the vectors.
        model: the model whose vectors to index.
        kind: the kind of index; None for the exact one.
        queries: (M, dim) vectors of text queries, to measure the recall of an approximate kind with.

    Raises:
        RecallError: the recall is too low; the previous snapshot goes on serving.
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


def serve(folder: Path, catalogue: Catalogue, model: ModelEntry, name: str) -> None:
    """Serve a snapshot. The caller holds the file lock (`building`)."""
    kinds = [kind_and_queries(folder / n)[0] for n in (name, model.snapshot) if n is not None]
    # Exact indexes give the same order, so cached answers stay valid; an approximate one may change it.
    reorders = any(kind.factory != "Flat" for kind in kinds)
    catalogue.serve_snapshot(model.number, name, reorders)


def clear_away(folder: Path, catalogue: Catalogue) -> None:
    """Delete this catalogue's snapshots, also half-written ones, except the serving and the previous one.

    A process that has one open keeps its memory map. Other files in the folder are left alone.
    """
    kept = catalogue.snapshots()
    own = re.compile(rf"\.?{catalogue.name}-g\d+-[0-9a-f]{{8}}(\.[0-9a-f]{{8}})?")
    for path in folder.iterdir():
        if path.is_dir() and own.fullmatch(path.name) and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
