"""The model: a bundle's two towers, its tokenizer and its picture preprocessing. Independent of HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image
from servicekit.pictures import canary_picture
from servicekit.server.child import ChildDiedError
from servicekit.server.processor import NICE, available_cores
from tokenizers import Tokenizer

from encoder.batching import Batcher, Limits
from encoder.metrics import BatchMetrics
from encoder.runtime import Array, Runtime
from encoder.tower import TowerProcess

log = logging.getLogger(__name__)

RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

# Texts are padded to a multiple of this many tokens: a runtime keeps code and memory for each shape.
TOKENS = 4
# The largest batches: about 25 ms of texts, and a quarter of a second of pictures, on two cores in bf16.
TEXTS = Limits(items=32, size=512, waiting=2048)
PICTURES = Limits(items=8, size=8, waiting=256)

# The least cosine of a vector with the one that training computed in fp32.
LEAST_COSINE = 0.999


class BundleError(Exception):
    """The bundle cannot be served; the message says which file is wrong and what to do."""


class TextVectors(NamedTuple):
    """Vectors of some texts, and which of the texts were cut at the token limit."""

    vectors: Array
    truncated: list[bool]


class TextTower:
    """Computes the vectors of texts; an item is the tuple of a text's token ids."""

    def __init__(self, process: TowerProcess, max_tokens: int) -> None:
        self._process, self._max_tokens = process, max_tokens
        self.alive, self.restart = process.alive, process.restart

    def padded(self, ids: Sequence[int]) -> int:
        """The number of tokens that a text is padded to."""
        return min(-(-len(ids) // TOKENS) * TOKENS, self._max_tokens)

    def compute(self, items: Sequence[tuple[int, ...]]) -> Sequence[Array]:
        """The vectors (dim,) of N texts."""
        longest = max(map(self.padded, items))
        ids = np.zeros((len(items), longest), np.int64)
        mask = np.zeros((len(items), longest), np.int64)
        for row, item in enumerate(items):
            ids[row, : len(item)] = item
            mask[row, : len(item)] = 1
        return list(self._process.run({"input_ids": ids, "attention_mask": mask}))


class ImageTower:
    """Computes the vectors of prepared pictures."""

    def __init__(self, process: TowerProcess) -> None:
        self._process = process
        self.alive, self.restart = process.alive, process.restart

    def compute(self, items: Sequence[Array]) -> Sequence[Array]:
        """The vectors (dim,) of N pictures."""
        return list(self._process.run({"pixels": np.stack(items)}))


class OnnxModel:
    """A dual encoder: unit vectors of texts and of pictures in one space. Any number of threads may use it."""

    def __init__(
        self, folder: Path, threads: int = 0, runtime: Runtime = Runtime.AUTO, metrics: BatchMetrics | None = None
    ) -> None:
        """Load the bundle in `folder`, checking every file against its sha256, and start its towers.

        Args:
            folder: of the bundle.
            threads: of each tower; 0 for all cores.
            runtime: what computes the graphs. AUTO takes the fastest one whose vectors are those of training.
            metrics: receive the sizes and times of batches.

        Raises:
            BundleError: a file is missing, damaged, or of a form that this encoder does not understand; or the runtime
                cannot be used here.
        """
        self.manifest = read_manifest(folder)
        self.model_id: str = self.manifest["model_id"]
        self.dim: int = self.manifest["dim"]
        self.max_tokens: int = self.manifest["text"]["max_tokens"]
        image = self.manifest["image"]
        if image["resize"] not in ("squash", "crop") or image["resample"] not in RESAMPLING:
            raise BundleError(f"{folder}: unknown picture preparation {image['resize']} / {image['resample']}")
        self.size: int = image["size"]
        # CLIP's preprocessing: resize the shorter side to this length, then center-crop a square.
        self._shortest_edge: int | None = image["shortest_edge"] if image["resize"] == "crop" else None
        self._resample = RESAMPLING[image["resample"]]
        self._mean = np.array(image["mean"], np.float32)
        self._std = np.array(image["std"], np.float32)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        # Truncation is done in `encode_texts`, which reports it to the caller.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._folder, self._threads, self._metrics = folder, threads or available_cores(), metrics
        # A reduced precision is checked with both canaries; graphs in int8 are made for ONNX Runtime.
        exact = "int8" in self.manifest or "picture" not in self.manifest["canary"]
        self._start(Runtime.ONNXRUNTIME_FP32 if runtime is Runtime.AUTO and exact else runtime)
        try:
            self.check()
            self._check_pictures()
        except BundleError as error:
            self.close()
            if runtime is not Runtime.AUTO or self.runtime is Runtime.ONNXRUNTIME_FP32:
                raise BundleError(f"{folder}: {error}") from error
            log.warning("%s is not used: %s", self.runtime, error)
            self._start(Runtime.ONNXRUNTIME_FP32)
        log.info("%s runs on %s with %d threads", self.model_id, self.runtime, self._threads)

    def _start(self, runtime: Runtime) -> None:
        text = TowerProcess(self._folder / "text.onnx", runtime, self._threads)
        image = TowerProcess(self._folder / "image.onnx", runtime, self._threads, NICE)
        self._processes = (text, image)
        try:
            for process in self._processes:
                process.wait()
        except ChildDiedError as error:
            for process in self._processes:
                process.close()
            raise BundleError(str(error)) from error
        self.runtime = text.runtime
        texts = TextTower(text, self.max_tokens)
        self._texts = Batcher("texts", texts, TEXTS, texts.padded, key=lambda ids: ids, metrics=self._metrics)
        self._pictures = Batcher("pictures", ImageTower(image), PICTURES, lambda _: 1, metrics=self._metrics)

    def close(self) -> None:
        """End the towers."""
        for batcher in (self._texts, self._pictures):
            batcher.close()
        for process in self._processes:
            process.close()

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Encode N texts as (N, dim) float32 unit vectors; a text over the token limit is cut and marked.

        Raises:
            ServiceError: the tower is busy (429) or down, or the request's deadline has passed (503).
        """
        encoded = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        truncated = [len(ids) > self.max_tokens for ids in encoded]
        # The last id is the separator that every sequence must end with.
        cut = [
            (*ids[: self.max_tokens - 1], ids[-1]) if long else tuple(ids)
            for ids, long in zip(encoded, truncated, strict=True)
        ]
        return TextVectors(np.array(self._texts.run(cut)), truncated)

    def prepare(self, picture: Image.Image) -> Array:
        """Turn an RGB picture into (3, size, size) float32, normalised as the model was trained."""
        resized = self._square(picture)
        array = (np.asarray(resized, np.float32) / 255 - self._mean) / self._std
        return np.ascontiguousarray(array.transpose(2, 0, 1))

    def _square(self, picture: Image.Image) -> Image.Image:
        size, short = self.size, self._shortest_edge
        if short is None:
            return picture.resize((size, size), self._resample)
        # The longer side is truncated to an integer, not rounded, as in CLIP's own preprocessing.
        width, height = (short if s == min(picture.size) else int(s * short / min(picture.size)) for s in picture.size)
        left, top = (width - size) // 2, (height - size) // 2
        return picture.resize((width, height), self._resample).crop((left, top, left + size, top + size))

    def encode_images(self, prepared: Sequence[Array]) -> Array:
        """Encode N prepared pictures as (N, dim) float32 unit vectors.

        Raises:
            ServiceError: the tower is busy (429) or down, or the request's deadline has passed (503).
        """
        return np.array(self._pictures.run(prepared)).reshape(len(prepared), self.dim)

    def check(self) -> str:
        """Encode the bundle's canary text and compare it with the vector that training computed for it.

        Raises:
            BundleError: the tower computes other vectors on this machine than where it was exported.
            ServiceError: a tower is down.
        """
        canary = self.manifest["canary"]
        least = agreed(
            f"the canary {canary['text']!r}", self.encode_texts([canary["text"]]).vectors[0], canary["vector"]
        )
        self._pictures.check()
        return f"{self.model_id}, canary cosine {least:.5f}"

    def _check_pictures(self) -> None:
        """As `check`, with the canary picture; done once, since it takes the time of a picture."""
        if "picture" in self.manifest["canary"]:
            vector = self.encode_images([self.prepare(canary_picture(2 * self.size))])[0]
            agreed("the canary picture", vector, self.manifest["canary"]["picture"])


def agreed(what: str, vector: Array, expected: str) -> float:
    """The cosine of a vector with the one that training computed.

    Args:
        what: was encoded, for the error.
        vector: (dim,) as computed here.
        expected: as base64 of little-endian float32.

    Raises:
        BundleError: it is below LEAST_COSINE.
    """
    cosine = float(vector @ np.frombuffer(base64.b64decode(expected), "<f4"))
    if not cosine >= LEAST_COSINE:
        raise BundleError(f"{what} has cosine {cosine:.4f} with its known vector")
    return cosine


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read a bundle's manifest and check that its files are the ones it names."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise BundleError(f"{folder} holds no model bundle; compose one with: python -m encoder.bundle --out {folder}")
    manifest: dict[str, Any] = json.loads(path.read_text())
    if manifest.get("format") != 1:
        raise BundleError(f"{path}: format {manifest.get('format')!r} is not 1, the one this encoder reads")
    for name, expected in manifest["files"].items():
        if not (folder / name).is_file():
            raise BundleError(f"{folder / name} is missing; compose the bundle again")
        if file_sha256(folder / name) != expected:
            raise BundleError(
                f"{folder / name} is damaged (its sha256 is not the manifest's); compose the bundle again"
            )
    return manifest


def file_sha256(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
