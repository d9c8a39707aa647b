"""Emoji as pictures of objects: one drawing for each of several hundred everyday words."""

from __future__ import annotations

import re
from pathlib import Path

from twotower.data.everyday import shared_heads, shared_names
from twotower.data.pairs import DataError, Pair

# Unicode's list of all emoji with groups and names, as installed by Debian's unicode-data.
NAMES = Path("/usr/share/unicode/emoji/emoji-test.txt")
# Groups of objects that people photograph; the others hold faces, gestures, signs and flags.
GROUPS = ("Animals & Nature", "Food & Drink", "Travel & Places", "Activities", "Objects")
# 🥕 is listed as "1F955 ; fully-qualified # 🥕 E3.0 carrot".
LISTED = re.compile(r"(?P<points>[0-9A-F ]+?) +; fully-qualified +# \S+ E[\d.]+ (?P<name>.+)")


def emoji(folder: Path, split: str, names: Path = NAMES) -> list[Pair]:
    """Pictures named by their code points, `1f955.webp` or `.png`; the only split is train.

    A picture's texts are its name and the head noun that several names share ("full moon" is a moon). The suffix "face"
    is removed: "tiger face" is a tiger.

    Raises:
        DataError: there is no such split, no list of names, or no picture of a listed emoji.
    """
    if split != "train":
        raise DataError(f"the emoji have no split {split}; there is train")
    if not names.exists():
        raise DataError(f"{names} is not there; it comes with Debian's unicode-data")
    images = {p.stem.lower(): p for p in sorted(folder.iterdir()) if p.suffix in (".webp", ".png")}
    named = [(images[points], name) for points, name in listed(names.read_text(encoding="utf-8")) if points in images]
    if not named:
        raise DataError(f"{folder} holds no emoji; it is `assets` of the package @lobehub/fluent-emoji-3d")
    shared = shared_heads(name for _, name in named if name != "hot dog")
    return [Pair(image, (name, *shared_names(name, shared))) for image, name in named]


def listed(text: str) -> list[tuple[str, str]]:
    """The code points (as in file names) and names of all emoji of the chosen groups."""
    found, group = [], ""
    for line in text.splitlines():
        if line.startswith("# group: "):
            group = line.removeprefix("# group: ")
        elif group in GROUPS and (match := LISTED.fullmatch(line)):
            name = match["name"].removesuffix(" face")
            # Skip the 24 clock faces, which differ only in their hands.
            if not re.search("clock$|-thirty$", name) or "alarm" in name:
                found.append(("-".join(match["points"].lower().split()), name))
    return found
