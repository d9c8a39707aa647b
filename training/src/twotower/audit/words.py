"""Measures of the captions' text: length, likeness to queries, sentence form, vocabulary, spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from string import ascii_lowercase

import numpy as np
from wordfreq import zipf_frequency

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Example, Measure, Value, of_figure, share
from twotower.evaluation.metrics import with_interval
from twotower.towers.texts import words_of

# Zipf scale of word frequency: 1.5 is one in thirty million words.
RARE = 1.5


def listed(words: str) -> frozenset[str]:
    """Split a list of words."""
    return frozenset(words.split())


# A typo is one edit away from a word of at least this Zipf frequency: 3.0 is one in a million.
COMMON = 3.0
# Function words that sentences have and queries lack.
GRAMMAR = listed("a an the is are was were has have")


def length(corpus: Corpus) -> Measure:
    """The length of captions compared with that of queries."""
    lengths = np.array([len(t) for t in corpus.tokens])
    mean = with_interval(lengths, corpus.owner, scale=1)
    counted = Counter(min(int(n), 25) for n in lengths)
    return Measure(
        "length",
        "Captions are sentences, queries are words",
        "Words of each caption: runs of letters and digits.",
        "A tower that has only read sentences has never seen a query. Web queries have 2.4 words (Excite, 2001), "
        "queries for pictures 3.7 (Goodrum and Spink); half of all searches are one or two words.",
        (
            of_figure("mean", mean, " words", "12.4 in Flickr30k's Karpathy test split, 10.8 in Flickr8k"),
            *(Value(f"percentile {p}", float(np.percentile(lengths, p)), unit=" words") for p in (5, 50, 95)),
            share("at most 3 words", lengths <= 3, corpus.owner, "0.2 % and 0.5 %"),
            share("at most 5 words", lengths <= 5, corpus.owner, "2.7 % and 4.6 %"),
        ),
        bars=tuple((f"{n}" if n < 25 else "25+", float(counted[n])) for n in range(1, 26)),
        counted="captions, by the number of words",
        advice="Train with `short_queries=0.25`: for a quarter of the captions one to four of their words stand in "
        "their place. Short queries gain by it and captions lose a little.",
    )


def typed(corpus: Corpus) -> Measure:
    """The share of captions that could be search queries."""
    long = np.array([len(t) > 5 for t in corpus.tokens])
    grammar = np.array([not GRAMMAR.isdisjoint(t) for t in corpus.tokens])
    unlike_queries = long | grammar
    chosen = np.random.default_rng(0).permutation(np.flatnonzero(~unlike_queries))[:20]
    return Measure(
        "typed",
        "Captions that no one would type",
        "Share of captions with more than five words, which 94 of 100 searches do not have (Semrush, 160 million "
        "keywords: 51 % one or two words, 43 % three to five), or with an article or a form of “be” or “have”.",
        "The figures that models are chosen by are measured with queries that hardly anybody asks.",
        (
            share("captions that no one would type", unlike_queries, corpus.owner),
            share("more than five words", long, corpus.owner, "6 % of searches"),
            share("an article, or a form of “be” or “have”", grammar, corpus.owner),
        ),
        tuple(Example(f"might be typed: “{corpus.texts[i]}”") for i in chosen),
        advice="Measure with words and phrases beside captions: `twotower.evaluate` makes both of the captions.",
    )


def form(corpus: Corpus) -> Measure:
    """How uniform the form of the sentences is."""
    tokens = corpus.tokens
    first = Counter(t[0] for t in tokens if t)
    return Measure(
        "form",
        "One form of sentence",
        "Share of captions that begin with “a”, or “a man”, that hold a word in -ing, and that end in a full stop.",
        "What is always there carries no meaning, and what a query lacks then looks like a difference.",
        (
            share("begin with “a”", [t[:1] == ["a"] for t in tokens], corpus.owner, "57.7 % and 61.1 %"),
            share("begin with “a man”", [t[:2] == ["a", "man"] for t in tokens], corpus.owner, "15.6 % in Flickr30k"),
            share(
                "hold a word in -ing",
                [any(len(w) > 4 and w.endswith("ing") for w in t) for t in tokens],
                corpus.owner,
                "73.2 % and 62.6 %",
            ),
            share(
                "end in a full stop",
                [t.rstrip().endswith(".") for t in corpus.texts],
                corpus.owner,
                "94.7 % and 90.4 %",
            ),
        ),
        bars=tuple((word, float(n)) for word, n in first.most_common(12)),
        counted="captions, by the first word",
    )


def vocabulary(corpus: Corpus) -> Measure:
    """The size of the vocabulary, and how unevenly words are used."""
    counted = Counter(w for tokens in corpus.tokens for w in tokens)
    total = sum(counted.values())
    often = [n for _, n in counted.most_common()]
    foreign = sum(n for w, n in counted.items() if w.isalpha() and zipf_frequency(w, "en") == 0)
    return Measure(
        "vocabulary",
        "Few words, used often",
        "Different words, the share of those that come once, and the share of all words that the hundred most frequent "
        "ones make up. Where many words are not English, the lists of words in this report say little.",
        "What comes once is not learned. A search engine is asked for more than these words.",
        (
            Value(
                "different words", len(counted), unit=f" of {total:,}", beside="4,252 of 61,777 and 8,902 of 436,554"
            ),
            Value("of which once", 100 * sum(n == 1 for n in often) / len(counted), unit=" %", beside="45 % and 41 %"),
            Value("share of the hundred most frequent", 100 * sum(often[:100]) / total, unit=" %"),
            Value("words that English does not have", 100 * foreign / total, unit=" %"),
        ),
        bars=tuple((w, float(n)) for w, n in [(w, n) for w, n in counted.most_common(60) if words_of(w)][:20]),
        counted="how often a content word comes",
    )


def misspelt_words(corpus: Corpus) -> dict[str, str | None]:
    """Rare words, each with the common word of the captions that it is a typo of (one edit away), or None."""
    words = {w for tokens in corpus.tokens for w in tokens if w.isascii() and w.isalpha()}
    frequency = {w: zipf_frequency(w, "en") for w in words}
    common = {w: f for w, f in frequency.items() if f >= COMMON}
    return {w: meant(w, common) for w in sorted(words) if frequency[w] < RARE}


def meant(word: str, common: Mapping[str, float]) -> str | None:
    """The most frequent common word at an edit distance of one (drop, insert, replace, transpose), or None.

    The candidates are those of Norvig, How to write a spelling corrector, 2007.
    """
    parts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    found = {a + b[1:] for a, b in parts if b}
    found |= {a + b[1] + b[0] + b[2:] for a, b in parts if len(b) > 1}
    found |= {a + c + rest for a, b in parts for c in ascii_lowercase for rest in (b, b[1:])}
    return max(found & common.keys(), key=lambda w: (common[w], w), default=None)


def spelling(corpus: Corpus) -> Measure:
    """The share of captions with rare words, and with typos."""
    rare = misspelt_words(corpus)
    slips = {w for w, right in rare.items() if right}
    counted = Counter(w for tokens in corpus.tokens for w in tokens if w in rare)
    most = sorted(slips, key=lambda w: (-counted[w], w))
    return Measure(
        "spelling",
        "Misspelt and rare words",
        f"Share of captions with a word of letters whose frequency in English is below {RARE} on Zipf's scale (one in "
        "thirty million words); and of these, with one that a single slip makes of a word of other captions that "
        "is written once in a million or more. Rare words that exist are among both.",
        "A misspelt word is learned as one of its own, and the right one is learned less.",
        (
            share(
                "captions with a rare word",
                [not rare.keys().isdisjoint(t) for t in corpus.tokens],
                corpus.owner,
                "1.2 % and 2.2 %",
            ),
            share("captions with a slip", [not slips.isdisjoint(t) for t in corpus.tokens], corpus.owner),
        ),
        tuple(Example(f"{word} ({counted[word]}): {rare[word]}") for word in most[:40]),
    )
