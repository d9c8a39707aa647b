"""The audited data set: captions by picture, and the pictures if available."""

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

# Words: letters and digits of any script, without punctuation.
TOKEN = re.compile(r"[^\W_]+(?:'[^\W\d_]+)?")
# The photo id in a Flickr file name: the digits before the first _ or dot.
FLICKR = re.compile(r"(\d+)[_.]")


@dataclass(frozen=True)
class Corpus:
    """The pictures of some splits with their captions."""

    name: str
    pictures: tuple[str, ...]
    captions: tuple[tuple[str, ...], ...]
    # The split of each picture.
    splits: tuple[str, ...]
    # The picture files; empty if only captions are available.
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
    """Read a data set given as `READER=PATH`, or as `captions=FILE.json`.

    A caption file is a JSON object of lists of captions by picture, as for Flickr30k; it has no splits, and its
    pictures are not read. With a reader, every picture must be readable.

    Raises:
        DataError: the data set is missing or invalid.
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
    """Read a data set to compare with, `captions=FILE.json` or `READER=PATH:SPLIT`; its name is the argument.

    Raises:
        DataError: the data set is missing or invalid.
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
        DataError: the file is missing or invalid.
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
        # Some files repeat the picture's path as its last caption.
        name: tuple(t.strip() for t in texts if t.strip() and not t.endswith(f"/{name}"))
        for name, texts in found.items()
    }
    if without := [name for name, texts in captions.items() if not texts]:
        raise DataError(f"{path}: no caption for {len(without)} pictures, first {without[0]}")
    return Corpus(path.stem, tuple(captions), tuple(captions.values()), (path.stem,) * len(captions))


def drawn(corpus: Corpus, most: int) -> tuple[Corpus, Ints]:
    """A random sample of at most `most` pictures, in their order, and their rows in the corpus."""
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
    """The Flickr photo id in a picture's name (123.jpg, 123_ab45.jpg), or else the name itself."""
    found = FLICKR.match(picture)
    return found[1] if found else picture
