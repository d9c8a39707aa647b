"""What decides a training run. A config is a Python file that defines `CONFIG`, one of these."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Literal

Mode = Literal["frozen", "lora", "full"]
ImagePooling = Literal["cls", "mean", "cls+mean", "pooler"]
TextPooling = Literal["cls", "mean", "pooler"]
LossName = Literal["info_nce", "sigmoid", "hinge"]
# ImageNet statistics, as DINOv2 was trained with.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Preparation:
    """How a picture becomes a tower's input; written into every bundle."""

    size: int = 224
    # `squash` to a square: nothing at the edges is lost. `crop`: CLIP's way, the shorter side to `shortest_edge`, then
    # the square in the middle.
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
    # Each layer learns this much slower than the one above it; 1.0 is no decay.
    layer_decay: float = 1.0
    # The first so many layers stay as they are, with the embeddings. Pictures are then passed through them only once.
    frozen_layers: int = 0
    # Of the low-rank matrices; only for `lora`.
    rank: int = 16


@dataclass(frozen=True)
class Source:
    """A data set to learn from: what it is called on the command line, how it is read, how often an epoch shows it."""

    name: str
    reader: str
    split: str
    repeats: int = 1
    # How often a picture is shown whose texts at most two pictures share, where a label is all there is.
    rare_repeats: int | None = None
    # As `Config.views`, for this source.
    views: int | None = None


@dataclass(frozen=True)
class Config:
    """Everything that decides the result, beside the data."""

    command: str
    expected: str
    image: Backbone
    text: Backbone
    sources: tuple[Source, ...]
    # The source that the checkpoint is chosen on, by R@1 + R@5 + R@10 from text to picture.
    validation: Source
    image_pooling: ImagePooling = "cls+mean"
    text_pooling: TextPooling = "mean"
    dim: int = 384
    head_hidden: int = 0
    # A norm before the linear map; Hugging Face's dual encoders have none.
    head_norm: bool = True
    head_dropout: float = 0.0
    head_learning_rate: float = 1e-3
    preparation: Preparation = field(default_factory=Preparation)
    max_tokens: int = 64
    loss: LossName = "info_nce"
    # The margin of the hinge loss, in cosine.
    margin: float = 0.2
    batch: int = 256
    # Pictures at a time through the towers; smaller than the batch where memory is short (GradCache). 0: the batch.
    chunk: int = 0
    # Captions drawn for each picture of a batch.
    captions: int = 1
    # The share of captions in whose place a few of their content words stand.
    short_queries: float = 0.0
    # Whether a text of a few words is no counterexample to another picture whose captions hold them all.
    ignore_by_words: bool = True
    # From which cosine of sentence vectors a caption is no counterexample to a picture of which another one says that.
    ignore_by_meaning: float | None = None
    # The share of the target that is given to all pictures of a batch by how alike their captions are (`info_nce`).
    soft_targets: float = 0.0
    # The share of captions that is left out: those least like the others of their picture, which keeps two at least.
    drop_captions: float = 0.0
    # How many views of a picture there are: the whole, and random parts. 0: a new part each time, never cached.
    views: int = 1
    # The share of the patches that is kept in training, behind the frozen layers (arXiv 2212.00794 does so before).
    keep_patches: float = 1.0
    # The same in the last epoch, where a tower gets used to seeing whole pictures again (arXiv 2212.00794, 4.2).
    last_keep_patches: float | None = None
    epochs: int = 10
    warmup: float = 0.05
    weight_decay: float = 0.05
    clip: float = 1.0
    ema: float = 0.99
    precision: Literal["fp32", "bf16"] = "bf16"
    # torch.compile for the picture tower; needs a C++ compiler on a CPU.
    compile: bool = False
    # Evaluations without a better one before training stops.
    patience: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse options that cannot be followed.

        Raises:
            ValueError: a share is none, or two options contradict each other.
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
    """Whether a run needs the captions' sentence vectors."""
    return config.ignore_by_meaning is not None or config.soft_targets > 0 or config.drop_captions > 0


def fingerprint(config: Config) -> str:
    """All of a config that decides the result; a checkpoint goes with one that says the same."""
    return repr(replace(config, command="", expected=""))


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
