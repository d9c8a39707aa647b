"""A whole collection, page by page: what migration and backups copy, and the comparison of the copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import eq

from servicekit.records import VectorRecord
from tqdm import tqdm

from gateway.upstream.search import SearchClient

# Limits of one request: pictures, and bytes of their vectors.
BATCH = 250
BATCH_BYTES = 8 * 2**20


class DiffersError(Exception):
    """A copy lacks a picture, or has it otherwise; the message names it."""


def batches(search: SearchClient) -> Iterator[tuple[str | None, int, list[VectorRecord]]]:
    """All pictures of a collection with their vectors, ordered by id, in batches: (model, dimension, pictures)."""
    after, limit = "", 1
    while True:
        model_id, dim, batch = search.export(after, limit)
        if not batch:
            return
        yield model_id, dim, batch
        after, limit = batch[-1]["id"], batch_of(dim)


def batch_of(dim: int) -> int:
    """How many pictures one request holds, whose vectors have `dim` numbers."""
    return max(1, min(BATCH, BATCH_BYTES // (4 * max(1, dim))))


def compare(
    pictures: Iterator[VectorRecord],
    target: SearchClient,
    expected: int,
    is_same: Callable[[VectorRecord, VectorRecord], bool] = eq,
) -> tuple[int, int]:
    """Compare pictures with a collection by a merge over the sorted ids.

    Args:
        pictures: every one of these must be in the target, equal to the last bit of its vector; ordered by id.
        target: may have more pictures.
        expected: the length of the progress bar.
        is_same: compares a picture with the target's.

    Returns:
        The number of pictures that are equal, and of those that are only in the target.

    Raises:
        DiffersError: a picture is missing in the target, or differs.
    """
    count = extra = 0
    theirs = (p for _, _, batch in batches(target) for p in batch)
    other = next(theirs, None)
    for mine in tqdm(pictures, total=expected, unit="picture", desc="comparing", disable=None):
        while other is not None and other["id"] < mine["id"]:
            extra, other = extra + 1, next(theirs, None)
        if other is None or not is_same(mine, other):
            raise DiffersError(f"picture {mine['id']} differs between the two")
        count, other = count + 1, next(theirs, None)
    return count, extra + (other is not None) + sum(1 for _ in theirs)
