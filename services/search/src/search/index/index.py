"""The index: the serving snapshot plus a delta in memory. It catches up with the catalogue before every answer."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
from servicekit.records import Filter

from search.catalogue.catalogue import Catalogue
from search.catalogue.tables import ModelEntry, State
from search.index.delta import Delta, Part
from search.index.exact import Mask
from search.index.maintenance import Maintenance, building, make
from search.index.snapshots import Snapshot, SnapshotError
from search.index.view import View, isin_sorted

log = logging.getLogger(__name__)


class Index:
    """Returns immutable views. Read-your-writes holds across all processes that serve the same catalogue."""

    def __init__(self, catalogue: Catalogue, folder: Path, snapshot_rows: int) -> None:
        """Open the index; the snapshot is read at the first call of `view`.

        Args:
            catalogue: the catalogue that the index is derived from.
            folder: the folder of the snapshots.
            snapshot_rows: a new snapshot is built after this many added or deleted vectors, and at least a tenth of the
                vectors in the serving snapshot.
        """
        self._catalogue, self._folder, self._snapshot_rows = catalogue, folder, snapshot_rows
        self._lock = threading.Lock()
        self._model: ModelEntry | None = None
        self._snapshot: Snapshot | None = None
        # The vectors of the snapshot that are not deleted; None for all.
        self._alive: Mask | None = None
        self._delta: Delta | None = None
        self._view = View(catalogue, State(0, None, 0), ())
        self.maintenance = Maintenance(catalogue, folder)
        # Damaged snapshots by name, with what is wrong; these are not opened again.
        self._damaged: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """What is wrong with the snapshot that the catalogue names; None if it is intact."""
        return self._damaged.get((self._model and self._model.snapshot) or "")

    def prepare(self, model: ModelEntry) -> None:
        """Build the snapshot of a model that is about to serve, unless it has one or a build is running."""
        if model.snapshot is None:
            with building(self._folder) as alone:
                if alone:
                    make(self._folder, self._catalogue, model)

    @property
    def kind(self) -> str:
        """The kind of index that serves, as a string."""
        return str(self._snapshot.manifest.kind) if self._snapshot else "Flat"

    def close(self) -> None:
        """Wait for background work."""
        self.maintenance.close()

    def view(self) -> View:
        """An up-to-date view: it contains every write that was committed before the call."""
        view, wanted = self._view, self._catalogue.state()
        if view.state != wanted:
            with self._lock:
                # Another thread may have caught up already. A view newer than `wanted` is enough: waiting for the
                # latest write would never end under a steady write load.
                if self._view.state != wanted and self._view.state.seq <= wanted.seq:
                    try:
                        while not self._advance(self._catalogue.state()):
                            pass
                    except BaseException:
                        # The delta may be half updated: drop it, so that the next call starts from the snapshot.
                        self._delta = None
                        raise
                view = self._view
        return view

    def _advance(self, state: State) -> bool:
        """Apply the catalogue's changes since the last view; False if another model took over in between."""
        model = state.model
        if model is None:
            self._view = View(self._catalogue, state, ())
            return True
        after = self._view.state.seq
        if self._delta is None or model != self._model:
            after = self._restart(model)
        with self._catalogue.changes(after, model) as changes:
            if changes.state.model != model:
                return False
            self._forget(changes.removed)
            # Deletes that were compacted since `after` are not in the list of changes.
            if after < changes.state.compacted:
                self._forget_all_but_known()
            for rows, vectors in changes.added:
                if self._snapshot is not None:
                    self._forget([int(r) for r in rows[isin_sorted(rows, self._snapshot.rows)]], delta=False)
                assert self._delta is not None
                self._delta.append(rows, vectors)
        self._show(changes.state)
        return True

    def _restart(self, model: ModelEntry) -> int:
        """Reset to the snapshot that the catalogue names, or to empty; return the sequence number it contains."""
        self._model, self._delta = model, Delta(model.dim)
        self._snapshot, self._alive = None, None
        if model.snapshot is None and len(self._catalogue.matching(Filter())) >= self._snapshot_rows:
            # Before any vector is read: all of them in the delta could take all memory.
            try:
                self.prepare(model)
            except Exception:
                log.exception("the first index snapshot could not be made; serving from the catalogue")
        if model.snapshot is None or model.snapshot in self._damaged:
            return 0
        try:
            snapshot = Snapshot(self._folder / model.snapshot)
            made_for = (snapshot.manifest.catalogue, snapshot.manifest.model_id, snapshot.manifest.dim)
            if made_for != (self._catalogue.name, model.model_id, model.dim):
                raise SnapshotError(f"index snapshot {snapshot.name} is of another catalogue or model")
        except SnapshotError as error:
            self._report(model.snapshot, error)
            return 0
        self._snapshot = snapshot
        self.maintenance.verify(snapshot, self._begin_anew)
        return snapshot.manifest.seq

    def _report(self, name: str, error: SnapshotError) -> None:
        """Log a damaged snapshot and rebuild it. Until then the vectors are read from the catalogue."""
        log.warning("%s; serving from the catalogue and building it again", error)
        self._damaged[name] = str(error)
        self.maintenance.rebuild(damaged=name)

    def _begin_anew(self, snapshot: Snapshot, error: SnapshotError) -> None:
        """Stop using a snapshot that the background verification has found damaged."""
        with self._lock:
            self._report(snapshot.name, error)
            if self._snapshot is snapshot:
                self._delta, self._view = None, View(self._catalogue, State(0, None, 0), ())

    def _forget(self, rows: list[int], delta: bool = True) -> None:
        """Mark rows as deleted in the snapshot and, with `delta`, in the delta.

        The snapshot's mask is copied on write, since views share it.
        """
        if delta and self._delta is not None:
            self._delta.forget(rows)
        if self._snapshot is not None and rows:
            known = self._snapshot.rows
            wanted = np.array(rows, np.int64)
            places = np.searchsorted(known, wanted[isin_sorted(wanted, known)])
            if len(places):
                alive = np.ones(len(known), np.bool_) if self._alive is None else self._alive.copy()
                alive[places] = False
                self._alive = alive

    def _forget_all_but_known(self) -> None:
        """Mark all rows as deleted that are no longer in the catalogue."""
        known = self._catalogue.matching(Filter())
        for part in self._parts():
            self._forget([int(row) for row in part.rows[~isin_sorted(part.rows, known)]])

    def _parts(self) -> tuple[Part, ...]:
        parts = [] if self._delta is None else [self._delta.part()]
        if self._snapshot is not None:
            parts.insert(0, Part(self._snapshot.vectors, self._snapshot.rows, self._alive))
        return tuple(parts)

    def _show(self, state: State) -> None:
        """Publish the current state as the new view, and start a rebuild if the snapshot is too far behind."""
        parts = self._parts()
        approximate = self._snapshot.approximate if self._snapshot else None
        order = self._snapshot.name if self._snapshot and approximate else "exact"
        self._view = View(self._catalogue, state, parts, approximate, order)
        made = self._snapshot.manifest.count if self._snapshot else 0
        changed = sum(len(p.rows) for p in parts) - made + (made - parts[0].living if self._snapshot else 0)
        if changed >= max(self._snapshot_rows, made // 10):
            self.maintenance.rebuild()
