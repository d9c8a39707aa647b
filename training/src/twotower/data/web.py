"""Web pictures with one caption each, and pictures described by a shop, an encyclopaedia or a menu."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from pathlib import Path

from twotower.data.pairs import DataError, Pair, assemble, rows
from twotower.towers.texts import words_of

# Number of pictures in the split dev: those with the smallest hash of their name.
DEV = 1000
# Boilerplate of stock photo sites at the end of a caption, possibly repeated.
SITE = re.compile(
    r"[\s,]+((royalty[ -]free|free|stock|royalty)\s+)+(photos?|photography|images?|pictures?|illustrations?|clip ?art)$"
    r"|[\s,]+(stock|royalty([ -]free)?|free download)$",
    re.IGNORECASE,
)
# The end of a caption that a captioning model truncated in the middle of a phrase: "... the water a puddle in the".
OPEN_END = re.compile(
    r"\s+(a|an|the|and|or|of|with|in|on|at|by|for|to|from|into|near|over|is|are|as|that|which|'|,|-)$", re.IGNORECASE
)
# Placeholders for names of persons and places in these captions; alone they do not describe a picture.
MASKS = frozenset({"person", "people", "actor", "actress", "artist", "city", "country", "event", "hotel", "name"})


def webcap(folder: Path, split: str) -> list[Pair]:
    """Web pictures: `images/`, `captions.csv` (image,caption,photo), most captions written by a captioning model.

    The splits are `dev` (a thousand by the hash of their name), `train` (all others), and `photographs` (those of train
    whose `photo` is 1). Captions are cleaned (`clean`); captions of train without a content word are left out.

    Raises:
        DataError: there is no such split, or the folder has another layout.
    """
    if split not in ("train", "photographs", "dev"):
        raise DataError(f"webcap has no split {split}; there are train, photographs and dev")
    path = folder / "captions.csv"
    lines = list(rows(path, {"image", "caption", "photo"}))
    names = sorted({line["image"] for line in lines}, key=lambda name: hashlib.sha256(name.encode()).digest())
    dev = set(names[:DEV])
    captions: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if (line["image"] in dev) != (split == "dev") or (split == "photographs" and line["photo"] != "1"):
            continue
        text = clean(line["caption"])
        if split == "dev" or set(words_of(text)) - MASKS:
            captions[line["image"]].append(text)
    return assemble(folder / "images", captions, captions, str(path))


def clean(caption: str) -> str:
    """Remove site boilerplate and a truncated phrase from the end of a caption.

    At least two words are left.
    """
    text = " ".join(caption.split())
    while True:
        shorter = OPEN_END.sub("", SITE.sub("", text)).rstrip(" ,-'")
        if shorter == text or len(shorter.split()) < 2:
            return text
        text = shorter


def described(folder: Path, split: str) -> list[Pair]:
    """Pictures with descriptions: `images/`, `captions.csv` (image,caption,set); the only split is `train`.

    In a shop's "wall cabinet: Can be hung in two ways." the part after the colon describes the use and nothing visible,
    so only the part before it is kept.

    Raises:
        DataError: there is no such split, or the folder has another layout.
    """
    if split != "train":
        raise DataError(f"described pictures have no split {split}; there is train")
    path = folder / "captions.csv"
    captions: dict[str, list[str]] = defaultdict(list)
    for line in rows(path, {"image", "caption", "set"}):
        text = line["caption"]
        if line["set"] == "ikea_interior":
            text = text.partition(":")[0]
        if text.strip() and text not in captions[line["image"]]:
            captions[line["image"]].append(text)
    return assemble(folder / "images", captions, captions, str(path))
