"""What a search engine would be asked for, and how often a data set shows it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from twotower.audit.corpus import Corpus
from twotower.audit.measures import Example, Measure, Value, share
from twotower.audit.words import listed
from twotower.towers.texts import words_of

# What people keep pictures of and look for among their own. No log of such searches is public: the list is ours.
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
# Words that so few cover the pictures with.
COVER = 10


def coverage(corpus: Corpus) -> Measure:
    """How much of what people look for is there, and how little it takes to name it all."""
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
    """What a noun's plural may be, by rule."""
    return frozenset({f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies"})


def by_picture(corpus: Corpus) -> list[list[list[str]]]:
    """The tokens of each picture's captions."""
    found: list[list[list[str]]] = [[] for _ in corpus.pictures]
    for row, tokens in zip(corpus.owner, corpus.tokens, strict=True):
        found[row].append(tokens)
    return found


def greedy_cover(held: list[frozenset[str]]) -> list[tuple[str, float]]:
    """Words that cover the most pictures, each the best after those before it, with the share covered so far."""
    left, cover = held, []
    for _ in range(COVER):
        counted = Counter(w for words in left for w in words)
        if not counted:
            break
        best = min(counted, key=lambda word: (-counted[word], word))
        left = [words for words in left if best not in words]
        cover.append((best, 100 * (1 - len(left) / len(held))))
    return cover
