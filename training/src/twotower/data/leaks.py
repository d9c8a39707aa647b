"""Pictures that training and evaluation share: figures measured on them say nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor

from twotower.data.pairs import Pair


def identities(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """What each picture can be recognised by in another data set: its content, and its number at Flickr.

    The number, since Flickr8k's pictures are Flickr30k's at another size.
    """
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(identity, pairs))


def identity(pair: Pair) -> tuple[str, ...]:
    """What one picture can be recognised by."""
    with pair.image.open("rb") as stream:
        content = f"sha256 {hashlib.file_digest(stream, 'sha256').hexdigest()}"
    return (content, f"flickr {pair.flickr}") if pair.flickr else (content,)


def shared(pairs: Sequence[Pair], known: Set[str]) -> list[Pair]:
    """The pairs whose picture is recognised by one of the known identities."""
    return [p for p, own in zip(pairs, identities(pairs), strict=True) if known & set(own)]
