"""How well the detectors find what is known to be wrong: faults planted into a copy of the data, counted again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageEnhance

from twotower.audit.agreement import mismatched_captions
from twotower.audit.corpus import Corpus, drawn, flickr_id
from twotower.audit.measures import Measure, Value
from twotower.audit.neighbours import neighbours
from twotower.audit.overlap import DISTANCE, hashes
from twotower.audit.positives import SAME, repeated_captions
from twotower.audit.words import misspelt_words
from twotower.metrics import Array, Ints

# Pictures that faults are planted among, and the share of their captions that each kind of fault befalls.
AMONG = 2000
SHARE = 0.01
# Pictures of which changed copies are made.
COPIED = 100
# What a picture goes through on its way from site to site.
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda picture: picture.resize((picture.width * 3 // 5, picture.height * 3 // 5)),
    "of poorer quality": lambda picture: picture,
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.25),
    "cropped by 4 %": lambda picture: picture.crop(
        (picture.width // 50, picture.height // 50, picture.width * 49 // 50, picture.height * 49 // 50)
    ),
}
# Of JPEG, where it is not 85.
QUALITY = {"of poorer quality": 30}
ARTICLES = {"a": "the", "an": "the", "the": "a"}


def planted(corpus: Corpus, meaning: Callable[[Sequence[str]], Array], signs: Array | None) -> Measure:
    """Plant faults, look for them, and count.

    Args:
        corpus: two pictures or more.
        meaning: sentence vectors of texts.
        signs: the hashes of the corpus's pictures, where they are at hand.
    """
    values = [*in_captions(corpus, meaning), *in_names(corpus)]
    if signs is not None:
        values += in_pictures(corpus, signs)
    return Measure(
        "planted",
        "What these detectors find of faults that are known",
        f"Among the captions of {min(AMONG, len(corpus.pictures)):,} pictures one in a hundred is replaced by another "
        "picture's, as many by another's in other words, as many are exchanged between pictures, and as many get a "
        "slip in one word; pictures are copied with changes, and names given a second time. Recall is how many of "
        "these are found, precision how many of what is found was planted: at least so many are faults, since the data "
        "has its own.",
        "A number from a detector is worth what the detector is.",
        tuple(values),
    )


def scored(name: str, true: Set[int], found: Set[int]) -> list[Value]:
    """Recall and precision of one detector."""
    hits = len(true & found)
    values = [Value(f"{name}: recall", 100 * hits / len(true), unit=f" % ({hits} of {len(true)})")]
    if found:
        told = f" % ({hits} of {len(found)})"
        values.append(Value(f"{name}: precision, at least", 100 * hits / len(found), unit=told))
    return values


def in_captions(corpus: Corpus, meaning: Callable[[Sequence[str]], Array]) -> list[Value]:
    """Faults among captions."""
    chance = np.random.default_rng(0)
    some, _ = drawn(corpus, AMONG)
    texts, owner = list(some.texts), some.owner
    several = np.bincount(owner)[owner] > 1
    order = chance.permutation(np.flatnonzero(several))
    count = max(2, round(SHARE * len(order))) // 2 * 2
    if len(order) < 6 * count:
        return []  # too few captions with siblings to hide faults among
    copied, reworded, exchanged, slipped, sources = np.split(order[: 6 * count], np.arange(1, 5) * count)
    for i, source in zip((*copied, *reworded), sources, strict=True):
        while owner[source] == owner[i]:
            source = chance.choice(order[6 * count :] if len(order) > 6 * count else order)
        texts[i] = some.texts[source] if i in copied else in_other_words(some.texts[source], chance)
    for a, b in exchanged.reshape(-1, 2):
        texts[a], texts[b] = some.texts[b], some.texts[a]
    for i in slipped:
        texts[i] = with_slip(texts[i], chance)
    split = np.cumsum([len(captions) for captions in some.captions])[:-1]
    faulty = replace(some, captions=tuple(tuple(part) for part in np.split(np.array(texts, object), split)))
    vectors = meaning(faulty.texts)
    repeated = {i for rows in repeated_captions(faulty).values() for i in rows}
    near = set(np.flatnonzero(neighbours(vectors, owner).elsewhere >= SAME).tolist())
    found, _, _ = mismatched_captions(vectors, owner)
    slips = {word for word, right in misspelt_words(faulty).items() if right}
    return [
        *scored("captions of other pictures", twins(copied, texts), repeated),
        *scored("the same in other words", set(reworded.tolist()) | twins(copied, texts), near),
        *scored("captions exchanged between pictures", {*exchanged, *copied, *reworded}, set(found.tolist())),
        *scored(
            "slips in a word",
            {i for i in slipped.tolist() if texts[i] != some.texts[i]},
            {i for i, tokens in enumerate(faulty.tokens) if not slips.isdisjoint(tokens)},
        ),
    ]


def twins(rows: Ints, texts: Sequence[str]) -> set[int]:
    """These captions, and those that they are copies of."""
    wanted = {texts[i] for i in rows}
    return {i for i, text in enumerate(texts) if text in wanted}


def in_other_words(text: str, chance: np.random.Generator) -> str:
    """A caption as somebody else might have put it: other articles, none, or a beginning that says nothing."""
    words = text.split()
    way = chance.integers(3)
    if way == 0:
        return " ".join(ARTICLES.get(w.lower(), w) for w in words)
    if way == 1:
        return " ".join(w for w in words if w.lower() not in ARTICLES)
    return " ".join(["This", "is", *words])


def with_slip(text: str, chance: np.random.Generator) -> str:
    """A caption with one letter of one word dropped, doubled or exchanged with the next; words of five letters or more.

    The same where no word is so long.
    """
    words = list(re.finditer(r"[A-Za-z]{5,}", text))
    if not words:
        return text
    word = words[chance.integers(len(words))]
    i = word.start() + int(chance.integers(len(word.group()) - 1))
    a, b = text[i], text[i + 1]
    return text[:i] + (b, a + a + b, b + a)[chance.integers(3)] + text[i + 2 :]


def in_names(corpus: Corpus) -> list[Value]:
    """Pictures of this set that another set has too, under the same number and in another form of name."""
    chance = np.random.default_rng(0)
    numbers = [flickr_id(name) for name in corpus.pictures]
    leaked = chance.choice(len(numbers), min(COPIED, len(numbers)), replace=False)
    there = {f"{numbers[i]}.jpg" for i in leaked} | {f"{numbers[i]}0_b.jpg" for i in leaked}
    ids = {flickr_id(name) for name in there}
    # A number may stand twice here as well.
    true = {i for i, number in enumerate(numbers) if number in {numbers[k] for k in leaked}}
    return scored("names in another set", true, {i for i, number in enumerate(numbers) if number in ids})


def in_pictures(corpus: Corpus, signs: Array) -> list[Value]:
    """Changed copies of some pictures, looked for among all."""
    chance = np.random.default_rng(0)
    rows = chance.choice(len(corpus.images), min(COPIED, len(corpus.images)), replace=False)
    values, right, all_found = [], 0, 0
    for name in CHANGES:
        with TemporaryDirectory() as folder:
            paths = []
            for row in rows:
                with Image.open(corpus.images[row]) as picture:
                    changed = CHANGES[name](picture.convert("RGB"))
                paths.append(Path(folder) / f"{row}.jpg")
                changed.save(paths[-1], quality=QUALITY.get(name, 85))
            copies = hashes(paths)
        near = (signs.shape[1] - copies @ signs.T) / 2 <= DISTANCE
        # What looks like the original looks like its copy, and is no mistake.
        like = (signs.shape[1] - signs[rows] @ signs.T) / 2 <= DISTANCE
        hits = int(near[np.arange(len(rows)), rows].sum())
        right, all_found = right + int((near & like).sum()), all_found + int(near.sum())
        values.append(Value(f"copies {name}: recall", 100 * hits / len(rows), unit=f" % ({hits} of {len(rows)})"))
    if all_found:
        told = f" % ({right} of {all_found})"
        values.append(Value("copies: precision, at least", 100 * right / all_found, unit=told))
    return values
