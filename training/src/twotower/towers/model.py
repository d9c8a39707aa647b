"""The dual encoder: two towers, the temperature and the loss."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from twotower.config import LossName
from twotower.towers.loss import Targets, hardest_hinge, info_nce, sigmoid
from twotower.towers.towers import ImageTower, TextTower

# The temperature starts at 0.05, a scale of 20, where it ends on small data sets. The scale is clamped at 100, as in
# CLIP (Radford et al., 2021).
INITIAL_SCALE = 20.0
MAX_SCALE = 100.0
# Texts per forward pass.
GROUP = 96


class TwoTowers(nn.Module):
    """An image tower, a text tower, and the scale and bias that turn cosines into logits."""

    def __init__(self, image: ImageTower, text: TextTower, loss: LossName = "info_nce", margin: float = 0.2) -> None:
        super().__init__()
        self.image = image
        self.text = text
        self.loss_name = loss
        self.margin = margin
        # SigLIP's initialisation for small batches: a scale of 10, and a negative bias, since most pairs are negatives.
        start, bias = (10.0, -2.71) if loss == "sigmoid" else (INITIAL_SCALE, 0.0)
        self.log_scale = nn.Parameter(torch.tensor(math.log(start)), requires_grad=loss != "hinge")
        self.bias = nn.Parameter(torch.tensor(bias), requires_grad=loss == "sigmoid")

    @property
    def scale(self) -> Tensor:
        """The logit scale."""
        return self.log_scale.exp()

    @torch.no_grad()
    def clamp_scale(self) -> None:
        """Bring the logit scale below MAX_SCALE, after an optimizer step.

        Clamped in `scale` instead, a parameter beyond the limit would have no gradient, and would stay there.
        """
        self.log_scale.clamp_(max=math.log(MAX_SCALE))

    def forward(self, images: Tensor, texts: Tensor, attention_mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Unit vectors of texts (T, D) and of pictures (I, D).

        Args:
            images: (I, 3, H, W) float32 pixels, or (I, P, W) cached tokens of the frozen trunk.
            texts: (T, L) int64 token ids, or, without a mask, (T, W) features of a frozen text tower.
            attention_mask: (T, L) int64; None for features.
        """
        pictures = self.image(images) if images.ndim == 4 else self.image.rest(images)
        if attention_mask is None:
            return self.text.project(texts), pictures
        return self.text.project(in_groups(self.text.features, texts, attention_mask)), pictures

    def loss(self, texts: Tensor, images: Tensor, targets: Targets) -> Tensor:
        """The configured loss of a batch of vectors."""
        if self.loss_name == "sigmoid":
            return sigmoid(texts, images, self.scale, self.bias, targets)
        if self.loss_name == "hinge":
            return hardest_hinge(texts, images, self.margin, targets)
        return info_nce(texts, images, self.scale, targets)


def in_groups(features: Callable[[Tensor, Tensor], Tensor], input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """Features of (T, L) texts, in groups of similar length: the average caption is a third as long as the longest."""
    lengths = attention_mask.sum(1)
    order = lengths.argsort()
    groups = []
    for rows in order.split(GROUP):
        longest = int(lengths[rows[-1]])
        groups.append(features(input_ids[rows, :longest], attention_mask[rows, :longest]))
    return torch.cat(groups)[order.argsort()]
