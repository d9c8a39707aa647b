"""Contrastive losses over (T, I) scores of texts against pictures; a picture may have several texts.

All losses take their positives, masked false negatives and soft targets from a `Targets`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Temperature of the softmax over similarities that gives soft targets. In batches of 192 pictures of Flickr8k, 0.1
# gives 60 % of the soft target to other pictures, and 0.05 gives 30 %.
SOFT_TEMPERATURE = 0.1


@dataclass(frozen=True)
class Targets:
    """The targets of all pairs of T texts and I pictures in a batch.

    Attributes:
        positive: (T, I) bool, pairs that match.
        ignored: (T, I) bool, likely false negatives, which are masked: they are not used as negatives. A pair in both
            matrices is positive.
        likeness: (T, I) float32, the cosine of a text and the most similar caption of a picture; None without soft
            targets.
        softness: the share of the target that is distributed by `likeness`.
    """

    positive: Tensor
    ignored: Tensor
    likeness: Tensor | None = None
    softness: float = 0.0

    def to(self, device: torch.device) -> Targets:
        """A copy on a device."""
        likeness = None if self.likeness is None else self.likeness.to(device)
        return Targets(self.positive.to(device), self.ignored.to(device), likeness, self.softness)

    @property
    def left_out(self) -> Tensor:
        """Masked pairs, neither positive nor negative, (T, I) bool."""
        return self.ignored & ~self.positive

    def shares(self) -> tuple[Tensor, Tensor]:
        """Target distributions of the softmax, whose rows sum to 1: texts over pictures (T, I), and (I, T)."""
        if self.likeness is None or self.softness == 0:
            return equal_shares(self.positive), equal_shares(self.positive.T)
        alike = self.likeness.masked_fill(self.left_out, -torch.inf) / SOFT_TEMPERATURE
        by_text = torch.lerp(equal_shares(self.positive), alike.softmax(1), self.softness)
        by_image = torch.lerp(equal_shares(self.positive.T), alike.T.softmax(1), self.softness)
        return by_text, by_image


def equal_shares(positive: Tensor) -> Tensor:
    """Normalise a (R, C) bool matrix to rows that sum to 1, with equal shares for all positives of a row."""
    return positive / positive.sum(1, keepdim=True)


def info_nce(texts: Tensor, images: Tensor, scale: Tensor, targets: Targets) -> Tensor:
    """Symmetric cross-entropy (Radford et al., 2021, arXiv 2103.00020); several positives share the target equally.

    With `Targets.softness`, a part of the target is soft, as in CUSA (Huang et al., 2024, arXiv 2403.05261).

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
        # Masked pairs have a target of 0 and a log-probability of -inf; where() avoids 0 * -inf = NaN.
        losses.append(-torch.where(wanted > 0, wanted * logp, 0.0).sum(1).mean())
    return (losses[0] + losses[1]) / 2


def sigmoid(texts: Tensor, images: Tensor, scale: Tensor, bias: Tensor, targets: Targets) -> Tensor:
    """Sigmoid loss (SigLIP, Zhai et al., 2023, arXiv 2303.15343): binary cross-entropy per pair, summed, divided by T.

    Args:
        texts: (T, D) unit vectors.
        images: (I, D) unit vectors.
        scale: the logit scale.
        bias: added to every logit; starts negative, since most pairs are negatives.
        targets: positives and masked pairs.
    """
    logits = scale * texts @ images.T + bias
    signs = torch.where(targets.positive, 1.0, -1.0)
    counted = ~targets.left_out
    return -(functional.logsigmoid(signs * logits) * counted).sum() / len(texts)


def hardest_hinge(texts: Tensor, images: Tensor, margin: float, targets: Targets) -> Tensor:
    """VSE++'s max of hinges (Faghri et al., 2018, arXiv 1707.05612): hard negatives, one for each positive.

    It collapses with untrained heads; train with another loss first.

    Args:
        texts: (T, D) unit vectors.
        images: (I, D) unit vectors.
        margin: by how much, in cosine, a positive must exceed its hardest negative.
        targets: positives and masked pairs.
    """
    scores = texts @ images.T
    negatives = scores.masked_fill(targets.positive | targets.ignored, -torch.inf)
    by_text = (margin + negatives.amax(1, keepdim=True) - scores).clamp(min=0)
    by_image = (margin + negatives.amax(0, keepdim=True) - scores).clamp(min=0)
    positive = targets.positive
    return ((by_text + by_image) * positive).sum() / positive.sum()
