"""The index as it is at one change of the catalogue: what a query is answered from, and no write can alter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from servicekit.records import Filter

from search.catalogue.catalogue import Catalogue
from search.catalogue.tables import State
from search.index.approximate import Approximate
from search.index.delta import Part
from search.index.exact import Mask, Rows, Vectors, top, top_with_ties

# Filters whose result is kept: each is a byte a picture.
MASKS = 32


class StaleViewError(Exception):
    """Pictures of this view were forgotten for good meanwhile; a newer view answers."""


class Hit(NamedTuple):
    """A picture and its score. Hits are in the order of `key`, which no two share."""

    score: float
    id: str
    # Which look of an approximate index found it; an exact answer has one alone.
    layer: int = 0

    @property
    def key(self) -> tuple[int, float, str]:
        """Its place in a ranking."""
        return (self.layer, -self.score, self.id)


@dataclass(frozen=True)
class View:
    """Vectors of one moment, in a snapshot's files and in memory."""

    catalogue: Catalogue
    state: State
    parts: tuple[Part, ...]
    # Over the first part, while it is that of an approximate snapshot.
    approximate: Approximate | None = None
    # Names the order of the answers: cursors of another do not fit.
    order: str = "exact"
    # Results of filters that were asked for in this view.
    _masks: dict[str, list[Mask]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pictures can be found."""
        return sum(part.living for part in self.parts)

    def nearest(self, query: Vectors, count: int, where: Filter | None = None) -> list[Hit]:
        """At least the best `count` for a unit vector (dim,), as far as they exist, in order.

        The first k are the same for every count. With a filter the answer is always exact.
        """
        if self.approximate and where is None:
            hits: list[Hit] = []
            for layer, found in enumerate(self._layers(query, self.approximate)):
                hits += self._named(*found, layer)
                if len(hits) >= count:
                    break
            return hits
        scores, rows = joined(
            (found[0], part.rows[found[1]])
            for part, mask in zip(self.parts, self._allowed(where), strict=True)
            for found in [top_with_ties(part.vectors, query, count, mask)]
        )
        if len(scores) > count:
            least = np.partition(scores, len(scores) - count)[len(scores) - count]
            scores, rows = scores[scores >= least], rows[scores >= least]
        return self._named(scores, rows, 0)

    def full_text(self, words: Sequence[str], count: int, where: Filter | None = None) -> list[Hit]:
        """The best `count` whose caption, tags or file name hold any of the words, as far as they exist, in order."""
        return [Hit(*found) for found in self.catalogue.full_text(words, count, where)]

    def vectors(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors, each (dim,), of those ids that exist."""
        return self.catalogue.vectors(ids, self.state.model) if self.state.model else {}

    def matching(self, where: Filter | None) -> int:
        """How many pictures a filter lets through."""
        if where is None:
            return self.count
        return sum(int(mask.sum()) for mask in self._allowed(where) if mask is not None)

    def _named(self, scores: Vectors, rows: Rows, layer: int) -> list[Hit]:
        """Hits with the ids of their rows, in order.

        Raises:
            StaleViewError: the catalogue has forgotten a row.
        """
        ids = self.catalogue.ids([int(row) for row in rows])
        if len(ids) < len(rows):
            raise StaleViewError
        hits = [Hit(float(s), ids[int(r)], layer) for s, r in zip(scores, rows, strict=True)]
        return sorted(hits, key=lambda hit: hit.key)

    def _allowed(self, where: Filter | None) -> list[Mask | None]:
        """For each part the vectors that count."""
        if where is None:
            return [part.alive for part in self.parts]
        name = where.model_dump_json()
        masks = self._masks.get(name)
        if masks is None:
            rows = self.catalogue.matching(where)
            masks = [
                isin_sorted(part.rows, rows) if part.alive is None else isin_sorted(part.rows, rows) & part.alive
                for part in self.parts
            ]
            if len(self._masks) >= MASKS:
                self._masks.clear()
            self._masks[name] = masks
        return [*masks]

    def _layers(self, query: Vectors, approximate: Approximate) -> Iterator[tuple[Vectors, Rows]]:
        """Scores and rows of each look of the approximate index, with what of the rest belongs among them.

        A vector outside the snapshot joins the first look whose least score it reaches. The last layer is an exact
        search for what no look has found, so that there are as many hits as there are pictures.
        """
        base, rest = self.parts[0], self.parts[1:]
        waiting = [np.ones(len(part.rows), np.bool_) if part.alive is None else part.alive.copy() for part in rest]
        unseen = np.ones(len(base.rows), np.bool_) if base.alive is None else base.alive.copy()
        for layer in approximate.layers(query):
            kept = unseen[layer.positions]
            unseen[layer.positions] = False
            found = [(layer.scores[kept], base.rows[layer.positions[kept]])]
            for part, mask in zip(rest, waiting, strict=True):
                scores, positions = at_least(part.vectors, query, float(layer.scores[-1]), mask)
                mask[positions] = False
                found.append((scores, part.rows[positions]))
            yield joined(found)
        masks = [unseen, *waiting]
        yield joined(
            (found[0], part.rows[found[1]])
            for part, mask in zip(self.parts, masks, strict=True)
            for found in [top(part.vectors, query, len(part.rows), mask)]
        )


def joined(found: Iterable[tuple[Vectors, Rows]]) -> tuple[Vectors, Rows]:
    """Scores and rows of several parts one after another."""
    scores, rows = [np.empty(0, np.float32)], [np.empty(0, np.int64)]
    for some_scores, some_rows in found:
        scores.append(some_scores)
        rows.append(some_rows)
    return np.concatenate(scores), np.concatenate(rows)


def at_least(vectors: Vectors, query: Vectors, least: float, mask: Mask) -> tuple[Vectors, Rows]:
    """Scores and positions of the vectors (N, dim) that score at least so much."""
    count = 64
    while True:
        scores, positions = top(vectors, query, count, mask)
        if len(scores) < count or scores[-1] < least:
            return scores[scores >= least], positions[scores >= least]
        count *= 2


def isin_sorted(rows: Rows, wanted: Rows) -> Mask:
    """Which of the rows are among the wanted ones, which are ascending."""
    if not len(wanted):
        return np.zeros(len(rows), np.bool_)
    place = np.minimum(np.searchsorted(wanted, rows), len(wanted) - 1)
    found: Mask = wanted[place] == rows
    return found
