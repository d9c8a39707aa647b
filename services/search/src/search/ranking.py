"""Ranks a query into a page of hits: vector search, full text, both by reciprocal rank fusion, or a listing.

Also exclusion of pictures, collapsing of near-duplicates, and pagination with a total order (ties are broken by id).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Literal, NamedTuple, Protocol

import numpy as np
from servicekit.records import Filter, Sort

from search.catalogue.full_text import LINE
from search.catalogue.tables import Held
from search.index.exact import Vectors
from search.index.view import ScoredId

Mode = Literal["vector", "text", "hybrid", "list"]
Key = tuple[int, float, str]

# The constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, 2009), and how many hits of each list are fused.
RRF_K = 60
FUSED = 1000
# In the fusion a hit of the full text counts by the share of the query that its texts hold, to this power: pictures
# with one word of three must not go before those that look like the query and have no words at all. Measured by
# benchmarks/hybrid.py: with the power 0, in a collection of which half has captions, the other half is not found.
SHARE_POWER = 3
# Vectors fetched per read when near-duplicates are collapsed.
BLOCK = 64


class Source(Protocol):
    """A consistent view of a collection: what a back end provides for ranking."""

    def nearest(self, query: Vectors, count: int, where: Filter | None = None) -> list[ScoredId]:
        """At least the best `count` hits for a unit vector (dim,) float32, in order; fewer if no more exist."""

    def full_text(
        self,
        words: Sequence[str],
        count: int,
        where: Filter | None = None,
        without: Sequence[str] = (),
        line: str = "",
    ) -> list[ScoredId]:
        """The best `count` hits by BM25, in order; fewer if no more exist.

        Args:
            words: hits have any of these.
            count: how many.
            where: the filter.
            without: hits have none of these.
            line: all words as they follow each other: hits in which it is written come first.
        """

    def holders(self, words: Sequence[str], ids: Sequence[str]) -> list[Held]:
        """For each word its weight, which is greater for rare words, and the pictures among some that have it.

        Args:
            words: the words. One that no picture has weighs as much as the rarest that some picture has could.
            ids: at most `FUSED` pictures.
        """

    def in_a_line(self, line: str, ids: Sequence[str]) -> set[str]:
        """The pictures among some in which `line`, all words of a search as they follow each other, is written."""

    def listed(self, sort: Sort, count: int, where: Filter | None = None) -> list[ScoredId]:
        """The first `count` pictures in an order, whose score is a time; fewer if no more exist."""

    def vectors(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors, each (dim,), of those ids that exist."""

    def matching(self, where: Filter | None) -> int:
        """How many pictures match a filter."""


@dataclass(frozen=True)
class Query:
    """What to rank by: `vector` for the modes vector and hybrid, `words` for the modes text and hybrid."""

    mode: Mode = "vector"
    # The order of the mode list.
    sort: Sort = "added"
    vector: Vectors | None = None
    words: Sequence[str] = ()
    # All words as they follow each other, in the form of `readings.line_of`; empty for a single word.
    line: str = ""
    # Whether what is written in pictures counts in the mode hybrid as what is told of them. If not, it only does for
    # pictures in which the line is written: a shirt that says "dog" is no dog.
    written: bool = False
    # Words that a hit of the full-text search has not.
    without: Sequence[str] = ()
    where: Filter | None = None
    # Pictures to leave out of the answer, such as those that the query is made of.
    exclude: frozenset[str] = frozenset()
    # Near-duplicates: a picture is skipped if its cosine with a hit that ranks before it is at least this.
    collapse: float | None = None


class Page(NamedTuple):
    """Hits in order, whether more follow, and how many near-duplicates were skipped from the first hit on."""

    hits: list[ScoredId]
    more: bool
    collapsed: int


def rank(source: Source, query: Query, k: int, after: Key | None = None, depth: int = 0) -> Page:
    """One page of a query: the first k hits, or the first k after a sort key.

    The order is total and does not depend on k, so pages neither overlap nor leave gaps. A page has k hits whenever as
    many exist, also after exclusion and collapsing.

    Args:
        source: the view of the collection.
        query: what to rank by.
        k: the size of the page.
        after: the sort key of the last hit of the page before; None for the first page.
        depth: how many hits the pages before held; a hint for the size of the first fetch.
    """
    first = depth + k + 1
    if query.collapse is not None:
        first += -first % BLOCK
    stream: Iterable[ScoredId] = (h for h in ordered(source, query, first) if h.id not in query.exclude)
    passed: list[ScoredId] = []
    if query.collapse is not None:
        stream = distinct(source, stream, query.collapse, passed)
    found = list(islice(following(stream, after, depth) if after else stream, k + 1))
    return Page(found[:k], len(found) > k, len(passed))


