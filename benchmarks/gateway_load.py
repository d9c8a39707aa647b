"""Load tests of the gateway with real services on this machine: latency, overload, outages, hostile files.

    python benchmarks/gateway_load.py speed [--count 100000]
    python benchmarks/gateway_load.py overload [--seconds 60]
    python benchmarks/gateway_load.py faults
    python benchmarks/gateway_load.py hostile [--files 500]

`speed`: throughput of cached searches (wrk), and the latency of a search compared with its parts. `overload`: an open
loop at three times the rate at which the gateway saturates. `faults`: Redis, encoder and search are killed and
restarted under load. `hostile`: uploads of damaged and hostile files.

Needs the model bundle (`python -m encoder.bundle`), and Debian's wrk and redis-server.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import random
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from PIL import Image
from serving import Search, Service, checked, clustered, percentile, say, upsert_body
from tqdm import tqdm

PART = 250
TYPICAL_K = 24


@dataclass
class Stack:
    """The running services and their folder."""

    folder: Path
    encoder: Service
    search: Service
    gateway: Service


@contextmanager
def stack(count: int = 0, redis: str = "", **settings: str) -> Iterator[Stack]:
    """The running services over a collection of `count` synthetic pictures; killed at the end of the block."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        encoder, search = Service("encoder", ENCODER_BUNDLE="var/bundle"), Search(folder / "catalogue.sqlite")
        gateway = Service(
            "gateway",
            GATEWAY_ENCODER_URL=encoder.url,
            GATEWAY_SEARCH_URL=search.url,
            GATEWAY_MEDIA=str(folder / "media"),
            GATEWAY_STATE=str(folder / "state.sqlite"),
            REDIS_URL=redis,
            **settings,
        )
        started = Stack(folder, encoder, search, gateway)
        try:
            encoder.wait()
            search.wait()
            fill(started, count)
            gateway.wait()
            yield started
        finally:
            for service in (gateway, search, encoder):
                service.kill()


def fill(services: Stack, count: int) -> None:
    """Add `count` pictures with random vectors under the encoder's model id."""
    model = checked(httpx.post(f"{services.encoder.url}/v1/text", json={"texts": ["x"]}, timeout=60))
    chance = np.random.default_rng(0)
    centres = clustered(chance, 500, model["dim"], np.zeros((1, model["dim"]), np.float32))
    with httpx.Client(base_url=services.search.url, timeout=60) as http:
        for first in tqdm(range(0, count, PART), desc="filling", disable=not count):
            vectors = clustered(chance, PART, model["dim"], centres)
            checked(http.post("/v1/pictures", json=upsert_body(first, vectors, model["model_id"])))


WORDS = ["red", "green", "old", "dog", "cat", "house", "river", "street", "apple", "bird", "child", "window", "night"]


def questions() -> Iterator[str]:
    """An endless sequence of distinct queries, so that no cache can answer them."""
    for number in itertools.count():
        chance = random.Random(number)
        yield f"{' '.join(chance.sample(WORDS, 4))} {number}"


def speed(count: int) -> None:
    """Print the latency of uncached searches and the throughput of cached ones."""
    with stack(count) as services:
        texts = questions()
        spent: dict[str, list[float]] = {"encoder": [], "search": [], "gateway": []}
        with httpx.Client(timeout=60) as http:

            def timed(part: str, method: str, url: str, **content: object) -> httpx.Response:
                began = time.perf_counter()
                answer = http.request(method, url, **content)  # type: ignore[arg-type]
                spent[part].append(time.perf_counter() - began)
                answer.raise_for_status()
                return answer

            for _ in tqdm(range(320), desc="searching"):
                text = next(texts)
                answer = timed("encoder", "POST", f"{services.encoder.url}/v1/text", json={"texts": [text]}).json()
                question = {"model_id": answer["model_id"], "terms": [{"vector": answer["vectors"]}], "k": TYPICAL_K}
                timed("search", "POST", f"{services.search.url}/v1/query", json=question)
                params = {"q": next(texts), "k": TYPICAL_K}
                timed("gateway", "GET", f"{services.gateway.url}/api/v1/search", params=params)
        p50 = {part: percentile(seconds[20:], 50) for part, seconds in spent.items()}
        over = p50["gateway"] - p50["encoder"] - p50["search"]
        say(f"{count} pictures, one client, p50: {', '.join(f'{part} {ms:.1f} ms' for part, ms in p50.items())}")
        say(f"the gateway adds {over:.1f} ms to the sum of the others")
        url = f"{services.gateway.url}/api/v1/search?q=a+red+car&k={TYPICAL_K}"
        httpx.get(url, timeout=60).raise_for_status()
        for connections in (8, 16):
            command = ["wrk", "-t1", f"-c{connections}", "-d15s", "--latency", url]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rate, p99 = (re.search(rf"{name}\s+([\d.]+\w*)", told) for name in ("Requests/sec:", "99%"))
            bad = " and others than 200" if "Non-2xx" in told else ""
            say(f"cached, {connections} connections: {rate and rate[1]} a second, p99 {p99 and p99[1]}{bad}")


