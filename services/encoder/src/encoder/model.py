"""The model: a bundle's two ONNX graphs, its tokenizer and its picture preprocessing. Independent of HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image
from tokenizers import Tokenizer

from encoder.background import background_threads

Array = NDArray[np.float32]

RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}

# Items per forward pass: on a CPU a larger batch is no faster, and takes more memory.
BATCH = 16


class BundleError(Exception):
    """The bundle cannot be served; the message says which file is wrong and what to do."""


class TextVectors(NamedTuple):
    """Vectors of some texts, and which of the texts were cut at the token limit."""

    vectors: Array
    truncated: list[bool]


class OnnxModel:
    """A dual encoder: unit vectors of texts and of pictures in one space."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Load the bundle in `folder`, checking every file against its sha256.

        Raises:
            BundleError: a file is missing, damaged, or of a form that this encoder does not understand.
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
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or available_cores()
        # The arena would keep the memory of the largest batch for ever; a small server needs it back.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3  # errors only: an unoptimised graph logs many warnings at every start
        self._text = ort.InferenceSession(folder / "text.onnx", options, providers=["CPUExecutionProvider"])
        # The session's own threads inherit the priority of the thread that creates it.
        self._pictures = background_threads("pictures", 1)
        create = self._pictures.submit(ort.InferenceSession, folder / "image.onnx", options, ["CPUExecutionProvider"])
        self._image: ort.InferenceSession = create.result()

    def encode_texts(self, texts: Sequence[str]) -> TextVectors:
        """Encode N texts as (N, dim) float32 unit vectors; a text over the token limit is cut and marked."""
        encoded = [e.ids for e in self._tokenizer.encode_batch(list(texts))]
        truncated = [len(ids) > self.max_tokens for ids in encoded]
        # The last id is the separator that every sequence must end with.
        cut = [
            [*ids[: self.max_tokens - 1], ids[-1]] if long else ids
            for ids, long in zip(encoded, truncated, strict=True)
        ]
        # Sort by length (bucketing), so that a short query is not padded to the length of a long one.
        order = sorted(range(len(cut)), key=lambda i: len(cut[i]))
        vectors = np.empty((len(cut), self.dim), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            longest = len(cut[rows[-1]])
            ids = np.zeros((len(rows), longest), np.int64)
            mask = np.zeros((len(rows), longest), np.int64)
            for i, row in enumerate(rows):
                ids[i, : len(cut[row])] = cut[row]
                mask[i, : len(cut[row])] = 1
            vectors[rows] = self._text.run(["vectors"], {"input_ids": ids, "attention_mask": mask})[0]
        return TextVectors(vectors, truncated)

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
        """Encode N prepared pictures as (N, dim) float32 unit vectors."""
        starts = range(0, len(prepared), BATCH)
        rows = list(self._pictures.map(self._run_image, (prepared[start : start + BATCH] for start in starts)))
        return np.concatenate(rows) if rows else np.empty((0, self.dim), np.float32)

    def _run_image(self, prepared: Sequence[Array]) -> Array:
        vectors: Array = self._image.run(["vectors"], {"pixels": np.stack(prepared)})[0]
        return vectors

    def check(self) -> str:
        """Encode the bundle's canary and compare it with the vector that training computed for it.

        Raises:
            BundleError: the graphs compute other vectors on this machine than where they were exported.
        """
        canary = self.manifest["canary"]
        expected = np.frombuffer(base64.b64decode(canary["vector"]), "<f4")
        cosine = float(self.encode_texts([canary["text"]]).vectors[0] @ expected)
        if not cosine >= 0.999:
            raise BundleError(f"the canary {canary['text']!r} has cosine {cosine:.4f} with its known vector")
        return f"{self.model_id}, canary cosine {cosine:.5f}"


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


def available_cores(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """The number of cores that this process may use: by CPU affinity, and by the quota of its container.

    ONNX Runtime's default is all cores of the machine, and threads beyond the quota stop each other.

    Args:
        cgroup: where the control group of this process is mounted (cgroup v2).
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = (cgroup / "cpu.max").read_text().split()
        return min(cores, max(1, math.ceil(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file on other systems; "max" is no number
        return cores
