"""Recall and precision of the audit's detectors, measured on known faults that are planted in a copy of the data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageEnhance

from twotower.audit.agreement import mismatched_captions
from twotower.audit.corpus import Corpus, drawn, number_or_name
from twotower.audit.measures import Measure, Value
from twotower.audit.overlap import hashes, near
from twotower.audit.positives import SAME, neighbours, repeated_captions
from twotower.audit.words import misspelt_words
from twotower.evaluation.metrics import Array, Ints

# Pictures in whose captions faults are planted, and the share of captions that get each kind of fault.
AMONG = 2000
SHARE = 0.01
# Number of pictures of which modified copies are made.
COPIED = 100
# Modifications that are common when pictures are copied between web sites.
CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "smaller": lambda picture: picture.resize((picture.width * 3 // 5, picture.height * 3 // 5)),
    "of poorer quality": lambda picture: picture,
    "brighter": lambda picture: ImageEnhance.Brightness(picture).enhance(1.25),
    "cropped by 4 %": lambda picture: picture.crop(
        (picture.width // 50, picture.height // 50, picture.width * 49 // 50, picture.height * 49 // 50)
    ),
}
# JPEG quality by modification; 85 by default.
QUALITY = {"of poorer quality": 30}
ARTICLES = {"a": "the", "an": "the", "the": "a"}


def planted(corpus: Corpus, sentence_encoder: Callable[[Sequence[str]], Array], signs: Array | None) -> Measure:
    """Plant faults, run the detectors, and report their recall and precision.

    Args:
        corpus: at least two pictures.
        sentence_encoder: maps N texts to (N, D) unit vectors.
        signs: (N, 64) hashes of the corpus's pictures; None if only captions are available.
    """
    values = [*in_captions(corpus, sentence_encoder), *in_names(corpus)]
    if signs is not None:
        values += in_pictures(corpus, signs)
    return Measure(
        "planted",
        "What these detectors find of faults that are known",
        f"Among the captions of {min(AMONG, len(corpus.pictures)):,} pictures one in a hundred (and two at least) is "
        "replaced by another picture's, as many by another's in other words, as many are exchanged for another's, and "
        "as many get a slip in one word; pictures are copied with changes, and names given again in other forms. "
        "Recall is how many of these are found, precision how many of what is found was planted: at least so many are "
        "faults, since the data has its own.",
        "A number from a detector is worth what the detector is.",
        tuple(values),
    )


def scored(name: str, true: Set[int], found: Set[int]) -> list[Value]:
    """Recall and precision of one detector; nothing if no fault was planted.

    Args:
        name: of the detector.
        true: the items with planted faults.
        found: the items that the detector reports.
    """
    if not true:
        return []
    hits = len(true & found)
    values = [Value(f"{name}: recall", 100 * hits / len(true), unit=f" % ({hits} of {len(true)})")]
    if found:
        told = f" % ({hits} of {len(found)})"
        values.append(Value(f"{name}: precision, at least", 100 * hits / len(found), unit=told))
    return values


def in_captions(corpus: Corpus, sentence_encoder: Callable[[Sequence[str]], Array]) -> list[Value]:
    """Plant and detect faults in captions; nothing if too few captions have siblings."""
    some, _ = drawn(corpus, AMONG)
    chance = np.random.default_rng(0)
    order = chance.permutation(np.flatnonzero(np.bincount(some.owner)[some.owner] > 1))
    count = max(2, round(SHARE * len(order)))
    if len(order) < 12 * count:
        return []
    copied, reworded, exchanged, slipped = order[: 4 * count].reshape(4, count)
    texts = list(some.texts)
    sources = of_other_pictures(order[: 3 * count], order[4 * count :], some.owner)
    for i, source in sources.items():
        texts[i] = some.texts[source]
    for i in set(reworded.tolist()) & sources.keys():
        texts[i] = in_other_words(texts[i], chance)
    # Swaps: the source gets the text that it replaces.
    halves = {source: i for i, source in sources.items() if i in set(exchanged.tolist())}
    for source, i in halves.items():
        texts[source] = some.texts[i]
    for i in slipped:
        texts[i] = with_slip(texts[i], chance)
    split = np.cumsum([len(captions) for captions in some.captions])[:-1]
    faulty = replace(some, captions=tuple(tuple(part) for part in np.split(np.array(texts, object), split)))
    vectors = sentence_encoder(faulty.texts)
    repeated = {i for rows in repeated_captions(faulty).values() for i in rows}
    said_again = set(np.flatnonzero(neighbours(vectors, some.owner).elsewhere >= SAME).tolist()) - repeated
    odd = set(mismatched_captions(vectors, some.owner)[0].tolist())
    slips = {word for word, right in misspelt_words(faulty).items() if right}
    copies, rewordings = (pairs_of(rows, sources) for rows in (copied, reworded))
    return [
        *scored("captions of other pictures", copies, repeated),
        *scored("captions in other words", rewordings - copies, said_again - copies),
        # Copies and paraphrases are mismatched as well, but belong to the other two detectors.
        *scored("captions exchanged between pictures", halves.keys() | halves.values(), odd - copies - rewordings),
        *scored(
            "slips in a word",
            {i for i in slipped.tolist() if texts[i] != some.texts[i]},
            {i for i, tokens in enumerate(faulty.tokens) if not slips.isdisjoint(tokens)},
        ),
    ]


def of_other_pictures(rows: Ints, others: Ints, owner: Ints) -> dict[int, int]:
    """For each caption in `rows` a distinct one of `others` that belongs to another picture, if any is left.

    Args:
        rows: captions.
        others: candidate captions.
        owner: (C,) the picture of each caption.
    """
    left, chosen = others.tolist(), {}
    for i in rows.tolist():
        place = next((k for k, other in enumerate(left) if owner[other] != owner[i]), None)
        if place is not None:
            chosen[i] = left.pop(place)
    return chosen


def pairs_of(rows: Ints, sources: Mapping[int, int]) -> set[int]:
    """The captions in `rows` that have a source, together with their sources."""
    made = {i for i in rows.tolist() if i in sources}
    return made | {sources[i] for i in made}


def in_other_words(text: str, chance: np.random.Generator) -> str:
    """A paraphrase of a caption: articles exchanged, articles removed, or "This is" prepended.

    The last one is the fallback if the chosen change has no effect or leaves no word.
    """
    words = text.split()
    changed = [
        [ARTICLES.get(w.lower(), w) for w in words],
        [w for w in words if w.lower() not in ARTICLES],
        ["This", "is", *words],
    ][chance.integers(3)]
    return " ".join(changed if changed and changed != words else ["This", "is", *words])


def with_slip(text: str, chance: np.random.Generator) -> str:
    """A caption with a typo in one word of five letters or more: a letter dropped, doubled or swapped with the next.

    Unchanged if there is no such word, or if the two swapped letters are equal.
    """
    words = list(re.finditer(r"[A-Za-z]{5,}", text))
    if not words:
        return text
    word = words[chance.integers(len(words))]
    i = word.start() + int(chance.integers(len(word.group()) - 1))
    a, b = text[i], text[i + 1]
    return text[:i] + (b, a + a + b, b + a)[chance.integers(3)] + text[i + 2 :]


def in_names(corpus: Corpus) -> list[Value]:
    """Plant duplicates by Flickr photo id: a made-up list of names, half of them ids of this set in other formats."""
    chance = np.random.default_rng(0)
    numbered = [name for name in corpus.pictures if number_or_name(name) != name]
    if len(numbered) < 2:
        return []  # not from Flickr: the names hold no photo ids
    known = {number_or_name(name) for name in numbered}
    leaked = chance.permutation(sorted(known))[:COPIED]
    forms = ("{}.jpg", "{}_ab12cd34ef.jpg", "{}_0a1b2c3d4e_m.jpg")
    names = [forms[i % len(forms)].format(number) for i, number in enumerate(leaked)]
    # Negatives: an additional digit makes another id, unless this set happens to contain that one too.
    strangers = [f"{number}7.jpg" for number in leaked]
    there = [*names, *strangers]
    truth = {i for i, name in enumerate(there) if i < len(names) or name.removesuffix(".jpg") in known}
    return scored("names in another set", truth, {i for i, name in enumerate(there) if number_or_name(name) in known})


def in_pictures(corpus: Corpus, signs: Array) -> list[Value]:
    """Plant near-duplicates: search for modified copies of some pictures among all pictures."""
    chance = np.random.default_rng(0)
    rows = chance.choice(len(corpus.images), min(COPIED, len(corpus.images)), replace=False)
    like = {(original, row) for original, row, _ in near(signs[rows], signs)}
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
        found = {(copy, row) for copy, row, _ in near(copies, signs)}
        hits = len(found & set(enumerate(rows.tolist())))
        # Pictures that are near-duplicates of the original are also found for its copy; count them as correct.
        right, all_found = right + len(found & like), all_found + len(found)
        values.append(Value(f"copies {name}: recall", 100 * hits / len(rows), unit=f" % ({hits} of {len(rows)})"))
    if all_found:
        told = f" % ({right} of {all_found})"
        values.append(Value("copies: precision, at least", 100 * right / all_found, unit=told))
    return values
