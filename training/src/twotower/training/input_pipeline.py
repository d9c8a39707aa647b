"""Provides the inputs of a batch: decoded pixels, a frozen trunk's cached tokens, a frozen text tower's features."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import get_worker_info

from twotower.config import Config
from twotower.data import Pair
from twotower.towers.model import TwoTowers, in_groups
from twotower.towers.pictures import see_all
from twotower.towers.texts import encode
from twotower.training.batches import Batch, keep_patches
from twotower.training.cache import TokenFile, cached_tokens

# Maximum number of texts whose features are cached in memory.
MOST_KNOWN = 2**18


class PixelPipeline:
    """Decodes a batch's pictures; with `Config.views` 0, a new random crop of each in every epoch."""

    def __init__(self, config: Config, pairs: Sequence[Pair]) -> None:
        self._config = config
        self._paths = [p.image for p in pairs]

    def __call__(self, batch: Batch, epoch: int, part: slice, seed: int) -> Tensor:
        """Pixels of one part of a batch, (B, 3, size, size) float32."""
        views = batch.views[part].tolist()
        if self._config.views == 0:
            views = [epoch + 1] * len(views)
        paths = [self._paths[r] for r in batch.rows[part]]
        # A worker process decodes with one thread, since there are several workers; the training loop uses four.
        with ThreadPoolExecutor(1 if get_worker_info() else 4) as pool:
            return see_all(paths, views, self._config.seed, self._config.preparation, pool)


class TokenPipeline:
    """Reads a batch's tokens from the cache of a frozen trunk."""

    def __init__(self, config: Config, pairs: dict[str, list[Pair]], model: TwoTowers, folder: Path) -> None:
        self._config = config
        self._patches_from = model.image.patches_from
        views = {s.name: s.views or config.views for s in config.sources}
        # By source and view.
        self._files = [
            [trunk_tokens(config, source, chosen, view, model, folder) for view in range(views[source])]
            for source, chosen in pairs.items()
        ]
        self._mapped: list[list[Tensor]] | None = None
        self._place = [(s, i) for s, chosen in enumerate(pairs.values()) for i in range(len(chosen))]

    def __getstate__(self) -> dict[str, Any]:
        """Pickle without the memory maps, which hold gigabytes; a worker process maps the files itself."""
        return {**self.__dict__, "_mapped": None}

    def __call__(self, batch: Batch, epoch: int, part: slice, seed: int) -> Tensor:
        """Tokens of one part of a batch, (B, T, W) bfloat16, with random patches dropped.

        Args:
            batch: the whole batch.
            epoch: the epoch; the last one may keep more patches.
            part: the slice of the batch.
            seed: of the random choice of patches, the same for all parts of a batch.
        """
        places = [(v, *self._place[r]) for v, r in zip(batch.views, batch.rows, strict=True)]
        if self._mapped is None:
            self._mapped = [[file.map() for file in files] for files in self._files]
        tokens = torch.stack([self._mapped[s][v][i] for v, s, i in places[part]])
        kept = self._config.keep_patches
        if self._config.last_keep_patches is not None and epoch == self._config.epochs - 1:
            kept = self._config.last_keep_patches
        if kept == 1 or tokens.shape[1] == 1:
            return tokens
        generator = torch.Generator().manual_seed(seed)
        # Drawn for the whole batch, so that the choice does not depend on the chunk size or the number of processes.
        chance = torch.rand(len(batch.rows), tokens.shape[1] - self._patches_from, generator=generator)[part]
        return keep_patches(tokens, kept, chance, self._patches_from)


class FeaturePipeline:
    """Features of a frozen text tower; each text is computed at its first use and cached."""

    def __init__(self, model: TwoTowers, tokenizer: Tokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._known: dict[str, Tensor] = {}

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """(T, W) features."""
        if len(self._known) > MOST_KNOWN:  # random short queries would let the cache grow without bound
            self._known.clear()
        if new := sorted(set(texts) - self._known.keys()):
            device = self._model.log_scale.device
            ids, mask = (t.to(device) for t in encode(self._tokenizer, new))
            training = self._model.training
            self._model.eval()
            with torch.no_grad():
                self._known.update(zip(new, in_groups(self._model.text.features, ids, mask).float(), strict=True))
            self._model.train(training)
        return torch.stack([self._known[t] for t in texts])


def trunk_tokens(
    config: Config, name: str, pairs: Sequence[Pair], view: int, model: TwoTowers, folder: Path
) -> TokenFile:
    """The frozen trunk's tokens of one view of a source's pictures, computed at the first call and cached on disk.

    Args:
        config: the run's config.
        name: of the source, for the file name.
        pairs: the source's pictures.
        view: 0 for whole pictures, otherwise the number of a random crop.
        model: the model with the trunk.
        folder: of the cache files.
    """
    # The cache key contains the backbone's name, not its weights: do not change a folder's content under the same name.
    trunk_name = f"{config.image.model} {model.image.frozen_layers}"
    if model.image.all_frozen:
        trunk_name += f" {config.image_pooling}"
    paths = [p.image for p in pairs]
    return cached_tokens(
        folder,
        name,
        paths,
        view,
        config.seed,
        model.image.trunk,
        trunk_name,
        config.preparation,
        model.log_scale.device,
    )
