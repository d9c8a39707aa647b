"""Build the towers that a config names, with what is trained of them switched on."""

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
    """A backbone by its name, float32; a ViT for pictures of this size.

    Raises:
        OSError: the folder or name is not known to Hugging Face's hub, or the hub is out of reach.
    """
    if model in BASE:
        backbone = BASE[model](wheels)
    else:
        backbone, info = AutoModel.from_pretrained(model, dtype=torch.float32, output_loading_info=True)
        if missing := [k for k in info["missing_keys"] if not k.startswith("pooler.")]:
            raise ValueError(f"{model} lacks the weights of {len(missing)} parameters, first {missing[0]}")
        backbone.lacks_pooler = bool(info["missing_keys"])
    # Plain attention: on a CPU the fused kernel's backward pass takes three times as long at these lengths.
    if not torch.cuda.is_available():
        backbone.set_attn_implementation("eager")
    if size is not None:
        resize_positions(backbone, size)
    return backbone


def resize_positions(backbone: PreTrainedModel, size: int) -> None:
    """Make a ViT one for pictures of `size`: its position embeddings are interpolated here, once.

    Raises:
        ValueError: it was trained at another size, and its family does not say how to interpolate.
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
    """The two towers of a config; what is not trained does not require gradients."""
    # First: what a checkpoint of a backbone lacks, like a pooler, is drawn at random while it is loaded.
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
    """The two towers of a config around these backbones, with new heads."""
    widths = len(config.image_pooling.split("+")) * vit.config.hidden_size, bert.config.hidden_size
    image_head, text_head = (
        Head(w, config.dim, config.head_hidden, config.head_dropout, config.head_norm) for w in widths
    )
    frozen = config.image.frozen_layers
    if config.image.mode == "frozen" and vit.config.model_type in ImageTower.DIVISIBLE:
        frozen = len(layers_of(vit))  # its trunk is all of it
    image = ImageTower(vit, image_head, config.image_pooling, frozen)
    return TwoTowers(image, TextTower(bert, text_head, config.text_pooling), config.loss, config.margin)


def prepare(backbone: PreTrainedModel, how: Backbone, own_pooler: bool) -> None:
    """Switch on what is to be trained of a backbone."""
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
            # A mask token is for pre-training; a pooler is only used where it is the pooling.
            unused = name.endswith("mask_token") or (name.startswith("pooler.") and not own_pooler)
            parameter.requires_grad_(not frozen and not unused)


def low_rank(backbone: nn.Module) -> dict[str, tuple[Tensor, Tensor]]:
    """What LoRA learned: for each adapted layer, by its name, B (out, rank) and A (rank, in) of W + BA."""
    found = {}
    for name, part in backbone.named_modules():
        if isinstance(part, LoraLayer):
            module: Any = part
            assert module.scaling["default"] == 1.0
            found[name] = (module.lora_B["default"].weight.detach(), module.lora_A["default"].weight.detach())
    return found


def merged(config: Config, model: TwoTowers, wheels: Path) -> TwoTowers:
    """The same model with plain backbones: low-rank matrices added to what they adapt."""
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
    """What is trained, in groups of one learning rate and one weight decay each.

    A backbone's layer learns at the backbone's rate times `layer_decay` to the power of its distance from the top;
    heads and temperature learn at the heads' rate; vectors and scalars do not decay.
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
