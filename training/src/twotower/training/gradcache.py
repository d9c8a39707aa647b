"""Large batches in small memory (GradCache, Gao et al., 2021, arXiv 2101.06983)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils.checkpoint import get_device_states, set_device_states

Vectors = tuple[Tensor, ...]
Part = TypeVar("Part")


def cached_backward(encode: Callable[[Part], Vectors], parts: Sequence[Part], loss: Callable[..., Tensor]) -> Tensor:
    """Back-propagate a loss over a whole batch while the activations of one part only are in memory.

    Each part is encoded twice: once without a graph, to have all vectors and the loss's gradient with respect to them;
    then with one, which takes that gradient further. Random states are kept, so that dropout falls the same both times.

    Args:
        encode: maps a part to its vectors, each (n, D).
        parts: the batch, cut.
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
    """What a part is made of."""
    return part if isinstance(part, tuple) else (part,)


def restore(cpu: Tensor, devices: list[int], states: list[Tensor]) -> None:
    """Put the random states back that were kept: the CPU's, and those of the devices that a part lies on."""
    torch.set_rng_state(cpu)
    set_device_states(devices, states)
