"""Loads pretrained Hugging Face dual encoders from a folder or the hub: CLIP, SigLIP, SigLIP 2, and
`VisionTextDualEncoderModel`."""

from __future__ import annotations

import string
from typing import Any

import torch
from tokenizers import Regex, Tokenizer, normalizers, processors
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoTokenizer,
    CLIPModel,
    PreTrainedModel,
    SiglipModel,
    VisionTextDualEncoderModel,
)
from transformers.convert_slow_tokenizer import SpmConverter

from twotower.bundles.graphs import CANARY, Dual, ImageGraph, TextGraph
from twotower.config import Preparation

# Maximum tokens of a query; a text tower may accept more.
MAX_TOKENS = 512
SAMPLE_TEXTS = [
    CANARY,
    "two people",
    "A red bicycle, that leans against the wall of an old house in the evening sun!",
    "ein Hund  läuft",
]


class ExportError(Exception):
    """The model cannot be exported; the message says why."""


class HubText(nn.Module):
    """The text tower of a Hugging Face dual encoder."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (B, T) int64 ids and mask to (B, dim) float32 unit vectors."""
        projected = self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        return functional.normalize(projected, dim=-1)


class SiglipText(nn.Module):
    """SigLIP's text tower: every text is padded to the same length, without an attention mask (arXiv 2303.15343)."""

    def __init__(self, model: SiglipModel, tokens: int, padding: int, padded_left: bool) -> None:
        super().__init__()
        self.model: Any = model
        self.tokens, self.padding, self.padded_left = tokens, padding, padded_left

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (B, T) int64 ids and mask, T at most `tokens`, to (B, dim) float32 unit vectors."""
        length = attention_mask.sum(1, keepdim=True)
        place = torch.arange(self.tokens, device=input_ids.device)[None]
        if self.padded_left:
            place = place - (self.tokens - length)
        inside = (place >= 0) & (place < length)
        ids = input_ids.gather(1, torch.minimum(place, length - 1).clamp(min=0))
        padded = torch.where(inside, ids, self.padding)
        return functional.normalize(self.model.get_text_features(input_ids=padded).pooler_output, dim=-1)


class HubImage(nn.Module):
    """The picture tower of a Hugging Face dual encoder."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (B, 3, size, size) float32 to (B, dim) float32 unit vectors."""
        return functional.normalize(self.model.get_image_features(pixel_values=pixels).pooler_output, dim=-1)


# RoBERTa-like text towers, whose position ids start at padding_idx + 1.
ROBERTAS = ("roberta", "xlm-roberta", "camembert")
# Model classes by the config's `model_type`. SigLIP 2 with a fixed resolution is a `siglip`. The variant for any aspect
# ratio (NaFlex, `siglip2`) is not supported: it takes patches and their positions as input.
FAMILIES: dict[str, type[PreTrainedModel]] = {
    "clip": CLIPModel,
    "siglip": SiglipModel,
    "vision-text-dual-encoder": VisionTextDualEncoderModel,
}


def load_pretrained(name: str) -> Dual:
    """Load a dual encoder by name or folder, with its tokenizer and its picture preprocessing.

    Raises:
        ExportError: it is no folder and cannot be downloaded, it belongs to another family, or it needs preprocessing
            that the encoder does not support.
    """
    try:
        family = AutoConfig.from_pretrained(name).model_type
        if family not in FAMILIES:
            raise ExportError(f"{name} is a {family}; what can be served is {', '.join(FAMILIES)}")
        model = FAMILIES[family].from_pretrained(name, dtype=torch.float32, attn_implementation="eager").eval()
        known: Any = AutoTokenizer.from_pretrained(name)
        settings: dict[str, Any] = AutoImageProcessor.from_pretrained(name).to_dict()
    except OSError as error:
        raise ExportError(
            f"{name} is no folder with a model, its tokenizer and its preprocessor_config.json, and Hugging Face's hub "
            "has none of that name or cannot be reached from here"
        ) from error
    tokenizer = tokenizer_of(known)
    text_config = model.config.text_config
    text: nn.Module
    if isinstance(model, SiglipModel):
        longest = int(text_config.max_position_embeddings)
        text = SiglipText(model, longest, int(known.pad_token_id), known.padding_side == "left")
    else:
        before = text_config.pad_token_id + 1 if text_config.model_type in ROBERTAS else 0
        longest = min(int(text_config.max_position_embeddings) - before, MAX_TOKENS)
        text = HubText(model)
    tokenizer.enable_truncation(longest)
    tokenizer.no_padding()
    return Dual(TextGraph(text), ImageGraph(HubImage(model)), tokenizer, longest, preparation_of(settings))


def tokenizer_of(known: Any) -> Tokenizer:
    """Convert a Hugging Face tokenizer to the `tokenizers` format that the encoder reads; compare both on sample texts.

    Raises:
        ExportError: the converted tokenizer returns other ids.
    """
    backend = getattr(known, "backend_tokenizer", None)
    converter: Any = SiglipConverter
    tokenizer: Tokenizer = Tokenizer.from_str(backend.to_str()) if backend else converter(known).converted()
    for text in SAMPLE_TEXTS:
        if (ids := tokenizer.encode(text).ids) != (wanted := known(text)["input_ids"]):
            raise ExportError(f"the tokenizer makes {wanted} of {text!r}, and {ids} in the form that the encoder reads")
    return tokenizer


class SiglipConverter(SpmConverter):
    """Converts SigLIP's slow SentencePiece tokenizer, which lower-cases texts and removes punctuation."""

    def normalizer(self, proto: Any) -> normalizers.Normalizer:
        """The normalisation of a text before it is tokenised."""
        parts: list[normalizers.Normalizer] = [
            normalizers.Lowercase(),
            normalizers.Replace(Regex("[" + "".join(f"\\{c}" for c in string.punctuation) + "]"), ""),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
        ]
        if charsmap := proto.normalizer_spec.precompiled_charsmap:
            parts.append(normalizers.Precompiled(charsmap))
        return normalizers.Sequence(parts)

    def post_processor(self) -> processors.PostProcessor:
        """Appends the end-of-sequence token."""
        end = self.original_tokenizer.eos_token
        return processors.TemplateProcessing(
            single=["$A", end], special_tokens=[(end, self.original_tokenizer.eos_token_id)]
        )


def preparation_of(settings: dict[str, Any]) -> Preparation:
    """The preprocessing that an image processor's settings describe.

    Raises:
        ExportError: the encoder does not support it.
    """
    # PIL's resampling filters by number.
    filters = {2: "bilinear", 3: "bicubic"}
    size, crop = settings.get("size") or {}, settings.get("crop_size") or {}
    resample = filters.get(int(settings.get("resample", -1)))
    scale = settings.get("rescale_factor", 1 / 255)
    if resample is None or not settings.get("do_normalize", True) or abs(scale - 1 / 255) > 1e-9:
        raise ExportError(f"the picture preparation is none that the encoder does: {settings}")
    common: dict[str, Any] = {
        "resample": resample,
        "mean": tuple(settings["image_mean"]),
        "std": tuple(settings["image_std"]),
    }
    if "shortest_edge" in size and settings.get("do_center_crop") and crop.get("height") == crop.get("width"):
        return Preparation(size=crop["height"], resize="crop", shortest_edge=size["shortest_edge"], **common)
    if size.get("height") and size["height"] == size.get("width") and not settings.get("do_center_crop"):
        return Preparation(size=size["height"], **common)
    raise ExportError(f"the picture preparation is none that the encoder does: size {size}, crop {crop}")
