"""Retrieval metrics. Scores are float32 and ties count against the model: equal scores are ranked worst first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


def text_to_image_recall(
    texts: Array, images: Array, owner: NDArray[np.int64], ks: tuple[int, ...] = (1, 5, 10)
) -> dict[str, float]:
    """Recall@k in percent: how often the one right picture is among the k best.

    Args:
        texts: (T, D) unit vectors.
        images: (N, D) unit vectors.
        owner: (T,) the row of each text's picture.
    """
    scores = texts @ images.T
    right = scores[np.arange(len(texts)), owner][:, None]
    # The right picture's own score is among those counted, so this is its worst rank, from 1.
    rank = (scores >= right).sum(1)
    return {f"R@{k}": 100 * float((rank <= k).mean()) for k in ks}


def mean_average_precision(queries: Array, images: Array, relevant: NDArray[np.bool_]) -> float:
    """Mean over queries of the average precision over the whole ranking, in percent.

    Args:
        queries: (Q, D) unit vectors.
        images: (N, D) unit vectors.
        relevant: (Q, N), at least one true in each row.
    """
    scores = queries @ images.T
    values = []
    for row, truth in zip(scores, relevant, strict=True):
        order = np.lexsort((truth, -row))  # within a tie the wrong pictures come first
        hits = truth[order]
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        values.append(precision[hits].mean())
    return 100 * float(np.mean(values))
