"""Flashcards of Debian's pysiogame: drawings of one everyday word each, for children who learn to read."""

from __future__ import annotations

from pathlib import Path

from twotower.data.everyday import singular
from twotower.data.pairs import DataError, Pair

# Folders of objects that people photograph; the others hold actions, relations and parts of the body.
FOLDERS = (
    "animals",
    "clothes_n_accessories",
    "construction",
    "food",
    "fruit_n_veg",
    "jobs",
    "nature",
    "sport",
    "transport",
)


def flashcards(folder: Path, split: str) -> list[Pair]:
    """Pictures named by their word, `fruit_n_veg/carrot.jpg`; the only split is train.

    Raises:
        DataError: there is no such split, or no drawing in the folder.
    """
    if split != "train":
        raise DataError(f"the flashcards have no split {split}; there is train")
    paths = [p for kind in FOLDERS for p in sorted((folder / kind).glob("*.jpg"))]
    if not paths:
        raise DataError(f"{folder} holds no flashcards; it is pysiogame's res/images/art4apps")
    words = [p.stem.replace("_", " ") for p in paths]
    return [Pair(p, tuple(dict.fromkeys([word, singular(word)]))) for p, word in zip(paths, words, strict=True)]
