"""Index tuning: measures recall, latency and memory of Faiss index kinds on the collection's own vectors.

The queries are vectors of texts, such as users type.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from search.index.approximate import AT, Approximate, IndexKind, train
from search.index.exact import Vectors, top
from search.index.maintenance import TARGET_RECALL

# Search parameters to try, in ascending order: nprobe of IVF, efSearch of HNSW. The first that reaches the target
# recall is taken.
PROBES = (4, 8, 16, 32, 64, 128, 256)
BREADTHS = (128, 192, 256, 384, 512)
# Only so many queries are timed; more would not change the percentiles.
MOST_TIMED = 200


@dataclass(frozen=True)
class Measured:
    """The measurements of one kind of index."""

    kind: IndexKind
    recall: float
    p50_ms: float
    p95_ms: float
    # Size of what a search reads: the vectors for the exact index, the Faiss file for the others.
    megabytes: float
    build_s: float

    def fits(self, most_ms: float, most_mb: float) -> bool:
        """Whether it reaches the target recall within these budgets."""
        return self.recall >= TARGET_RECALL and self.p95_ms <= most_ms and self.megabytes <= most_mb


def families(count: int) -> tuple[str, ...]:
    """Faiss factory strings to try on `count` vectors: exact, scalar-quantised, HNSW, and IVF, with and without SQ8."""
    # The number of IVF lists: a power of two near 4 * sqrt(count), as Faiss's guidelines advise for a million vectors.
    lists = 2 ** max(4, round(np.log2(4 * np.sqrt(max(1, count)))))
    return ("Flat", "SQfp16", "SQ8", "HNSW32", "HNSW32_SQ8", f"IVF{lists},Flat", f"IVF{lists},SQ8")


def settings_of(family: str) -> list[IndexKind]:
    """A family with each search parameter to try."""
    if family.startswith("IVF"):
        lists = int(family[3:].partition(",")[0])
        return [IndexKind(factory=family, nprobe=n) for n in PROBES if n <= lists]
    if family.startswith("HNSW"):
        return [IndexKind(factory=family, ef_search=n) for n in BREADTHS]
    return [IndexKind(factory=family)]


def measure(
    vectors: Vectors, queries: Vectors, chosen: Sequence[str], say: Callable[[str], None] = lambda _: None
) -> list[Measured]:
    """Measure families of indexes.

    A family is reported at the smallest search parameter that reaches the target recall, or else at the largest.

    Args:
        vectors: (N, dim) float32 unit vectors.
        queries: (M, dim) float32 unit vectors of text queries.
        chosen: families, as Faiss factory strings.
        say: reports progress.
    """
    exact = [top(vectors, query, AT)[0] for query in queries]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for number, family in enumerate(chosen):
            say(f"{family} ...")
            began = time.perf_counter()
            # A new file for each family: Faiss's read-ahead threads may still read the memory map of the last file, and
            # truncating that would kill the process (SIGBUS).
            path = Path(folder) / f"{number}.faiss"
            if family == "Flat":
                results.append(
                    timed(IndexKind(), lambda query: top(vectors, query, AT)[0], queries, exact, vectors.nbytes, 0)
                )
                continue
            faiss.write_index(train(IndexKind(factory=family), vectors), str(path))
            build_s = time.perf_counter() - began
            for kind in settings_of(family):
                index = Approximate(path, kind, vectors)
                measured = timed(kind, index.best, queries, exact, path.stat().st_size, build_s)
                if measured.recall >= TARGET_RECALL:
                    break
            results.append(measured)
            path.unlink()
    return results


def timed(
    kind: IndexKind,
    search: Callable[[Vectors], Vectors],
    queries: Vectors,
    exact: Sequence[Vectors],
    size: int,
    build_s: float,
) -> Measured:
    """Measure recall over all queries, and the latency of single queries with a warm page cache.

    Args:
        kind: the kind of index that `search` uses.
        search: maps a query (dim,) to its best `AT` scores.
        queries: (M, dim).
        exact: the exact best scores of each query.
        size: bytes that a search reads.
        build_s: seconds that the build took.
    """
    found = [search(query) for query in queries]
    # Compare scores, not positions: vectors that tie for the last place are all correct.
    shares = [np.count_nonzero(got >= best[-1]) / len(best) for got, best in zip(found, exact, strict=True)]
    seconds = []
    for query in queries[:MOST_TIMED]:
        began = time.perf_counter()
        search(query)
        seconds.append(time.perf_counter() - began)
    p50, p95 = (float(v) * 1000 for v in np.percentile(seconds, (50, 95)))
    return Measured(kind, float(np.mean(shares)), p50, p95, size / 1e6, build_s)


def choose(results: Sequence[Measured], most_ms: float, most_mb: float) -> Measured | None:
    """The exact index if it is within the budget, else the fastest kind within it; None if there is none."""
    fitting = [m for m in results if m.fits(most_ms, most_mb)]
    return min(fitting, key=lambda m: (m.kind.factory != "Flat", m.p95_ms), default=None)


def table(results: Sequence[Measured]) -> str:
    """The measurements in Markdown."""
    lines = [
        f"| index | recall@{AT} | p50 ms | p95 ms | MB | built in s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {m.kind} | {m.recall:.3f} | {m.p50_ms:.2f} | {m.p95_ms:.2f} | {m.megabytes:.0f} | {m.build_s:.0f} |"
            for m in results
        ),
    ]
    return "\n".join(lines)
