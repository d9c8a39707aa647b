"""What goes on beside the serving: generations made anew, checked and cleared away."""

from __future__ import annotations

import fcntl
import logging
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from search.approximate import Kind
from search.catalogue import Catalogue
from search.exact import Vectors
from search.generations import Generation, GenerationError, Manifest, build
from search.tables import Model

log = logging.getLogger(__name__)

# The least recall@10 against the exact index with which an approximate one may serve.
TARGET_RECALL = 0.95


class RecallError(Exception):
    """An approximate index finds less than it must; the message says how much."""


class Upkeep:
    """Runs one thing at a time in a thread of its own. Of several processes, one builds."""

    def __init__(self, catalogue: Catalogue, folder: Path) -> None:
        self._catalogue, self._folder = catalogue, folder
        self._lock = threading.Lock()
        self._closing = False
        self._threads: list[threading.Thread] = []
        self._building = False

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
        if not self._closing:
            thread = threading.Thread(target=work, name="upkeep", daemon=True)
            self._threads = [t for t in self._threads if t.is_alive()] + [thread]
            thread.start()

    def verify(self, generation: Generation, report: Callable[[Generation, GenerationError], None]) -> None:
        """Compare all of a generation with its manifest; a difference is reported."""

        def work() -> None:
            try:
                generation.verify()
            except GenerationError as error:
                report(generation, error)
            except OSError:  # cleared away since: another one serves
                return

        self._start(work)

    def rebuild(self, damaged: bool = False) -> None:
        """Make a generation of the same kind as the one that serves, unless that is going on already."""
        with self._lock:
            if self._building:
                return
            self._building = True

        def work() -> None:
            try:
                with building(self._folder) as alone:
                    model = self._catalogue.state().model
                    if alone and model is not None:
                        kind, queries = (None, None) if damaged else same_kind(self._folder, model)
                        make(self._folder, self._catalogue, model, kind, queries)
                        self._catalogue.compact()
            except Exception:
                # The catalogue serves without; the next change asks again.
                log.exception("the index generation could not be made")
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


def same_kind(folder: Path, model: Model) -> tuple[Kind | None, Vectors | None]:
    """The kind of the generation that serves, and the queries that it was measured on."""
    if model.generation is None:
        return None, None
    try:
        generation = Generation(folder / model.generation)
    except GenerationError:
        return None, None
    return generation.manifest.kind, generation.queries()


def make(
    folder: Path, catalogue: Catalogue, model: Model, kind: Kind | None = None, queries: Vectors | None = None
) -> Manifest:
    """Build a generation and let it serve. The caller has the right to build.

    Raises:
        RecallError: it would find less than it must; the one before goes on serving.
    """
    name = f"g{catalogue.state().seq}-{uuid.uuid4().hex[:8]}"
    manifest = build(folder / name, catalogue, model, kind, queries)
    try:
        if manifest.recall is not None and manifest.recall < TARGET_RECALL:
            raise RecallError(
                f"{manifest.kind} finds {manifest.recall:.3f} of the exact best ten; {TARGET_RECALL} is the least"
            )
        catalogue.serve_generation(model.number, name)
    except BaseException:
        shutil.rmtree(folder / name, ignore_errors=True)
        raise
    clear_away(folder, catalogue)
    return manifest


def clear_away(folder: Path, catalogue: Catalogue) -> None:
    """Remove generations that neither serve nor served before. A process that has one open keeps its map of it."""
    kept = catalogue.generations()
    for path in folder.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)
