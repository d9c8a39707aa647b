"""The content of pictures by their captions: coverage of search topics, people and gender, and speculative captions."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Example, Measure, Value, of_figure, share
from twotower.audit.words import listed
from twotower.evaluation.metrics import with_interval
from twotower.towers.texts import words_of

# Topics that people search for among their own pictures. No query log is public, so we wrote the lists.
TOPICS = {
    "food and drink": listed(
        "food pizza bread cake fruit apple banana vegetable salad soup meal breakfast dinner sandwich "
        "cheese coffee tea beer wine cocktail bottle cup plate bowl"
    ),
    "documents and screens": listed(
        "document receipt invoice letter passport ticket menu map newspaper magazine book screenshot screen laptop "
        "computer phone television tv monitor whiteboard diagram chart"
    ),
    "at home": listed(
        "kitchen bedroom bathroom sofa couch bed table chair lamp shelf desk carpet curtain window garden fridge oven"
    ),
    "cats and other pets": listed("cat kitten rabbit hamster parrot goldfish aquarium pet"),
    "dogs": listed("dog puppy"),
    "wild animals": listed(
        "bird elephant lion tiger bear deer fox monkey giraffe zebra whale dolphin shark snake frog butterfly "
        "bee insect owl squirrel"
    ),
    "plants": listed("flower tulip tree leaf mushroom cactus forest"),
    "vehicles": listed("car truck bus train airplane plane helicopter boat ship motorcycle bicycle bike scooter"),
    "buildings and places": listed(
        "building house church castle tower bridge museum station airport hotel shop market street city village skyline"
    ),
    "landscape and sky": listed(
        "beach mountain lake river waterfall desert island sunset sunrise sky cloud rainbow moon star snow"
    ),
    "celebrations": listed(
        "birthday wedding bride groom christmas halloween easter party fireworks graduation parade candle balloon"
    ),
    "sport": listed(
        "soccer football basketball baseball tennis hockey golf volleyball rugby skateboard surfboard ski skiing "
        "snowboard swimming surfing skateboarding"
    ),
    "art and music": listed("painting drawing statue sculpture graffiti guitar piano violin drum concert stage"),
    "tools and work": listed("hammer drill ladder tool machine factory office construction excavator tractor"),
    "clothes": listed("shirt dress shoe boot hat coat jacket jeans skirt sunglasses"),
}
# Number of words in the greedy set cover of the pictures.
COVER = 10

Marks = NDArray[np.bool_]

# No pronouns: "his" may refer to a dog.
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
SEVERAL = listed("men boys guys gentlemen women girls ladies")
# Attributes that annotators can only guess, after van Miltenburg, Stereotyping and bias in the Flickr30k dataset, 2016.
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


def coverage(corpus: Corpus) -> Measure:
    """Coverage of common search topics, and how few words cover the whole set."""
    held = [frozenset(w for tokens in texts for w in tokens) for texts in by_picture(corpus)]
    pictures = np.arange(len(held))
    shares = {
        name: share(name, [not plurals.isdisjoint(h) for h in held], pictures)
        for name, plurals in ((name, words.union(*map(plural, words))) for name, words in TOPICS.items())
    }
    known = frozenset().union(*held)
    never = {name: sorted(w for w in words if known.isdisjoint({w, *plural(w)})) for name, words in TOPICS.items()}
    count = sum(map(len, TOPICS.values()))
    cover = greedy_cover([frozenset(w for text in texts for w in words_of(text)) for texts in corpus.captions])
    rare = sorted(shares.values(), key=lambda value: value.value)
    return Measure(
        "coverage",
        "What is looked for, and what is shown",
        f"Share of pictures with a word, in either number, of {len(TOPICS)} lists ({count} words) of what people look "
        f"for among pictures of their own. No log of such searches is public, so the lists are ours. And the {COVER} "
        "content words that cover the most pictures, one after another: of how few things the set is made.",
        "A model learns what captions mention. What none mentions it cannot find, however well it does on the test "
        "split, and the test split does not ask for it either.",
        (
            Value(f"pictures that hold one of {COVER} words", cover[-1][1] if cover else 0, unit=" %"),
            Value("listed words never mentioned", 100 * sum(map(len, never.values())) / count, unit=" %"),
            *rare[:5],
        ),
        (
            Example("words that cover: " + ", ".join(f"{w} ({c:.0f}%)" for w, c in cover)),
            *(Example(f"{name}, never mentioned: {', '.join(words)}") for name, words in never.items() if words),
        ),
        tuple((name, value.value) for name, value in shares.items()),
        "pictures with a word of the list, in percent",
        advice="Add pictures of what is missing: other sources go beside this one (`Source`), and the released model's "
        "recipe shows what everyday things and drawings bring.",
    )


def plural(word: str) -> frozenset[str]:
    """The possible plurals of a noun, by rule."""
    return frozenset({f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies"})


def by_picture(corpus: Corpus) -> list[list[list[str]]]:
    """The tokens of each picture's captions."""
    found: list[list[list[str]]] = [[] for _ in corpus.pictures]
    for row, tokens in zip(corpus.owner, corpus.tokens, strict=True):
        found[row].append(tokens)
    return found


def greedy_cover(held: list[frozenset[str]]) -> list[tuple[str, float]]:
    """Greedy set cover: words that cover the most pictures, each with the percentage covered so far."""
    left, cover = held, []
    for _ in range(COVER):
        counted = Counter(w for words in left for w in words)
        if not counted:
            break
        best = min(counted, key=lambda word: (-counted[word], word))
        left = [words for words in left if best not in words]
        cover.append((best, 100 * (1 - len(left) / len(held))))
    return cover


def mentioned(corpus: Corpus, words: frozenset[str]) -> Marks:
    """Which captions contain a word of a list, (C,) bool."""
    return np.array([not words.isdisjoint(tokens) for tokens in corpus.tokens], np.bool_)


def of_pictures(corpus: Corpus, hits: Marks) -> Marks:
    """Which pictures have a caption that is a hit, (N,) bool."""
    found: Marks = np.bincount(corpus.owner, weights=hits, minlength=len(corpus.pictures)) > 0
    return found


def people(corpus: Corpus) -> Measure:
    """How often captions and pictures mention people, men and women."""
    person, male, female = (mentioned(corpus, words) for words in (PEOPLE, MALE, FEMALE))
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
    """Which captions mention exactly one person, with a singular word of the list such as "a woman", (C,) bool."""
    people = [[token for token in tokens if token in PEOPLE] for tokens in corpus.tokens]
    return np.array([len(p) == 1 and p[0] in words and p[0] not in SEVERAL for p in people], np.bool_)


def guesses(corpus: Corpus) -> Measure:
    """Captions with attributes that a picture cannot show, and how often the other annotators agree."""
    values, examples = [], []
    for name, words in GUESSES.items():
        hits = mentioned(corpus, words)
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
