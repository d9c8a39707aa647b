"""Computes vectors of many texts or pictures in batches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tqdm import tqdm

from twotower.config import Preparation
from twotower.towers.model import TwoTowers
from twotower.towers.pictures import see_all
from twotower.towers.texts import encode

Array = NDArray[np.float32]


class Embedder(Protocol):
    """The interface of a model under evaluation: a bundle, a checkpoint or a running encoder."""

    def texts(self, texts: Sequence[str]) -> Array:
        """Unit vectors of texts, (N, D) float32."""

    def pictures(self, paths: Sequence[Path]) -> Array:
        """Unit vectors of pictures, (N, D) float32."""


def embed_texts(model: TwoTowers, tokenizer: Tokenizer, texts: Sequence[str], batch: int = 128) -> Array:
    """Unit vectors of texts, (N, D) float32."""
    device = model.log_scale.device
    # Sort by length to minimise padding.
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
    """Unit vectors of whole pictures (no crops), (N, D) float32."""
    device = model.log_scale.device
    rows = []
    with ThreadPoolExecutor(4) as pool:
        for start in tqdm(range(0, len(paths), batch), unit="batch", desc="pictures", leave=False):
            chosen = list(paths[start : start + batch])
            rows.append(model.image(see_all(chosen, [0] * len(chosen), 0, preparation, pool).to(device)))
    array: Array = torch.cat(rows).float().cpu().numpy()
    return array
