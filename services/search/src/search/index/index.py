"""The index: the serving snapshot and what came after it. It catches up with the catalogue before every answer."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import numpy as np
from servicekit.records import Filter

from search.catalogue.catalogue import Catalogue
from search.catalogue.tables import Model, State
from search.index.delta import Delta, Part
from search.index.exact import Mask
from search.index.maintenance import Maintenance, building, make
from search.index.snapshots import Snapshot, SnapshotError
from search.index.view import View, isin_sorted

log = logging.getLogger(__name__)


class Index:
    """Hands out views. A client reads its own writes through any process that serves the same catalogue."""

    def __init__(self, catalogue: Catalogue, folder: Path, snapshot_rows: int) -> None:
        """Over a catalogue, with its snapshots in a folder.

        Args:
            snapshot_rows: a snapshot is made anew when so many vectors, and a tenth of all, came or went after it.
        """
        self._catalogue, self._folder, self._snapshot_rows = catalogue, folder, snapshot_rows
        self._lock = threading.Lock()
        self._model: Model | None = None
        self._snapshot: Snapshot | None = None
        # Which vectors of the snapshot still count.
        self._alive: Mask | None = None
        self._delta: Delta | None = None
        self._view = View(catalogue, State(0, None, 0), ())
        self.maintenance = Maintenance(catalogue, folder)
        # What is wrong with snapshots, by name: one that is here is not opened again.
        self._damaged: dict[str, str] = {}

    @property
    def problem(self) -> str | None:
        """What is wrong with the snapshot that the catalogue names, until another takes its place."""
        return self._damaged.get((self._model and self._model.snapshot) or "")

    def prepare(self, model: Model) -> None:
        """Write a snapshot of a model that is to serve, unless it has one or one is being written just now."""
        if model.snapshot is None:
            with building(self._folder) as alone:
                if alone:
                    make(self._folder, self._catalogue, model)

    @property
    def kind(self) -> str:
        """How the index answers."""
        return str(self._snapshot.manifest.kind) if self._snapshot else "Flat"

    def close(self) -> None:
        """Wait for what is going on in the background."""
        self.maintenance.close()

    def view(self) -> View:
        """The index as the catalogue is now, or was at a moment since the call."""
        view, wanted = self._view, self._catalogue.state()
        if view.state != wanted:
            with self._lock:
                # Another thread may have been here. Writes go on: waiting for a view of the very last one would
                # have no end.
                if self._view.state != wanted and self._view.state.seq <= wanted.seq:
                    try:
                        while not self._advance(self._catalogue.state()):
                            pass
                    except BaseException:
                        # What it had taken over is not in the view: the next try begins anew.
                        self._delta = None
                        raise
                view = self._view
        return view

    def _advance(self, state: State) -> bool:
        """Take over what happened since the last view; False when another model began to serve in between."""
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
            # What was deleted before that and forgotten since is in no list of changes.
            if after < changes.state.compacted:
                self._forget_all_but_known()
            for rows, vectors in changes.added:
                if self._snapshot is not None:
                    self._forget([int(r) for r in rows[isin_sorted(rows, self._snapshot.rows)]], delta=False)
                assert self._delta is not None
                self._delta.append(rows, vectors)
        self._show(changes.state)
        return True

    def _restart(self, model: Model) -> int:
        """Begin with the snapshot that the catalogue names, or with nothing; the change up to which that is."""
        self._model, self._delta = model, Delta(model.dim)
        self._snapshot, self._alive = None, None
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
        """Say what is wrong with a snapshot. The catalogue has everything: serve from that, and make another."""
        log.warning("%s; serving from the catalogue and building it again", error)
        self._damaged[name] = str(error)
        self.maintenance.rebuild(damaged=name)

    def _begin_anew(self, snapshot: Snapshot, error: SnapshotError) -> None:
        """Without a snapshot that the check beside the serving has found damaged."""
        with self._lock:
            self._report(snapshot.name, error)
            if self._snapshot is snapshot:
                self._delta, self._view = None, View(self._catalogue, State(0, None, 0), ())

    def _forget(self, rows: list[int], delta: bool = True) -> None:
        """Rows that no longer count, in the snapshot and, unless said otherwise, in the delta."""
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
        """Keep only rows that the catalogue has."""
        known = self._catalogue.matching(Filter())
        for part in self._parts():
            self._forget([int(row) for row in part.rows[~isin_sorted(part.rows, known)]])

    def _parts(self) -> tuple[Part, ...]:
        parts = [] if self._delta is None else [self._delta.part()]
        if self._snapshot is not None:
            parts.insert(0, Part(self._snapshot.vectors, self._snapshot.rows, self._alive))
        return tuple(parts)

    def _show(self, state: State) -> None:
        """Make what is here the view that queries get; ask for a snapshot when much has changed since the last."""
        parts = self._parts()
        approximate = self._snapshot.approximate if self._snapshot else None
        order = self._snapshot.name if self._snapshot and approximate else "exact"
        self._view = View(self._catalogue, state, parts, approximate, order)
        made = self._snapshot.manifest.count if self._snapshot else 0
        changed = sum(len(p.rows) for p in parts) - made + (made - parts[0].living if self._snapshot else 0)
        if changed >= max(self._snapshot_rows, made // 10):
            self.maintenance.rebuild()
