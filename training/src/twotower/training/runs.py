"""Loads the best model of a training run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from twotower.config import Config, fingerprint, load_config
from twotower.towers.build import build, load_tokenizer
from twotower.towers.embed import Array, embed_pictures, embed_texts
from twotower.towers.model import TwoTowers
from twotower.training import checkpoint


def load_run(folder: Path, wheels: Path, config: Config | None = None) -> tuple[Config, TwoTowers]:
    """Load the config and the best model of a training run, in float32 and evaluation mode.

    Args:
        folder: the run's folder.
        wheels: the folder of downloaded wheels.
        config: the run's config; None to load it by the name in the checkpoint.

    Raises:
        ValueError: the folder holds no checkpoint, or the config has changed since the training.
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
    """The best checkpoint of a training run as an `Embedder`."""

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
