"""Captions by picture, and the pictures where they are at hand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from twotower import data
from twotower.data import DataError
from twotower.evaluation.metrics import Ints

# Letters and digits of any script: punctuation is no word.
TOKEN = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
# Of pictures at Flickr: nothing but digits, before the first _ or dot.
FLICKR = re.compile(r"(\d+)[_.]")


@dataclass(frozen=True)
class Corpus:
    """The pictures of some splits with what is said of each."""

    name: str
    pictures: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    # Of each picture.
    splits: tuple[str, ...]
    # Where they lie; empty when there are captions alone.
    images: tuple[Path, ...] = ()

    @cached_property
    def texts(self) -> list[str]:
        """All captions, picture by picture."""
        return [text for texts in self.captions for text in texts]

    @cached_property
    def owner(self) -> Ints:
        """(C,) the picture of each caption."""
        return np.repeat(np.arange(len(self.captions)), [len(texts) for texts in self.captions])

    @cached_property
    def tokens(self) -> list[list[str]]:
        """The words of each caption, lower case."""
        return [TOKEN.findall(text.lower()) for text in self.texts]


def read(given: str, splits: Sequence[str]) -> Corpus:
    """Captions of a data set given as `READER=PATH`, or as `captions=FILE.json`.

    The latter is an object of lists of captions by picture, as the caption files of Flickr30k are; it has no splits,
    and pictures are not looked for. With a reader, every picture must be readable.

    Raises:
        DataError: it is not what it should be.
    """
    reader, _, place = given.partition("=")
    if len(set(splits)) < len(splits):
        raise DataError(f"a split is given twice: {', '.join(splits)}")
    if (reader == "captions") == bool(splits):
        raise DataError(f"{given}: a caption file has no splits, and every other data set is read by one or more")
    if reader == "captions":
        return read_captions(Path(place))
    found = [(split, pair) for split in splits for pair in data.read(given, split)]
    images = tuple(pair.image for _, pair in found)
    return Corpus(
        f"{reader} {' and '.join(splits)}",
        tuple(image.name for image in images),
        tuple(pair.texts for _, pair in found),
        tuple(split for split, _ in found),
        images,
    )


def read_other(given: str) -> Corpus:
    """A set to compare with, called as it is given: `captions=FILE.json`, or `READER=PATH:SPLIT`.

    Raises:
        DataError: it is not what it should be.
    """
    if given.startswith("captions="):
        return replace(read(given, ()), name=given)
    place, colon, split = given.rpartition(":")
    if not colon:
        raise DataError(f"{given} is not READER=PATH:SPLIT")
    return replace(read(place, (split,)), name=given)


def read_captions(path: Path) -> Corpus:
    """See `read`.

    Raises:
        DataError: the file is missing or holds something else.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: {error}") from error
    if not isinstance(found, dict) or not all(
        isinstance(texts, list) and all(isinstance(t, str) for t in texts) for texts in found.values()
    ):
        raise DataError(f"{path} is no object of lists of captions by picture")
    captions = {
        # Some files name the picture once more at the end of its captions.
        name: tuple(t.strip() for t in texts if t.strip() and not t.endswith(f"/{name}"))
        for name, texts in found.items()
    }
    if without := [name for name, texts in captions.items() if not texts]:
        raise DataError(f"{path}: no caption for {len(without)} pictures, first {without[0]}")
    return Corpus(path.stem, tuple(captions), tuple(captions.values()), (path.stem,) * len(captions))


def drawn(corpus: Corpus, most: int) -> tuple[Corpus, Ints]:
    """As many pictures of a corpus, at random, in their order; and their rows in it."""
    rows = np.arange(len(corpus.pictures))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(0).choice(len(rows), most, replace=False))
    return Corpus(
        corpus.name,
        tuple(corpus.pictures[r] for r in rows),
        tuple(corpus.captions[r] for r in rows),
        tuple(corpus.splits[r] for r in rows),
        tuple(corpus.images[r] for r in rows) if corpus.images else (),
    ), rows


def number_or_name(picture: str) -> str:
    """A picture's number at Flickr, where it is named by it (123.jpg, 123_ab45.jpg); else its name."""
    found = FLICKR.match(picture)
    return found[1] if found else picture
