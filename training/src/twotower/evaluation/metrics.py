"""Retrieval metrics: recall@k, average precision, mAP@R, and bootstrap intervals.

Scores are float32. Ties count against the model: of equal scores, irrelevant pictures rank first.
"""

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

# For each query the rows of its relevant pictures: at least one.
Relevant = Sequence[Ints]

KS = (1, 5, 10)
# Queries scored at a time: bounds the memory of the score matrix.
BLOCK = 512
# Pictures drawn per batch of bootstrap samples: bounds the memory.
DRAWN_AT_ONCE = 2**21


@dataclass(frozen=True)
class Figure:
    """A metric's value and its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.1f} ({self.low:.1f} to {self.high:.1f})"


def check(vectors: Array, what: str) -> None:
    """Refuse vectors with NaN or infinity, whose scores cannot be ranked.

    Raises:
        ValueError: a vector is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError(f"{what}: {int((~np.isfinite(vectors)).any(1).sum())} vectors are not finite")


def in_blocks(queries: Array, gallery: Array, rank: Callable[[Array, slice], NDArray[Any]]) -> NDArray[Any]:
    """Apply `rank` to the scores of one block of queries at a time; concatenate the results.

    Args:
        queries: (Q, D) unit vectors.
        gallery: (N, D) unit vectors.
        rank: maps the scores (B, N) of a block and the block's slice of the queries to a value per query.
    """
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
        # >= counts the own score, so ranks start at 1, and counts ties against the model.
        ranks: Ints = (scores >= own).sum(1)
        return ranks

    return in_blocks(texts, images, rank).astype(np.int64)


def image_to_text_ranks(texts: Array, images: Array, owner: Ints) -> Ints:
    """The rank, from 1, of each picture's best own text among all texts (Karpathy's protocol).

    A picture's other own texts do not count; texts of other pictures that tie do.

    Args:
        texts: (T, D) unit vectors.
        images: (N, D) unit vectors.
        owner: (T,) the row of each text's picture.
    """

    def rank(scores: Array, part: slice) -> Ints:
        own = owner[None] == np.arange(part.start, part.stop)[:, None]
        best = np.where(own, scores, -np.inf).max(1, keepdims=True)
        ranks: Ints = 1 + ((scores >= best) & ~own).sum(1)
        return ranks

    return in_blocks(images, texts, rank).astype(np.int64)


def marked(relevant: Relevant, count: int) -> NDArray[np.bool_]:
    """The relevant pictures of some queries as a matrix, (Q, count) bool."""
    matrix = np.zeros((len(relevant), count), bool)
    for row, right in zip(matrix, relevant, strict=True):
        row[right] = True
    return matrix


def precisions(queries: Array, images: Array, relevant: Relevant, at_r: bool) -> Floats:
    """The average precision of each query, over the whole ranking or, `at_r`, over the first R (mAP@R).

    mAP@R (Musgrave et al., 2020, arXiv 2003.08505) divides by R, the number of relevant pictures, and considers only
    the first R ranks: 1.0 if these are exactly the relevant ones.

    Args:
        queries: (Q, D) unit vectors.
        images: (N, D) unit vectors.
        relevant: for each query the rows of its relevant pictures.
        at_r: consider only the first R ranks.
    """

    def rank(scores: Array, part: slice) -> Floats:
        values = np.empty(len(scores))
        for i, (row, truth) in enumerate(zip(scores, marked(relevant[part], len(images)), strict=True)):
            order = np.lexsort((truth, -row))  # ties: irrelevant pictures rank first
            hits = truth[order]
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            count = int(truth.sum())
            end = count if at_r else len(hits)
            values[i] = precision[:end][hits[:end]].sum() / count
        return values

    return in_blocks(queries, images, rank).astype(np.float64)


def first_is_right(queries: Array, images: Array, relevant: Relevant) -> NDArray[np.bool_]:
    """Precision@1: whether each query's best relevant picture scores above all irrelevant ones, (Q,) bool.

    Args:
        queries: (Q, D) unit vectors.
        images: (N, D) unit vectors.
        relevant: for each query the rows of its relevant pictures.
    """

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
    """Recall@k in percent: how often a text's own picture is among the best k.

    Args:
        texts: (T, D) unit vectors.
        images: (N, D) unit vectors.
        owner: (T,) the row of each text's picture.
        ks: the values of k.
    """
    return recall(text_to_image_ranks(texts, images, owner), ks)


def with_interval(values: Floats | NDArray[np.bool_], owner: Ints, scale: float = 100, draws: int = 2000) -> Figure:
    """The mean over queries, and its 95 % bootstrap interval over pictures (cluster bootstrap).

    All queries of a picture are resampled together: five captions of one picture are not five independent trials.

    Args:
        values: (Q,) one value per query.
        owner: (Q,) the picture of each query.
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
        # In batches: all 2000 samples of thirty thousand pictures would take a gigabyte.
        batch=max(1, DRAWN_AT_ONCE // len(counts)),
        rng=np.random.default_rng(0),
    )
    return Figure(mean, float(drawn.confidence_interval.low), float(drawn.confidence_interval.high))
