"""A picture with its captions, and what is wrong with a data set, counted and named."""

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
    # The picture's number at Flickr, where its data set names it so.
    flickr: str | None = None


class DataError(Exception):
    """A data folder is not laid out as its reader expects; the message names the file."""


def rows(path: Path, columns: set[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file that has these columns.

    Raises:
        DataError: the file is missing or lacks a column.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing")
    # Spreadsheets begin their UTF-8 with a byte order mark.
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
    """The first of these files or folders that is there.

    Raises:
        DataError: none is.
    """
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise DataError(f"{folder} holds none of {', '.join(names)}")


def assemble(
    images: Path, captions: dict[str, list[str]], names: Iterable[str], where: str, flickr: bool = False
) -> list[Pair]:
    """Pairs of the named pictures in their order; blank captions are left out.

    Args:
        images: the folder that the names are relative to.
        captions: by name.
        names: of the pictures that are wanted.
        where: for messages.
        flickr: whether pictures are named by their number at Flickr, 2258277193.jpg or 2258277193_586949ec62.jpg.

    Raises:
        DataError: a name has no caption.
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
    """Decode every picture once, small, and leave out those that are missing or damaged, each named in a warning.

    Args:
        pairs: pictures to look at.
        tolerance: the share that may be bad.
        what: the data set's name, for messages.

    Raises:
        DataError: more than `tolerance` of them are bad.
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
            # A JPEG is decoded at an eighth of its size: every byte is read, little is computed.
            picture.draft("RGB", (32, 32))
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return str(error)
    return None
