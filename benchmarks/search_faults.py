"""Fault injection for the search service: durability under kill -9, a full disk, and consistency of replicas.

    python benchmarks/search_faults.py [kill] [disk] [replicas]

`kill`: kill -9 at 50 random moments of a write load; every acknowledged picture must be found afterwards.
`disk`: a catalogue on a tmpfs of 24 MB that fills up; writes must get 507, and reads must work. Needs root, to mount.
`replicas`: three processes on one volume under mixed load; every answer must contain all writes acknowledged before it.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
from serving import Search, Vectors, checked, clustered, query_body, say, serving, upsert_body
from tqdm import tqdm

DIM = 64


def vectors_of(first: int, count: int) -> Vectors:
    """The vectors (count, DIM) of the pictures from number `first` on; the same in every call."""
    one = np.zeros((1, DIM), np.float32)
    return np.concatenate([clustered(np.random.default_rng(first + i), 1, DIM, one) for i in range(count)])


def found(http: httpx.Client, numbers: list[int]) -> set[int]:
    """The numbers of those pictures that exist in the catalogue."""
    there: set[int] = set()
    for i in range(0, len(numbers), 1000):
        ids = [f"{n:032x}" for n in numbers[i : i + 1000]]
        there |= {int(p["id"], 16) for p in checked(http.post("/v1/lookup", json={"ids": ids}))["pictures"]}
    return there


def kill(folder: Path) -> None:
    """Kill the service at random moments, restart it, and check that every acknowledged write is there."""
    acknowledged: list[int] = []
    number = 0
    chance = random.Random(0)
    for _ in tqdm(range(50), desc="kills"):
        search = Search(folder / "kill.sqlite", SEARCH_SNAPSHOT_ROWS="500")
        search.wait()
        timer = threading.Timer(chance.uniform(0.02, 0.6), search.kill)
        timer.start()
        with httpx.Client(base_url=search.url, timeout=30) as http:
            try:
                while True:
                    count = chance.randint(1, 20)
                    checked(http.post("/v1/pictures", json=upsert_body(number, vectors_of(number, count))))
                    acknowledged += range(number, number + count)
                    number += count
            except httpx.TransportError:
                number += count  # not acknowledged: must exist completely or not at all
        timer.join()
    with serving(folder / "kill.sqlite") as search, httpx.Client(base_url=search.url, timeout=60) as http:
        there = found(http, list(range(number)))
        lost = set(acknowledged) - there
        wrong = 0
        for n in tqdm(sorted(there), desc="asking for each by its own vector"):
            best = checked(http.post("/v1/query", json=query_body(vectors_of(n, 1)[0], 1)))["results"][0]
            wrong += best["id"] != f"{n:032x}" or best["caption"] != f"picture number {n}"
        stats = checked(http.get("/v1/stats"))
    say(f"50 kills, {len(acknowledged)} acknowledged: {len(lost)} lost; {wrong} of {len(there)} wrong or half-written")
    say(f"index: {stats['index']}")
    assert not lost and not wrong and stats["count"] == len(there)


def disk(folder: Path) -> None:
    """Fill up a small file system."""
    folder = folder / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], check=True)
    try:
        # A low SEARCH_SNAPSHOT_ROWS, so that snapshots are also written to the same full disk.
        with serving(folder / "c.sqlite", SEARCH_SNAPSHOT_ROWS="2000") as search:
            fill_up(search)
        with serving(folder / "c.sqlite") as search, httpx.Client(base_url=search.url, timeout=60) as http:
            say(f"started again on the full disk: {checked(http.get('/v1/stats'))['count']} pictures")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill_up(search: Search) -> None:
    """Write until 20 requests were refused because the disk is full; check that reads work after each write."""
    acknowledged: list[int] = []
    refused: list[httpx.Response] = []
    with httpx.Client(base_url=search.url, timeout=60) as http:
        first = vectors_of(0, 1)[0]
        for number in tqdm(range(0, 200_000, 100), desc="filling"):
            answer = http.post("/v1/pictures", json=upsert_body(number, vectors_of(number, 100)))
            if answer.is_success:
                acknowledged += range(number, number + 100)
            else:
                refused.append(answer)
            best = checked(http.post("/v1/query", json=query_body(first, 1)))["results"][0]
            assert best["id"] == f"{0:032x}"
            if len(refused) == 20:
                break
        there = found(http, acknowledged)
        count = checked(http.get("/v1/stats"))["count"]
    statuses = {answer.status_code for answer in refused}
    say(
        f"{len(acknowledged)} acknowledged, {len(there)} there, {count} counted; {len(refused)} refused with {statuses}"
    )
    say(refused[0].json()["detail"])
    assert statuses == {507} and len(there) == len(acknowledged) == count


def replicas(folder: Path) -> None:
    """Read-your-writes across three processes: write through a random one, read at once through a random one."""
    searches = [Search(folder / "replicas.sqlite", SEARCH_SNAPSHOT_ROWS="2000") for _ in range(3)]
    for search in searches:
        search.wait()
    stop = time.monotonic() + 30
    counts = {"writes": 0, "deletes": 0, "reads": 0, "stale": 0, "errors": 0}
    lock = threading.Lock()

    def tell(what: str) -> None:
        with lock:
            counts[what] += 1

    def work(worker: int) -> None:
        chance = random.Random(worker)
        clients = [httpx.Client(base_url=s.url, timeout=30) for s in searches]
        mine: list[int] = []
        number = worker * 10**6
        while time.monotonic() < stop:
            try:
                vectors = vectors_of(number, 5)
                checked(chance.choice(clients).post("/v1/pictures", json=upsert_body(number, vectors)))
                mine += range(number, number + 5)
                tell("writes")
                wanted = number + chance.randrange(5)
                vector = vectors[wanted - number]
                document = checked(chance.choice(clients).post("/v1/query", json=query_body(vector, 1)))
                tell("reads")
                if document["results"][0]["id"] != f"{wanted:032x}":
                    tell("stale")
                if chance.random() < 0.3:
                    checked(chance.choice(clients).delete(f"/v1/pictures/{wanted:032x}"))
                    mine.remove(wanted)
                    tell("deletes")
                    document = checked(chance.choice(clients).post("/v1/query", json=query_body(vector, 1)))
                    tell("reads")
                    if document["results"][0]["id"] == f"{wanted:032x}":
                        tell("stale")
                number += 5
            except (httpx.HTTPError, KeyError):
                tell("errors")

    workers = [threading.Thread(target=work, args=(n,)) for n in range(1, 7)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    stats = [checked(httpx.get(f"{s.url}/v1/stats")) for s in searches]
    for search in searches:
        search.stop()
    say(f"three processes, six clients, 30 s: {counts}")
    say(f"pictures: {[s['count'] for s in stats]}, index: {[s['index']['snapshot'] for s in stats]}")
    assert counts["stale"] == counts["errors"] == 0 and len({s["count"] for s in stats}) == 1


def main() -> None:
    """Run the named trials, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    trials = {"kill": kill, "disk": disk, "replicas": replicas}
    parser.add_argument("trials", nargs="*", choices=[*trials, []], help="what to try; nothing: all")
    for name in parser.parse_args().trials or list(trials):
        with tempfile.TemporaryDirectory() as folder:
            trials[name](Path(folder))


if __name__ == "__main__":
    main()
