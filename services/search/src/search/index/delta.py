"""The delta: vectors that were written after the index snapshot, in memory."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from search.index.exact import Mask, Rows, Vectors


class Part(NamedTuple):
    """Vectors (N, dim), the catalogue's row of each (N,), and a mask (N,) of those not deleted (None: all)."""

    vectors: Vectors
    rows: Rows
    alive: Mask | None

    @property
    def living(self) -> int:
        """How many are not deleted."""
        return len(self.rows) if self.alive is None else int(np.count_nonzero(self.alive))


class Delta:
    """An append-only array of vectors. Arrays that `part` has returned are never modified, so readers need no lock."""

    def __init__(self, dim: int) -> None:
        self._vectors = np.empty((1024, dim), np.float32)
        self._rows = np.empty(1024, np.int64)
        self._alive: Mask | None = None
        self._count = 0
        self._place: dict[int, int] = {}

    def append(self, rows: Rows, vectors: Vectors) -> None:
        """Append vectors; one whose row is already in the delta replaces the earlier one."""
        self.forget([int(row) for row in rows if int(row) in self._place])
        end = self._count + len(rows)
        if end > len(self._rows):
            size = max(end, 2 * len(self._rows))
            self._vectors = enlarged(self._vectors, self._count, size)
            self._rows = enlarged(self._rows, self._count, size)
        self._vectors[self._count : end] = vectors
        self._rows[self._count : end] = rows
        if self._alive is not None:
            self._alive = np.concatenate([self._alive, np.ones(len(rows), np.bool_)])
        self._place.update(zip(map(int, rows), range(self._count, end), strict=True))
        self._count = end

    def forget(self, rows: list[int]) -> None:
        """Mark rows as deleted; rows that are not in the delta are ignored."""
        places = [self._place.pop(row) for row in rows if row in self._place]
        if places:
            alive = np.ones(self._count, np.bool_) if self._alive is None else self._alive.copy()
            alive[places] = False
            self._alive = alive

    def part(self) -> Part:
        """The current vectors, as an immutable view."""
        return Part(self._vectors[: self._count], self._rows[: self._count], self._alive)


def enlarged(array: NDArray[Any], count: int, size: int) -> NDArray[Any]:
    """A copy of the first `count` entries in a new array of length `size`."""
    longer = np.empty((size, *array.shape[1:]), array.dtype)
    longer[:count] = array[:count]
    return longer
