"""The configuration of a training run. A config is a Python file that defines `CONFIG`, an instance of `Config`."""

from __future__ import annotations

import importlib
import importlib.util
import json
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

Mode = Literal["frozen", "lora", "full"]
ImagePooling = Literal["cls", "mean", "cls+mean", "pooler"]
TextPooling = Literal["cls", "mean", "pooler"]
LossName = Literal["info_nce", "sigmoid", "hinge"]
# ImageNet statistics, as DINOv2 was trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preparation:
    """The preprocessing of a picture; written into every bundle."""

    size: int = 224
    # `squash`: resize to a square, so that nothing at the edges is lost. `crop`: as CLIP, resize the shorter side to
    # `shortest_edge`, then center-crop.
    resize: Literal["squash", "crop"] = "squash"
    shortest_edge: int | None = None
    resample: Literal["bicubic", "bilinear"] = "bicubic"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True)
class Backbone:
    """One tower's backbone and how it is trained."""

    # A folder or a name that Hugging Face's `AutoModel` takes, or `base:vit` and `base:bert`, the released model's own.
    model: str
    mode: Mode
    learning_rate: float = 2e-5
    # Layer-wise learning rate decay: each layer's rate is this factor times that of the layer above; 1.0 is no decay.
    layer_decay: float = 1.0
    # This many of the first layers, and the embeddings, stay frozen. For pictures their output is cached on disk.
    frozen_layers: int = 0
    # The rank of the LoRA matrices; only for the mode `lora`.
    rank: int = 16


@dataclass(frozen=True)
class Source:
    """A training data set: its name on the command line, its reader and split, and how often an epoch repeats it."""

    name: str
    reader: str
    split: str
    repeats: int = 1
    # Oversampling of rare labels: repeats of pictures whose first text at most two pictures share; None: as `repeats`.
    rare_repeats: int | None = None
    # As `Config.views`, for this source.
    views: int | None = None


@dataclass(frozen=True)
class Config:
    """Everything that determines the result, except the data."""

    command: str
    expected: str
    image: Backbone
    text: Backbone
    sources: tuple[Source, ...]
    # The source that selects the best checkpoint, by text-to-image R@1 + R@5 + R@10.
    validation: Source
    image_pooling: ImagePooling = "cls+mean"
    text_pooling: TextPooling = "mean"
    dim: int = 384
    head_hidden: int = 0
    # LayerNorm before the linear projection; Hugging Face's dual encoders have none.
    head_norm: bool = True
    head_dropout: float = 0.0
    head_learning_rate: float = 1e-3
    preparation: Preparation = field(default_factory=Preparation)
    max_tokens: int = 64
    loss: LossName = "info_nce"
    # The margin of the hinge loss, in cosine.
    margin: float = 0.2
    batch: int = 256
    # Pictures per forward pass; smaller than the batch to save memory by gradient caching (GradCache). 0: the batch.
    chunk: int = 0
    # Captions drawn for each picture of a batch.
    captions: int = 1
    # The share of captions that are replaced by a few of their content words.
    short_queries: float = 0.0
    # Whether to mask false negatives by words: a short text and another picture whose captions contain all its words.
    ignore_by_words: bool = True
    # Mask false negatives by meaning: a caption and another picture one of whose captions has at least this cosine to
    # it by sentence vectors. None: off.
    ignore_by_meaning: float | None = None
    # The share of the target that is distributed over all pictures of a batch by similarity of captions (`info_nce`).
    soft_targets: float = 0.0
    # The share of captions to drop as label noise: those least similar to the others of their picture, which keeps two.
    drop_captions: float = 0.0
    # Views per picture: the whole and views - 1 fixed random crops. 0: a new random crop in each epoch, never cached.
    views: int = 1
    # The share of patches kept in training; the rest is dropped after the frozen layers (FLIP, arXiv 2212.00794, drops
    # before the first layer).
    keep_patches: float = 1.0
    # The same for the last epoch, to reduce the gap to whole pictures ("unmasked tuning", arXiv 2212.00794, 4.2).
    last_keep_patches: float | None = None
    epochs: int = 10
    warmup: float = 0.05
    weight_decay: float = 0.05
    clip: float = 1.0
    ema: float = 0.99
    precision: Literal["fp32", "bf16"] = "bf16"
    # torch.compile for the picture tower; needs a C++ compiler on a CPU.
    compile: bool = False
    # Early stopping: validations in a row without improvement after which the run ends.
    patience: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        """Validate the options.

        Raises:
            ValueError: a value is out of range, or two options contradict each other.
        """
        for name in ("short_queries", "soft_targets", "drop_captions"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} is a share from 0 to below 1, not {getattr(self, name)}")
        if self.ignore_by_meaning is not None and not 0 < self.ignore_by_meaning < 1:
            raise ValueError(f"ignore_by_meaning is a cosine between 0 and 1, not {self.ignore_by_meaning}")
        if self.soft_targets and self.loss != "info_nce":
            raise ValueError(f"soft_targets goes with the loss info_nce, not with {self.loss}")
        if self.soft_targets and self.ignore_by_meaning is not None:
            raise ValueError("ignore_by_meaning leaves out the pairs that soft_targets is for: choose one")


def needs_meaning(config: Config) -> bool:
    """Whether an option of the run needs sentence vectors of the captions."""
    return config.ignore_by_meaning is not None or config.soft_targets > 0 or config.drop_captions > 0


def fingerprint(config: Config) -> str:
    """The part of a config that determines the result. A checkpoint can only be resumed with the same fingerprint.

    Fields with their default values are left out: a field that is added later, whose default is what was done before,
    leaves the checkpoints of earlier runs usable.
    """
    return json.dumps(chosen(replace(config, command="", expected="")))


def chosen(value: Any) -> Any:
    """A value as JSON; of a dataclass, the fields that differ from their defaults."""
    if is_dataclass(value):
        there = {field.name: (field, getattr(value, field.name)) for field in fields(value)}
        return {name: chosen(given) for name, (field, given) in there.items() if given != default_of(field)}
    return [chosen(one) for one in value] if isinstance(value, tuple) else value


def default_of(field: Field[Any]) -> Any:
    """The default value of a dataclass's field; MISSING if it has none."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def load_module(name: str) -> ModuleType:
    """The module `twotower.configs.<name>`, or a Python file of the user's.

    Raises:
        ValueError: there is none.
    """
    path = Path(name)
    if path.suffix == ".py":
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise ValueError(f"{path} is no config: there is no such file")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    try:
        return importlib.import_module(f"twotower.configs.{name}")
    except ModuleNotFoundError as error:
        here = sorted(p.stem for p in (Path(__file__).parent / "configs").glob("[a-z]*.py"))
        raise ValueError(f"there is no config {name}; there are {', '.join(here)}, or give a .py file") from error


def load_config(name: str) -> Config:
    """The config that a module defines as CONFIG; see `load_module`.

    Raises:
        ValueError: there is no such module, or it defines none.
    """
    config = getattr(load_module(name), "CONFIG", None)
    if not isinstance(config, Config):
        raise ValueError(f"{name} defines no CONFIG of type twotower.config.Config")
    return config
