"""Measures with a dual encoder: false negatives among its mistakes, and captions that do not match their picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twotower.audit.corpus import Corpus, drawn
from twotower.audit.measures import Example, Measure, mean, share
from twotower.audit.positives import ALIKE
from twotower.evaluation.metrics import Array, Ints, text_to_image_ranks
from twotower.towers.embed import Embedder
from twotower.towers.texts import words_of

# The size of the usual test sets; the number of other pictures that match a caption grows with the gallery.
GALLERY = 1000


@dataclass(frozen=True)
class Scored:
    """A sample of pictures with all their captions, scored by two towers."""

    some: Corpus
    # (N,) the row of each picture in the whole corpus.
    place: Ints
    # (C,) for each caption: its own picture's rank, from 1, and the top-ranked picture.
    ranks: Ints
    best: Ints
    # (C, N) bool: whether a picture scores at least as high as the caption's own, and whether its captions match.
    ahead: NDArray[np.bool_]
    fits: NDArray[np.bool_]


def scored(corpus: Corpus, vectors: Array, embedder: Embedder) -> Scored:
    """Score a sample of pictures.

    Args:
        corpus: a data set with pictures.
        vectors: (C, D) sentence vectors of its captions.
        embedder: the two towers.
    """
    some, place = drawn(corpus, GALLERY)
    said = vectors[np.isin(corpus.owner, place)]
    texts, images = embedder.texts(some.texts), embedder.pictures(some.images)
    scores = texts @ images.T
    captions = np.arange(len(some.texts))
    first = np.searchsorted(some.owner, np.arange(len(some.pictures)))
    fits = np.maximum.reduceat(said @ said.T, first, axis=1) >= ALIKE
    held = [frozenset(w for text in said for w in words_of(text)) for said in some.captions]
    for i, text in enumerate(some.texts):
        words = frozenset(words_of(text))
        fits[i] |= [bool(words) and words <= other for other in held]
    fits[captions, some.owner] = True
    ahead = scores >= scores[captions, some.owner][:, None]
    ranks = text_to_image_ranks(texts, images, some.owner)
    return Scored(some, place, ranks, scores.argmax(1).astype(np.int64), ahead, fits)


def mistakes(seen: Scored) -> Measure:
    """False negatives: mistakes of the model whose top-ranked picture matches the caption."""
    some = seen.some
    missed = seen.ranks > 1
    excused = seen.fits[np.arange(len(some.texts)), seen.best]
    wrong = np.flatnonzero(missed & excused)
    shown = np.random.default_rng(0).permutation(wrong)[:12]
    values = [
        share("captions whose own picture is not first", missed, some.owner),
        share("captions whose first picture fits", excused, some.owner),
        mean("pictures that fit and score as high as the own one", (seen.ahead & seen.fits).sum(1), some.owner),
    ]
    if missed.any():
        name = "of mistakes, what came first fits by what is said of it"
        values.insert(0, share(name, excused[missed], some.owner[missed]))
    return Measure(
        "positives-towers",
        "Mistakes that are none",
        f"{len(some.pictures):,} pictures and all their captions, scored by two towers. A picture fits when its "
        f"captions hold all content words of the query, or one has a cosine of {ALIKE} to it by sentence vectors. If "
        "the model was trained on these pictures, it makes fewer mistakes than it would on new ones.",
        "How much of the distance to 100 % is the model's, and how much the data set's.",
        tuple(values),
        tuple(
            Example(
                f"“{some.texts[i]}”: its own, and what came first",
                (int(seen.place[some.owner[i]]), int(seen.place[seen.best[i]])),
            )
            for i in shown
        ),
        advice="Report mAP@R of words and phrases beside R@1: `twotower.evaluate` does.",
    )


def mismatched(seen: Scored) -> Measure:
    """Captions of a wrong picture, estimated from the towers' ranks."""
    some = seen.some
    worse = seen.ranks > len(some.pictures) / 2
    odd = np.flatnonzero(worse)
    odd = odd[np.argsort(-seen.ranks[odd], kind="stable")]
    return Measure(
        "mismatched-towers",
        "Captions that do not fit their picture, by two towers",
        "Share of captions that score their own picture below half of the others. A caption of a picture drawn at "
        "random does so every second time: twice as many, by estimate, are mismatched or beyond the model.",
        "The only judge where a picture has a single caption.",
        (share("captions below half of the pictures", worse, some.owner),),
        tuple(
            Example(f"“{some.texts[i]}” (rank {seen.ranks[i]})", (int(seen.place[some.owner[i]]),)) for i in odd[:12]
        ),
    )
