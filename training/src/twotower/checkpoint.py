"""What a run keeps: the mean of the recent weights, and all that it takes to go on where it stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


def trained_state(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that are trained, by name: what a checkpoint holds of a model."""
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


class Ema:
    """An exponential moving average of the trained parameters, which generalises better than the last step's."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state = {n: p.clone() for n, p in trained_state(model).items()}

    def update(self, model: nn.Module, step: int) -> None:
        """Take one step's weights in; early on the average is short, so that it is not made of the beginning."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in trained_state(model).items():
            self.state[name].lerp_(value, 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """The model with the averaged weights, for as long as the block lasts."""
        own = {n: p.clone() for n, p in trained_state(model).items()}
        load_state(model, self.state)
        try:
            yield
        finally:
            load_state(model, own)


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Put a checkpoint's weights into a model.

    Raises:
        ValueError: the model trains other parameters than the checkpoint holds.
    """
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    if parameters.keys() != state.keys():
        other = sorted(parameters.keys() ^ state.keys())
        raise ValueError(f"the checkpoint is of another model: {len(other)} parameters differ, first {other[0]}")
    with torch.no_grad():
        for name, value in state.items():
            parameters[name].copy_(value)


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint so that a reader finds the old one or the new one, never half of it."""
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint: tensors and plain values only."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content
