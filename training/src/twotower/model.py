"""The two towers: a frozen BERT and a frozen ViT, their pooling, and the heads that meet in one space."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel, Dinov2Model

# ImageNet statistics, as DINOv2 was trained with.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
IMAGE_SIZE = 224
MAX_TOKENS = 64


class TextFeatures(nn.Module):
    """Token ids -> masked mean of the last layer."""

    def __init__(self, bert: BertModel) -> None:
        super().__init__()
        self.bert = bert

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (B, T) int64 ids and mask to (B, 384) float32 features."""
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        mean: Tensor = (states * mask).sum(1) / mask.sum(1)
        return mean


class ImageFeatures(nn.Module):
    """Pixels -> class token and mean of the patches, side by side.

    The class token alone is weak in retrieval; dino.txt (arXiv 2412.16334) measures the concatenation ahead of either.
    """

    def __init__(self, vit: Dinov2Model) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (B, 3, 224, 224) float32, normalised by MEAN and STD, to (B, 768) float32 features."""
        states = self.vit(pixel_values=pixels).last_hidden_state
        return torch.cat([states[:, 0], states[:, 1:].mean(1)], dim=-1)


class Head(nn.Module):
    """Features -> unit vectors: a linear map plus a small residual multilayer perceptron."""

    def __init__(self, width: int, hidden: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, dim, bias=False)
        self.expand = nn.Linear(width, hidden)
        self.contract = nn.Linear(hidden, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width) features to (B, dim) unit vectors."""
        x = self.norm(features)
        y = self.linear(x) + self.contract(self.dropout(functional.gelu(self.expand(x))))
        return functional.normalize(y, dim=-1)
