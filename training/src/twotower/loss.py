"""The losses, over (T, I) scores of texts against pictures: there may be several texts a picture.

Which pairs belong together and which are left out is said by a `Targets`, the same for every loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

LossName = Literal["info_nce", "sigmoid", "hinge"]


@dataclass(frozen=True)
class Targets:
    """What is known of each pair of a batch; both matrices are (T, I) bool.

    `positive` pairs belong together. `ignored` pairs may or may not: they are no counterexample. A pair in both counts
    as positive.
    """

    positive: Tensor
    ignored: Tensor

    def to(self, device: torch.device) -> Targets:
        """The same on a device."""
        return Targets(self.positive.to(device), self.ignored.to(device))


def info_nce(texts: Tensor, images: Tensor, scale: Tensor, targets: Targets) -> Tensor:
    """Symmetric cross-entropy (Radford et al., 2021, arXiv 2103.00020); several positives share the target equally.

    Args:
        texts: (T, D) unit vectors.
        images: (I, D) unit vectors.
        scale: the logit scale, the inverse of the temperature.
        targets: at least one positive in each row and in each column.
    """
    logits = scale * texts @ images.T
    logits = logits.masked_fill(targets.ignored & ~targets.positive, -torch.inf)
    losses = []
    for scores, positive in ((logits, targets.positive), (logits.T, targets.positive.T)):
        logp = functional.log_softmax(scores, dim=1)
        wanted = torch.where(positive, logp, 0.0).sum(1) / positive.sum(1)
        losses.append(-wanted.mean())
    return (losses[0] + losses[1]) / 2


def sigmoid(texts: Tensor, images: Tensor, scale: Tensor, bias: Tensor, targets: Targets) -> Tensor:
    """Each pair judged by itself (SigLIP, Zhai et al., 2023, arXiv 2303.15343): the sum over pairs by the texts' count.

    Args:
        texts: (T, D) unit vectors.
        images: (I, D) unit vectors.
        scale: the logit scale.
        bias: added to every logit; starts negative, since most pairs do not belong together.
        targets: which pairs do.
    """
    logits = scale * texts @ images.T + bias
    signs = torch.where(targets.positive, 1.0, -1.0)
    counted = targets.positive | ~targets.ignored
    return -(functional.logsigmoid(signs * logits) * counted).sum() / len(texts)


def hardest_hinge(texts: Tensor, images: Tensor, margin: float, targets: Targets) -> Tensor:
    """VSE++'s max of hinges (Faghri et al., 2018, arXiv 1707.05612): each positive against its hardest negative.

    It collapses when started on untrained heads; train with another loss first.

    Args:
        texts: (T, D) unit vectors.
        images: (I, D) unit vectors.
        margin: by how much, in cosine, a positive must be ahead.
        targets: which pairs belong together.
    """
    scores = texts @ images.T
    negatives = scores.masked_fill(targets.positive | targets.ignored, -torch.inf)
    by_text = (margin + negatives.amax(1, keepdim=True) - scores).clamp(min=0)
    by_image = (margin + negatives.amax(0, keepdim=True) - scores).clamp(min=0)
    positive = targets.positive
    return ((by_text + by_image) * positive).sum() / positive.sum()
