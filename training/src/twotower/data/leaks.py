"""Data leakage: finds pictures that are in both training and evaluation data, on which metrics are meaningless."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor

from twotower.data.pairs import Pair


def identities(pairs: Sequence[Pair]) -> list[tuple[str, ...]]:
    """Identifiers of each picture across data sets: the digest of its content, and its Flickr photo id.

    The photo id is needed because Flickr8k holds pictures of Flickr30k at another size.
    """
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(identity, pairs))


def identity(pair: Pair) -> tuple[str, ...]:
    """The identifiers of one picture; see `identities`."""
    with pair.image.open("rb") as stream:
        content = f"sha256 {hashlib.file_digest(stream, 'sha256').hexdigest()}"
    return (content, f"flickr {pair.flickr}") if pair.flickr else (content,)


def shared(pairs: Sequence[Pair], known: Set[str]) -> list[Pair]:
    """The pairs whose picture has one of the known identifiers."""
    return [p for p, own in zip(pairs, identities(pairs), strict=True) if known & set(own)]
