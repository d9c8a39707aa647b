"""Generates queries as users type them from captions: words, phrases and sentences, each with all relevant pictures.

This makes a benchmark with several relevant pictures per query from any captioned data set. Its limits:

- Objects that no caption mentions are unknown, so a relevant picture may count as irrelevant (a false negative), the
  more so the shorter the query. Compare models on the same set; the values do not measure user satisfaction.
- Queries use the words of captions, in their spelling and number: there is no query like "receipt" or "sunset in
  Lisbon", and "dogs" does not match "dog".
- The words of a query may come from different captions of a picture, or describe different objects in it. A phrase must
  occur within one caption.

The benchmark's file can be corrected by hand: see `save` and `load`.
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
# Length of a phrase in words; typed queries are hardly ever longer.
SHORTEST_PHRASE, LONGEST_PHRASE = 2, 4
# The captions of each picture.
Captions = Sequence[Sequence[str]]


class QueriesError(ValueError):
    """A file of queries is invalid, or does not match the pictures; the message says what and where."""


@dataclass(frozen=True)
class Queries:
    """Queries of one style, the source picture of each, and its relevant pictures."""

    style: str
    texts: list[str]
    owner: Ints  # (Q,)
    relevant: Relevant  # for each query the rows of its relevant pictures, including the owner


def benchmark(captions: Captions, seed: int = 0) -> list[Queries]:
    """Queries of every style that the captions allow, without duplicates within a style."""
    styles = [keywords(captions, count, seed) for count in KEYWORDS]
    styles += [phrases(captions, seed), sentences(captions)]
    return [queries for queries in styles if queries.texts]


def keywords(captions: Captions, count: int, seed: int = 0) -> Queries:
    """One query of `count` random content words, in the caption's order, for each caption that has as many.

    A picture is relevant if its captions together contain all the words. With one relevant picture per query, all but
    the source picture would be false negatives.

    Args:
        captions: the captions of each picture.
        count: words per query.
        seed: of the random choice.
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
    """The captions themselves as queries. A picture is relevant if its captions contain all the content words."""
    found: dict[str, int] = {}
    for row, texts in enumerate(captions):
        for text in texts:
            if words_of(text):
                found.setdefault(text, row)
    return holding_words("sentence", found, captions)


def holding_words(style: str, found: dict[str, int], captions: Captions) -> Queries:
    """Queries whose relevant pictures are those whose captions contain all their words.

    Args:
        style: the name of the style.
        found: the row of the source picture by query.
        captions: the captions of each picture.
    """
    holding = pictures_by_word(captions)
    return assemble(style, found, (set.intersection(*(holding[w] for w in words_of(q))) for q in found))


def pictures_by_word(captions: Captions) -> dict[str, set[int]]:
    """An inverted index: for each content word, the rows of the pictures whose captions contain it."""
    holding: dict[str, set[int]] = defaultdict(set)
    for row, texts in enumerate(captions):
        for text in texts:
            for word in words_of(text):
                holding[word].add(row)
    return holding


def phrases(captions: Captions, seed: int = 0) -> Queries:
    """One random phrase, such as "brown dog" or "frozen lake", for each caption that has one.

    A picture is relevant if one of its captions contains the phrase.
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
    """Runs of consecutive content words, lower case: the candidate phrases of RAKE (Rose et al., 2010).

    No parser is needed: stop words and punctuation separate the runs.
    """
    runs: list[list[str]] = [[]]
    for token in re.findall(r"[^\W\d_]+|[\d_]+|[^\w\s]", text.lower()):
        if token in STOP_WORDS or len(token) < 2:
            runs.append([])
        else:
            runs[-1].append(token)
    return [run for run in runs if run]


def assemble(style: str, found: dict[str, int], holders: Iterable[Iterable[int]]) -> Queries:
    """Build `Queries`.

    Args:
        style: the name of the style.
        found: the row of the source picture by query.
        holders: for each query, in the same order, the rows of its relevant pictures.
    """
    relevant = [np.array(sorted(true), np.int64) for true in holders]
    return Queries(style, list(found), np.array(list(found.values()), np.int64), relevant)


def check_names(names: Sequence[str]) -> None:
    """Refuse pictures with duplicate names: the benchmark's file refers to pictures by name.

    Raises:
        QueriesError: two pictures have the same name.
    """
    if len(set(names)) < len(names):
        twice = next(name for name, count in Counter(names).items() if count > 1)
        raise QueriesError(f"queries name their pictures, and two are called {twice}")


def save(path: Path, styles: Sequence[Queries], names: Sequence[str]) -> None:
    """Write a benchmark as JSON: by style, each query with its source picture and its relevant pictures.

    Args:
        path: the file.
        styles: the queries.
        names: the name of each picture, by row.

    Raises:
        QueriesError: two pictures have the same name.
    """
    check_names(names)
    styles_told = []
    for q in styles:
        entries = (
            {"query": text, "from": names[int(owner)], "relevant": [names[i] for i in true.tolist()]}
            for text, owner, true in zip(q.texts, q.owner, q.relevant, strict=True)
        )
        # One query per line, so that it is easy to find, and a diff shows corrections.
        lines = ",\n".join(f"  {json.dumps(entry, ensure_ascii=False)}" for entry in entries)
        styles_told.append(f" {json.dumps(q.style)}: [\n{lines}\n ]")
    path.write_text("{\n" + ",\n".join(styles_told) + "\n}\n", encoding="utf-8")


def load(path: Path, names: Sequence[str]) -> list[Queries]:
    """Read a benchmark that `save` wrote and that may have been corrected by hand.

    Args:
        path: the file.
        names: the name of each picture, by row.

    Raises:
        QueriesError: the file is invalid, names an unknown picture, or does not list a query's source picture as
            relevant; or two pictures have the same name.
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
