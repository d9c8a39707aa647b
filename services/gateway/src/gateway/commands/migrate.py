"""`sightline migrate`: copy a collection from one search service to another, with any combination of back ends."""

from __future__ import annotations

from typing import NamedTuple

import click
import httpx
from tqdm import tqdm

from gateway.commands.errors import told
from gateway.upstream.copying import DiffersError, batches, compare
from gateway.upstream.search import SearchClient


class MigrateError(Exception):
    """The collection was not copied completely; the message has the reason and what to do."""


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
    try:
        count, extra = compare((p for _, _, batch in batches(source) for p in batch), target, stats["count"])
    except DiffersError as error:
        raise MigrateError(f"{error}. When it was changed just now, move again") from error
    return Moved(count, created, extra)


@click.command("migrate")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def command(source: str, target: str) -> None:
    """Copy a collection from one search service to another, such as from SQLite to Milvus, or back.

    FROM and TO are addresses of search services, such as http://127.0.0.1:8082, not of gateways. No picture is encoded
    again, and the source is not changed. At the end both are compared, picture by picture. Run it again to resume after
    an interruption, or to update the copy.
    """
    with httpx.HTTPTransport() as transport, told(MigrateError):
        moved = migrate(
            SearchClient(f"the search service at {source}", source, transport),
            SearchClient(f"the one at {target}", target, transport),
        )
    click.echo(f"{moved.pictures} pictures are the same in both, {moved.created} of them new there.")
    if moved.extra:
        click.echo(f"{moved.extra} pictures are only at {target}.")
