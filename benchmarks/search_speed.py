"""Latency of the search service compared with the bare Faiss call, and under ingestion.

    python benchmarks/search_speed.py [--count 100000] [--dim 384]

Queries are sent one at a time over HTTP to a process on this machine, alternating with the same queries to a bare
IndexFlatIP with the same vectors in this process. Then vectors are added to a second collection during queries, in
requests of 250: at 5,200 vectors per second, and as fast as possible.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from pathlib import Path

import faiss
import httpx
import numpy as np
from serving import Vectors, checked, clustered, percentile, query_body, say, serving, upsert_body
from tqdm import tqdm

PART = 250
RATE = 5200.0


def fill(url: str, vectors: Vectors, first: int = 0, rate: float = float("inf")) -> float:
    """Add vectors over HTTP; return the rate reached, in vectors per second.

    Args:
        url: of the search service.
        vectors: (N, dim) unit vectors.
        first: the number of the first picture.
        rate: the maximum rate in vectors per second.
    """
    # Serialise in advance: this process also times queries meanwhile, and must do nothing but send.
    bodies = [json.dumps(upsert_body(first + i, vectors[i : i + PART])).encode() for i in range(0, len(vectors), PART)]
    with httpx.Client(base_url=url, timeout=60) as http:
        began = time.perf_counter()
        for i, body in enumerate(tqdm(bodies, desc="adding", unit="request")):
            time.sleep(max(0, began + i * PART / rate - time.perf_counter()))
            checked(http.post("/v1/pictures", content=body, headers={"Content-Type": "application/json"}))
        return len(vectors) / (time.perf_counter() - began)


def ask(http: httpx.Client, query: Vectors) -> float:
    """The latency of one query in seconds."""
    began = time.perf_counter()
    assert len(checked(http.post("/v1/query", json=query_body(query)))["results"]) == 10
    return time.perf_counter() - began


def latency(folder: Path, vectors: Vectors, queries: Vectors) -> None:
    """Print the p50 over HTTP and of the bare Faiss call."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    with serving(folder / "latency.sqlite") as search, httpx.Client(base_url=search.url, timeout=60) as http:
        fill(search.url, vectors)
        bare, served = [], []
        for query in (*queries[:20], *queries):
            began = time.perf_counter()
            index.search(query.reshape(1, -1), 10)
            bare.append(time.perf_counter() - began)
            served.append(ask(http, query))
    a, b = percentile(bare[20:], 50), percentile(served[20:], 50)
    say(f"{len(vectors)} vectors, p50: bare Faiss {a:.2f} ms, over HTTP {b:.2f} ms ({b / a:.2f} x)")


def ingest(folder: Path, vectors: Vectors, queries: Vectors) -> None:
    """Print the ingestion rate during queries, and the queries' latency meanwhile."""
    with serving(folder / "ingest.sqlite") as search, httpx.Client(base_url=search.url, timeout=60) as http:
        half = len(vectors) // 2
        fill(search.url, vectors[:half])
        quarter = half // 2
        before = quiet_p99(http, queries)
        for first, rate in ((half, RATE), (half + quarter, float("inf"))):
            rates: list[float] = []
            work = (search.url, vectors[first : first + quarter], first, rate)
            adding = threading.Thread(target=lambda work=work, rates=rates: rates.append(fill(*work)))
            adding.start()
            busy: list[float] = []
            while adding.is_alive():
                busy.append(ask(http, queries[len(busy) % len(queries)]))
            adding.join()
            after = quiet_p99(http, queries)
            p50, p99 = (percentile(busy, share) for share in (50, 99))
            say(f"adding: {rates[0]:.0f} vectors a second while {len(busy)} queries went on")
            # The collection grows meanwhile, which slows exact search: compare with the mean of before and after.
            quiet = (before + after) / 2
            say(f"their p50 {p50:.1f} ms, p99 {p99:.1f} ms; quiet p99 {before:.1f} before, {after:.1f} after")
            say(f"that is {p99 / quiet:.2f} x the quiet one")
            before = after


def quiet_p99(http: httpx.Client, queries: Vectors) -> float:
    """The p99 latency of queries without other load, in ms, after 50 warm-up queries."""
    for query in queries[:50]:
        ask(http, query)
    return percentile([ask(http, query) for query in queries], 99)


def main() -> None:
    """Run both benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000, help="vectors")
    parser.add_argument("--dim", type=int, default=384, help="their length")
    given = parser.parse_args()
    random = np.random.default_rng(0)
    centres = clustered(random, 500, given.dim, np.zeros((1, given.dim), np.float32))
    vectors = clustered(random, given.count, given.dim, centres)
    queries = clustered(random, 300, given.dim, centres)
    with tempfile.TemporaryDirectory() as folder:
        latency(Path(folder), vectors, queries)
        ingest(Path(folder), vectors, queries)


if __name__ == "__main__":
    main()
