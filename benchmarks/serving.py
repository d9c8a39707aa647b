"""Helpers of the benchmarks: services as real processes under gunicorn, synthetic vectors and request bodies."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

Vectors = NDArray[np.float32]
MODEL = "made-up"


class Service:
    """A service in its own process group; a restart keeps its port."""

    def __init__(self, name: str, config: str = "", bind: str = "", **settings: str) -> None:
        """Start it on a free port.

        Args:
            name: of the service, the prefix of its settings.
            config: the module of gunicorn's settings; the service's own unless given.
            bind: the setting of its address; the service's own unless given.
            settings: its environment.
        """
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self._config = config or f"{name}.gunicorn_conf"
        self._settings = {
            bind or f"{name.upper()}_BIND": f"127.0.0.1:{port}",
            f"{name.upper()}_LOG_LEVEL": "WARNING",
            **settings,
        }
        self.start()

    def start(self) -> None:
        """Start the process."""
        env = {**os.environ, **self._settings}
        command = [sys.executable, "-m", "gunicorn", "-c", f"python:{self._config}"]
        self.process = subprocess.Popen(command, env=env, start_new_session=True, stderr=subprocess.DEVNULL)

    def wait(self) -> float:
        """Wait until it is ready; return the seconds waited."""
        began = time.perf_counter()
        while True:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=60).is_success:
                    return time.perf_counter() - began
            except httpx.TransportError:
                if self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} stopped") from None
                time.sleep(0.02)

    def kill(self) -> None:
        """Kill the process group (SIGKILL), as in a crash."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Terminate it gracefully (SIGTERM)."""
        self.process.terminate()
        self.process.wait()


class Search(Service):
    """A search service over a catalogue."""

    def __init__(self, catalogue: Path, **settings: str) -> None:
        super().__init__("search", SEARCH_CATALOGUE=str(catalogue), **settings)


@contextmanager
def serving(catalogue: Path, **settings: str) -> Iterator[Search]:
    """A running search service; it is stopped at the end of the block."""
    search = Search(catalogue, **settings)
    try:
        search.wait()
        yield search
    finally:
        if search.process.poll() is None:
            search.stop()


def say(sentence: str) -> None:
    """Print a line without breaking a progress bar."""
    tqdm.write(sentence)


def clustered(random: np.random.Generator, count: int, dim: int, centres: Vectors) -> Vectors:
    """Random unit vectors (count, dim) around cluster centres.

    As with a real encoder's vectors, a few directions hold most of the variance.

    Args:
        random: the generator.
        count: how many.
        dim: their dimension.
        centres: (C, dim).
    """
    spread = (np.arange(1, dim + 1) ** -0.5).astype(np.float32)
    noise = random.standard_normal((count, dim), np.float32) * spread
    vectors = centres[random.integers(0, len(centres), count)] + 1.2 * noise / np.linalg.norm(spread)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def encode(vector: Vectors) -> str:
    """A vector as base64 of little-endian float32."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def upsert_body(first: int, vectors: Sequence[Vectors] | Vectors, model: str = MODEL) -> dict[str, Any]:
    """The body of POST /v1/pictures that adds pictures from number `first` on, one per vector."""
    pictures = [
        {
            "id": f"{first + i:032x}",
            "media_key": f"{first + i}.jpg",
            "file_name": f"IMG_{first + i}.jpg",
            "width": 640,
            "height": 480,
            "caption": f"picture number {first + i}",
            "tags": ["even" if i % 2 == 0 else "odd"],
            "vector": encode(vector),
        }
        for i, vector in enumerate(vectors)
    ]
    return {"model_id": model, "dim": len(vectors[0]), "pictures": pictures}


def query_body(vector: Vectors, k: int = 10) -> dict[str, Any]:
    """The body of POST /v1/query for the k nearest neighbours of a vector."""
    return {"model_id": MODEL, "terms": [{"vector": encode(vector)}], "k": k}


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The JSON document of a successful answer."""
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def percentile(seconds: Sequence[float], share: float) -> float:
    """A percentile of durations, in milliseconds; `share` is in percent."""
    return float(np.percentile(seconds, share)) * 1000
