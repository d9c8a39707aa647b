"""Queries as people type them, made of captions: words, phrases and sentences, and every picture that each is true of.

A benchmark whose answers are known from captions alone, for any captioned set. Its limits:

- What no caption mentions is not known to be there: a picture that fits may count as wrong, the more so the shorter the
  query. Figures are comparable between models on the same set, and are no probabilities that a person is content.
- The words are those of captions, in their spelling and number: there is no query like "receipt" or "sunset in Lisbon"
  here, and "dogs" is not "dog".
- Words may stand in different captions of a picture, or belong to different things in it. A phrase must stand in one.

The file can be corrected by hand: see `save` and `load`.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twotower.evaluation.metrics import Ints, Relevant
from twotower.towers.texts import STOP_WORDS, words_of

KEYWORDS = (1, 2, 3)
# Words of a phrase: what people type is hardly ever longer.
SHORTEST_PHRASE, LONGEST_PHRASE = 2, 4
# All captions of a set, by picture.
Captions = Sequence[Sequence[str]]


class QueriesError(ValueError):
    """A file of queries is none, or does not go with the pictures; the message says what and where."""


@dataclass(frozen=True)
class Queries:
    """Queries of one style, the picture that each was drawn from, and all pictures that it is true of."""

    style: str
    texts: list[str]
    owner: Ints  # (Q,)
    relevant: Relevant  # the rows of its right pictures, the owner among them


def benchmark(captions: Captions, seed: int = 0) -> list[Queries]:
    """Queries of every style that the captions allow; equal queries once in a style."""
    styles = [keywords(captions, count, seed) for count in KEYWORDS]
    styles += [phrases(captions, seed), sentences(captions)]
    return [queries for queries in styles if queries.texts]


def keywords(captions: Captions, count: int, seed: int = 0) -> Queries:
    """One query of `count` content words for each caption that has as many, in their order.

    Relevant is every picture whose captions together hold all the words: what a single label would count as a mistake.
    """
    random = np.random.default_rng(seed)
    found: dict[str, int] = {}
    for row, texts in enumerate(captions):
        for text in texts:
            words = words_of(text)
            if len(words) >= count:
                chosen = np.sort(random.choice(len(words), count, replace=False))
                found.setdefault(" ".join(words[i] for i in chosen), row)
    return holding_words(f"{count} word{'s' if count > 1 else ''}", found, captions)


def sentences(captions: Captions) -> Queries:
    """The captions themselves. Relevant is, beside its own, a picture whose captions hold all the content words."""
    found: dict[str, int] = {}
    for row, texts in enumerate(captions):
        for text in texts:
            if words_of(text):
                found.setdefault(text, row)
    return holding_words("sentence", found, captions)


def holding_words(style: str, found: dict[str, int], captions: Captions) -> Queries:
    """Queries that are true of the pictures whose captions hold their words."""
    holding = pictures_by_word(captions)
    return assemble(style, found, (set.intersection(*(holding[w] for w in words_of(q))) for q in found))


def pictures_by_word(captions: Captions) -> dict[str, set[int]]:
    """The rows of the pictures whose captions hold each content word."""
    holding: dict[str, set[int]] = defaultdict(set)
    for row, texts in enumerate(captions):
        for text in texts:
            for word in words_of(text):
                holding[word].add(row)
    return holding


def phrases(captions: Captions, seed: int = 0) -> Queries:
    """One phrase for each caption that has one: "brown dog", "frozen lake".

    Relevant is every picture of which a caption holds the phrase.
    """
    random = np.random.default_rng(seed)
    found: dict[str, int] = {}
    holders: dict[str, set[int]] = defaultdict(set)
    for row, texts in enumerate(captions):
        for text in texts:
            runs = runs_of(text)
            for run in runs:
                for start in range(len(run)):
                    for end in range(start + SHORTEST_PHRASE, min(start + LONGEST_PHRASE, len(run)) + 1):
                        holders[" ".join(run[start:end])].add(row)
            whole = [run for run in runs if SHORTEST_PHRASE <= len(run) <= LONGEST_PHRASE]
            if whole:
                found.setdefault(" ".join(whole[random.integers(len(whole))]), row)
    return assemble("phrase", found, (holders[q] for q in found))


def runs_of(text: str) -> list[list[str]]:
    """Content words that follow one another, lower case: what RAKE takes for phrases (Rose et al., 2010).

    It needs no grammar: whatever stands between function words and punctuation is one.
    """
    runs: list[list[str]] = [[]]
    for token in re.findall(r"[^\W\d_]+|[\d_]+|[^\w\s]", text.lower()):
        if token in STOP_WORDS or len(token) < 2:
            runs.append([])
        else:
            runs[-1].append(token)
    return [run for run in runs if run]


def assemble(style: str, found: dict[str, int], holders: Iterable[Iterable[int]]) -> Queries:
    """Queries by the picture that each was drawn from, and the pictures that each is true of."""
    relevant = [np.array(sorted(true), np.int64) for true in holders]
    return Queries(style, list(found), np.array(list(found.values()), np.int64), relevant)


def check_names(names: Sequence[str]) -> None:
    """Refuse pictures that cannot be told apart.

    Raises:
        QueriesError: two have one name.
    """
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise QueriesError(f"queries name their pictures, and two are called {twice}")


def save(path: Path, styles: Sequence[Queries], names: Sequence[str]) -> None:
    """Write a benchmark as JSON: by style, each query with the picture it is from and all that it is true of.

    Raises:
        QueriesError: two pictures have one name.
    """
    check_names(names)
    styles_told = []
    for q in styles:
        entries = (
            {"query": text, "from": names[int(owner)], "relevant": [names[i] for i in true.tolist()]}
            for text, owner, true in zip(q.texts, q.owner, q.relevant, strict=True)
        )
        # A query a line: a person finds it, and a comparison shows what was corrected.
        lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in entries)
        styles_told.append(f" {json.dumps(q.style)}: [\n{lines}\n ]")
    path.write_text("{\n" + ",\n".join(styles_told) + "\n}\n", encoding="utf-8")


def load(path: Path, names: Sequence[str]) -> list[Queries]:
    """A benchmark that `save` wrote, and maybe a person corrected, for the pictures of these names.

    Raises:
        QueriesError: it is no such file, names another picture, or a query is not true of the one it is from; or two
            pictures have one name.
        OSError: there is no such file.
    """
    check_names(names)
    rows = {name: row for row, name in enumerate(names)}
    styles = []
    try:
        for style, entries in json.loads(path.read_text(encoding="utf-8")).items():
            found = {entry["query"]: rows[entry["from"]] for entry in entries}
            if len(found) < len(entries):
                raise QueriesError(f"{path}: a query stands twice under {style!r}")
            queries = assemble(style, found, ({rows[name] for name in entry["relevant"]} for entry in entries))
            for text, own, true in zip(queries.texts, queries.owner, queries.relevant, strict=True):
                if own not in true:
                    raise QueriesError(f"{path}: {text!r} is not true of its own picture")
            styles += [queries] if queries.texts else []
    except KeyError as error:
        raise QueriesError(f"{path}: there is no picture or field {error}") from error
    except (AttributeError, TypeError, json.JSONDecodeError) as error:
        raise QueriesError(f"{path} holds no queries by style: {error}") from error
    return styles
