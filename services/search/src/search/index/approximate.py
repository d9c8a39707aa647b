"""Approximate kinds of the index: Faiss proposes, exact scores decide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
from pydantic import Field
from servicekit.wire import Wire

from search.index.exact import Rows, Vectors, top

# How many candidates the first look takes, and each further look twice as many.
POOL = 128
# How many vectors k-means sees for each of its centres.
TRAINING = 64
CHUNK = 65_536
AT = 10


class Kind(Wire):
    """A kind of index by its Faiss factory string ("Flat", "IVF4096,SQ8", "HNSW32"), and how far a search goes."""

    factory: str = "Flat"
    # IVF: lists that are looked into. HNSW: the breadth of the search.
    nprobe: int | None = Field(default=None, ge=1)
    ef_search: int | None = Field(default=None, ge=1)

    def __str__(self) -> str:
        """As a person reads it in a table."""
        given = {"nprobe": self.nprobe, "efSearch": self.ef_search}
        return " ".join([self.factory, *(f"{k}={v}" for k, v in given.items() if v is not None)])


class Layer(NamedTuple):
    """Candidates of one look: exact scores and positions, best first, and the least score among them."""

    scores: Vectors
    positions: Rows


class Approximate:
    """An opened approximate index beside the exact vectors that it was made of."""

    def __init__(self, path: Path, kind: Kind, vectors: Vectors) -> None:
        # The map keeps what is large where it is, in the file: lists of an IVF, codes and links of an HNSW.
        flag = faiss.IO_FLAG_MMAP if kind.factory.startswith("IVF") else faiss.IO_FLAG_MMAP_IFC
        self._index = faiss.read_index(str(path), flag)
        for name, value in (("nprobe", kind.nprobe), ("efSearch", kind.ef_search)):
            if value is not None:
                faiss.ParameterSpace().set_index_parameter(self._index, name, value)
        self._vectors = vectors

    def best(self, query: Vectors) -> Vectors:
        """The best ten scores that it finds for a query (dim,), best first."""
        first = next(self.layers(query), None)
        return np.empty(0, np.float32) if first is None else first.scores[:AT]

    def layers(self, query: Vectors) -> Iterator[Layer]:
        """Candidates for a query (dim,), look by look, each without those before.

        Each look is the same however many are taken, so the first k are the same for every k.
        """
        seen = np.empty(0, np.int64)
        count = POOL
        while True:
            found = propose(self._index, query, min(count, len(self._vectors)))
            fresh = np.setdiff1d(found, seen)
            if len(fresh):
                scores, order = top(self._vectors[fresh], query, len(fresh))
                yield Layer(scores, fresh[order])
            # A search that goes no further has nothing more to propose.
            if count >= len(self._vectors) or len(found) < count:
                return
            seen = found
            count *= 2


def propose(index: faiss.Index, query: Vectors, count: int) -> Rows:
    """The positions that the Faiss index proposes for a query (dim,), in no order."""
    found = index.search(query.reshape(1, -1), count)[1][0]
    positions: Rows = np.sort(found[found >= 0])
    return positions


def train(kind: Kind, vectors: Vectors) -> faiss.Index:
    """A new Faiss index of vectors (N, dim)."""
    index = faiss.index_factory(vectors.shape[1], kind.factory, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        ivf = faiss.try_extract_index_ivf(index)
        wanted = TRAINING * ivf.nlist if ivf else 65_536
        step = max(1, len(vectors) // wanted)
        index.train(np.ascontiguousarray(vectors[::step][:wanted]))
    for start in range(0, len(vectors), CHUNK):
        index.add(np.ascontiguousarray(vectors[start : start + CHUNK]))
    return index


def build_approximate(path: Path, kind: Kind, vectors: Vectors, queries: Vectors) -> float:
    """Write the Faiss index of vectors (N, dim); its recall@10 over queries (M, dim)."""
    faiss.write_index(train(kind, vectors), str(path))
    return measure_recall(Approximate(path, kind, vectors), vectors, queries)


def measure_recall(index: Approximate, vectors: Vectors, queries: Vectors) -> float:
    """The share of the exact best ten that the index finds among its own best ten, over queries (M, dim)."""
    exact = [top(vectors, query, AT)[0] for query in queries]
    # By score: where several tie for the tenth place, any of them is as right.
    shares = [np.count_nonzero(index.best(q) >= best[-1]) / len(best) for q, best in zip(queries, exact, strict=True)]
    return float(np.mean(shares))


def read_queries(path: Path, dim: int) -> Vectors:
    """Vectors (M, dim) out of a file of float32."""
    return np.fromfile(path, "<f4").reshape(-1, dim)
