"""Text processing: tokenisation, stop words, and short queries made of captions (data augmentation)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

# Stop words, which describe nothing visible: articles, prepositions, auxiliaries, pronouns, and those of "a photo of".
STOP_WORDS = frozenset(
    re.findall(
        "[a-z]+",
        """
        a about above across after against all along also among an and another are around as at away back be because
        been before behind being below beneath beside besides between beyond both but by can could did do does doing
        down during each either for from front get gets getting go goes going had has have having he her hers him
        his how i if image in inside into is it its itself just large like look looking looks many more most near
        next no nor not of off on one onto or other others out outside over past photo photograph picture several
        she small so some something that the their them themselves then there these they this those three through to
        together too toward towards two under up upon very via was were what when where which while who whose will
        with within without you your
        """,
    )
)


def words_of(text: str) -> list[str]:
    """The content words of a text, lower case, in order, each once."""
    return list(dict.fromkeys(w for w in re.findall(r"[^\W\d_]+", text.lower()) if w not in STOP_WORDS and len(w) > 1))


def short_query(
    text: str, random: np.random.Generator, most: int = 4, owners: Mapping[str, int] | None = None
) -> str | None:
    """A short query: one to `most` random content words of a caption, in its order; None if it has no content word.

    Args:
        text: the caption.
        random: the generator.
        most: the maximum number of words.
        owners: the number of pictures whose captions contain each word. Words are then sampled with weights
            1 / sqrt(number): queries ask for rare things, and a word like "man" is learned from every caption anyway.
    """
    words = words_of(text)
    if not words:
        return None
    count = min(len(words), int(random.integers(1, most + 1)))
    weights = np.ones(len(words)) if owners is None else np.array([owners.get(w, 1) ** -0.5 for w in words])
    chosen = np.sort(random.choice(len(words), count, replace=False, p=weights / weights.sum()))
    return " ".join(words[i] for i in chosen)


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, both (N, T) int64, padded to the longest text.

    The tokenizer must be set to truncate and not to pad.
    """
    encoded = [e.ids for e in tokenizer.encode_batch(list(texts))]
    longest = max(map(len, encoded))
    ids = torch.tensor([e + [0] * (longest - len(e)) for e in encoded])
    mask = torch.tensor([[1] * len(e) + [0] * (longest - len(e)) for e in encoded])
    return ids, mask
