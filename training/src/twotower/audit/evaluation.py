"""What captions are worth as queries, and what can be told by evaluating with them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

import numpy as np
from tqdm import tqdm

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Measure, Value, of_figure
from twotower.metrics import with_interval
from twotower.queries import pictures_by_word
from twotower.texts import words_of

# Queries drawn from captions for what is estimated.
DRAWN = 2000


def ceiling(corpus: Corpus) -> Measure:
    """How much a single right answer lets a short query reach at best."""
    chance = np.random.default_rng(0)
    holding = pictures_by_word(corpus.captions)
    words = [words_of(text) for text in corpus.texts]
    values, bars = [], []
    expected = {1: ".153 and .136", 2: ".559 and .504", 3: ".839 and .800", 4: ".956 and .934", 5: ".988 and .977"}
    for k in range(1, 6):
        long = [i for i, found in enumerate(words) if len(found) >= k]
        if not long:
            break
        drawn = chance.choice(long, min(5 * DRAWN, len(long)), replace=False)
        reach, owner = [], []
        for i in drawn:
            chosen = chance.choice(len(words[i]), k, replace=False)
            both = set.intersection(*(holding[words[i][c]] for c in chosen))
            reach.append(1 / len(both))
            owner.append(corpus.owner[i])
        figure = with_interval(np.array(reach), np.array(owner), scale=1)
        note = f"{expected[k]} (1,000 pictures each)"
        values.append(of_figure(f"R@1 at most, {k} word{'s' if k > 1 else ''}", figure, beside=note))
        bars.append((str(k), figure.value))
    return Measure(
        "ceiling",
        "What R@1 can reach at most with short queries",
        "From each caption so many content words are drawn; n pictures have them all in their captions. The mean of "
        "1 / n is the R@1 of a perfect system that must guess which of the n is meant. It falls with the number of "
        "pictures.",
        "With one right picture a query, short queries cannot be evaluated: a perfect answer counts as a mistake. "
        "mAP@R over all pictures that hold the words can.",
        tuple(values),
        bars=tuple(bars),
    )


def solvable(corpus: Corpus) -> Measure:
    """How far words alone lead from a caption to the other captions of its picture."""
    chance = np.random.default_rng(0)
    several = [i for i, row in enumerate(corpus.owner) if len(corpus.captions[row]) > 1]
    drawn = np.sort(chance.choice(several, min(DRAWN, len(several)), replace=False)) if several else np.array([], int)
    counts = [Counter(tokens) for tokens in corpus.tokens]
    pictures: list[Counter[str]] = [Counter() for _ in corpus.captions]
    for row, counted in zip(corpus.owner, counts, strict=True):
        pictures[row].update(counted)
    holding: Counter[str] = Counter(w for picture in pictures for w in picture)
    weight = {w: math.log(len(pictures) / n) for w, n in holding.items()}
    where: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for row, picture in enumerate(pictures):
        for w, n in picture.items():
            where[w].append((row, (1 + math.log(n)) * weight[w]))
    norms = np.array([norm(picture, weight) for picture in pictures])
    ranks = []
    for i in tqdm(drawn, desc="lexical solvability"):
        scores = np.zeros(len(pictures))
        for w in counts[i]:
            for row, value in where[w]:
                scores[row] += weight[w] * value
        scores /= np.maximum(norms, 1e-9)
        # Its own picture is known by its other captions only.
        own = int(corpus.owner[i])
        rest = pictures[own] - counts[i]
        score = sum(weight[w] * (1 + math.log(rest[w])) * weight[w] for w in counts[i] if rest[w])
        scores[own] = score / max(norm(rest, weight), 1e-9)
        ranks.append(int((scores >= scores[own]).sum()))
    reached = np.array(ranks)
    owner = corpus.owner[drawn]
    beside = {1: ".567 and .522", 5: ".779 and .751", 10: ".838 and .822"}
    return Measure(
        "solvable",
        "How much can be solved by words alone",
        f"A caption as query, each picture as the other captions of it, TF-IDF and cosine; {len(drawn):,} drawn, "
        "ties against. It falls with the number of pictures.",
        "What is reached without looking at any picture is no merit of a model that looks.",
        tuple(
            of_figure(
                f"R@{k}", with_interval(reached <= k, owner, scale=1), beside=f"{beside[k]} (1,000 pictures each)"
            )
            for k in (1, 5, 10)
        )
        if len(drawn)
        else (),
    )


def norm(words: Counter[str], weight: dict[str, float]) -> float:
    """The length of a text's TF-IDF vector."""
    return math.sqrt(sum(((1 + math.log(n)) * weight[w]) ** 2 for w, n in words.items() if n > 0))


def resolution(corpus: Corpus) -> Measure:
    """Which differences an evaluation on so many pictures can tell."""
    count = len(corpus.captions)
    values = tuple(
        Value(f"at R@1 of {p} %", 196 * math.sqrt(p / 100 * (1 - p / 100) / count), unit=" points")
        for p in (30, 50, 70, 85)
    )
    return Measure(
        "resolution",
        "What a test set of this size can tell apart",
        f"Half of the 95 % interval of R@1 over {count:,} pictures, each one trial: the five captions of a picture are "
        "not five.",
        "Two models whose figures differ by less have not been told apart.",
        values,
    )
