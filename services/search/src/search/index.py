"""The Faiss index: exact inner product over unit vectors, derived from the catalogue and disposable."""

from __future__ import annotations

import threading
from typing import NamedTuple

import faiss
import numpy as np
from numpy.typing import NDArray

from search.catalogue import Catalogue

Array = NDArray[np.float32]


class Hit(NamedTuple):
    """A picture and its cosine with the query."""

    score: float
    id: str


class Ranking(NamedTuple):
    """A page of hits in order, whether more follow, and the sequence number it was made at."""

    hits: list[Hit]
    more: bool
    seq: int


class Index:
    """A flat index that catches up with the catalogue before every answer, so that a client reads its own writes."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._lock = threading.Lock()
        self._faiss: faiss.IndexIDMap2 | None = None
        self._ids: dict[int, str] = {}
        self._seq = 0

    def _catch_up(self) -> None:
        if self._catalogue.seq == self._seq:
            return
        changes = self._catalogue.changes(self._seq)
        if changes.added and self._faiss is None:
            dim = len(changes.added[0][2]) // 4
            self._faiss = faiss.IndexIDMap2(faiss.IndexFlatIP(dim))
        stale = [row for row, _, _ in changes.added if row in self._ids]
        stale += [row for row in changes.removed if self._ids.pop(row, None) is not None]
        if self._faiss is not None and stale:
            self._faiss.remove_ids(faiss.IDSelectorBatch(np.array(stale, np.int64)))
        if self._faiss is not None and changes.added:
            vectors = np.frombuffer(b"".join(v for _, _, v in changes.added), "<f4").reshape(len(changes.added), -1)
            self._faiss.add_with_ids(vectors, np.array([row for row, _, _ in changes.added], np.int64))
            self._ids.update({row: picture_id for row, picture_id, _ in changes.added})
        self._seq = changes.seq

    def size(self) -> tuple[int, int]:
        """How many pictures can be found now, and the sequence number that this holds for."""
        with self._lock:
            self._catch_up()
            return len(self._ids), self._seq

    def search(self, vector: Array, k: int, after: Hit | None = None, exclude: str | None = None) -> Ranking:
        """The k best pictures for a unit vector (dim,), best first, equal scores by id.

        The same query on the same pictures gives the same order, and the first k are the same for every k.

        Args:
            after: the last hit of the page before; the answer begins with the next one.
            exclude: a picture that does not count, as when it is itself the query.
        """
        with self._lock:
            self._catch_up()
            total = len(self._ids)
            wanted = k + 1 + (exclude is not None)
            while True:
                ranked = self._top(vector, min(wanted, total))
                hits = [
                    h
                    for h in ranked
                    if h.id != exclude and (after is None or (-h.score, h.id) > (-after.score, after.id))
                ]
                if len(hits) > k or wanted >= total:
                    return Ranking(hits[:k], len(hits) > k, self._seq)
                wanted *= 2

    def _top(self, vector: Array, count: int) -> list[Hit]:
        """The `count` best and everything that ties with the last of them, in order."""
        if self._faiss is None or count == 0:
            return []
        fetch = count
        while True:
            fetch = min(fetch + 1, len(self._ids))
            scores, rows = self._faiss.search(vector.reshape(1, -1), fetch)
            # A tie that is cut off here would be broken by Faiss's own order: look past the last equal score.
            if fetch == len(self._ids) or scores[0, -1] < scores[0, count - 1]:
                hits = [Hit(float(s), self._ids[int(r)]) for s, r in zip(scores[0], rows[0], strict=True)]
                return sorted(hits, key=lambda h: (-h.score, h.id))
            fetch *= 2
