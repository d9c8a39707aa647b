"""The two towers: any ViT-like and any BERT-like Hugging Face model, its pooling, and the projection heads.

A tower is a backbone and a head that projects its pooled features into the space that both towers share. The backbone
can be frozen (all of it or its first layers), adapted by LoRA (arXiv 2106.09685), or fine-tuned in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from twotower.config import ImagePooling, TextPooling

# The pooling `pooler` is the backbone's own, as in Hugging Face's `VisionTextDualEncoderModel`.


class Head(nn.Module):
    """Projection head, features -> unit vectors: a linear map, plus a residual MLP if `hidden` is not 0."""

    def __init__(self, width: int, dim: int, hidden: int = 0, dropout: float = 0.0, norm: bool = True) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.linear = nn.Linear(width, dim, bias=False)
        self.expand = nn.Linear(width, hidden) if hidden else None
        self.contract = nn.Linear(hidden, dim) if hidden else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, width) features to (B, dim) unit vectors."""
        x = self.norm(features)
        y = self.linear(self.dropout(x))
        if self.expand is not None and self.contract is not None:
            y = y + self.contract(self.dropout(functional.gelu(self.expand(x))))
        return functional.normalize(y.float(), dim=-1)


def layers_of(backbone: nn.Module) -> nn.ModuleList:
    """The list of a transformer's layers, regardless of its attribute name.

    Raises:
        ValueError: the model has no such list, or several.
    """
    wanted = int(cast(Any, backbone).config.num_hidden_layers)
    found = [m for m in backbone.modules() if isinstance(m, nn.ModuleList) and len(m) == wanted]
    if len(found) != 1:
        raise ValueError(f"{type(backbone).__name__} has {len(found)} lists of {wanted} layers; which are its layers?")
    return found[0]


def run_layers(layers: Iterator[nn.Module] | nn.ModuleList, tokens: Tensor) -> Tensor:
    """Pass (B, T, W) tokens through layers that take no other input."""
    for layer in layers:
        answer = layer(tokens)
        tokens = answer[0] if isinstance(answer, tuple) else answer
    return tokens


class ImageTower(nn.Module):
    """Pixels -> unit vectors.

    The class token alone is weak in retrieval: in dino.txt (arXiv 2412.16334) its concatenation with the mean of the
    patches is better than either.
    """

    # Model types whose forward pass is embeddings, layers, norm: these can be split after their frozen layers.
    DIVISIBLE = ("vit", "deit", "dinov2", "dinov2_with_registers")

    def __init__(self, backbone: PreTrainedModel, head: Head, pooling: ImagePooling, frozen_layers: int = 0) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.head = head
        self.pooling = pooling
        self.frozen_layers = frozen_layers
        # The index of the first patch: after the class token, registers, and DeiT's distillation token.
        self.patches_from = 1 + getattr(backbone.config, "num_register_tokens", 0)
        self.patches_from += backbone.config.model_type == "deit"
        if frozen_layers and backbone.config.model_type not in self.DIVISIBLE:
            raise ValueError(f"frozen_layers works for {', '.join(self.DIVISIBLE)}, not {backbone.config.model_type}")

    @property
    def all_frozen(self) -> bool:
        """Whether only the head is trained."""
        return self.frozen_layers == len(layers_of(self.backbone))

    def trunk(self, pixels: Tensor) -> Tensor:
        """Map (B, 3, H, W) pixels to the frozen layers' output: (B, T, W) tokens, or (B, 1, F) if all are frozen."""
        tokens: Tensor = self.backbone.embeddings(pixels)
        tokens = run_layers(layers_of(self.backbone)[: self.frozen_layers], tokens)
        return self.pool(self.backbone.layernorm(tokens)).unsqueeze(1) if self.all_frozen else tokens

    def rest(self, tokens: Tensor) -> Tensor:
        """Map the trunk's output to (B, dim) float32 unit vectors."""
        if self.all_frozen:
            return self.project(tokens[:, 0])
        if not torch.is_autocast_enabled(tokens.device.type):
            tokens = tokens.to(self.head.linear.weight.dtype)  # cached tokens are bfloat16
        states = run_layers(layers_of(self.backbone)[self.frozen_layers :], tokens)
        return self.project(self.pool(self.backbone.layernorm(states)))

    def pool(self, states: Tensor) -> Tensor:
        """Map the last layer's (B, T, W) states to (B, F) features."""
        parts = []
        for part in self.pooling.split("+"):
            if part == "mean":
                parts.append(states[:, self.patches_from :].mean(1))
            else:
                parts.append(own_pooler(self.backbone, states) if part == "pooler" else states[:, 0])
        return torch.cat(parts, dim=-1)

    def project(self, features: Tensor) -> Tensor:
        """Map (B, F) features to (B, dim) float32 unit vectors."""
        vectors: Tensor = self.head(features.float())
        return vectors

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (B, 3, H, W) float32, normalised, to (B, dim) float32 unit vectors."""
        return self.project(self.pool(self.backbone(pixel_values=pixels).last_hidden_state))


class TextTower(nn.Module):
    """Token ids -> unit vectors."""

    def __init__(self, backbone: PreTrainedModel, head: Head, pooling: TextPooling) -> None:
        super().__init__()
        self.backbone: Any = backbone
        self.head = head
        self.pooling = pooling

    def pool(self, states: Tensor, attention_mask: Tensor) -> Tensor:
        """Map the last layer's (B, T, W) states and the (B, T) mask to (B, W) features."""
        if self.pooling == "cls":
            return states[:, 0]
        if self.pooling == "pooler":
            return own_pooler(self.backbone, states)
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return (states * mask).sum(1) / mask.sum(1)

    def features(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (B, T) int64 ids and mask to (B, W) pooled features, the input of the head."""
        return self.pool(
            self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state, attention_mask
        )

    def project(self, features: Tensor) -> Tensor:
        """Map (B, W) features to (B, dim) float32 unit vectors."""
        vectors: Tensor = self.head(features.float())
        return vectors

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (B, T) int64 ids and mask to (B, dim) float32 unit vectors."""
        return self.project(self.features(input_ids, attention_mask))


def own_pooler(backbone: nn.Module, states: Tensor) -> Tensor:
    """A backbone's own pooling of its last states, (B, T, W) to (B, W): its pooler, or else the first token."""
    pooler = getattr(backbone, "pooler", None)
    pooled: Tensor = pooler(states) if pooler is not None else states[:, 0]
    return pooled


def depth(name: str, layers: int) -> int:
    """The depth of a backbone's parameter: 0 for embeddings, i + 1 for layer i, layers + 1 for all after the layers."""
    if found := re.search(r"\.(?:layer|layers|block|blocks|h)\.(\d+)\.", f".{name}"):
        return int(found.group(1)) + 1
    return 0 if "embeddings" in name else layers + 1
