"""Computes vectors with a bundle, through ONNX Runtime as the encoder does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer
from tqdm import tqdm

from twotower.config import Preparation
from twotower.towers.embed import Array
from twotower.towers.pictures import see_all
from twotower.towers.texts import encode


class BundleEmbedder:
    """A bundle as an `Embedder`, through the same runtime as the encoder's."""

    def __init__(self, folder: Path) -> None:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        image = manifest["image"]
        self.preparation = Preparation(
            image["size"],
            image["resize"],
            image.get("shortest_edge"),
            image["resample"],
            tuple(image["mean"]),
            tuple(image["std"]),
        )
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(manifest["text"]["max_tokens"])
        self.tokenizer.no_padding()
        options = ort.SessionOptions()
        options.log_severity_level = 3
        self._text, self._image = (ort.InferenceSession(folder / f"{n}.onnx", options) for n in ("text", "image"))

    def texts(self, texts: Sequence[str], batch: int = 64) -> Array:
        """Unit vectors of texts, (N, D) float32."""
        rows = []
        for start in tqdm(range(0, len(texts), batch), unit="batch", desc="texts", leave=False):
            ids, mask = encode(self.tokenizer, texts[start : start + batch])
            inputs = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
            rows.append(self._text.run(["vectors"], inputs)[0])
        return np.concatenate(rows)

    def pictures(self, paths: Sequence[Path], batch: int = 16) -> Array:
        """Unit vectors of pictures, (N, D) float32."""
        rows = []
        with ThreadPoolExecutor(2) as pool:
            for start in tqdm(range(0, len(paths), batch), unit="batch", desc="pictures", leave=False):
                chosen = list(paths[start : start + batch])
                rows.append(self.pixels(see_all(chosen, [0] * len(chosen), 0, self.preparation, pool).numpy()))
        return np.concatenate(rows)

    def pixels(self, pixels: Array) -> Array:
        """Unit vectors of prepared pictures, (N, 3, size, size) float32 to (N, D) float32."""
        vectors: Array = self._image.run(["vectors"], {"pixels": pixels})[0]
        return vectors
