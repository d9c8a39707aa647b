"""Approximate index kinds: a Faiss index proposes candidates, which are re-ranked by exact scores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import faiss
import numpy as np
from pydantic import Field
from servicekit.wire import Wire

from search.index.exact import Rows, Vectors, top

# Candidates of the first round; each further round asks for twice as many.
POOL = 128
# Training vectors per k-means centroid.
TRAINING = 64
CHUNK = 65_536
AT = 10


class IndexKind(Wire):
    """A kind of index: its Faiss factory string ("Flat", "IVF4096,SQ8", "HNSW32") and its search parameters."""

    factory: str = "Flat"
    # nprobe: the number of lists that IVF searches. ef_search: the size of HNSW's candidate list.
    nprobe: int | None = Field(default=None, ge=1)
    ef_search: int | None = Field(default=None, ge=1)

    def __str__(self) -> str:
        """The kind as shown in tables and on the status page."""
        given = {"nprobe": self.nprobe, "efSearch": self.ef_search}
        return " ".join([self.factory, *(f"{k}={v}" for k, v in given.items() if v is not None)])


class Layer(NamedTuple):
    """The candidates of one round: exact scores (K,) and positions (K,), best first."""

    scores: Vectors
    positions: Rows


class Approximate:
    """An opened approximate index, with the exact vectors for re-ranking."""

    def __init__(self, path: Path, kind: IndexKind, vectors: Vectors) -> None:
        # Memory-map the large parts (IVF lists; HNSW codes and links), so that processes share them.
        flag = faiss.IO_FLAG_MMAP if kind.factory.startswith("IVF") else faiss.IO_FLAG_MMAP_IFC
        self._index = faiss.read_index(str(path), flag)
        for name, value in (("nprobe", kind.nprobe), ("efSearch", kind.ef_search)):
            if value is not None:
                faiss.ParameterSpace().set_index_parameter(self._index, name, value)
        self._vectors = vectors

    def best(self, query: Vectors) -> Vectors:
        """The best `AT` scores that it finds for a query (dim,), best first."""
        first = next(self.layers(query), None)
        return np.empty(0, np.float32) if first is None else first.scores[:AT]

    def layers(self, query: Vectors) -> Iterator[Layer]:
        """Candidates for a query (dim,), round by round, without those of earlier rounds.

        The rounds do not depend on how many of them the caller takes, so the first k hits are the same for every k.
        """
        seen = np.empty(0, np.int64)
        count = POOL
        while True:
            found = propose(self._index, query, min(count, len(self._vectors)))
            fresh = np.setdiff1d(found, seen)
            if len(fresh):
                scores, order = top(self._vectors[fresh], query, len(fresh))
                yield Layer(scores, fresh[order])
            # Faiss returned fewer than requested: its search parameters reach no more candidates.
            if count >= len(self._vectors) or len(found) < count:
                return
            seen = found
            count *= 2


def propose(index: faiss.Index, query: Vectors, count: int) -> Rows:
    """The positions that the Faiss index proposes for a query (dim,), ascending."""
    found = index.search(query.reshape(1, -1), count)[1][0]
    positions: Rows = np.sort(found[found >= 0])
    return positions


def train(kind: IndexKind, vectors: Vectors) -> faiss.Index:
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


def build_approximate(path: Path, kind: IndexKind, vectors: Vectors, queries: Vectors) -> float:
    """Build and write the Faiss index of vectors (N, dim); return its recall@10 over queries (M, dim)."""
    faiss.write_index(train(kind, vectors), str(path))
    return measure_recall(Approximate(path, kind, vectors), vectors, queries)


def measure_recall(index: Approximate, vectors: Vectors, queries: Vectors) -> float:
    """Mean recall@10 against the exact search, over queries (M, dim)."""
    exact = [top(vectors, query, AT)[0] for query in queries]
    # Compare scores, not positions: vectors that tie for the tenth place are all correct.
    shares = [np.count_nonzero(index.best(q) >= best[-1]) / len(best) for q, best in zip(queries, exact, strict=True)]
    return float(np.mean(shares))


def read_queries(path: Path, dim: int) -> Vectors:
    """Read vectors (M, dim) from a file of little-endian float32."""
    return np.fromfile(path, "<f4").reshape(-1, dim)
