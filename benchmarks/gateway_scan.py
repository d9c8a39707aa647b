"""The latency of searches while the library is scanned, against their latency before, with real services.

    python benchmarks/gateway_scan.py [--rounds 4] [--bundle var/bundle]

A round asks uncached searches, one client at a time: first while the library is quiet, then while a scan adds new
pictures to it. Each round has as many of both, so a slow moment of the machine meets both.

Needs the model bundle (`python -m encoder.bundle`).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import httpx
import numpy as np
from gateway_load import TYPICAL_K, questions
from PIL import Image
from serving import Search, Service, checked, percentile, say

SEARCHES = 150
# More than are added while SEARCHES are asked; what is left over is added before the next round.
PICTURES = 400
PAUSE_S = 0.02


def add_pictures(folder: Path, count: int, seed: int) -> None:
    """Write `count` different JPEG photographs of 500 x 375 into a folder, all at once."""
    chance = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for number in range(count):
        coarse = chance.integers(0, 256, (12, 16, 3), np.uint8)
        Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)


def is_scanning(http: httpx.Client) -> bool:
    """Whether a scan waits or runs."""
    return any(job["status"] in ("queued", "running") for job in checked(http.get("/api/v1/jobs"))["jobs"])


def wait_for(http: httpx.Client, scanning: bool) -> None:
    """Wait until a scan has begun, or until none waits or runs."""
    deadline = time.monotonic() + 600
    while is_scanning(http) != scanning:
        if time.monotonic() > deadline:
            raise SystemExit(f"after 600 s the library is {'not yet' if scanning else 'still'} scanned")
        time.sleep(0.1)


def search(http: httpx.Client, texts: list[str]) -> list[float]:
    """Ask each text after the answer to the one before; the latencies in seconds."""
    taken = []
    for text in texts:
        began = time.perf_counter()
        checked(http.get("/api/v1/search", params={"q": text, "k": TYPICAL_K}))
        taken.append(time.perf_counter() - began)
        time.sleep(PAUSE_S)
    return taken


def measure(rounds: int, bundle: str) -> None:
    """Run the rounds and print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder, library = Path(name), Path(name) / "library"
        add_pictures(library / "first", PICTURES, seed=0)
        encoder, catalogue = Service("encoder", ENCODER_BUNDLE=bundle), Search(folder / "catalogue.sqlite")
        shared = {
            "GATEWAY_ENCODER_URL": encoder.url,
            "GATEWAY_SEARCH_URL": catalogue.url,
            "GATEWAY_MEDIA": str(folder / "media"),
            "GATEWAY_STATE": str(folder / "state.sqlite"),
            "GATEWAY_LIBRARY": str(library),
            "REDIS_URL": "",
            "GATEWAY_READING": "off",
        }
        gateway = Service("gateway", **shared)
        worker = Service("gateway", config="gateway.worker_conf", bind="GATEWAY_WORKER_BIND", **shared)
        services = (worker, gateway, catalogue, encoder)
        try:
            for service in reversed(services):
                service.wait()
            rest = questions()
            quiet: list[float] = []
            scanning: list[float] = []
            with httpx.Client(base_url=gateway.url, timeout=60) as http:
                search(http, [next(rest) for _ in range(SEARCHES)])
                for number in range(1, rounds + 1):
                    wait_for(http, scanning=False)
                    before = search(http, [next(rest) for _ in range(SEARCHES)])
                    add_pictures(library / f"round{number}", PICTURES, seed=number)
                    wait_for(http, scanning=True)
                    during = search(http, [next(rest) for _ in range(SEARCHES)])
                    if not is_scanning(http):
                        raise SystemExit("the scan ended before the searches; raise PICTURES")
                    say(f"round {number}: p50 {percentile(before, 50):.1f} ms, scanning {percentile(during, 50):.1f}")
                    quiet, scanning = quiet + before, scanning + during
            for share in (50, 95):
                calm, busy = percentile(quiet, share), percentile(scanning, share)
                say(f"p{share}: {calm:.1f} ms, during a scan {busy:.1f} ms, ratio {busy / calm:.2f}")
        finally:
            for service in services:
                service.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--bundle", default="var/bundle")
    options = parser.parse_args()
    measure(options.rounds, options.bundle)
