"""What two towers add: which of their mistakes are none, and which captions do not fit their picture."""

from __future__ import annotations

import numpy as np

from twotower.audit.corpus import Corpus, drawn
from twotower.audit.measures import Example, Measure, mean, share
from twotower.audit.positives import ALIKE
from twotower.evaluate import Embedder
from twotower.metrics import Array, text_to_image_ranks
from twotower.texts import words_of

# As many as the usual test sets have: the number of other pictures that fit grows with the gallery.
GALLERY = 1000


def judged(corpus: Corpus, vectors: Array, embedder: Embedder) -> list[Measure]:
    """Mistakes that are none and captions that do not fit, on some of the pictures.

    Args:
        corpus: with its pictures at hand.
        vectors: (C, D) sentence vectors of its captions.
        embedder: the two towers.
    """
    some, place = drawn(corpus, GALLERY)
    meaning = vectors[np.isin(corpus.owner, place)]
    texts, images = embedder.texts(some.texts), embedder.pictures(some.images)
    ranks = text_to_image_ranks(texts, images, some.owner)
    scores = texts @ images.T
    first = np.searchsorted(some.owner, np.arange(len(some.pictures)))
    words = [frozenset(words_of(text)) for text in some.texts]
    held = [frozenset(w for text in captions for w in words_of(text)) for captions in some.captions]
    fits = np.maximum.reduceat(meaning @ meaning.T, first, axis=1) >= ALIKE
    for i, own in enumerate(words):
        fits[i] |= [bool(own) and own <= other for other in held]
    everything = np.arange(len(some.texts))
    fits[everything, some.owner] = True
    ahead = (scores >= scores[everything, some.owner][:, None]) & fits
    best = scores.argmax(1)
    missed = ranks > 1
    excused = fits[everything, best]
    wrong = np.flatnonzero(missed & excused)
    chance = np.random.default_rng(0)
    shown = chance.choice(wrong, min(12, len(wrong)), replace=False) if len(wrong) else wrong
    worse = ranks > len(some.pictures) / 2
    values = [
        share("of mistakes, what came first fits by what is said of it", excused[missed], some.owner[missed]),
        share("captions whose own picture is not first", missed, some.owner),
        share("captions whose first picture fits", excused, some.owner),
        mean("pictures that fit and score as high as the own one", ahead.sum(1), some.owner),
    ]
    if not missed.any():
        values = values[1:]
    mistakes = Measure(
        "positives-towers",
        "Mistakes that are none",
        f"{len(some.pictures):,} pictures and all their captions, scored by two towers. A picture fits when its "
        f"captions hold all content words of the query, or one has a cosine of {ALIKE} to it. If the model was trained "
        "on these pictures, it makes fewer mistakes than it would on new ones.",
        "How much of the distance to 100 % is the model's, and how much the data set's.",
        tuple(values),
        tuple(
            Example(
                f"“{some.texts[i]}”: its own, and what came first", (int(place[some.owner[i]]), int(place[best[i]]))
            )
            for i in shown
        ),
        advice="Report mAP@R of keywords and phrases beside R@1: `twotower.evaluate` does.",
    )
    odd = np.flatnonzero(worse)
    odd = odd[np.argsort(-ranks[odd], kind="stable")]
    mismatched = Measure(
        "mismatched-towers",
        "Captions that do not fit their picture, by two towers",
        "Share of captions that score their own picture below half of the others. A caption of another picture does so "
        "every second time: at most twice as many are mismatched, the rest is what the model cannot tell.",
        "The only judge where a picture has a single caption.",
        (share("captions below half of the pictures", worse, some.owner),),
        tuple(Example(f"“{some.texts[i]}” (rank {ranks[i]})", (int(place[some.owner[i]]),)) for i in odd[:12]),
    )
    return [mistakes, mismatched]
