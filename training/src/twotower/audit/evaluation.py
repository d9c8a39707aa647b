"""The limits of evaluating with captions as queries: the ceiling of R@1, text-only baselines, and statistical power."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from tqdm import tqdm

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Measure, Value, of_figure
from twotower.evaluation.metrics import Floats, Ints, with_interval
from twotower.evaluation.queries import pictures_by_word
from twotower.towers.texts import words_of

# Captions sampled as queries for estimates.
DRAWN = 2000
# Up to this many words per query, all combinations are enumerated; beyond it they are sampled.
EXACT = 2


def ceiling(corpus: Corpus) -> Measure:
    """The ceiling of R@1 for short queries when only one picture counts as relevant."""
    holding = pictures_by_word(corpus.captions)
    words = [words_of(text) for text in corpus.texts]
    expected = {1: ".153 and .136", 2: ".559 and .504", 3: ".839 and .800", 4: ".956 and .934", 5: ".988 and .977"}
    values, bars = [], []
    for k in expected:
        told = f"{k} word{'s' if k > 1 else ''}"
        guesses, owner, best = guessing(words, corpus.owner, k, holding)
        if not len(guesses):
            break
        figure = with_interval(guesses, owner, scale=1)
        values.append(of_figure(f"R@1 of a guess, {told}", figure, beside=f"{expected[k]} (1,000 pictures each)"))
        if best is not None:
            values.append(Value(f"R@1 at most, {told}", best))
        bars.append((told, figure.value))
    return Measure(
        "ceiling",
        "How far R@1 can go with short queries",
        f"So many content words are taken out of a caption, every way for up to {EXACT} words, else one way of "
        f"{DRAWN * 5:,} captions; n pictures have them all in their captions. The mean of 1 / n is the R@1 of a system "
        "that knows them all and guesses which is meant. At most can be reached what a system reaches that also knows "
        "of which picture the words are said most often. Both fall with the number of pictures.",
        "With one right picture a query, short queries cannot be evaluated: a right answer counts as a mistake. "
        "mAP@R over all pictures that hold the words can.",
        tuple(values),
        bars=tuple(bars),
        counted="R@1 of a guess, by the number of words",
        advice="Judge short queries by mAP@R: `twotower.evaluate` does.",
    )


def guessing(
    words: Sequence[list[str]], pictures: Ints, k: int, holding: Mapping[str, set[int]]
) -> tuple[Floats, Ints, float | None]:
    """The expected R@1 of a random guess among all pictures that match a query of k words.

    Args:
        words: (C) the content words of each caption.
        pictures: (C,) the picture of each caption.
        k: words per query.
        holding: the pictures that contain each word.

    Returns:
        For each query caption the chance of a right guess, its picture, and the R@1 of the best possible system; the
        last is None if combinations were sampled (k > `EXACT`).
    """
    long = [i for i, found in enumerate(words) if len(found) >= k]
    if k > EXACT:
        chance = np.random.default_rng(0)
        drawn = chance.choice(long, min(5 * DRAWN, len(long)), replace=False) if long else np.array([], np.int64)
        ways = {int(i): [tuple(np.array(words[i])[chance.choice(len(words[i]), k, replace=False)])] for i in drawn}
    else:
        ways = {i: list(combinations(sorted(words[i]), k)) for i in long}
    guesses = []
    meant: dict[tuple[str, ...], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    fitting: dict[tuple[str, ...], int] = {}
    for i, queries in ways.items():
        for query in queries:
            if query not in fitting:
                fitting[query] = len(set.intersection(*(holding[w] for w in query)))
            if k <= EXACT:
                meant[query][int(pictures[i])] += 1 / len(queries)
        guesses.append(sum(1 / fitting[query] for query in queries) / len(queries))
    best = sum(max(of.values()) for of in meant.values()) / len(ways) if meant else None
    return np.array(guesses), np.array([pictures[i] for i in ways], np.int64), best


def solvable(corpus: Corpus) -> Measure:
    """A text-only baseline: retrieve a caption's picture by TF-IDF over the picture's other captions."""
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
        # Leave one out: the own picture's document must not contain the query caption.
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
    """The smallest differences that an evaluation on this many pictures can detect."""
    pictures, captions = len(corpus.captions), len(corpus.texts)
    values = []
    for p in (50, 30, 85):
        values.append(Value(f"R@1 of {p} %, at worst", half_interval(p * (100 - p), pictures), unit=" points"))
        values.append(Value(f"R@1 of {p} %, at best", half_interval(p * (100 - p), captions), unit=" points"))
    for apart in (10, 20, 30):
        name = f"difference of two models, of which {apart} % of queries find one right and the other wrong, at worst"
        values.append(Value(name, half_interval(100 * apart, pictures), unit=" points"))
    return Measure(
        "resolution",
        "What a test set of this size can tell apart",
        f"Half of the 95 % interval over {pictures:,} pictures with {captions:,} captions. At worst the captions of a "
        "picture are found or missed together, and are one trial; at best each is one by itself. Two models on the "
        "same queries differ by those alone that one answers and the other does not.",
        "Two models whose figures differ by less than half the interval of their difference have not been told apart.",
        tuple(values),
        advice="Compare models query by query (`twotower.ablation` does), and give the interval of the difference.",
    )


def half_interval(variance: float, trials: int) -> float:
    """Half the width of the 95 % interval of a mean of percentages, in points, by the normal approximation."""
    return 1.96 * math.sqrt(variance / trials)
