"""Inter-annotator agreement of captions, and mismatched captions (label noise)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Example, Measure, Value, mean, share
from twotower.evaluation.metrics import Array, Floats, Ints
from twotower.towers.texts import words_of
from twotower.training.sentences import likeness_to_siblings


def agreement(corpus: Corpus) -> Measure:
    """How much the captions of a picture agree in their words (Jaccard index)."""
    chance = np.random.default_rng(0)
    words = [frozenset(words_of(text)) for text in corpus.texts]
    start = np.concatenate([[0], np.cumsum([len(texts) for texts in corpus.captions])])
    within, owner, alone = [], [], []
    for row in range(len(corpus.captions)):
        own = range(start[row], start[row + 1])
        pairs = [(jaccard(words[i], words[j])) for i in own for j in own if i < j]
        if pairs:
            within.append(float(np.mean(pairs)))
            owner.append(row)
        for i in own:
            others = frozenset().union(*(words[j] for j in own if j != i))
            if len(own) > 1 and words[i] and others and words[i].isdisjoint(others):
                alone.append(i)
    a, b = chance.integers(0, len(words), (2, 20_000))
    across = [jaccard(words[i], words[j]) for i, j in zip(a, b, strict=True) if corpus.owner[i] != corpus.owner[j]]
    values = [Value("across pictures", float(np.mean(across)) if across else 0, beside=".017 and .018")]
    if within:
        values.insert(0, mean("within a picture", within, np.array(owner), beside=".181 and .214"))
    marks = np.zeros(len(words), bool)
    marks[alone] = True
    values.append(share("captions that share no word with their siblings", marks, corpus.owner))
    return Measure(
        "agreement",
        "How far the captions of a picture agree",
        "Mean Jaccard index of the content words of two captions, of one picture and of two. A caption that shares no "
        "word with the others of its picture may belong to another one.",
        "Where five people say five things, a caption is a poor description of what is searched for; one that agrees "
        "with none may be a mistake of the data.",
        tuple(values),
        tuple(Example(f"“{corpus.texts[i]}”", (int(corpus.owner[i]),)) for i in alone[:20]),
    )


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """The Jaccard index of two sets of words; 0 if both are empty."""
    return len(a & b) / len(a | b) if a or b else 0.0


def likeness_to_others(vectors: Array, owner: Ints) -> Floats:
    """The baseline of `likeness_to_siblings`: the mean cosine to the captions of a random other picture, (C,)."""
    pictures = int(owner[-1]) + 1
    sums = np.zeros((pictures, vectors.shape[1]))
    np.add.at(sums, owner, vectors.astype(np.float64))
    means = sums / np.bincount(owner)[:, None]
    other = (owner + np.random.default_rng(0).integers(1, pictures, len(owner))) % pictures
    likeness: Floats = (means[other] * vectors).sum(1)
    return likeness


def mismatched_captions(vectors: Array, owner: Ints) -> tuple[Ints, Floats, float]:
    """Captions whose similarity to their siblings is below the upper quartile of that to a random other picture.

    Args:
        vectors: (C, D) unit vectors.
        owner: (C,) the picture of each caption, ascending; at least two pictures.

    Returns:
        The rows of those captions, the least similar first; the mean cosine of each caption to its siblings, (C,); and
        the median cosine to a random other picture.
    """
    likeness = likeness_to_siblings(vectors, owner)
    half, most = np.percentile(likeness_to_others(vectors, owner), [50, 75])
    found = np.flatnonzero(likeness < most)
    return found[np.argsort(likeness[found], kind="stable")], likeness, float(half)


def mismatched(corpus: Corpus, vectors: Array) -> Measure:
    """Captions of a wrong picture, estimated from their similarity to their siblings."""
    found, likeness, half = mismatched_captions(vectors, corpus.owner)
    several = ~np.isnan(likeness)
    below = share("below half of the captions of other pictures", likeness[several] < half, corpus.owner[several])
    twice = replace(
        below,
        name="mismatched, by estimate",
        value=min(100.0, 2 * below.value),
        low=None if below.low is None else min(100.0, 2 * below.low),
        high=None if below.high is None else min(100.0, 2 * below.high),
        beside="0.01 % in Flickr30k, in a list that calls itself incomplete",
    )
    return Measure(
        "mismatched",
        "Captions of another picture, by their siblings",
        "The mean cosine of each caption to the others of its picture, beside that of the same captions to a picture "
        "drawn at random. A caption of a picture drawn at random is below the median of the latter every second time: "
        "twice as many as are found there are estimated to be mismatched, and fewer if some of those are right and say "
        "something else. A caption of a picture of the same kind escapes. The sentence vectors have been trained on "
        "captions of Flickr30k and COCO as pairs: there they take siblings for more alike than they are.",
        "A wrong caption teaches a wrong word, and makes a test question without an answer.",
        (twice, below, Value("that median", half, unit=" cosine")),
        tuple(Example(f"“{corpus.texts[i]}” ({likeness[i]:.2f})", (int(corpus.owner[i]),)) for i in found[:16]),
        advice="`drop_captions` leaves the least alike out of the training; look at the first ones before.",
    )
