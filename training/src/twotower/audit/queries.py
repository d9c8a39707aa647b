"""What captions are worth as queries, and what can be told by evaluating with them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from twotower.audit.corpus import Corpus, flickr_id
from twotower.audit.measures import Measure, Value, of_figure, share
from twotower.metrics import with_interval
from twotower.texts import words_of

# Queries drawn from captions for what is estimated.
DRAWN = 2000


def ceiling(corpus: Corpus) -> Measure:
    """How much a single right answer lets a short query reach at best."""
    chance = np.random.default_rng(0)
    holding: dict[str, set[int]] = defaultdict(set)
    words = [words_of(text) for text in corpus.texts]
    for row, found in zip(corpus.owner, words, strict=True):
        for word in found:
            holding[word].add(int(row))
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
        values.append(of_figure(f"{k} word{'s' if k > 1 else ''}", figure, beside=note))
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


def repeated(corpus: Corpus) -> Measure:
    """Captions that stand under several pictures."""
    pictures: dict[str, set[int]] = defaultdict(set)
    keys = [" ".join(t) for t in corpus.tokens]
    for key, row in zip(keys, corpus.owner, strict=True):
        pictures[key].add(int(row))
    shared = {key: rows for key, rows in pictures.items() if len(rows) > 1}
    most = sorted(shared, key=lambda key: (-len(shared[key]), key))
    return Measure(
        "repeated",
        "One caption, several pictures",
        "Share of captions whose words stand, in the same order, under another picture too.",
        "As a query such a caption has several right answers, and the evaluation counts all but one as mistakes.",
        (
            share(
                "captions under several pictures", [key in shared for key in keys], corpus.owner, "0.04 % and 1.35 %"
            ),
            Value("most pictures of one caption", max((len(rows) for rows in shared.values()), default=1)),
        ),
        tuple(f"“{key}”: {', '.join(corpus.pictures[r] for r in sorted(shared[key])[:7])}" for key in most[:10]),
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


def agreement(corpus: Corpus) -> Measure:
    """Whether those who described a picture say the same, and those of others something else."""
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
        figure = with_interval(np.array(within), np.array(owner), scale=1)
        values.insert(0, of_figure("within a picture", figure, beside=".181 and .214"))
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
        tuple(f"{corpus.pictures[corpus.owner[i]]}: “{corpus.texts[i]}”" for i in alone[:20]),
    )


def jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    """The share of the words of either that both have."""
    return len(a & b) / len(a | b) if a or b else 0.0


def leaks(corpus: Corpus, others: Sequence[Corpus]) -> Measure:
    """Pictures that are in two splits, or in another data set as well, by their number at Flickr."""
    ids = [flickr_id(name) for name in corpus.pictures]
    groups: dict[str, set[str]] = defaultdict(set)
    for number, split in zip(ids, corpus.splits, strict=True):
        groups[split].add(number)
    for other in others:
        groups[other.name] |= {flickr_id(name) for name in other.pictures}
    names = list(groups)
    values, examples = [], []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            both = sorted(groups[a] & groups[b])
            values.append(Value(f"in {a} and in {b}", len(both), unit=" pictures"))
            examples += [f"{number}: {a}, {b}" for number in both[:5]]
    return Measure(
        "leaks",
        "Pictures in two places",
        "Pictures with one number at Flickr (what stands before the first _ or dot of the name) in two splits or sets.",
        "A figure on a picture that was trained on says nothing of new ones. All of Flickr8k is in Flickr30k.",
        tuple(values),
        tuple(examples),
    )


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
