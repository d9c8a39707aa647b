"""Duplicate pictures and leaks between splits: by Flickr photo id, and by perceptual hash (near-duplicates)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image
from tqdm import tqdm

from twotower.audit.corpus import Corpus, number_or_name
from twotower.audit.measures import Example, Measure, Value
from twotower.evaluation.metrics import Array, Ints

# Maximum Hamming distance of the 64-bit hashes of near-duplicates; `planted` measures its recall and precision.
DISTANCE = 6
BLOCK = 1024


def leaks(corpus: Corpus, others: Sequence[Corpus]) -> Measure:
    """Leaks: pictures that are in two splits or also in another data set, by Flickr photo id or name."""
    groups: dict[str, set[str]] = defaultdict(set)
    for name, split in zip(corpus.pictures, corpus.splits, strict=True):
        groups[split].add(number_or_name(name))
    for other in others:
        groups[other.name] |= {number_or_name(name) for name in other.pictures}
    names = list(groups)
    values, examples = [], []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            both = sorted(groups[a] & groups[b])
            values.append(Value(f"in {a} and in {b}", len(both), unit=" pictures"))
            examples += [Example(f"{number}: {a}, {b}") for number in both[:5]]
    return Measure(
        "leaks",
        "Pictures in two places, by number",
        "Pictures with one number at Flickr (digits before the first _ or dot of the name), or else one name, in two "
        "splits or sets.",
        "A figure on a picture that was trained on says nothing of new ones. Flickr8k lies wholly in Flickr30k; the "
        "two splits that Flickr30k is used with share 25 of their test pictures, and 944 of Karpathy's are in the "
        "other's train split.",
        tuple(values),
        tuple(examples),
        advice="Training is refused here when it shares a picture with the validation; evaluation of a run warns.",
    )


def hashes(images: Sequence[Path]) -> Array:
    """The perceptual hash (pHash) of each picture: signs of 64 low DCT frequencies, (N, 64) float32, 1 or -1.

    pHash (Zauner, 2010) is robust against changes of size, quality and brightness, not against cropping.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(tqdm(pool.map(hash_of, images), total=len(images), desc="picture hashes", leave=False))
    return np.stack(found).astype(np.float32) * 2 - 1


def hash_of(image: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """The perceptual hash of a picture as 64 bits."""
    with Image.open(image) as picture:
        picture.draft("L", (128, 128))  # decodes a JPEG at a reduced scale
        return np.asarray(imagehash.phash(picture).hash, np.bool_).ravel()


def near(signs: Array, others: Array) -> Iterator[tuple[int, int, int]]:
    """Pairs of pictures with a Hamming distance of at most `DISTANCE`: (row in signs, row in others, distance).

    Args:
        signs: (N, 64) hashes as 1 and -1.
        others: (M, 64).
    """
    for start in range(0, len(signs), BLOCK):
        differ = (signs.shape[1] - signs[start : start + BLOCK] @ others.T) / 2
        for i, j in np.argwhere(differ <= DISTANCE):
            yield start + int(i), int(j), int(differ[i, j])


def near_pictures(corpus: Corpus, signs: Array, others: Sequence[Corpus] = ()) -> Measure:
    """Near-duplicate pictures within splits, across splits, and in other data sets with pictures."""
    pairs = sorted(((a, b, differ) for a, b, differ in near(signs, signs) if a < b), key=lambda pair: (pair[2], pair))
    across = [pair for pair in pairs if corpus.splits[pair[0]] != corpus.splits[pair[1]]]
    within = [pair for pair in pairs if corpus.splits[pair[0]] == corpus.splits[pair[1]]]
    rows: Ints = np.unique(np.array([row for a, b, _ in pairs for row in (a, b)], np.int64))
    values = [
        Value("pictures with such another", 100 * len(rows) / len(corpus.pictures), unit=" %"),
        Value("pairs", len(pairs)),
    ]
    if len(set(corpus.splits)) > 1:
        values.append(Value("pairs across splits", len(across)))
    examples = [
        Example(f"{differ} bits: {corpus.splits[a]} and {corpus.splits[b]}", (a, b))
        for a, b, differ in [*across, *within][:12]
    ]
    for other in others:
        there = {here: row for here, row, _ in near(signs, hashes(other.images))}
        values.append(Value(f"pictures that {other.name} has too", len(there)))
        examples += [Example(f"{other.name}: {other.pictures[row]}", (here,)) for here, row in list(there.items())[:6]]
    return Measure(
        "near-pictures",
        "Pictures that look the same",
        f"Pairs of pictures whose perceptual hashes (pHash, 64 bits) differ in no more than {DISTANCE}: the same "
        "photograph again, at another size or in another quality; the next one of a series only where hardly anything "
        "has moved. The faults planted below tell how much of it is found.",
        "Each is the right answer to the other's captions, and across splits the test is known from training.",
        tuple(values),
        tuple(examples),
    )
