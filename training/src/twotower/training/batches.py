"""Batches: which pictures, which of their texts, and what is known of every pair.

All that is random here is a function of (seed, epoch, step), so that a run which was interrupted goes on with the batch
that it would have seen, and every process of several draws the same batch and takes its part.
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
# A text of at most so many content words may be true of pictures that were not drawn with it.
SHORT = 4


@dataclass(frozen=True)
class Batch:
    """Pictures by their row in the whole list, a view of each, and `captions` texts of each, picture by picture."""

    rows: NDArray[np.int64]
    views: NDArray[np.int64]
    texts: list[str]
    targets: Targets


class Batches:
    """Draws batches from the pictures of all sources."""

    def __init__(
        self, config: Config, pairs: dict[str, list[Pair]], sentence_encoder: EncodeSentences | None = None
    ) -> None:
        """`sentence_encoder` gives sentence vectors of texts, for the options that need them.

        Raises:
            ValueError: an epoch shows less than a batch, or an option needs sentence vectors.
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
        # Of the epoch that was asked for last.
        self._order: tuple[int, NDArray[np.int64]] = -1, self._shown
        if self.steps == 0:
            raise ValueError(f"an epoch shows {len(self._shown)} pictures, less than a batch of {config.batch}")

    @property
    def steps(self) -> int:
        """Batches an epoch; what does not fill one waits for another epoch."""
        return len(self._shown) // self._config.batch

    def at(self, epoch: int, step: int) -> Batch:
        """The batch of this epoch and step of it."""
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self._config.seed, epoch]).permutation(self._shown)
        size = self._config.batch
        rows = self._order[1][step * size : (step + 1) * size]
        return self.draw(rows, np.random.default_rng([self._config.seed, epoch, step]))

    def draw(self, rows: NDArray[np.int64], random: np.random.Generator) -> Batch:
        """A batch of these pictures with texts drawn for each; a picture that comes twice stays twice."""
        texts: list[str] = []
        drawn_from: list[int] = []
        for row in rows:
            own = self.pairs[row].texts
            picked = random.permutation(len(own))[: self._config.captions]
            # Said twice, a caption teaches nothing more: where a picture has too few, words of it stand for it.
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
        """What sentence vectors add: by how alike a text is to the most alike caption of each picture.

        A short query counts as the caption that it was drawn from. A caption is compared with the others of its own
        picture, not with itself: else it would be more alike to its own than any other can be.

        Args:
            targets: what is known without them.
            rows: the pictures.
            drawn_from: which caption of its picture each text is, or was made of; `captions` texts a picture.
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
        """What is known of each pair, `captions` texts a picture.

        Positive: a picture with the texts drawn for it, and with any text that it owns word for word. Ignored: a short
        text with a picture whose own texts hold all its words, unless the config says otherwise.
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
    """Some of each picture's patch tokens, and all the tokens before them.

    Args:
        tokens: (B, T, W), of which the first few are no patches.
        share: how much of the patches is kept.
        chance: (B, T - first), a random number for each patch; the smallest are kept.
        first: where the patches begin.

    Returns:
        (B, first + share * (T - first), W).
    """
    count = round(share * (tokens.shape[1] - first))
    order = chance.argsort(1)[:, :count] + first
    order = torch.cat([torch.arange(first).expand(len(order), -1), order], dim=1)
    return tokens.gather(1, order.unsqueeze(-1).expand(-1, -1, tokens.shape[2]))
