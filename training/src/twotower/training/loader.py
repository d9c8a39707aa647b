"""The data loader: draws, decodes and tokenises batches ahead of the training loop, in worker processes if configured.

A batch is a deterministic function of config, epoch and step, so that results do not depend on the number of workers.
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

# Batches that each worker prefetches.
AHEAD = 2


class Prepared(NamedTuple):
    """One process's share of a batch, in parts of `chunk` pictures."""

    # Pixels or cached tokens of each part's pictures; see `TwoTowers.forward`.
    images: list[Tensor]
    # Each part's texts, picture by picture.
    texts: list[list[str]]
    # Token ids and mask of each part's texts; empty if the text tower is frozen, whose features are cached by text.
    tokens: list[tuple[Tensor, Tensor]]
    # The targets of the whole batch, not only of this process's share.
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
        """Prepare the share of one process.

        Args:
            config: the run's config.
            batches: draws the batches.
            pipeline: provides pixels or cached tokens.
            tokenizer: of the text tower; None to leave texts untokenised.
            process: the rank of this process.
            processes: the world size.
        """
        self._config, self._batches, self._pipeline, self._tokenizer = config, batches, pipeline, tokenizer
        self._process, self._processes = process, processes

    def __getitem__(self, place: tuple[int, int]) -> Prepared:
        """This process's share of the batch at (epoch, step within the epoch)."""
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
    """The seed of a step of the run, for dropout and dropped patches."""
    return config.seed * 1_000_003 + step


def load(batches: PreparedBatches, places: Sequence[tuple[int, int]], workers: int, pin: bool) -> Iterator[Prepared]:
    """Load the batches of these epochs and steps, in this order.

    Args:
        batches: the data set of batches.
        places: (epoch, step) of each.
        workers: worker processes that prefetch; with 0 the training loop prepares each batch itself.
        pin: whether to use pinned memory, from which a GPU copies asynchronously.
    """
    return iter(
        DataLoader(
            batches,
            batch_size=None,
            sampler=places,
            num_workers=workers,
            prefetch_factor=AHEAD if workers else None,
            pin_memory=pin,
            # Forking a process that has threads may deadlock; forkserver forks from a process without any.
            multiprocessing_context=torch.multiprocessing.get_context("forkserver") if workers else None,
        )
    )
