"""Retrieval metrics. Scores are float32, and ties count against the model: of equal scores the wrong come first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

Array = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# The rows of the pictures that each query is true of: one at least, and few of all.
Relevant = Sequence[Ints]

KS = (1, 5, 10)
# Queries scored at a time, so that a gallery of any size needs memory for these rows only.
BLOCK = 512
# Pictures drawn at a time for an interval.
DRAWN_AT_ONCE = 2**21


@dataclass(frozen=True)
class Figure:
    """A figure and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def check(vectors: Array, what: str) -> None:
    """Refuse what has no rank.

    Raises:
        ValueError: a vector holds a number that is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError(f"{what}: {int((~np.isfinite(vectors)).any(1).sum())} vectors are not finite")


def in_blocks(queries: Array, gallery: Array, rank: Callable[[Array, slice], NDArray[Any]]) -> NDArray[Any]:
    """Apply `rank` to the scores of a block of queries at a time."""
    check(queries, "queries")
    check(gallery, "gallery")
    queries, gallery = queries.astype(np.float32), gallery.astype(np.float32)
    parts = []
    for start in range(0, len(queries), BLOCK):
        part = slice(start, min(start + BLOCK, len(queries)))
        parts.append(rank(queries[part] @ gallery.T, part))
    return np.concatenate(parts)


def text_to_image_ranks(texts: Array, images: Array, owner: Ints) -> Ints:
    """The rank, from 1, of each text's own picture.

    Args:
        texts: (T, D) unit vectors.
        images: (N, D) unit vectors.
        owner: (T,) the row of each text's picture.
    """

    def rank(scores: Array, part: slice) -> Ints:
        own = np.take_along_axis(scores, owner[part, None], axis=1)
        # The own score is among those counted.
        ranks: Ints = (scores >= own).sum(1)
        return ranks

    return in_blocks(texts, images, rank).astype(np.int64)


def image_to_text_ranks(texts: Array, images: Array, owner: Ints) -> Ints:
    """The rank, from 1, of the best placed of each picture's own texts among the texts of all (Karpathy's protocol).

    Own texts do not stand in each other's way; texts of other pictures with an equal score do.
    """

    def rank(scores: Array, part: slice) -> Ints:
        own = owner[None] == np.arange(part.start, part.stop)[:, None]
        best = np.where(own, scores, -np.inf).max(1, keepdims=True)
        ranks: Ints = 1 + ((scores >= best) & ~own).sum(1)
        return ranks

    return in_blocks(images, texts, rank).astype(np.int64)


def marked(relevant: Relevant, count: int) -> NDArray[np.bool_]:
    """The right pictures of some queries as a matrix, (Q, count) bool."""
    matrix = np.zeros((len(relevant), count), bool)
    for row, right in zip(matrix, relevant, strict=True):
        row[right] = True
    return matrix


def precisions(queries: Array, images: Array, relevant: Relevant, at_r: bool) -> Floats:
    """The average precision of each query, over the whole ranking or, `at_r`, over the first R (mAP@R).

    mAP@R (Musgrave et al., 2020, arXiv 2003.08505) divides by R, the number of relevant pictures, and looks at no more
    than R places: 1.0 when exactly the relevant ones are in front.

    Args:
        queries: (Q, D) unit vectors.
        images: (N, D) unit vectors.
        relevant: of each query the rows of its right pictures.
        at_r: stop after R places.
    """

    def rank(scores: Array, part: slice) -> Floats:
        values = np.empty(len(scores))
        for i, (row, truth) in enumerate(zip(scores, marked(relevant[part], len(images)), strict=True)):
            order = np.lexsort((truth, -row))  # within a tie the wrong pictures come first
            hits = truth[order]
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            count = int(truth.sum())
            end = count if at_r else len(hits)
            values[i] = precision[:end][hits[:end]].sum() / count
        return values

    return in_blocks(queries, images, rank).astype(np.float64)


def first_is_right(queries: Array, images: Array, relevant: Relevant) -> NDArray[np.bool_]:
    """Whether the best relevant picture of each query is ahead of every other one, (Q,) bool."""

    def rank(scores: Array, part: slice) -> NDArray[np.bool_]:
        truth = marked(relevant[part], len(images))
        right = np.where(truth, scores, -np.inf).max(1)
        wrong = np.where(truth, -np.inf, scores).max(1)
        ahead: NDArray[np.bool_] = right > wrong
        return ahead

    return in_blocks(queries, images, rank).astype(np.bool_)


def recall(ranks: Ints, ks: tuple[int, ...] = KS) -> dict[str, float]:
    """Recall@k in percent."""
    return {f"R@{k}": 100 * float((ranks <= k).mean()) for k in ks}


def text_to_image_recall(texts: Array, images: Array, owner: Ints, ks: tuple[int, ...] = KS) -> dict[str, float]:
    """Recall@k in percent: how often a text's own picture is among the k best."""
    return recall(text_to_image_ranks(texts, images, owner), ks)


def with_interval(values: Floats | NDArray[np.bool_], owner: Ints, scale: float = 100, draws: int = 2000) -> Figure:
    """The mean of a value over queries, and its 95 % bootstrap interval over pictures.

    The queries of one picture are drawn together: five captions of one picture are not five independent trials.

    Args:
        values: (Q,) one value a query.
        owner: (Q,) the picture that each query is about.
        scale: 100 for percent.
        draws: bootstrap samples.

    Raises:
        ValueError: there is no query.
    """
    if not len(values):
        raise ValueError("no query was measured")
    _, group = np.unique(owner, return_inverse=True)
    counts = np.bincount(group)
    sums = np.bincount(group, weights=values.astype(np.float64))
    mean = scale * float(sums.sum() / counts.sum())
    if len(counts) == 1:  # nothing to draw from
        return Figure(mean, mean, mean)
    drawn = bootstrap(
        (sums, counts),
        lambda sums, counts, axis: scale * sums.sum(axis) / counts.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=draws,
        # A few draws at a time: all of them, of thirty thousand pictures, would take a gigabyte.
        batch=max(1, DRAWN_AT_ONCE // len(counts)),
        rng=np.random.default_rng(0),
    )
    return Figure(mean, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high))
