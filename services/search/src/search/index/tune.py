"""Which kind of index a collection needs, by measurement on its own vectors with vectors of text queries."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from search.index.approximate import AT, Approximate, Kind, train
from search.index.exact import Vectors, top
from search.index.maintenance import TARGET_RECALL

# How far a search of each family may go, in the order in which it is tried: the first that finds enough is taken.
PROBES = (4, 8, 16, 32, 64, 128, 256)
BREADTHS = (128, 192, 256, 384, 512)
# Timed queries beyond these tell nothing new.
MOST_TIMED = 200


@dataclass(frozen=True)
class Measured:
    """A kind of index on these vectors."""

    kind: Kind
    recall: float
    p50_ms: float
    p95_ms: float
    # What a search reads: of the exact index the vectors, of another its own file.
    megabytes: float
    build_s: float

    def fits(self, most_ms: float, most_mb: float) -> bool:
        """Whether it finds enough, fast enough, in little enough memory."""
        return self.recall >= TARGET_RECALL and self.p95_ms <= most_ms and self.megabytes <= most_mb


def families(count: int) -> tuple[str, ...]:
    """Factory strings to try on so many vectors: exact, quantised, graphs, and lists, these quantised too."""
    # About four times the root of the count, a power of two: Faiss's own advice for a million.
    lists = 2 ** max(4, round(np.log2(4 * np.sqrt(max(1, count)))))
    return ("Flat", "SQfp16", "SQ8", "HNSW32", "HNSW32_SQ8", f"IVF{lists},Flat", f"IVF{lists},SQ8")


def settings_of(family: str) -> list[Kind]:
    """A family with each of its settings."""
    if family.startswith("IVF"):
        lists = int(family[3:].partition(",")[0])
        return [Kind(factory=family, nprobe=n) for n in PROBES if n <= lists]
    if family.startswith("HNSW"):
        return [Kind(factory=family, ef_search=n) for n in BREADTHS]
    return [Kind(factory=family)]


def measure(
    vectors: Vectors, queries: Vectors, chosen: Sequence[str], say: Callable[[str], None] = lambda _: None
) -> list[Measured]:
    """Measure families of indexes on vectors (N, dim) by queries (M, dim).

    Of a family the narrowest setting that finds enough is kept, or the widest when none does.
    """
    exact = [top(vectors, query, AT)[0] for query in queries]
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for number, family in enumerate(chosen):
            say(f"{family} ...")
            began = time.perf_counter()
            # A file of its own: threads of Faiss that read ahead may still be in the map of the one before, and to cut
            # that short would end the process (SIGBUS).
            path = Path(folder) / f"{number}.faiss"
            if family == "Flat":
                results.append(
                    timed(Kind(), lambda query: top(vectors, query, AT)[0], queries, exact, vectors.nbytes, 0)
                )
                continue
            faiss.write_index(train(Kind(factory=family), vectors), str(path))
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
    kind: Kind,
    search: Callable[[Vectors], Vectors],
    queries: Vectors,
    exact: Sequence[Vectors],
    size: int,
    build_s: float,
) -> Measured:
    """Recall over all queries, and the time that one takes alone, once what it reads is in memory."""
    found = [search(query) for query in queries]
    # By score: where several tie for the last place, any of them is as right.
    shares = [np.count_nonzero(got >= best[-1]) / len(best) for got, best in zip(found, exact, strict=True)]
    seconds = []
    for query in queries[:MOST_TIMED]:
        began = time.perf_counter()
        search(query)
        seconds.append(time.perf_counter() - began)
    p50, p95 = (float(v) * 1000 for v in np.percentile(seconds, (50, 95)))
    return Measured(kind, float(np.mean(shares)), p50, p95, size / 1e6, build_s)


def choose(results: Sequence[Measured], most_ms: float, most_mb: float) -> Measured | None:
    """The exact index if it fits the budget, else the fastest that does; None if none does."""
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