def following(hits: Iterable[ScoredId], after: Key, depth: int) -> Iterator[ScoredId]:
    """The hits after the last one of the page before.

    A write changes all scores of BM25 and of fused rankings a little. So the last hit is looked for by its id, around
    where it was; its sort key stands for it where it is gone.

    Args:
        hits: all hits, in order.
        after: the sort key of the last hit of the page before.
        depth: how many hits the pages before held.
    """
    stream = iter(hits)
    head = list(islice(stream, 2 * depth))
    place = next((i for i, hit in enumerate(head) if hit.id == after[2]), None)
    if place is None:
        yield from (hit for hit in chain(head, stream) if hit.key > after)
    else:
        yield from head[place + 1 :]
        yield from stream


def ordered(source: Source, query: Query, first: int) -> Iterator[ScoredId]:
    """All hits of a query in order, lazily: `first` is how many to fetch at once."""
    first += len(query.exclude)

    def full_text(count: int) -> list[ScoredId]:
        return source.full_text(query.words, count, query.where, query.without, query.line)

    if query.mode == "text":
        yield from deepening(full_text, first)
        return
    if query.mode == "list":
        yield from deepening(lambda count: source.listed(query.sort, count, query.where), first)
        return
    vector = query.vector
    assert vector is not None

    def nearest(count: int) -> list[ScoredId]:
        return source.nearest(vector, count, query.where)

    if query.mode == "vector":
        yield from deepening(nearest, first)
        return
    told = full_text(FUSED)
    fused = fuse(nearest(FUSED)[:FUSED], told, weights(source, query, told))
    yield from fused
    # Pictures in neither list follow in the order of their cosines.
    known = {hit.id for hit in fused}
    yield from (h._replace(layer=h.layer + 1) for h in deepening(nearest, 2 * FUSED) if h.id not in known)


def deepening(fetch: Callable[[int], list[ScoredId]], first: int) -> Iterator[ScoredId]:
    """Hits of a list, lazily: `fetch(count)` is called with a count that doubles each time the list is used up."""
    done, count = 0, first
    while True:
        hits = fetch(count)
        yield from hits[done:]
        if len(hits) < count:
            return
        done, count = len(hits), 2 * len(hits)


def weights(source: Source, query: Query, hits: Sequence[ScoredId]) -> list[float]:
    """For each hit of a full-text search its weight in the fusion.

    It is the share of the query's words, by their weights, that the picture's texts hold, to the power of
    `SHARE_POWER`; where the query is written in one line, that times `LINE`.
    """
    held = dict.fromkeys((hit.id for hit in hits), 0.0)
    in_a_line = source.in_a_line(query.line, list(held))
    shown = set(held) if query.written else in_a_line
    whole = 0.0
    for weight, told, by_text in source.holders(query.words, list(held)) if hits else []:
        whole += weight
        for picture_id in told | (by_text & shown):
            held[picture_id] += weight
    return [(held[hit.id] / whole) ** SHARE_POWER * (LINE if hit.id in in_a_line else 1) for hit in hits]


def fuse(near: Sequence[ScoredId], told: Sequence[ScoredId], weights: Sequence[float]) -> list[ScoredId]:
    """Reciprocal rank fusion of the nearest pictures and the hits of the full text, by their weights.

    Ties are broken by id.
    """
    sums = {hit.id: 1 / (RRF_K + place) for place, hit in enumerate(near, 1)}
    for place, (hit, weight) in enumerate(zip(told, weights, strict=True), 1):
        sums[hit.id] = sums.get(hit.id, 0) + weight / (RRF_K + place)
    return sorted((ScoredId(total, picture_id) for picture_id, total in sums.items()), key=lambda hit: hit.key)


def distinct(source: Source, hits: Iterable[ScoredId], least: float, passed: list[ScoredId]) -> Iterator[ScoredId]:
    """Collapse near-duplicates: yield the hits whose cosine with every hit yielded before is below `least`.

    Args:
        source: the view of the collection, for the vectors.
        hits: all hits, in order.
        least: the cosine from which on a hit is a near-duplicate.
        passed: the skipped hits are appended to it.
    """
    kept: Vectors | None = None
    stream = iter(hits)
    while block := list(islice(stream, BLOCK)):
        known = source.vectors([hit.id for hit in block])
        # A picture that was deleted after the view was taken has no vector; it is never a near-duplicate.
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
        return terms[0][1]  # unchanged: normalising again could change the last bit
    total = np.sum([np.float64(weight) * vector.astype(np.float64) for weight, vector in terms], axis=0)
    length = float(np.linalg.norm(total))
    if length < 1e-6:
        return None
    unit: Vectors = (total / length).astype(np.float32)
    return unit
