"""From a query to a page of hits: vector, full text or both, excluded and near-duplicate pictures passed over."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple, Protocol

import numpy as np
from servicekit.records import Filter

from search.index.exact import Vectors
from search.index.view import Hit

Mode = Literal["vector", "text", "hybrid"]
Key = tuple[int, float, str]

# Reciprocal rank fusion's constant (Cormack, Clarke and Büttcher, 2009), and how much of each list is fused.
RRF_K = 60
FUSED = 1000
# How many hits' vectors are fetched at a time to look for near-duplicates.
BLOCK = 64


class Source(Protocol):
    """One moment of a collection: what a back end offers to rank with."""

    def nearest(self, query: Vectors, count: int, where: Filter | None = None) -> list[Hit]:
        """At least the best `count` for a unit vector (dim,), as far as they exist, in order."""

    def full_text(self, words: Sequence[str], count: int, where: Filter | None = None) -> list[Hit]:
        """The best `count` that hold any of the words, as far as they exist, in order."""

    def vectors(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors, each (dim,), of those ids that exist."""

    def matching(self, where: Filter | None) -> int:
        """How many pictures a filter lets through."""


@dataclass(frozen=True)
class Query:
    """What to rank by. A vector is given unless the mode is text, words unless it is vector."""

    mode: Mode = "vector"
    vector: Vectors | None = None
    words: Sequence[str] = ()
    where: Filter | None = None
    # Pictures that are no answer, as when they are the question.
    exclude: frozenset[str] = frozenset()
    # A picture whose cosine with one that ranks before it is at least this is passed over.
    collapse: float | None = None


class Page(NamedTuple):
    """Hits in order, whether more follow, and how many near-duplicates were passed over on the way."""

    hits: list[Hit]
    more: bool
    collapsed: int


def rank(source: Source, query: Query, k: int, after: Key | None = None, depth: int = 0) -> Page:
    """The first k hits of a query, or the first k after a hit's key.

    The order is total and the same for every k: a page is what follows the page before it, and k hits come whenever
    there are as many.

    Args:
        depth: how many hits lay before this page, as a hint of how far to look at once.
    """
    first = depth + k + 1
    if query.collapse is not None:
        first += -first % BLOCK
    stream: Iterable[Hit] = (h for h in ordered(source, query, first) if h.id not in query.exclude)
    passed: list[Hit] = []
    if query.collapse is not None:
        stream = distinct(source, stream, query.collapse, passed)
    found = list(islice((h for h in stream if after is None or h.key > after), k + 1))
    return Page(found[:k], len(found) > k, len(passed))


def ordered(source: Source, query: Query, first: int) -> Iterator[Hit]:
    """All hits of a query in order, looked for as far as they are taken."""
    first += len(query.exclude)
    if query.mode == "text":
        yield from deepening(lambda count: source.full_text(query.words, count, query.where), first)
        return
    vector = query.vector
    assert vector is not None

    def nearest(count: int) -> list[Hit]:
        return source.nearest(vector, count, query.where)

    if query.mode == "vector":
        yield from deepening(nearest, first)
        return
    lists = [nearest(FUSED)[:FUSED], source.full_text(query.words, FUSED, query.where)]
    fused = fuse(lists)
    yield from fused
    # What is in neither list follows in the order of the vectors.
    known = {hit.id for hit in fused}
    yield from (h._replace(layer=h.layer + 1) for h in deepening(nearest, 2 * FUSED) if h.id not in known)


def deepening(fetch: Callable[[int], list[Hit]], first: int) -> Iterator[Hit]:
    """Hits of a list that is fetched twice as far each time more of it is wanted."""
    done, count = 0, first
    while True:
        hits = fetch(count)
        yield from hits[done:]
        if len(hits) < count:
            return
        done, count = len(hits), 2 * len(hits)


def fuse(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """One ranking out of several by the sum of reciprocal ranks, equal sums by id."""
    sums: dict[str, float] = {}
    for hits in lists:
        for place, hit in enumerate(hits, 1):
            sums[hit.id] = sums.get(hit.id, 0) + 1 / (RRF_K + place)
    return sorted((Hit(total, picture_id) for picture_id, total in sums.items()), key=lambda hit: hit.key)


def distinct(source: Source, hits: Iterable[Hit], least: float, passed: list[Hit]) -> Iterator[Hit]:
    """Hits that no earlier kept one resembles; the others are appended to `passed`."""
    kept: Vectors | None = None
    stream = iter(hits)
    while block := list(islice(stream, BLOCK)):
        known = source.vectors([hit.id for hit in block])
        # A picture that was deleted a moment ago has no vector, and resembles nothing.
        new: list[Vectors] = []
        for hit in block:
            vector = known.get(hit.id)
            if vector is not None:
                against = [near @ vector for near in (kept, np.array(new)) if near is not None and len(near)]
                if any(float(cosines.max()) >= least for cosines in against):
                    passed.append(hit)
                    continue
                new.append(vector)
            yield hit
        if new:
            kept = np.array(new) if kept is None else np.concatenate([kept, new])


def combine(terms: Sequence[tuple[float, Vectors]]) -> Vectors | None:
    """The unit vector of a weighted sum of unit vectors (dim,); None when they cancel each other out."""
    if len(terms) == 1 and terms[0][0] > 0:
        return terms[0][1]  # as it is, to the last bit
    total = np.sum([np.float64(weight) * vector.astype(np.float64) for weight, vector in terms], axis=0)
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        return None
    unit: Vectors = (total / length).astype(np.float32)
    return unit