async def closed_loop(url: str, texts: Iterator[str], clients: int, seconds: float) -> float:
    """Closed loop: the throughput of clients that each send the next query after the last answer.

    Args:
        url: of the search.
        texts: the queries.
        clients: the number of concurrent clients.
        seconds: the duration.

    Returns:
        Successful answers per second.
    """
    done = 0
    async with httpx.AsyncClient(timeout=60) as http:

        async def client(until: float) -> None:
            nonlocal done
            while time.monotonic() < until:
                answer = await http.get(url, params={"q": next(texts), "k": TYPICAL_K})
                done += answer.is_success

        until = time.monotonic() + seconds
        await asyncio.gather(*(client(until) for _ in range(clients)))
    return done / seconds


@dataclass
class Asked:
    """One request of an open loop: its time, query, status (0: no answer), latency, and ids of the results."""

    at: float
    text: str
    status: int
    seconds: float
    names: tuple[str, ...] = ()


async def open_loop(url: str, texts: Iterator[str], rate: float, seconds: float) -> list[Asked]:
    """Open loop: send queries at a fixed rate, without waiting for earlier answers.

    Args:
        url: of the search.
        texts: the queries.
        rate: requests per second.
        seconds: the duration.
    """
    asked: list[Asked] = []
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=200)
    async with httpx.AsyncClient(timeout=60, limits=limits) as http:

        async def one(text: str) -> None:
            at, began = time.time(), time.perf_counter()
            names: tuple[str, ...] = ()
            try:
                answer = await http.get(url, params={"q": text, "k": TYPICAL_K})
                status = answer.status_code
                if status == 200:
                    names = tuple(r["id"] for r in answer.json()["results"])
            except httpx.TransportError:
                status = 0
            asked.append(Asked(at, text, status, time.perf_counter() - began, names))

        async with asyncio.TaskGroup() as group:
            began = time.monotonic()
            for number in range(int(rate * seconds)):
                await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
                group.create_task(one(next(texts)))
    return asked


def memory(services: Stack) -> dict[str, int]:
    """The resident memory of each service in MiB."""
    held = {}
    for service in (services.gateway, services.encoder, services.search):
        # The sum over gunicorn's main process and its worker.
        pid = str(service.process.pid)
        told = subprocess.run(
            ["ps", "-o", "rss=", "--pid", pid, "--ppid", pid], capture_output=True, text=True, check=True
        )
        held[service.name] = sum(map(int, told.stdout.split())) // 1024
    return held


def overload(seconds: float) -> None:
    """Print statuses, latencies and memory under three times the rate at which the gateway saturates."""
    # A small cache, which is full before the measurement, so that the cache does not count as memory growth.
    with stack(100_000, GATEWAY_CACHE_BYTES=str(2**20)) as services:
        url, texts = f"{services.gateway.url}/api/v1/search", questions()
        asyncio.run(closed_loop(url, texts, 4, 5))
        before = [a.seconds for a in asyncio.run(open_loop(url, texts, 5, 5))]
        rate = asyncio.run(closed_loop(url, texts, 8, 10))
        held = memory(services)
        say(f"saturates at {rate:.0f} searches a second; now {3 * rate:.0f} a second for {seconds:.0f} s")
        asked = asyncio.run(open_loop(url, texts, 3 * rate, seconds))
        told = Counter(a.status for a in asked)
        taken = [a.seconds for a in asked if a.status == 200]
        say(f"answers by status: {dict(told)}; {len(taken) / seconds:.0f} a second were accepted")
        say(f"accepted: p50 {percentile(taken, 50):.0f} ms, p99 {percentile(taken, 99):.0f} ms")
        refused = [a.seconds for a in asked if a.status == 429]
        say(f"refused: p50 {percentile(refused, 50):.0f} ms, p99 {percentile(refused, 99):.0f} ms")
        say(f"memory in MB before {held}, after {memory(services)}")
        after = [a.seconds for a in asyncio.run(open_loop(url, texts, 5, 5))]
        say(f"quiet p50 {percentile(before, 50):.0f} ms before, {percentile(after, 50):.0f} ms right after")


