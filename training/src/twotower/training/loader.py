"""Prepares batches ahead of the training loop: drawn, decoded and tokenised, by worker processes where there are any.

A prepared batch is a function of the config, its epoch and its step, whichever process makes it: a run with workers
learns from the same numbers as one without.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from twotower.config import Config
from twotower.towers.loss import Targets
from twotower.towers.texts import encode
from twotower.training.batches import Batches
from twotower.training.input_pipeline import PixelPipeline, TokenPipeline

# Batches that each worker is ahead of the loop.
AHEAD = 2


class Prepared(NamedTuple):
    """One process's share of a batch, in parts of `chunk` pictures."""

    # Pixels or cached tokens of each part's pictures; see `TwoTowers.forward`.
    images: list[Tensor]
    # Each part's texts, picture by picture.
    texts: list[list[str]]
    # Their ids and mask; empty where the text tower is frozen: its features are kept beside the model.
    tokens: list[tuple[Tensor, Tensor]]
    # Of the whole batch.
    targets: Targets


class PreparedBatches(Dataset[Prepared]):
    """The batches of a run by (epoch, step)."""

    def __init__(
        self,
        config: Config,
        batches: Batches,
        pipeline: PixelPipeline | TokenPipeline,
        tokenizer: Tokenizer | None,
        process: int,
        processes: int,
    ) -> None:
        """For one process of several; without a tokenizer texts stay as they are."""
        self._config, self._batches, self._pipeline, self._tokenizer = config, batches, pipeline, tokenizer
        self._process, self._processes = process, processes

    def __getitem__(self, place: tuple[int, int]) -> Prepared:
        """The batch of this epoch and step of it."""
        epoch, step = place
        batch = self._batches.at(epoch, step)
        seed = step_seed(self._config, epoch * self._batches.steps + step)
        share = len(batch.rows) // self._processes
        start = share * self._process
        size = self._config.chunk or share
        parts = [slice(first, first + size) for first in range(start, start + share, size)]
        captions = self._config.captions
        texts = [batch.texts[part.start * captions : part.stop * captions] for part in parts]
        return Prepared(
            [self._pipeline(batch, epoch, part, seed) for part in parts],
            texts,
            [encode(self._tokenizer, t) for t in texts] if self._tokenizer else [],
            batch.targets,
        )


def step_seed(config: Config, step: int) -> int:
    """The seed of what is random in a step of the run, beside the batch itself."""
    return config.seed * 1_000_003 + step


def load(batches: PreparedBatches, places: Sequence[tuple[int, int]], workers: int, pin: bool) -> Iterator[Prepared]:
    """The batches of these epochs and steps, in this order.

    Args:
        batches: what prepares them.
        places: (epoch, step) of each.
        workers: processes that prepare them ahead of the loop; 0 does so between two steps.
        pin: whether pictures and tokens lie in memory that a GPU copies from while it computes.
    """
    return iter(
        DataLoader(
            batches,
            batch_size=None,
            sampler=places,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            pin_memory=pin,
            # A fork of a process with threads may hang; this starts from a clean one.
            multiprocessing_context=torch.multiprocessing.get_context("forkserver") if workers else None,
        )
    )
