"""False negatives: pictures that match another picture's caption, by words and by sentence vectors.

Those by a model that sees the pictures are in `towers`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Example, Measure, Value, mean, share
from twotower.evaluation.metrics import Array, Floats, Ints
from twotower.evaluation.queries import pictures_by_word
from twotower.towers.texts import words_of

# Captions compared at a time: bounds the memory of the (BLOCK, C) matrix of cosines.
BLOCK = 256
# Thresholds of the cosine from which another picture counts as a match; see `by_meaning`.
STEPS = (0.7, 0.8, 0.9)
# From this cosine on, two captions have a similar meaning, so that each also describes the other's picture.
ALIKE = STEPS[0]
# From this cosine on, one is a paraphrase of the other.
SAME = STEPS[-1]


@dataclass(frozen=True)
class Neighbours:
    """For each caption, (C,): the highest cosine to a caption of another picture (`elsewhere`) and of its own."""

    elsewhere: Floats
    # The picture and the row of that nearest caption of another picture.
    picture: Ints
    caption: Ints
    # NaN if the picture has only one caption.
    sibling: Floats
    # (C, len(STEPS)): how many other pictures have a caption with at least this cosine.
    counts: Ints


def neighbours(vectors: Array, owner: Ints) -> Neighbours:
    """Compare all captions with each other.

    Args:
        vectors: (C, D) unit vectors.
        owner: (C,) the picture of each caption, ascending; at least two pictures.
    """
    first = np.searchsorted(owner, np.arange(owner[-1] + 1))
    count = len(owner)
    elsewhere, picture, caption = np.empty(count), np.empty(count, np.int64), np.empty(count, np.int64)
    sibling, counts = np.full(count, np.nan), np.empty((count, len(STEPS)), np.int64)
    for start in tqdm(range(0, count, BLOCK), desc="captions of other pictures", unit="block", leave=False):
        rows = np.arange(start, min(start + BLOCK, count))
        cosines = vectors[rows] @ vectors.T
        place = np.arange(len(rows))
        cosines[place, rows] = -1  # exclude each caption itself
        best = np.maximum.reduceat(cosines, first, axis=1)
        own = best[place, owner[rows]]
        sibling[rows] = np.where(own > -1, own, np.nan)
        best[place, owner[rows]] = -1
        picture[rows] = best.argmax(1)
        elsewhere[rows] = best[place, picture[rows]]
        counts[rows] = [[(row >= step).sum() for step in STEPS] for row in best]
        ends = np.append(first[1:], count)
        for i, p in zip(place, picture[rows], strict=True):
            caption[rows[i]] = first[p] + cosines[i, first[p] : ends[p]].argmax()
    return Neighbours(elsewhere, picture, caption, sibling, counts)


def repeated_captions(corpus: Corpus) -> dict[str, list[int]]:
    """Captions that occur with several pictures: rows of the captions by their text (tokens joined by spaces)."""
    rows: dict[str, list[int]] = defaultdict(list)
    for i, tokens in enumerate(corpus.tokens):
        rows[" ".join(tokens)].append(i)
    return {key: own for key, own in rows.items() if len({int(corpus.owner[i]) for i in own}) > 1}


def repeated(corpus: Corpus) -> Measure:
    """The share of captions that occur with several pictures."""
    shared = repeated_captions(corpus)
    pictures = {key: sorted({int(corpus.owner[i]) for i in rows}) for key, rows in shared.items()}
    hits = np.zeros(len(corpus.texts), bool)
    hits[[i for rows in shared.values() for i in rows]] = True
    most = sorted(pictures, key=lambda key: (-len(pictures[key]), key))
    return Measure(
        "repeated",
        "One caption, several pictures",
        "Share of captions whose words stand, in the same order, under another picture too.",
        "As a query such a caption has several right answers, and the evaluation counts all but one as mistakes.",
        (
            share("captions under several pictures", hits, corpus.owner, "0.04 % and 1.35 %"),
            Value("most pictures of one caption", max(map(len, pictures.values()), default=1), beside="7 in Flickr8k"),
        ),
        tuple(Example(f"“{key}”", tuple(pictures[key][:6])) for key in most[:12]),
        advice="Every loss here takes a text that two pictures own as true of both.",
    )


def by_words(corpus: Corpus) -> Measure:
    """False negatives by words: other pictures whose captions contain all content words of a caption."""
    words = [frozenset(words_of(text)) for text in corpus.texts]
    holders = pictures_by_word(corpus.captions)
    others = np.array(
        [len(set.intersection(*(holders[w] for w in found))) - 1 if found else 0 for found in tqdm(words, leave=False)]
    )
    most = [int(i) for i in np.argsort(-others, kind="stable")[:10] if others[i]]
    return Measure(
        "positives-words",
        "Pictures that fit, by words",
        "Pictures whose captions, taken together, hold every content word of a caption that is not theirs. Certain in "
        "the words and blind to meaning: “dogs” is not “dog”, and the words may belong to different things.",
        "Training pushes such a picture away from the caption, and evaluation counts it as a mistake.",
        (
            share("captions that fit another picture", others > 0, corpus.owner),
            mean("pictures a caption fits", 1 + others, corpus.owner),
        ),
        tuple(
            Example(
                f"“{corpus.texts[i]}”: {others[i]} others",
                (int(corpus.owner[i]), *fitting(words[i], holders, i, corpus)),
            )
            for i in most
        ),
        advice="`ignore_by_words` (on) keeps such pictures from being counterexamples to texts of up to four words; "
        "`twotower.evaluate` counts all of them as right for words and sentences.",
    )


def fitting(words: frozenset[str], holders: dict[str, set[int]], caption: int, corpus: Corpus) -> list[int]:
    """Up to five other pictures whose captions contain all the words."""
    return sorted(set.intersection(*(holders[w] for w in words)) - {int(corpus.owner[caption])})[:5]


def by_meaning(corpus: Corpus, found: Neighbours) -> Measure:
    """False negatives by sentence vectors: other pictures with a caption of similar meaning."""
    values = [
        mean(
            f"pictures a caption fits, cosine {step:.1f} or more",
            1 + found.counts[:, k],
            corpus.owner,
            beside="8.5 images a caption in COCO's 5,000, judged by people" if step == ALIKE else "",
        )
        for k, step in enumerate(STEPS)
    ]
    values += [
        share(f"captions that fit another picture, cosine {step:.1f}", found.counts[:, k] > 0, corpus.owner)
        for k, step in enumerate(STEPS)
    ]
    several = ~np.isnan(found.sibling)
    if several.any():
        values += [
            share(
                f"captions with a sibling so near, cosine {step:.1f}",
                found.sibling[several] >= step,
                corpus.owner[several],
            )
            for step in STEPS
        ]
        values.append(
            Value(
                f"pictures drawn at random with a caption so near, cosine {ALIKE}",
                100 * float(found.counts[:, 0].mean()) / (len(corpus.pictures) - 1),
                unit=" %",
            )
        )
        values.append(
            share(
                "nearer to another picture's caption than to any sibling",
                found.elsewhere[several] >= found.sibling[several],
                corpus.owner[several],
            )
        )
    chance = np.random.default_rng(0)
    near = np.flatnonzero((found.elsewhere >= ALIKE) & (found.elsewhere < SAME))
    shown = chance.choice(near, min(12, len(near)), replace=False) if len(near) else near
    return Measure(
        "positives-meaning",
        "Pictures that fit, by meaning",
        "Pictures of which a caption has a cosine of 0.7, 0.8 or 0.9 to a caption that is not theirs, by sentence "
        "vectors (all-MiniLM-L6-v2). How often a caption has a sibling so near, and how often one of a picture drawn "
        "at random, tells what a cosine is worth. It is an estimate: Flickr30k's pairs have not been judged, and the "
        "sentence encoder has been trained on captions of Flickr30k and COCO, siblings as pairs. It grows with the "
        "number of pictures, and it judges by what is said, not by what is seen.",
        "The mistakes of a good model are often right answers, and the loss works against them. On COCO people found "
        "8.5 pictures for each caption where the data set knows one (ECCV Caption, Chun et al., 2022).",
        tuple(values),
        tuple(
            Example(
                f"“{corpus.texts[i]}” and “{corpus.texts[found.caption[i]]}” ({found.elsewhere[i]:.2f})",
                (int(corpus.owner[i]), int(found.picture[i])),
            )
            for i in shown
        ),
        advice="`ignore_by_meaning=0.7` keeps these from being counterexamples, `soft_targets` gives them a part of "
        "the target; LOG.md of the training says what that brought on Flickr8k.",
    )


def near_captions(corpus: Corpus, found: Neighbours) -> Measure:
    """Captions of which another picture has a paraphrase."""
    tokens = corpus.tokens
    same = np.array([tokens[i] == tokens[k] for i, k in enumerate(found.caption)], np.bool_)
    hits = (found.elsewhere >= SAME) & ~same
    cosines: dict[tuple[int, int], float] = {}
    for i in np.flatnonzero(hits):
        a, b = sorted((int(i), int(found.caption[i])))
        cosines[a, b] = float(found.elsewhere[i])
    pairs = sorted(cosines, key=lambda pair: (-cosines[pair], pair))
    return Measure(
        "near-captions",
        "Nearly the same caption, another picture",
        f"Share of captions of which the nearest of another picture has a cosine of {SAME} or more, and other words.",
        "These are repeated captions that a comparison of words does not find.",
        (share("captions with such a one", hits, corpus.owner),),
        tuple(
            Example(f"“{corpus.texts[a]}” and “{corpus.texts[b]}”", (int(corpus.owner[a]), int(corpus.owner[b])))
            for a, b in pairs[:12]
        ),
    )
