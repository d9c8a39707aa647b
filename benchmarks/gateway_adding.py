"""Pictures a second on the way in, by `sightline add` and by a scan of the library, against the bare picture tower.

    python benchmarks/gateway_adding.py [--pictures deploy/gallery/pictures] [--small 1000] [--large 200]

Makes photographs of 500 x 375 and of 12 megapixels from the pictures of a folder, all different, and adds them to empty
collections of real services. The tower computes batches of random tensors, before and after each of the others. Needs
the model bundle (`python -m encoder.bundle`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from encoder.model import OnnxModel
from encoder.tower import TowerProcess
from gateway_scan import wait_for
from PIL import Image
from servicekit.server.processor import available_cores
from serving import Search, Service, percentile, say
from tqdm import tqdm

BUNDLE = Path("var/bundle")
SIZES = {"500 x 375": (500, 375), "12 megapixels": (4032, 3024)}
BATCH, BARE_S = 8, 10.0


def photographs(source: Path, folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write `count` JPEG photographs of one size, each a crop of one of the pictures in `source`."""
    chance = np.random.default_rng(0)
    files = sorted(f for f in source.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png", ".webp"))
    folder.mkdir()
    for number in tqdm(range(count), desc="making photographs", leave=False):
        with Image.open(files[number % len(files)]) as picture:
            whole = picture.convert("RGB")
        width, height = (int(side * chance.uniform(0.7, 1)) for side in whole.size)
        left, top = (int(chance.uniform(0, a - b + 1)) for a, b in zip(whole.size, (width, height), strict=True))
        part = whole.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.BICUBIC)
        part.save(folder / f"{number:04}.jpg", quality=88)


@contextmanager
def services(folder: Path, library: Path | None) -> Iterator[Service]:
    """Running services over an empty collection; the gateway."""
    encoder, search = Service("encoder", ENCODER_BUNDLE=str(BUNDLE)), Search(folder / "catalogue.sqlite")
    shared = {
        "GATEWAY_ENCODER_URL": encoder.url,
        "GATEWAY_SEARCH_URL": search.url,
        "GATEWAY_MEDIA": str(folder / "media"),
        "GATEWAY_STATE": str(folder / "state.sqlite"),
        "GATEWAY_LIBRARY": str(library or ""),
        "REDIS_URL": "",
        "GATEWAY_READING": "off",
    }
    gateway = Service("gateway", **shared)
    started = [gateway, search, encoder]
    try:
        for service in (encoder, search, gateway):
            service.wait()
        if library:
            started.insert(0, Service("gateway", config="gateway.worker_conf", bind="GATEWAY_WORKER_BIND", **shared))
        yield gateway
    finally:
        for service in started:
            service.kill()


def bare() -> float:
    """Pictures per second of the tower alone."""
    model = OnnxModel(BUNDLE)
    runtime, size = model.runtime, model.size
    model.close()
    tower = TowerProcess(BUNDLE / "image.onnx", runtime, available_cores())
    tower.wait()
    pixels = np.random.default_rng(0).standard_normal((BATCH, 3, size, size), np.float32)
    tower.run({"pixels": pixels})
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < BARE_S:
        tower.run({"pixels": pixels})
        done += BATCH
    tower.close()
    return done / (time.perf_counter() - began)


def added(folder: Path) -> float:
    """Seconds that `sightline add` takes for a folder."""
    with tempfile.TemporaryDirectory() as place, services(Path(place), None) as gateway:
        command = [str(Path(sys.executable).with_name("sightline")), "--url", gateway.url, "add", str(folder)]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
        return time.perf_counter() - began


def scanned(folder: Path) -> float:
    """Seconds that the first scan of a library takes, from the start of the worker's job."""
    with (
        tempfile.TemporaryDirectory() as place,
        services(Path(place), folder) as gateway,
        httpx.Client(base_url=gateway.url, timeout=60) as http,
    ):
        wait_for(http, scanning=True)
        began = time.perf_counter()
        wait_for(http, scanning=False)
        return time.perf_counter() - began


def measure(source: Path, counts: dict[str, int]) -> None:
    """Print the rates and their ratios to the bare tower."""
    with tempfile.TemporaryDirectory() as place:
        for name, count in counts.items():
            folder = Path(place) / name
            photographs(source, folder, count, SIZES[name])
            bares = [bare()]
            rates = {}
            for way, seconds in (("sightline add", added), ("a first scan", scanned)):
                rates[way] = count / seconds(folder)
                bares.append(bare())
            alone = percentile(bares, 50) / 1000
            for way, rate in rates.items():
                share = f"{rate / alone:.2f} of the bare tower's {alone:.1f}"
                say(f"{count} of {name}, {way}: {rate:.1f} a second, {share}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=Path("deploy/gallery/pictures"))
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--large", type=int, default=200)
    options = parser.parse_args()
    measure(options.pictures, {"500 x 375": options.small, "12 megapixels": options.large})
