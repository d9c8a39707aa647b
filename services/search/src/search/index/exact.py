"""Exact top-k by inner product, over vectors wherever they lie: in memory or in a mapped file."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]
Mask = NDArray[np.bool_]


# Faiss adds up in another order from ten thousand vectors on, and with a selector: of two unit vectors' products, each
# is within this of the true one. float32 numbers of up to a thousand terms differ by far less.
TOLERANCE = 1e-5


def top(vectors: Vectors, query: Vectors, count: int, mask: Mask | None = None) -> tuple[Vectors, Rows]:
    """The best `count` of vectors (N, dim) for a query (dim,), best first: scores and positions, both (count,).

    A vector's score is the same float32 wherever it lies and whatever else is asked for. Equal scores are in no order.
    `vectors` may be a memory map: nothing is copied.

    Args:
        mask: (N,), the vectors that count; None for all of them.

    Raises:
        ValueError: the query is not as long as a vector.
    """
    if query.shape != vectors.shape[1:]:  # Faiss would read past its end
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
    """The best `count` by scores that are right to `TOLERANCE`, best first."""
    scores, positions = np.empty(count, np.float32), np.empty(count, np.int64)
    bits = None if mask is None else np.packbits(mask, bitorder="little")
    selector = None if bits is None else faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    pointers = [faiss.swig_ptr(a) for a in (query, vectors, scores, positions)]
    # The function behind IndexFlatIP.search, which would want the vectors in memory of its own.
    search: Any = faiss.knn_inner_product  # its hints lack this overload
    search(*pointers[:2], vectors.shape[1], 1, len(vectors), count, *pointers[2:], selector)
    return scores, positions


def inner_products(vectors: Vectors, query: Vectors, positions: Rows) -> Vectors:
    """The scores (K,) of the vectors (N, dim) at positions (K,): each by itself, whatever stands beside it."""
    scores = np.empty(len(positions), np.float32)
    pointers = [faiss.swig_ptr(a) for a in (scores, query, vectors, positions)]
    products: Any = vars(faiss)["fvec_inner_products_by_idx"]  # its hints lack it
    products(*pointers, vectors.shape[1], 1, len(positions))
    return scores


def top_with_ties(vectors: Vectors, query: Vectors, count: int, mask: Mask | None = None) -> tuple[Vectors, Rows]:
    """As `top`, and every further vector whose score equals the last one's, so that a tie is never cut."""
    fetch = count + 1
    while True:
        scores, positions = top(vectors, query, fetch, mask)
        if len(scores) < fetch or scores[-1] < scores[count - 1]:
            return scores, positions
        fetch *= 2
