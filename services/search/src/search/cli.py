"""`search`: maintenance of the catalogue and the index while the service runs.

The environment variable SEARCH_CATALOGUE names the catalogue. Every command is safe while the service runs.
"""

from __future__ import annotations

import argparse
import base64
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
from servicekit.clients.encoder import EncoderClient
from servicekit.errors import ServiceError
from servicekit.settings import SettingsError, load_settings

from search.catalogue.catalogue import Catalogue
from search.catalogue.facets import sample_captions
from search.catalogue.schema import CatalogueError
from search.catalogue.tables import ModelEntry
from search.index.approximate import IndexKind
from search.index.exact import Vectors
from search.index.maintenance import RecallError, building, make, serve
from search.index.snapshots import Snapshot, SnapshotError, build
from search.index.tune import choose, families, measure, table
from search.settings import Settings

# Texts per request to the encoder.
BATCH = 64


class CommandError(Exception):
    """The command cannot be done; the message says why."""


def say(sentence: str) -> None:
    """Print a line to stdout and flush it."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def encode_texts(encoder: str, texts: Sequence[str], model: ModelEntry) -> Vectors:
    """Encode texts with the encoder service; return their vectors, (len(texts), dim) float32.

    Args:
        encoder: the encoder's base URL.
        texts: the texts, in any number; they are sent in batches of `BATCH`.
        model: the model that the catalogue holds; the encoder must serve the same one.

    Raises:
        CommandError: the encoder does not answer, or serves another model.
    """
    rows = []
    with httpx.HTTPTransport() as transport:
        client = EncoderClient(f"the encoder at {encoder}", encoder, transport)
        for first in range(0, len(texts), BATCH):
            try:
                encoded = client.texts(texts[first : first + BATCH])
            except ServiceError as error:
                raise CommandError(error.detail) from error
            if encoded[0].model_id != model.model_id:
                raise CommandError(f"the encoder serves {encoded[0].model_id}, the catalogue holds {model.model_id}")
            rows += [np.frombuffer(base64.b64decode(e.vector), "<f4") for e in encoded]
    return np.stack(rows)


def text_queries(catalogue: Catalogue, model: ModelEntry, given: argparse.Namespace) -> Vectors:
    """Vectors of the queries that recall is measured with: the lines of --texts, or else sampled captions."""
    if given.texts:
        texts = [line.strip() for line in given.texts.read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        texts = sample_captions(catalogue.database.reader, 1000)
    if len(texts) < 50:
        raise CommandError(
            f"{len(texts)} texts are too few to measure recall with; give 50 or more of your users: --texts FILE"
        )
    return encode_texts(given.encoder.rstrip("/"), texts, model)


@contextmanager
def vectors_now(folder: Path, catalogue: Catalogue, model: ModelEntry) -> Iterator[Vectors]:
    """The current vectors as a memory map of a temporary snapshot, which is deleted at the end of the block."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="tune-") as place:
        build(Path(place) / "now", catalogue, model)
        yield Snapshot(Path(place) / "now").vectors


def serving(catalogue: Catalogue) -> ModelEntry:
    """The model that serves.

    Raises:
        CommandError: the catalogue is empty.
    """
    model = catalogue.state().model
    if model is None:
        raise CommandError("the catalogue is empty")
    return model


def tune(catalogue: Catalogue, folder: Path, given: argparse.Namespace) -> None:
    """Measure the kinds of index and print the table; with --activate, build the best kind and serve it."""
    model = serving(catalogue)
    queries = text_queries(catalogue, model, given)
    with building(folder) as alone:
        if not alone:
            raise CommandError("an index is being built just now; try again when it is done")
        with vectors_now(folder, catalogue, model) as vectors:
            known = families(len(vectors))
            chosen = [f for f in known if not given.kinds or f.startswith(tuple(given.kinds))]
            if not chosen:
                raise CommandError(f"--kinds: none of {', '.join(known)} begins with that")
            say(f"{len(vectors)} vectors of {model.dim} numbers, {len(queries)} text queries")
            results = measure(vectors, queries, chosen, say)
        say(table(results))
        best = choose(results, given.most_ms, given.most_mb)
        if best is None:
            say(f"None of these finds enough within {given.most_ms} ms (p95) and {given.most_mb} MB.")
            return
        say(f"Best within {given.most_ms} ms (p95) and {given.most_mb} MB: {best.kind}")
        if given.activate:
            manifest = make(folder, catalogue, serving(catalogue), best.kind, queries)
            say(f"It serves{'' if manifest.recall is None else f', with a recall of {manifest.recall:.3f}'}.")


