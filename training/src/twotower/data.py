"""Pictures with their captions, from each of the sources that the released model learns from."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A picture and every text that describes it."""

    image: Path
    texts: tuple[str, ...]


class DataError(Exception):
    """A data folder is not laid out as its reader expects; the message names the file."""


def flickr8k(folder: Path, split: str) -> list[Pair]:
    """Flickr8k (Hodosh et al., 2013): `images/`, `captions.csv` (image,caption), `<split>.txt`."""
    captions: dict[str, list[str]] = defaultdict(list)
    for row in rows(folder / "captions.csv", {"image", "caption"}):
        captions[row["image"]].append(row["caption"])
    names = (folder / f"{split}.txt").read_text().split()
    if missing := [n for n in names if n not in captions]:
        raise DataError(f"{folder / 'captions.csv'}: no caption for {len(missing)} of {split}.txt, first {missing[0]}")
    return [Pair(folder / "images" / n, tuple(captions[n])) for n in names]


def objects(folder: Path, split: str) -> list[Pair]:
    """Everyday things: `images/`, `captions.csv` (image,caption,set,split), each caption "a photo of <label>".

    The bare label is a second text of each picture: people search with one word.
    """
    chosen = [r for r in rows(folder / "captions.csv", {"image", "caption", "set", "split"}) if r["split"] == split]
    return [
        Pair(folder / "images" / r["image"], (r["caption"], r["caption"].removeprefix("a photo of "))) for r in chosen
    ]


def stamps(folder: Path, gallery: Path) -> list[Pair]:
    """Pictures of Debian's tuxpaint-stamps-default that are not in the sample gallery's manifest.

    Each lies beside a `.txt` whose first line describes it.
    """
    taken = {e["source_file"] for e in json.loads(gallery.read_text())["pictures"]}
    pairs = []
    for path in sorted(folder.rglob("*.png")):
        relative = path.relative_to(folder)
        described = path.with_suffix(".txt")
        # Comics and letter-like symbols look like nothing that people photograph.
        if described.exists() and str(relative) not in taken and not {"cartoon", "symbols"} & set(relative.parts[:-1]):
            pairs.append(Pair(path, (described.read_text(encoding="utf-8").splitlines()[0].strip(),)))
    return pairs


def rows(path: Path, columns: set[str]) -> Iterable[dict[str, str]]:
    """The rows of a CSV file that has these columns.

    Raises:
        DataError: the file is missing or lacks a column.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing")
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if missing := columns - set(reader.fieldnames or []):
            raise DataError(f"{path} lacks the column {', '.join(sorted(missing))}")
        yield from reader
