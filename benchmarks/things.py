"""Pictures and searches for the things that they show, as their captions tell."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from search.catalogue.words import has_all

GALLERY = Path("deploy/gallery")
WORDS = Path(__file__).with_name("gallery_words.csv")
DESCRIBED = 300


class Pictures(NamedTuple):
    """Pictures that show things, with a caption each; by each search for a thing the names of the right pictures."""

    name: str
    files: dict[str, bytes]
    captions: dict[str, str]
    things: dict[str, set[str]]


def words_asked() -> list[str]:
    """The words for things that somebody would search for."""
    with WORDS.open(encoding="utf-8", newline="") as stream:
        return [row["query"] for row in csv.DictReader(stream) if row["present"] == "1"]


def captions_in(path: Path) -> dict[str, list[str]]:
    """The captions of a CSV file, by picture."""
    found: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            found[row["image"]].append(row["caption"])
    return found


def judged(captions: dict[str, list[str]], words: Sequence[str]) -> dict[str, set[str]]:
    """The pictures that show what each word says, which their captions tell; words of no picture are left out."""
    found = {w: {i for i, said in captions.items() if any(has_all(w.split(), one) for one in said)} for w in words}
    return {word: names for word, names in found.items() if names}


def gallery() -> Pictures:
    """The sample gallery; its files are numbered, since their names say what they show."""
    captions = captions_in(GALLERY / "captions.csv")
    files = {name: (GALLERY / "pictures" / name).read_bytes() for name in captions}
    return Pictures("the gallery", files, {i: c[0] for i, c in captions.items()}, judged(captions, words_asked()))


def described(folder: Path) -> Pictures:
    """Photographs of a folder, drawn at random: searched for by the last caption of each, and by words."""
    captions = captions_in(folder / "captions.csv")
    chosen = np.random.default_rng(0).permutation(sorted(captions))[:DESCRIBED].tolist()
    captions = {name: captions[name] for name in chosen}
    files = {name: (folder / "images" / name).read_bytes() for name in chosen}
    things = judged({name: said[1:] for name, said in captions.items()}, words_asked())
    own = {said[-1]: {name} for name, said in captions.items()}
    return Pictures(f"{len(files)} photographs", files, {i: c[0] for i, c in captions.items()}, things | own)
