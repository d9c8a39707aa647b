"""A picture with its captions; helpers of the readers, and validation of data sets."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from tqdm import tqdm

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pair:
    """A picture and every text that describes it."""

    image: Path
    texts: tuple[str, ...]
    # The Flickr photo id, if the data set names its pictures by it.
    flickr: str | None = None


class DataError(Exception):
    """A data folder is not laid out as its reader expects; the message names the file."""


def rows(path: Path, columns: set[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file that must have these columns.

    Raises:
        DataError: the file is missing, lacks a column, or a row has another number of columns.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing")
    # utf-8-sig: spreadsheets write a byte order mark.
    with path.open(newline="", encoding="utf-8-sig") as stream:
        reader = csv.DictReader(stream, skipinitialspace=True)
        if missing := columns - set(reader.fieldnames or []):
            raise DataError(f"{path} lacks the column {', '.join(sorted(missing))}")
        for row in reader:
            if None in row or None in row.values():
                raise DataError(
                    f"{path}, line {reader.line_num}: more or fewer columns than the first line has; a caption with a "
                    "comma stands in double quotes"
                )
            yield row


def first_of(folder: Path, names: Sequence[str]) -> Path:
    """The first of these files or folders that exists.

    Raises:
        DataError: none exists.
    """
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise DataError(f"{folder} holds none of {', '.join(names)}")


def assemble(
    images: Path, captions: dict[str, list[str]], names: Iterable[str], where: str, flickr: bool = False
) -> list[Pair]:
    """Pairs of the named pictures, in this order; blank captions are left out.

    Args:
        images: the folder that the names are relative to.
        captions: captions by name.
        names: the pictures to return.
        where: the source of the captions, for error messages.
        flickr: whether names are Flickr photo ids, 2258277193.jpg or 2258277193_586949ec62.jpg.

    Raises:
        DataError: a picture has no caption, or there are no pictures.
    """
    pairs = []
    without = []
    for name in names:
        texts = tuple(t.strip() for t in captions.get(name, ()) if t.strip())
        if texts:
            pairs.append(Pair(images / name, texts, re.split(r"[_.]", name)[0] if flickr else None))
        else:
            without.append(name)
    if without:
        raise DataError(f"{where}: no caption for {len(without)} pictures, first {without[0]}")
    if not pairs:
        raise DataError(f"{where}: no pictures")
    return pairs


def readable(pairs: Sequence[Pair], tolerance: float, what: str) -> list[Pair]:
    """Decode every picture once at a reduced scale, and leave out missing and damaged ones with a warning.

    Args:
        pairs: the pictures to check.
        tolerance: the share that may be unreadable.
        what: the data set's name, for messages.

    Raises:
        DataError: more than `tolerance` of them are unreadable.
    """
    with ThreadPoolExecutor(4) as pool:
        faults = list(tqdm(pool.map(fault, [p.image for p in pairs]), total=len(pairs), desc=f"checking {what}"))
    bad = [(pair.image, why) for pair, why in zip(pairs, faults, strict=True) if why]
    for path, why in bad[:20]:
        log.warning("%s: %s is left out: %s", what, path, why)
    if len(bad) > 20:
        log.warning("%s: and %d more", what, len(bad) - 20)
    if len(bad) > tolerance * len(pairs):
        raise DataError(
            f"{what}: {len(bad)} of {len(pairs)} pictures are missing or damaged, more than the {tolerance:.1%} "
            f"that is tolerated; first {bad[0][0]}: {bad[0][1]}"
        )
    return [p for p, why in zip(pairs, faults, strict=True) if not why]


def fault(path: Path) -> str | None:
    """Why a picture cannot be read, or None."""
    if not path.is_file():
        return "there is no such file"
    try:
        with Image.open(path) as picture:
            # Draft mode decodes a JPEG at an eighth of its size: all of the file is read, at little cost.
            picture.draft("RGB", (32, 32))
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return str(error)
    return None
