"""`sightline migrate`: copy a collection from one search service to another, with any combination of back ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import click
import httpx
from servicekit.errors import Kind, ServiceError
from servicekit.records import VectorRecord
from tqdm import tqdm

from gateway.upstream.search import SearchClient

# Limits of one request: pictures, and bytes of their vectors.
BATCH = 250
BATCH_BYTES = 8 * 2**20


class MigrateError(Exception):
    """The collection was not copied completely; the message has the reason and what to do."""


class UnreachableError(click.ClickException):
    """A search service does not answer: exit status 3, as in every command of `sightline`."""

    exit_code = 3


class Moved(NamedTuple):
    """Counts: pictures that are in both collections now, those that were new, and those only in the target."""

    pictures: int
    created: int
    extra: int


def migrate(source: SearchClient, target: SearchClient) -> Moved:
    """Copy every picture of one collection into another, then compare both, picture by picture.

    The source is not changed. The copy is idempotent: pictures that the target has already are replaced, so running it
    again finishes an interrupted copy or updates an earlier one.

    Raises:
        MigrateError: the target has vectors of another model, or the source is empty or changed during the copy.
        ServiceError: one of the two does not answer, or refuses a request.
    """
    stats, there = source.stats(), target.stats()
    if stats["model_id"] is None:
        raise MigrateError("the source holds no pictures")
    if there["model_id"] not in (None, stats["model_id"]):
        raise MigrateError(
            f"the target holds vectors of {there['model_id']}, the source of {stats['model_id']}: "
            "they cannot be compared. Move into an empty collection"
        )
    created = 0
    with tqdm(total=stats["count"], unit="picture", desc="moving") as bar:
        for model_id, dim, batch in batches(source):
            if model_id != stats["model_id"]:
                raise MigrateError("the source has switched to another model; move again, into an empty collection")
            created += target.put(stats["model_id"], dim, batch)
            bar.update(len(batch))
    count, extra = compare(source, target, stats["count"])
    return Moved(count, created, extra)


def compare(source: SearchClient, target: SearchClient, expected: int) -> tuple[int, int]:
    """Compare two collections by a merge over the sorted ids.

    Args:
        source: every picture of it must be in the target.
        target: may have more pictures.
        expected: the length of the progress bar.

    Returns:
        The number of pictures that are equal in both, to the last bit of their vectors, and the number of pictures that
        are only in the target.

    Raises:
        MigrateError: a picture is missing in the target, or differs.
    """
    count = extra = 0
    theirs = (p for _, _, batch in batches(target) for p in batch)
    other = next(theirs, None)
    with tqdm(total=expected, unit="picture", desc="comparing") as bar:
        for _, _, batch in batches(source):
            for mine in batch:
                while other is not None and other["id"] < mine["id"]:
                    extra, other = extra + 1, next(theirs, None)
                if other != mine:
                    raise MigrateError(
                        f"picture {mine['id']} differs between the two. When it was changed just now, move again"
                    )
                count, other = count + 1, next(theirs, None)
            bar.update(len(batch))
    return count, extra + (other is not None) + sum(1 for _ in theirs)


def batches(search: SearchClient) -> Iterator[tuple[str | None, int, list[VectorRecord]]]:
    """All pictures of a collection with their vectors, ordered by id, in batches: (model, dimension, pictures)."""
    after, limit = "", 1
    while True:
        model_id, dim, batch = search.export(after, limit)
        if not batch:
            return
        yield model_id, dim, batch
        after, limit = batch[-1]["id"], max(1, min(BATCH, BATCH_BYTES // (4 * dim)))


@click.command("migrate")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def command(source: str, target: str) -> None:
    """Copy a collection from one search service to another, such as from SQLite to Milvus, or back.

    FROM and TO are addresses of search services, such as http://127.0.0.1:8082, not of gateways. No picture is encoded
    again, and the source is not changed. At the end both are compared, picture by picture. Run it again to resume after
    an interruption, or to update the copy.
    """
    with httpx.HTTPTransport() as transport:
        try:
            moved = migrate(
                SearchClient(f"the search service at {source}", source, transport),
                SearchClient(f"the one at {target}", target, transport),
            )
        except ServiceError as error:
            fails = UnreachableError if error.kind is Kind.UNAVAILABLE else click.ClickException
            raise fails(error.detail) from error
        except MigrateError as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"{moved.pictures} pictures are the same in both, {moved.created} of them new there.")
    if moved.extra:
        click.echo(f"{moved.extra} pictures are only at {target}.")
