"""The losses, over (T, I) scores of texts against pictures: there may be several texts a picture.

Which pairs belong together and which are left out is said by a `Targets`, the same for every loss.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# By what likeness is divided before a softmax shares a target out. At 0.1, in batches of 192 pictures of Flickr8k, six
# tenths of what is shared out leaves the own picture, at 0.05 three.
SOFT_TEMPERATURE = 0.1


@dataclass(frozen=True)
class Targets:
    """What is known of each pair of a batch; both matrices are (T, I) bool.

    `positive` pairs belong together. `ignored` pairs may or may not: they are no counterexample. A pair in both counts
    as positive. `likeness` is (T, I) float32, the cosine of a text and what is said of a picture, and `softness` the
    share of the target that goes by it.
    """

    positive: Tensor
    ignored: Tensor
    likeness: Tensor | None = None
    softness: float = 0.0

    def to(self, device: torch.device) -> Targets:
        """The same on a device."""
        likeness = None if self.likeness is None else self.likeness.to(device)
        return Targets(self.positive.to(device), self.ignored.to(device), likeness, self.softness)

    @property
    def left_out(self) -> Tensor:
        """Pairs that count neither for nor against, (T, I) bool."""
        return self.ignored & ~self.positive

    def shares(self) -> tuple[Tensor, Tensor]:
        """What each text wants of the pictures, (T, I), and each picture of the texts, (I, T): rows that sum to one."""
        if self.likeness is None or self.softness == 0:
            return equal_shares(self.positive), equal_shares(self.positive.T)
        alike = self.likeness.masked_fill(self.left_out, -torch.inf) / SOFT_TEMPERATURE
        by_text = torch.lerp(equal_shares(self.positive), alike.softmax(1), self.softness)
        by_image = torch.lerp(equal_shares(self.positive.T), alike.T.softmax(1), self.softness)
        return by_text, by_image


def equal_shares(positive: Tensor) -> Tensor:
    """Rows that sum to one, the same for all that is true."""
    return positive / positive.sum(1, keepdim=True)


def info_nce(texts: Tensor, images: Tensor, scale: Tensor, targets: Targets) -> Tensor:
    """Symmetric cross-entropy (Radford et al., 2021, arXiv 2103.00020); several positives share the target equally.

    A part of the target may go by likeness (`Targets.softness`), as in CUSA (Huang et al., 2024, arXiv 2403.05261).

    Args:
        texts: (T, D) unit vectors.
        images: (I, D) unit vectors.
        scale: the logit scale, the inverse of the temperature.
        targets: at least one positive in each row and in each column.
    """
    logits = scale * texts @ images.T
    logits = logits.masked_fill(targets.left_out, -torch.inf)
    losses = []
    for scores, wanted in zip((logits, logits.T), targets.shares(), strict=True):
        logp = functional.log_softmax(scores, dim=1)
        # What is left out wants nothing, of a logarithm that is not finite.
        losses.append(-torch.where(wanted > 0, wanted * logp, 0.0).sum(1).mean())
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
    counted = ~targets.left_out
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
