"""Gradient caching for large contrastive batches in little memory (GradCache, Gao et al., 2021, arXiv 2101.06983).

Plain gradient accumulation would not do: a contrastive loss needs the vectors of the whole batch as negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import get_device_states, set_device_states

Vectors = tuple[Tensor, ...]
Part = TypeVar("Part")


def cached_backward(encode: Callable[[Part], Vectors], parts: Sequence[Part], loss: Callable[..., Tensor]) -> Tensor:
    """Back-propagate a loss over a whole batch with the activations of only one part (chunk) in memory at a time.

    Each part is encoded twice: first without a graph, to compute the loss over all vectors and its gradient with
    respect to them; then with a graph, through which that gradient is propagated to the parameters. RNG states are
    saved and restored, so that both passes have the same dropout masks.

    Args:
        encode: maps a part to its vectors, each (n, D).
        parts: the chunks of the batch.
        loss: maps the concatenated vectors to a scalar.

    Returns:
        The loss, detached. Gradients are added to the parameters, as `backward` does.
    """
    states, pieces = [], []
    with torch.no_grad():
        for part in parts:
            states.append((torch.get_rng_state(), *get_device_states(*tensors(part))))
            pieces.append(encode(part))
    whole = [torch.cat(column).requires_grad_() for column in zip(*pieces, strict=True)]
    value = loss(*whole)
    value.backward()
    after = (torch.get_rng_state(), *get_device_states(*tensors(parts[-1])))
    gradients = [w.grad.split([len(p[i]) for p in pieces]) for i, w in enumerate(whole) if w.grad is not None]
    for part, state, *gradient in zip(parts, states, *gradients, strict=True):
        restore(*state)
        torch.autograd.backward(encode(part), gradient)
    restore(*after)
    return value.detach()


def tensors(part: object) -> Sequence[object]:
    """The tensors of a part."""
    return part if isinstance(part, tuple) else (part,)


def restore(cpu: Tensor, devices: list[int], states: list[Tensor]) -> None:
    """Restore saved RNG states: the CPU's, and those of the devices that a part's tensors are on."""
    torch.set_rng_state(cpu)
    set_device_states(devices, states)
