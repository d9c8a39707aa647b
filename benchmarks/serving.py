"""Services as a user runs them, for the benchmarks: real processes, made-up pictures."""

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
    """A service in a process group of its own; started again, it has the port that it had."""

    def __init__(self, name: str, **settings: str) -> None:
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.name, self.url = name, f"http://127.0.0.1:{port}"
        self._settings = {
            f"{name.upper()}_BIND": f"127.0.0.1:{port}",
            f"{name.upper()}_LOG_LEVEL": "WARNING",
            **settings,
        }
        self.start()

    def start(self) -> None:
        """Start it."""
        env = {**os.environ, **self._settings}
        command = [sys.executable, "-m", "gunicorn", "-c", f"python:{self.name}.gunicorn_conf"]
        self.process = subprocess.Popen(command, env=env, start_new_session=True, stderr=subprocess.DEVNULL)

    def wait(self) -> float:
        """Until it is ready; the seconds that took."""
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
        """End it as a crash would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """End it as a person would."""
        self.process.terminate()
        self.process.wait()


class Search(Service):
    """A search service over a catalogue."""

    def __init__(self, catalogue: Path, **settings: str) -> None:
        super().__init__("search", SEARCH_CATALOGUE=str(catalogue), **settings)


@contextmanager
def serving(catalogue: Path, **settings: str) -> Iterator[Search]:
    """A search service, ready, until the end of the block."""
    search = Search(catalogue, **settings)
    try:
        search.wait()
        yield search
    finally:
        if search.process.poll() is None:
            search.stop()


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    tqdm.write(sentence)


def clustered(random: np.random.Generator, count: int, dim: int, centres: Vectors) -> Vectors:
    """Unit vectors (count, dim) around centres (C, dim), spread as an encoder's are: a few directions hold most."""
    spread = (np.arange(1, dim + 1) ** -0.5).astype(np.float32)
    noise = random.standard_normal((count, dim), np.float32) * spread
    vectors = centres[random.integers(0, len(centres), count)] + 1.2 * noise / np.linalg.norm(spread)
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def encode(vector: Vectors) -> str:
    """A vector as it is sent."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def upsert_body(first: int, vectors: Sequence[Vectors] | Vectors, model: str = MODEL) -> dict[str, Any]:
    """The request that adds pictures from number `first` on."""
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
    """The request for a vector's neighbours."""
    return {"model_id": MODEL, "terms": [{"vector": encode(vector)}], "k": k}


def checked(answer: httpx.Response) -> dict[str, Any]:
    """The answer's document, if it is a success."""
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def percentile(seconds: Sequence[float], share: float) -> float:
    """A percentile in milliseconds."""
    return float(np.percentile(seconds, share)) * 1000