def faults() -> None:
    """Kill each part under load, restart it, and check every answer."""
    program = shutil.which("redis-server")
    if program is None:
        raise SystemExit("redis-server is not installed")
    with tempfile.TemporaryDirectory() as folder:
        socket = f"{folder}/redis.sock"
        command = [program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            with stack(20_000, redis=f"unix://{socket}") as services:
                asyncio.run(fault_rounds(services, command, running))
        finally:
            subprocess.run(["pkill", "-f", socket], check=False)


async def fault_rounds(services: Stack, command: list[str], redis: subprocess.Popen[bytes]) -> None:
    """One round per part: three seconds with the part, four seconds without it, eight seconds after its restart."""
    url = f"{services.gateway.url}/api/v1/search"
    known = [f"{a} {b}" for a, b in itertools.combinations(WORDS[:8], 2)]
    right = {a.text: a.names for a in await open_loop(url, iter(known), 10, len(known) / 10)}
    fresh = questions()

    def mixed() -> Iterator[str]:
        chance = random.Random(1)
        while True:
            yield chance.choice(known) if chance.random() < 0.7 else next(fresh)

    for part in ("redis", "encoder", "search"):
        service = {"encoder": services.encoder, "search": services.search}.get(part)
        load = asyncio.create_task(open_loop(url, mixed(), 15, 15))
        await asyncio.sleep(3)
        if service:
            service.kill()
        else:
            redis.kill()
            redis.wait()
        await asyncio.sleep(4)
        if service:
            service.start()
        else:
            redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        back = time.time()
        asked = await load
        told = Counter(a.status for a in asked)
        wrong = sum(a.status == 200 and a.text in right and a.names != right[a.text] for a in asked)
        known_told = Counter(a.status for a in asked if a.text in right)
        failing = [a.at - back for a in asked if a.status != 200 and a.at > back]
        say(f"{part} gone for 4 s: answers {dict(told)}, of them known before {dict(known_told)}; {wrong} wrong")
        longest, last = max(a.seconds for a in asked), max(failing, default=0.0)
        say(f"longest {longest:.1f} s; last failure {last:.1f} s after its return")
    redis.kill()


def hostile(files: int) -> None:
    """Upload damaged and hostile files; no answer may be a 500, and no file may be written outside the store."""
    chance = random.Random(0)
    with stack() as services, httpx.Client(base_url=services.gateway.url, timeout=60) as http:
        told: Counter[int] = Counter()
        for _ in tqdm(range(files), desc="uploading"):
            name, content = bad_file(chance)
            told[http.post("/api/v1/images", files={"images": (name, content)}).status_code] += 1
        places = {p.relative_to(services.folder).parts[0] for p in services.folder.rglob("*") if p.is_file()}
        say(f"answers by status: {dict(told)}; files lie in {sorted(places)}")
        # The gateway has survived.
        say(f"ready afterwards: {http.get('/readyz').json()['status']}")


def bad_file(chance: random.Random) -> tuple[str, bytes]:
    """A file name and content: a corrupted picture, random bytes, or a polyglot with HTML or SVG."""
    form = chance.choice(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
    from pillow_heif import register_heif_opener

    register_heif_opener()
    stream = io.BytesIO()
    side = chance.randint(1, 200)
    Image.effect_noise((side, chance.randint(1, 200)), 80).convert("RGB").save(stream, form)
    content = bytearray(stream.getvalue())
    match chance.randrange(6):
        case 0:
            content = content[: chance.randrange(len(content))]
        case 1:
            for _ in range(chance.randint(1, 30)):
                content[chance.randrange(len(content))] = chance.randrange(256)
        case 2:
            at = chance.randrange(min(64, len(content)))
            content[at : at + 8] = chance.randbytes(8)
        case 3:
            content = bytearray(chance.randbytes(chance.randrange(5000)))
        case 4:
            content += b"<html><script>alert(1)</script>" + chance.randbytes(100)
        case 5:
            content = content[: chance.randint(4, 40)] + b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    name = chance.choice(["x.jpg", "../../x.png", "x.svg", "x\x01.gif", "C:\\x.webp", "x" * 300, "ü.avif", ".htaccess"])
    return name, bytes(content)


def main() -> None:
    """Run one of the load tests."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["speed", "overload", "faults", "hostile"])
    parser.add_argument("--count", type=int, default=100_000, help="pictures of the collection")
    parser.add_argument("--seconds", type=float, default=60, help="of overload")
    parser.add_argument("--files", type=int, default=500, help="hostile ones")
    given = parser.parse_args()
    match given.what:
        case "speed":
            speed(given.count)
        case "overload":
            overload(given.seconds)
        case "faults":
            faults()
        case "hostile":
            hostile(given.files)


if __name__ == "__main__":
    main()
