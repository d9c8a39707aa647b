"""What captions are made of."""

from __future__ import annotations

from collections import Counter

import numpy as np
from wordfreq import zipf_frequency

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Measure, Value, of_figure, share
from twotower.metrics import with_interval
from twotower.texts import words_of

# On Zipf's scale: one in thirty million words.
RARE = 1.5


def listed(words: str) -> frozenset[str]:
    """Words of a list."""
    return frozenset(words.split())


MALE = listed("man men boy boys guy guys male he his him gentleman gentlemen father son brother husband")
FEMALE = listed("woman women girl girls lady ladies female she her mother daughter sister wife")
PEOPLE = (
    MALE
    | FEMALE
    | listed(
        "person people someone somebody child children kid kids baby babies toddler teenager teenagers adult adults"
    )
    | listed("crowd couple friends family team player players worker workers rider cyclist skier surfer runner climber")
    | listed("dancer dancers musician officer soldier student students")
)
# What people look for in pictures of their own.
EVERYDAY = sorted(listed("dog cat car food tree house table phone book cup chair shoe flower bird computer bottle"))


def length(corpus: Corpus) -> Measure:
    """How long captions are, beside what people type."""
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
    )


def form(corpus: Corpus) -> Measure:
    """How alike the sentences are built."""
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
    )


def people(corpus: Corpus) -> Measure:
    """Who is in the pictures, and what hardly ever is."""

    def told(words: frozenset[str]) -> list[bool]:
        return [not words.isdisjoint(t) for t in corpus.tokens]

    shown = [not PEOPLE.isdisjoint(w for text in texts for w in words_of(text)) for texts in corpus.captions]
    rates = [(w, 100 * float(np.mean(told(frozenset({w, w + "s"}))))) for w in EVERYDAY]
    return Measure(
        "people",
        "People doing something outdoors",
        "Share of captions, and of pictures, that hold a word of a fixed list: for people, for men, for women, and for "
        "sixteen things that people look for.",
        "A model learns what is talked about. What nobody mentions it cannot find, however well it does on "
        "the test split.",
        (
            share("captions with a person", told(PEOPLE), corpus.owner, "87.0 % and 72.8 %"),
            share("pictures with a person", shown, np.arange(len(shown)), "93.4 % and 78.4 %"),
            share("captions with a man or boy", told(MALE), corpus.owner, "40.7 % and 30.6 %"),
            share("captions with a woman or girl", told(FEMALE), corpus.owner, "25.0 % and 20.3 %"),
            share("captions with a dog", told(frozenset({"dog", "dogs"})), corpus.owner, "7.4 % and 23.3 %"),
            share("captions with a cat", told(frozenset({"cat", "cats"})), corpus.owner, "0.5 % and 0.2 %"),
        ),
        bars=tuple(rates),
    )


def vocabulary(corpus: Corpus) -> Measure:
    """How many words there are, and how unevenly they are used."""
    counted = Counter(w for tokens in corpus.tokens for w in tokens)
    total = sum(counted.values())
    often = [n for _, n in counted.most_common()]
    return Measure(
        "vocabulary",
        "Few words, used often",
        "Different words, the share of those that come once, and the share of all words that the hundred most frequent "
        "ones make up.",
        "What comes once is not learned. A search engine is asked for more than these words.",
        (
            Value("words", total),
            Value("different words", len(counted), beside="4,252 of 61,777 and 8,902 of 436,554"),
            Value("of which once", 100 * sum(n == 1 for n in often) / len(counted), unit="%", beside="45 % and 41 %"),
            Value("share of the hundred most frequent", 100 * sum(often[:100]) / total, unit="%"),
        ),
        bars=tuple((w, float(n)) for w, n in [(w, n) for w, n in counted.most_common(60) if words_of(w)][:20]),
    )


def spelling(corpus: Corpus) -> Measure:
    """Words that hardly anybody writes."""
    rare: Counter[str] = Counter()
    hits = []
    known: dict[str, bool] = {}
    for tokens in corpus.tokens:
        found = [w for w in tokens if w.isalpha() and known.setdefault(w, zipf_frequency(w, "en") < RARE)]
        rare.update(found)
        hits.append(bool(found))
    return Measure(
        "spelling",
        "Misspelt and rare words",
        f"Share of captions with a word of letters whose frequency in English is below {RARE} on Zipf's scale (one in "
        "thirty million words). Rare words that exist are among them.",
        "A misspelt word is learned as one of its own, and the right one is learned less.",
        (share("captions with such a word", hits, corpus.owner, "1.2 % and 2.2 %"),),
        tuple(f"{word} ({n})" for word, n in sorted(rare.items(), key=lambda item: (-item[1], item[0]))[:40]),
    )
