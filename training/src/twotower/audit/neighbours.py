"""Which captions of other pictures say nearly the same, by sentence vectors: every caption against all others, once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from twotower.evaluation.metrics import Array, Floats, Ints

# Captions at a time: rows of that many cosines to all captions are in memory.
BLOCK = 256
# Cosines from which another picture is counted. What they mean is told in `positives.by_meaning`.
STEPS = (0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Neighbours:
    """Of each caption, (C,): how near the nearest caption of another picture and of its own picture are."""

    elsewhere: Floats
    # The picture, and which of all captions it is.
    picture: Ints
    caption: Ints
    # Not a number where a picture has one caption.
    sibling: Floats
    # (C, len(STEPS)): other pictures that have a caption so near.
    counts: Ints


def neighbours(vectors: Array, owner: Ints) -> Neighbours:
    """Compare all captions of two pictures or more.

    Args:
        vectors: (C, D) unit vectors.
        owner: (C,) the picture of each caption, in rising order.
    """
    first = np.searchsorted(owner, np.arange(owner[-1] + 1))
    count = len(owner)
    elsewhere, picture, caption = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64)
    sibling, counts = np.full(count, np.nan), np.empty((count, len(STEPS)), np.int64)
    for start in tqdm(range(0, count, BLOCK), desc="captions of other pictures", unit="block", leave=False):
        rows = np.arange(start, min(start + BLOCK, count))
        cosines = vectors[rows] @ vectors.T
        place = np.arange(len(rows))
        cosines[place, rows] = -1  # a caption is no sibling of its own
        best = np.maximum.reduceat(cosines, first, axis=1)
        own = best[place, owner[rows]]
        sibling[rows] = np.where(own > -1, own, np.nan)
        best[place, owner[rows]] = -1
        picture[rows] = best.argmax(1)
        elsewhere[rows] = best[place, picture[rows]]
        counts[rows] = [[(row >= step).sum() for step in STEPS] for row in best]
        ends = np.append(first[1:], count)
        for i, p in zip(place, picture[rows], strict=True):
            caption[rows[i]] = first[p] + cosines[i, first[p] : ends[p]].argmax()
    return Neighbours(elsewhere, picture, caption, sibling, counts)