def rebuild(catalogue: Catalogue, folder: Path, _: argparse.Namespace) -> None:
    """Build a new exact snapshot and serve it."""
    with building(folder) as alone:
        if not alone:
            raise CommandError("an index is being built just now")
        manifest = make(folder, catalogue, serving(catalogue), IndexKind())
    say(f"{manifest.count} vectors, exact.")


def rollback(catalogue: Catalogue, folder: Path, _: argparse.Namespace) -> None:
    """Serve the previous snapshot again."""
    with building(folder) as alone:
        if not alone:
            raise CommandError("an index is being built just now; try again when it is done")
        model = serving(catalogue)
        if model.previous is None:
            raise CommandError("no snapshot served before this one")
        snapshot = Snapshot(folder / model.previous)
        serve(folder, catalogue, model, model.previous)
    say(f"{snapshot.name} serves: {snapshot.manifest.kind}, and what came since.")


def status(catalogue: Catalogue, folder: Path, _: argparse.Namespace) -> None:
    """Print the serving snapshot and the previous one."""
    state = catalogue.state()
    model = serving(catalogue)
    say(f"catalogue {catalogue.name}, change {state.seq}, model {model.model_id} ({model.dim} numbers)")
    for name, role in ((model.snapshot, "serves"), (model.previous, "served before")):
        if name is not None:
            try:
                m = Snapshot(folder / name).manifest
                recall = "" if m.recall is None else f", recall@10 {m.recall:.3f} over {m.queries} text queries"
                say(f"{name} {role}: {m.kind}, {m.count} vectors up to change {m.seq}, made {m.made_at}{recall}")
            except SnapshotError as error:
                say(f"{name} {role}: {error}")


def compact(catalogue: Catalogue, _folder: Path, _: argparse.Namespace) -> None:
    """Remove soft-deleted pictures from the catalogue for good."""
    say(f"{catalogue.compact()} deleted pictures forgotten.")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top_level = argparse.ArgumentParser("search", description=__doc__)
    commands = top_level.add_subparsers(required=True, metavar="COMMAND")
    measuring = commands.add_parser("tune", help="measure kinds of index on this collection, and let the best serve")
    measuring.set_defaults(work=tune)
    measuring.add_argument("--encoder", default="http://127.0.0.1:8081", help="where the encoder answers")
    measuring.add_argument("--texts", type=Path, help="queries, one a line; without it captions of the collection")
    measuring.add_argument(
        "--kinds", nargs="+", default=[], help="only families that begin with these: Flat IVF HNSW SQ"
    )
    measuring.add_argument("--most-ms", type=float, default=50, help="p95 of one search in ms that is fast enough")
    measuring.add_argument("--most-mb", type=float, default=4000, help="megabytes of memory that may be used")
    measuring.add_argument("--activate", action="store_true", help="build what is best, and let it serve")
    for work, text in (
        (status, "which snapshot serves, and which served before"),
        (rebuild, "write the exact index anew"),
        (rollback, "let the snapshot before serve again"),
        (compact, "forget deleted pictures for good"),
    ):
        commands.add_parser(work.__name__, help=text).set_defaults(work=work)
    return top_level


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit status."""
    given = parser().parse_args(arguments)
    try:
        settings = load_settings(Settings)
        if not settings.catalogue.exists():
            raise CommandError(f"SEARCH_CATALOGUE: {settings.catalogue} is not there")
        catalogue = Catalogue(settings.catalogue)
        try:
            given.work(catalogue, settings.index_folder, given)
        finally:
            catalogue.close()
    except (
        *(CommandError, SettingsError, CatalogueError, SnapshotError, RecallError),
        *(ServiceError, OSError, sqlite3.Error),
    ) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
