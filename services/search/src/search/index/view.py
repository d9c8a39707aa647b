"""An immutable view of the index at one sequence number of the catalogue, from which queries are answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from servicekit.records import Filter, Sort

from search.catalogue import full_text
from search.catalogue.catalogue import Catalogue
from search.catalogue.listing import listed
from search.catalogue.tables import Held, State
from search.index.approximate import Approximate
from search.index.delta import Part
from search.index.exact import Mask, Rows, Vectors, top, top_with_ties

# Filter results cached per view; each takes one byte per picture.
MASKS = 32


class StaleViewError(Exception):
    """Pictures of this view have been compacted away; retry with a newer view."""


class ScoredId(NamedTuple):
    """A picture and its score. `key` is the sort key; it is unique, since ties are broken by id."""

    score: float
    id: str
    # The round of the approximate index that found it, 0 in an exact answer; of a listing, see `listing.placed`.
    layer: int = 0

    @property
    def key(self) -> tuple[int, float, str]:
        """The sort key: round, descending score, id."""
        return (self.layer, -self.score, self.id)


@dataclass(frozen=True)
class View:
    """The vectors at one sequence number: those of the snapshot's files and those of the delta."""

    catalogue: Catalogue
    state: State
    parts: tuple[Part, ...]
    # The Faiss index over the first part; None if the snapshot is exact.
    approximate: Approximate | None = None
    # Identifies the sort order; cursors of another order are rejected.
    order: str = "exact"
    # Cached masks by filter.
    _masks: dict[str, list[Mask]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many pictures are not deleted."""
        return sum(part.living for part in self.parts)

    def nearest(self, query: Vectors, count: int, where: Filter | None = None) -> list[ScoredId]:
        """At least the best `count` hits for a unit vector (dim,), in order; fewer if no more exist.

        The first k hits do not depend on `count`. With a filter the answer is always exact.
        """
        if self.approximate and where is None:
            hits: list[ScoredId] = []
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

    def full_text(
        self,
        words: Sequence[str],
        count: int,
        where: Filter | None = None,
        without: Sequence[str] = (),
        line: str = "",
    ) -> list[ScoredId]:
        """The best `count` hits by BM25, in order; see `full_text.full_text`."""
        reader = self.catalogue.database.reader
        return [ScoredId(*found) for found in full_text.full_text(reader, words, count, where, without, line)]

    def holders(self, words: Sequence[str], ids: Sequence[str]) -> list[Held]:
        """For each word its weight and the pictures among some that have it; see `full_text.holders`."""
        return full_text.holders(self.catalogue.database.reader, words, ids, self.count)

    def in_a_line(self, line: str, ids: Sequence[str]) -> set[str]:
        """The pictures among some in which all words of a search follow each other; see `full_text.in_a_line`."""
        return full_text.in_a_line(self.catalogue.database.reader, line, ids)

    def listed(self, sort: Sort, count: int, where: Filter | None = None) -> list[ScoredId]:
        """The first `count` pictures in an order; see `listing.listed`."""
        return [ScoredId(*found) for found in listed(self.catalogue.database.reader, sort, count, where)]

    def vectors(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors, each (dim,), of the ids that exist."""
        return self.catalogue.vectors(ids, self.state.model) if self.state.model else {}

    def matching(self, where: Filter | None) -> int:
        """How many pictures match a filter."""
        if where is None:
            return self.count
        return sum(int(mask.sum()) for mask in self._allowed(where) if mask is not None)

    def _named(self, scores: Vectors, rows: Rows, layer: int) -> list[ScoredId]:
        """Hits with the ids of their rows, sorted.

        Args:
            scores: (K,).
            rows: (K,) rows of the catalogue.
            layer: the round that found them.

        Raises:
            StaleViewError: a row has been compacted away.
        """
        ids = self.catalogue.ids([int(row) for row in rows])
        if len(ids) < len(rows):
            raise StaleViewError
        hits = [ScoredId(float(s), ids[int(r)], layer) for s, r in zip(scores, rows, strict=True)]
        return sorted(hits, key=lambda hit: hit.key)

    def _allowed(self, where: Filter | None) -> list[Mask | None]:
        """For each part the mask of the vectors that are not deleted and match the filter; None for all."""
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
        """Scores and rows of each round of the approximate index, merged with the vectors of the delta.

        A vector of the delta joins the first round whose lowest score it reaches. The last layer is an exact search
        over the vectors that no round has found, so that pagination reaches every picture.
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
    """Concatenate the scores and rows of several parts."""
    scores, rows = [np.empty(0, np.float32)], [np.empty(0, np.int64)]
    for some_scores, some_rows in found:
        scores.append(some_scores)
        rows.append(some_rows)
    return np.concatenate(scores), np.concatenate(rows)


def at_least(vectors: Vectors, query: Vectors, least: float, mask: Mask) -> tuple[Vectors, Rows]:
    """Scores and positions of the vectors whose score is at least `least`, best first.

    Args:
        vectors: (N, dim).
        query: (dim,).
        least: the lowest score.
        mask: (N,) bool, the vectors to search.
    """
    count = 64
    while True:
        scores, positions = top(vectors, query, count, mask)
        if len(scores) < count or scores[-1] < least:
            return scores[scores >= least], positions[scores >= least]
        count *= 2


def isin_sorted(rows: Rows, wanted: Rows) -> Mask:
    """A mask of the rows that are among `wanted`, which must be ascending."""
    if not len(wanted):
        return np.zeros(len(rows), np.bool_)
    place = np.minimum(np.searchsorted(wanted, rows), len(wanted) - 1)
    found: Mask = wanted[place] == rows
    return found
