"""Gives the loop each batch's pictures: pixels decoded as they are needed, or the frozen trunk's cached tokens."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor

from twotower.batches import Batch, keep_patches
from twotower.cache import cached_tokens
from twotower.config import Config
from twotower.data import Pair
from twotower.model import TwoTowers
from twotower.pictures import see_all


class PixelFeed:
    """Decodes a batch's pictures; with `views` 0 a new random part of each, every time."""

    def __init__(self, config: Config, pairs: Sequence[Pair]) -> None:
        self._config = config
        self._paths = [p.image for p in pairs]
        self._pool = ThreadPoolExecutor(4)

    def __call__(self, batch: Batch, epoch: int, part: slice, generator: torch.Generator) -> Tensor:
        """Pixels of one part of a batch, (B, 3, size, size) float32."""
        views = batch.views[part].tolist()
        if self._config.views == 0:
            views = [epoch + 1] * len(views)
        paths = [self._paths[r] for r in batch.rows[part]]
        return see_all(paths, views, self._config.seed, self._config.preparation, self._pool)


class TokenFeed:
    """Looks a batch's pictures up among the cached tokens of a frozen trunk."""

    def __init__(self, config: Config, pairs: dict[str, list[Pair]], model: TwoTowers, folder: Path) -> None:
        self._config = config
        # One list of sources for each view.
        self._views = [
            [trunk_tokens(config, source, chosen, view, model, folder) for source, chosen in pairs.items()]
            for view in range(config.views)
        ]
        self._place = [(s, i) for s, chosen in enumerate(pairs.values()) for i in range(len(chosen))]

    def __call__(self, batch: Batch, epoch: int, part: slice, generator: torch.Generator) -> Tensor:
        """Tokens of one part of a batch, (B, T, W) bfloat16, some patches left out."""
        places = [(v, *self._place[r]) for v, r in zip(batch.views, batch.rows, strict=True)]
        tokens = torch.stack([self._views[v][s][i] for v, s, i in places[part]])
        if self._config.keep_patches == 1:
            return tokens
        return keep_patches(tokens, self._config.keep_patches, generator)


def trunk_tokens(config: Config, name: str, pairs: Sequence[Pair], view: int, model: TwoTowers, folder: Path) -> Tensor:
    """One view of a source's pictures as the frozen trunk's tokens, computed at the first call."""
    # Caches are kept by what the backbone is called: a folder's content must not change under its name.
    trunk_name = f"{config.image.model} {model.image.frozen_layers}"
    paths = [p.image for p in pairs]
    return cached_tokens(folder, name, paths, view, config.seed, model.image.trunk, trunk_name, config.preparation)
