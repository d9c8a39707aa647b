"""Pictures that training and evaluation share: figures measured on them say nothing."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from twotower.data.pairs import Pair

# Flickr30k calls a picture by its number at Flickr, Flickr8k by that and a second part: 2258277193_586949ec62.jpg.
FLICKR_NAME = re.compile(r"^(\d{5,})(?:_[0-9a-f]{10})?\.jpg$")


def flickr_number(path: Path) -> str | None:
    """A picture's number at Flickr, as far as its name tells."""
    found = FLICKR_NAME.match(path.name)
    return found.group(1) if found else None


def shared(train: Sequence[Pair], held_out: Sequence[Pair]) -> list[Pair]:
    """The pairs of `train` whose picture is one of `held_out`'s: the same file's content, or the same Flickr number.

    Only files of equal size are read.
    """
    numbers = {n for p in held_out if (n := flickr_number(p.image))}
    sizes: dict[int, list[Path]] = defaultdict(list)
    for pair in held_out:
        sizes[pair.image.stat().st_size].append(pair.image)
    digests: dict[int, set[bytes]] = {}
    found = []
    for pair in train:
        size = pair.image.stat().st_size
        if flickr_number(pair.image) in numbers:
            found.append(pair)
        elif size in sizes:
            if size not in digests:
                digests[size] = {hashlib.sha256(p.read_bytes()).digest() for p in sizes[size]}
            if hashlib.sha256(pair.image.read_bytes()).digest() in digests[size]:
                found.append(pair)
    return found
