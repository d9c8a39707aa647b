"""Pictures that training and evaluation share: figures measured on them say nothing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from twotower.data.pairs import Pair

# Flickr30k calls a picture by its number at Flickr, Flickr8k by that and a second part: 2258277193_586949ec62.jpg.
FLICKR_NAME = re.compile(r"^(\d{5,})(?:_[0-9a-f]{10})?\.jpg$")


def identities(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """What each picture can be recognised by in another data set: its content, and its number at Flickr."""
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(identity, [p.image for p in pairs]))


def identity(path: Path) -> tuple[str, ...]:
    """What one picture can be recognised by."""
    with path.open("rb") as stream:
        content = f"sha256 {hashlib.file_digest(stream, 'sha256').hexdigest()}"
    found = FLICKR_NAME.match(path.name)
    return (content, f"flickr {found.group(1)}") if found else (content,)


def shared(pairs: Sequence[Pair], known: Set[str]) -> list[Pair]:
    """The pairs whose picture is recognised by one of the known identities."""
    return [p for p, own in zip(pairs, identities(pairs), strict=True) if known & set(own)]
