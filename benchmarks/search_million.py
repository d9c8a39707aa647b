"""A million pictures: recall and latency of a tuned index against exact search, start-up time and memory per process.

    python benchmarks/search_million.py [--count 1000000] [--dim 384] [--kinds IVF4096,SQ8 ...]

Fills a catalogue with synthetic pictures, queries the exact index over HTTP, tunes as `search tune --activate` does,
and queries again. A million pictures need about 6 GB of disk, and a quarter of an hour on two cores, mostly to build
the index.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from search.catalogue.catalogue import Catalogue
from search.catalogue.schema import CatalogueError
from search.catalogue.tables import ModelEntry, NewPicture
from search.index.maintenance import make
from search.index.snapshots import Snapshot
from search.index.tune import choose, families, measure, table
from serving import MODEL, Search, Vectors, checked, clustered, percentile, query_body, say, serving
from tqdm import tqdm

PART = 10_000


def fill(catalogue: Catalogue, random: np.random.Generator, count: int, centres: Vectors) -> None:
    """Fill a catalogue with synthetic pictures.

    Args:
        catalogue: the catalogue.
        random: the generator.
        count: how many pictures.
        centres: (C, dim) cluster centres.
    """
    for first in tqdm(range(0, count, PART), desc="filling", unit="ten thousand"):
        vectors = clustered(random, min(PART, count - first), centres.shape[1], centres)
        pictures = [
            NewPicture(f"{n:032x}", f"{n}.jpg", f"IMG_{n}.jpg", 640, 480, f"picture number {n}", [], v.tobytes())
            for n, v in enumerate(vectors, first)
        ]
        catalogue.upsert(MODEL, centres.shape[1], pictures)


def model_of(catalogue: Catalogue) -> ModelEntry:
    """The model that serves."""
    model = catalogue.state().model
    if model is None:
        raise CatalogueError("nothing was filled in")
    return model


def best_ids(http: httpx.Client, query: Vectors) -> tuple[list[str], float]:
    """The best ten pictures of a query, and its latency in seconds."""
    began = time.perf_counter()
    results = checked(http.post("/v1/query", json=query_body(query)))["results"]
    return [r["id"] for r in results], time.perf_counter() - began


def ask_all(url: str, queries: Vectors) -> tuple[list[list[str]], float]:
    """The best ten of each query, and the p50 latency in ms, after ten warm-up queries."""
    with httpx.Client(base_url=url, timeout=60) as http:
        for query in queries[:10]:
            best_ids(http, query)
        found = [best_ids(http, query) for query in tqdm(queries, desc="asking", leave=False)]
    return [ids for ids, _ in found], percentile([seconds for _, seconds in found], 50)


def memory(search: Search) -> tuple[float, float]:
    """Private memory and memory-mapped files in MB: for each, the maximum over a service's processes."""
    private = mapped = 0.0
    children = Path(f"/proc/{search.process.pid}/task/{search.process.pid}/children").read_text().split()
    for process in (search.process.pid, *children):
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        facts = {k: int(v) / 1000 for k, v in re.findall(r"^(\w+): +(\d+) kB", rollup, re.MULTILINE)}
        private = max(private, facts["Private_Dirty"])
        mapped = max(mapped, facts["Rss"] - facts["Anonymous"])
    return private, mapped


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1_000_000, help="vectors")
    parser.add_argument("--dim", type=int, default=384, help="their length")
    parser.add_argument("--kinds", nargs="+", help="families to tune, by their first letters [IVF...,SQ8]")
    given = parser.parse_args()
    random = np.random.default_rng(0)
    centres = clustered(random, 2000, given.dim, np.zeros((1, given.dim), np.float32))
    queries = clustered(random, 200, given.dim, centres)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "c.sqlite"
        index = path.with_suffix(".index")
        catalogue = Catalogue(path)
        fill(catalogue, random, given.count, centres)
        make(index, catalogue, model_of(catalogue))
        with serving(path) as search:
            exact, exact_ms = ask_all(search.url, queries)
        vectors = Snapshot(index / str(model_of(catalogue).snapshot)).vectors
        kinds = given.kinds or [f for f in families(given.count) if f.startswith("IVF") and f.endswith("SQ8")]
        chosen = [f for f in families(given.count) if f.startswith(tuple(kinds))]
        results = measure(vectors, queries, chosen, say)
        say(table(results))
        best = choose(results, 50, 4000)
        if best is None:
            raise SystemExit("none of these finds enough")
        make(index, catalogue, model_of(catalogue), best.kind, queries)
        with serving(path) as first:
            found, tuned_ms = ask_all(first.url, queries)
            second = Search(path)
            seconds = second.wait()
            ask_all(second.url, queries[:20])
            private, mapped = memory(second)
            second.stop()
        catalogue.close()
    recall = np.mean([len(set(a) & set(b)) / len(b) for a, b in zip(found, exact, strict=True)])
    say(f"{given.count} vectors over HTTP, p50: exact {exact_ms:.1f} ms, {best.kind} {tuned_ms:.1f} ms")
    say(f"that is 1/{exact_ms / tuned_ms:.1f} of exact, with recall@10 {recall:.3f} against it")
    say(f"a second process is ready after {seconds:.2f} s, python's own start included")
    say(f"and holds {private:.0f} MB of its own; {mapped:.0f} MB are files mapped, shared with the first")


if __name__ == "__main__":
    main()
