"""Who is in the pictures as far as captions say, and what captions add that no picture shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Example, Measure, of_figure, share
from twotower.audit.words import listed
from twotower.evaluation.metrics import with_interval

Marks = NDArray[np.bool_]

# Without pronouns: "his" is said of dogs as well.
MALE = listed("man men boy boys guy guys male gentleman gentlemen father son brother husband")
FEMALE = listed("woman women girl girls lady ladies female mother daughter sister wife")
PEOPLE = (
    MALE
    | FEMALE
    | listed(
        "person people someone somebody child children kid kids baby babies toddler teenager teenagers adult adults"
    )
    | listed("crowd couple friends family team player players worker workers rider cyclist skier surfer runner climber")
    | listed("dancer dancers musician officer soldier student students")
)
PLURAL = listed("men boys guys gentlemen women girls ladies")
# What a caption can only guess: after van Miltenburg, Stereotyping and bias in the Flickr30k dataset, 2016.
GUESSES = {
    "kinship and friendship": listed(
        "family friend friends mother mom father dad parent parents son daughter brother brothers sister "
        "sisters husband wife girlfriend boyfriend siblings"
    ),
    "occupation": listed(
        "worker workers businessman businesswoman doctor nurse teacher student students soldier soldiers policeman "
        "fireman firefighter farmer chef waiter waitress vendor tourist tourists musician artist scientist"
    ),
    "origin": listed(
        "asian african american indian hispanic latino chinese japanese mexican european oriental caucasian arab"
    ),
    "judgement": listed(
        "beautiful pretty cute handsome attractive ugly nice happy sad angry bored excited proud tired lonely funny "
        "strange elegant scary"
    ),
}


def told(corpus: Corpus, words: frozenset[str]) -> Marks:
    """Which captions hold a word of a list, (C,)."""
    return np.array([not words.isdisjoint(tokens) for tokens in corpus.tokens], np.bool_)


def of_pictures(corpus: Corpus, hits: Marks) -> Marks:
    """Which pictures have such a caption, (N,)."""
    found: Marks = np.bincount(corpus.owner, weights=hits, minlength=len(corpus.pictures)) > 0
    return found


def people(corpus: Corpus) -> Measure:
    """Who is in the pictures."""
    person, male, female = (told(corpus, words) for words in (PEOPLE, MALE, FEMALE))
    pictures = np.arange(len(corpus.pictures))
    values = [
        share("captions with a person", person, corpus.owner, "87.0 % and 72.8 %"),
        share("pictures with a person", of_pictures(corpus, person), pictures, "93.4 % and 78.4 %"),
        share("captions with a man or boy", male, corpus.owner, "40.7 % and 30.6 %"),
        share("captions with a woman or girl", female, corpus.owner, "25.0 % and 20.3 %"),
    ]
    him, her = (of_pictures(corpus, of_one(corpus, words)) for words in (MALE, FEMALE))
    either, both = him | her, him & her
    if either.any():
        values.append(
            share("pictures of one person who is he for one and she for another", both[either], pictures[either])
        )
    return Measure(
        "people",
        "Who is in the pictures",
        "Share of captions, and of pictures, that hold a word of a fixed list: for people, for men, for women. And, of "
        "pictures of which a caption speaks of one person alone and names a sex, how many have such captions of both. "
        "The lists are ours: figures elsewhere were measured with others.",
        "A model learns whom captions are about. Where it cannot tell, it guesses what it has seen more often.",
        tuple(values),
        tuple(Example(" / ".join(corpus.captions[row]), (int(row),)) for row in np.flatnonzero(both)[:8]),
        advice="Ask for both before trusting a count: a search for “man” and one for “woman” over the same pictures.",
    )


def of_one(corpus: Corpus, words: frozenset[str]) -> Marks:
    """Which captions speak of one person, by one word of a list: "a woman", and no other person, (C,)."""
    people = [[token for token in tokens if token in PEOPLE] for tokens in corpus.tokens]
    return np.array([len(p) == 1 and p[0] in words and p[0] not in PLURAL for p in people], np.bool_)


def guesses(corpus: Corpus) -> Measure:
    """What captions say that a picture cannot show, and how far those who saw it agree."""
    values, examples = [], []
    for name, words in GUESSES.items():
        hits = told(corpus, words)
        values.append(share(f"captions with {name}", hits, corpus.owner))
        said = np.bincount(corpus.owner, weights=hits, minlength=len(corpus.pictures))[corpus.owner] - hits
        others = np.array([len(texts) for texts in corpus.captions])[corpus.owner] - 1
        judged = hits & (others > 0)
        if judged.any():
            agree = said[judged] / others[judged]
            values.append(
                of_figure(
                    f"of the others of that picture, speak of {name}", with_interval(agree, corpus.owner[judged]), " %"
                )
            )
        examples += [
            Example(f"{name}: “{corpus.texts[i]}”", (int(corpus.owner[i]),))
            for i in np.flatnonzero(hits & (said == 0))[:4]
        ]
    return Measure(
        "guesses",
        "What captions guess",
        "Share of captions with a word of a fixed list for kinship, occupation, origin or judgement; and how many of "
        "the other captions of the same picture speak of it too. Words of a list stand for more than they are: "
        "“family” may be seen. Examples are those that no other caption confirms.",
        "What one of five sees is a guess, and a model learns it as if it were visible (van Miltenburg, 2016): who "
        "looks for “friends” or “happy” gets what annotators supposed.",
        tuple(values),
        tuple(examples),
    )
