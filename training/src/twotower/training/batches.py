"""Draws batches: pictures, texts for each, and the targets of all pairs (positives, and ignored false negatives).

All randomness is a function of (seed, epoch, step). So a resumed run continues with the same batches as an
uninterrupted one, and all processes draw the same batch, of which each takes its share.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from twotower.config import Config, needs_meaning
from twotower.data import Pair
from twotower.evaluation.metrics import Array
from twotower.towers.loss import Targets
from twotower.towers.texts import short_query, words_of
from twotower.training.sentences import agreeing

# Sentence vectors of texts, (N, D).
EncodeSentences = Callable[[Sequence[str]], Array]
# A text of at most this many content words is likely to describe other pictures as well (false negatives).
SHORT = 4


@dataclass(frozen=True)
class Batch:
    """A batch of B pictures.

    Attributes:
        rows: (B,) the pictures' rows in `Batches.pairs`.
        views: (B,) the view of each picture.
        texts: `Config.captions` texts per picture, picture by picture.
        targets: of all pairs of texts and pictures.
    """

    rows: NDArray[np.int64]
    views: NDArray[np.int64]
    texts: list[str]
    targets: Targets


class Batches:
    """Draws batches from the pictures of all sources."""

    def __init__(
        self, config: Config, pairs: dict[str, list[Pair]], sentence_encoder: EncodeSentences | None = None
    ) -> None:
        """Prepare to draw.

        Args:
            config: the run's config.
            pairs: training pictures by source.
            sentence_encoder: maps N texts to (N, D) unit vectors; needed by some options (`needs_meaning`).

        Raises:
            ValueError: an epoch has less than one batch, or an option needs sentence vectors.
        """
        self._config = config
        self.pairs = [p for source in pairs.values() for p in source]
        if needs_meaning(config):
            if sentence_encoder is None:
                raise ValueError("soft_targets, ignore_by_meaning and drop_captions need sentence vectors")
            vectors = sentence_encoder([t for p in self.pairs for t in p.texts])
            self.pairs, vectors = agreeing(self.pairs, vectors, config.drop_captions)
            self._vectors = np.split(vectors, np.cumsum([len(p.texts) for p in self.pairs])[:-1])
        self._texts = [frozenset(p.texts) for p in self.pairs]
        self._words = [frozenset(w for t in p.texts for w in words_of(t)) for p in self.pairs]
        owners = Counter(t for p in self.pairs for t in set(p.texts))
        self._owners_of_word = Counter(w for words in self._words for w in words)
        self._views = np.repeat(
            [s.views or config.views for s in config.sources], [len(pairs[s.name]) for s in config.sources]
        )
        shown: list[NDArray[np.int64]] = []
        start = 0
        for source in config.sources:
            rows = np.arange(start, start + len(pairs[source.name]))
            start += len(rows)
            if source.rare_repeats is None:
                shown.append(np.tile(rows, source.repeats))
            else:
                rare = np.array([owners[self.pairs[r].texts[0]] <= 2 for r in rows])
                shown += [np.tile(rows[~rare], source.repeats), np.tile(rows[rare], source.rare_repeats)]
        self._shown = np.concatenate(shown)
        # The order of the most recent epoch, as a cache.
        self._order: tuple[int, NDArray[np.int64]] = -1, self._shown
        if self.steps == 0:
            raise ValueError(f"an epoch shows {len(self._shown)} pictures, less than a batch of {config.batch}")

    @property
    def steps(self) -> int:
        """Batches per epoch; the incomplete last batch is dropped."""
        return len(self._shown) // self._config.batch

    def at(self, epoch: int, step: int) -> Batch:
        """The batch at a step of an epoch."""
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self._config.seed, epoch]).permutation(self._shown)
        size = self._config.batch
        rows = self._order[1][step * size : (step + 1) * size]
        return self.draw(rows, np.random.default_rng([self._config.seed, epoch, step]))

    def draw(self, rows: NDArray[np.int64], random: np.random.Generator) -> Batch:
        """A batch of these pictures, with texts drawn for each. A picture may occur twice."""
        texts: list[str] = []
        drawn_from: list[int] = []
        for row in rows:
            own = self.pairs[row].texts
            picked = random.permutation(len(own))[: self._config.captions]
            # If a picture has too few captions, some are drawn twice. If short queries are on, they replace the
            # repetitions, since a repeated caption adds nothing.
            for i in (*picked, *random.integers(0, len(own), self._config.captions - len(picked))):
                text = own[i]
                share = self._config.short_queries if len(drawn_from) % self._config.captions < len(picked) else 1.0
                short = self._config.short_queries and random.random() < share and len(words_of(text)) > SHORT
                texts.append((short_query(text, random, SHORT, self._owners_of_word) if short else None) or text)
                drawn_from.append(int(i))
        views = random.integers(0, np.maximum(1, self._views[rows]))
        targets = self.targets(rows, texts)
        if self._config.soft_targets or self._config.ignore_by_meaning is not None:
            targets = self.by_meaning(targets, rows, drawn_from)
        return Batch(rows, views, texts, targets)

    def by_meaning(self, targets: Targets, rows: NDArray[np.int64], drawn_from: Sequence[int]) -> Targets:
        """Extend targets by sentence similarity: the cosine of each text to the most similar caption of each picture.

        A short query counts as the caption that it was made of. A caption is not compared with itself, but with the
        other captions of its picture: otherwise its own picture would always have a cosine of 1.

        Args:
            targets: the targets without sentence vectors.
            rows: (B,) the pictures.
            drawn_from: for each text, the index of its caption among those of its picture.
        """
        owner = np.repeat(rows, self._config.captions)
        texts = np.stack([self._vectors[row][i] for row, i in zip(owner, drawn_from, strict=True)])
        own = [self._vectors[row] for row in rows]
        first = np.cumsum([0, *(len(v) for v in own[:-1])])
        cosines = texts @ np.concatenate(own).T
        for text, (row, i) in enumerate(zip(owner, drawn_from, strict=True)):
            if len(self._vectors[row]) > 1:
                cosines[text, first[rows == row] + i] = -1
        likeness = torch.from_numpy(np.maximum.reduceat(cosines, first, axis=1))
        ignored = targets.ignored
        if self._config.ignore_by_meaning is not None:
            ignored = ignored | (likeness >= self._config.ignore_by_meaning)
        return Targets(targets.positive, ignored, likeness, self._config.soft_targets)

    def targets(self, rows: NDArray[np.int64], texts: Sequence[str]) -> Targets:
        """The targets of all pairs.

        Positive: a picture with the texts drawn for it, and with any text that equals one of its captions. Ignored as
        a likely false negative: a short text with a picture whose captions contain all its words (`ignore_by_words`).

        Args:
            rows: (B,) the pictures.
            texts: `Config.captions` texts per picture, picture by picture.
        """
        owner = np.repeat(rows, self._config.captions)
        positive = owner[:, None] == rows[None]
        ignored = np.zeros_like(positive)
        for i, text in enumerate(texts):
            positive[i] |= [text in self._texts[r] for r in rows]
            words = words_of(text)
            if self._config.ignore_by_words and words and len(words) <= SHORT:
                wanted = frozenset(words)
                ignored[i] = [wanted <= self._words[r] for r in rows]
        return Targets(torch.from_numpy(positive), torch.from_numpy(ignored))


def keep_patches(tokens: Tensor, share: float, chance: Tensor, first: int = 1) -> Tensor:
    """Drop random patch tokens of each picture (as in FLIP); keep the class token and registers before them.

    Args:
        tokens: (B, T, W); the first `first` are not patches.
        share: the share of patches to keep.
        chance: (B, T - first), a random number for each patch; the patches with the smallest are kept.
        first: the index of the first patch.

    Returns:
        (B, first + share * (T - first), W).
    """
    count = round(share * (tokens.shape[1] - first))
    order = chance.argsort(1)[:, :count] + first
    order = torch.cat([torch.arange(first).expand(len(order), -1), order], dim=1)
    return tokens.gather(1, order.unsqueeze(-1).expand(-1, -1, tokens.shape[2]))
