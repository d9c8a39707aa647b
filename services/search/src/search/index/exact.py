"""Exact top-k by inner product, over vectors in memory or in a memory map."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


# Rounding error of an inner product of unit vectors. Faiss sums in another order from ten thousand vectors on, and with
# a selector, so scores differ in the last bits. The float32 error of a sum of up to a thousand terms is far smaller.
TOLERANCE = 1e-5


def top(vectors: Vectors, query: Vectors, count: int, mask: Mask | None = None) -> tuple[Vectors, Rows]:
    """The best `count` vectors for a query: scores and positions, both (count,), best first.

    A vector's score is bit for bit the same regardless of its position, the mask and `count`. Ties are in no order.

    Args:
        vectors: (N, dim) float32; may be a memory map, since nothing is copied.
        query: (dim,) float32.
        count: how many to return; fewer if N or the mask allows no more.
        mask: (N,) bool, the vectors to search; None for all of them.

    Raises:
        ValueError: the query's dimension is not that of the vectors.
    """
    if query.shape != vectors.shape[1:]:  # Faiss would read out of bounds
        raise ValueError(f"a query of {query.shape} for vectors of {vectors.shape}")
    available = len(vectors) if mask is None else int(np.count_nonzero(mask))
    count = min(count, available)
    if not count:
        return np.empty(0, np.float32), np.empty(0, np.int64)
    query = np.ascontiguousarray(query, np.float32)
    fetch = min(count + 8, available)
    while True:
        rough, positions = candidates(vectors, query, fetch, mask)
        if fetch == available or rough[-1] < rough[count - 1] - 2 * TOLERANCE:
            break
        fetch = min(2 * fetch, available)
    scores = inner_products(vectors, query, positions)
    order = np.argsort(-scores, kind="stable")[:count]
    return scores[order], positions[order]


def candidates(vectors: Vectors, query: Vectors, count: int, mask: Mask | None) -> tuple[Vectors, Rows]:
    """The best `count` vectors by approximate scores, whose error is within `TOLERANCE`, best first."""
    scores, positions = np.empty(count, np.float32), np.empty(count, np.int64)
    bits = None if mask is None else np.packbits(mask, bitorder="little")
    selector = None if bits is None else faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    pointers = [faiss.swig_ptr(a) for a in (query, vectors, scores, positions)]
    # The function behind IndexFlatIP.search; an IndexFlatIP would copy the vectors into memory.
    search: Any = faiss.knn_inner_product  # the type hints lack this overload
    search(*pointers[:2], vectors.shape[1], 1, len(vectors), count, *pointers[2:], selector)
    return scores, positions


def inner_products(vectors: Vectors, query: Vectors, positions: Rows) -> Vectors:
    """The scores (K,) of the vectors (N, dim) at positions (K,); each score is independent of the other vectors."""
    scores = np.empty(len(positions), np.float32)
    pointers = [faiss.swig_ptr(a) for a in (scores, query, vectors, positions)]
    products: Any = vars(faiss)["fvec_inner_products_by_idx"]  # missing from the type hints
    products(*pointers, vectors.shape[1], 1, len(positions))
    return scores


def top_with_ties(vectors: Vectors, query: Vectors, count: int, mask: Mask | None = None) -> tuple[Vectors, Rows]:
    """As `top`, plus every further vector that ties with the last one, so that a tie is never cut."""
    fetch = count + 1
    while True:
        scores, positions = top(vectors, query, fetch, mask)
        if len(scores) < fetch or scores[-1] < scores[count - 1]:
            return scores, positions
        fetch *= 2
