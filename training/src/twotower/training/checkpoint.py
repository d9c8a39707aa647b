"""Checkpoints of a run, the exponential moving average (EMA) of its weights, and initialisation from an earlier run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn


def trained_state(model: nn.Module) -> dict[str, Tensor]:
    """The trainable parameters by name; a checkpoint holds only these."""
    return {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}


class Ema:
    """An exponential moving average of the trainable parameters; it generalises better than the last step's weights."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self.state = {n: p.clone() for n, p in trained_state(model).items()}

    def update(self, model: nn.Module, step: int) -> None:
        """Update the average after a step. Early on the decay is smaller, so that the initial weights fade quickly."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for name, value in trained_state(model).items():
            self.state[name].lerp_(value, 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Give the model the averaged weights until the end of the block."""
        own = {n: p.clone() for n, p in trained_state(model).items()}
        load_state(model, self.state)
        try:
            yield
        finally:
            load_state(model, own)


def load_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load a checkpoint's weights into a model.

    Raises:
        ValueError: the model's trainable parameters are not those of the checkpoint.
    """
    parameters = {n: p for n, p in model.named_parameters() if p.requires_grad}
    if parameters.keys() != state.keys():
        other = sorted(parameters.keys() ^ state.keys())
        raise ValueError(f"the checkpoint is of another model: {len(other)} parameters differ, first {other[0]}")
    with torch.no_grad():
        for name, value in state.items():
            parameters[name].copy_(value)


def initial_state(folder: Path) -> dict[str, Tensor]:
    """The trained weights by parameter, from a run's best checkpoint or from a release's LoRA matrices and heads.

    Raises:
        ValueError: the folder holds neither.
    """
    if (folder / "best.pt").exists():
        state: dict[str, Tensor] = load(folder / "best.pt")["ema"]
        return state
    if not (folder / "adaptation.safetensors").exists():
        raise ValueError(f"{folder} holds neither a run's best.pt nor a release's adaptation.safetensors")
    state = {}
    for name, value in load_file(folder / "adaptation.safetensors").items():
        tower, _, own = name.partition(".")
        for suffix, matrix in ((".weight.a", "lora_A"), (".weight.b", "lora_B")):
            if own.endswith(suffix):
                name = f"{tower}.backbone.{own.removesuffix(suffix)}.{matrix}.default.weight"
        state[name] = value.float()
    return state


def start_from(model: nn.Module, folder: Path) -> None:
    """Initialise a model with the weights of an earlier run or release, except the temperature and the bias.

    Raises:
        ValueError: a trainable parameter is missing there, or has another shape.
    """
    state = initial_state(folder)
    wanted = {n: p for n, p in model.named_parameters() if p.requires_grad and n not in ("log_scale", "bias")}
    with torch.no_grad():
        for name, parameter in wanted.items():
            if name not in state or state[name].shape != parameter.shape:
                found = f"has it as {tuple(state[name].shape)}" if name in state else "lacks it"
                raise ValueError(f"{folder} was trained otherwise: {name} is {tuple(parameter.shape)} here, it {found}")
            parameter.copy_(state[name])


def save(path: Path, content: dict[str, Any]) -> None:
    """Write a checkpoint atomically: to a temporary file, fsync, then rename."""
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        torch.save(content, stream)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint, with tensors and plain values only (`weights_only`, so that pickle cannot run code)."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return content
