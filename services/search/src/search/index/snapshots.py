"""Index snapshots: what an index needs, as files with a manifest, derived from the catalogue and disposable.

A snapshot is a folder that is written beside the others and renamed when it is whole; the catalogue says which one
serves. It holds the vectors (which are the exact index), the row of each, and for an approximate kind the Faiss index.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ValidationError
from servicekit.wire import Wire

from search.catalogue.catalogue import Catalogue
from search.catalogue.tables import Model
from search.index.approximate import Approximate, Kind, build_approximate, read_queries
from search.index.exact import Rows, Vectors

MANIFEST, VECTORS, ROWS, FAISS, QUERIES = "manifest.json", "vectors.f32", "rows.i64", "approximate.faiss", "queries.f32"
# What is compared of a file when it is opened: so many blocks of this size, the first and the last among them. All of a
# file of gigabytes is compared later, beside the serving.
BLOCKS, BLOCK_BYTES = 64, 65_536


log = logging.getLogger(__name__)


class SnapshotError(Exception):
    """A snapshot cannot serve; the message says what is wrong with which file."""


class FileFacts(Wire):
    """What a file of a snapshot must be."""

    bytes: int
    sha256: str
    # Of the blocks alone that are compared at each opening.
    sample_sha256: str


class Manifest(Wire):
    """What a snapshot holds and what it was made from."""

    format: Literal[1] = 1
    catalogue: str
    model_id: str
    dim: int
    # The change up to which the catalogue's vectors are in it, and how many they are.
    seq: int
    count: int
    kind: Kind
    # recall@10 against the exact index over `queries` text queries; None for the exact index itself.
    recall: float | None = None
    queries: int | None = None
    made_at: str
    files: dict[str, FileFacts]


class Snapshot:
    """An opened snapshot: its vectors and rows are maps of the files, shared by every process that has them open."""

    def __init__(self, folder: Path) -> None:
        """Open a snapshot and compare a sample of each file with its manifest.

        Raises:
            SnapshotError: it is missing, truncated or damaged.
        """
        self.name, self._folder = folder.name, folder
        try:
            self.manifest = read_manifest(folder)
        except (FileNotFoundError, NotADirectoryError, ValidationError) as error:
            raise SnapshotError(f"index snapshot {folder.name}: no readable {MANIFEST}") from error
        for name, facts in self.manifest.files.items():
            path = folder / name
            if not path.is_file() or path.stat().st_size != facts.bytes:
                raise SnapshotError(f"index snapshot {folder.name}: {name} is missing or not {facts.bytes} bytes")
            if digest_of_sample(path) != facts.sample_sha256:
                raise SnapshotError(f"index snapshot {folder.name}: {name} is damaged")
        shape = (self.manifest.count, self.manifest.dim)
        # An empty file cannot be mapped.
        empty = self.manifest.count == 0
        self.vectors: Vectors = (
            np.empty(shape, np.float32) if empty else np.memmap(folder / VECTORS, "<f4", "r", shape=shape)
        )
        self.rows: Rows = np.empty(0, np.int64) if empty else np.memmap(folder / ROWS, "<i8", "r", shape=shape[:1])
        self.approximate: Approximate | None = None
        if self.manifest.kind.factory != "Flat":
            self.approximate = Approximate(folder / FAISS, self.manifest.kind, self.vectors)

    def verify(self) -> None:
        """Compare every byte with the manifest.

        Raises:
            SnapshotError: one differs.
        """
        for name, facts in self.manifest.files.items():
            with (self._folder / name).open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != facts.sha256:
                    raise SnapshotError(f"index snapshot {self.name}: {name} is damaged")


def read_manifest(folder: Path) -> Manifest:
    """A snapshot's manifest.

    Raises:
        FileNotFoundError: there is none.
        ValidationError: it is damaged.
    """
    return Manifest.model_validate_json((folder / MANIFEST).read_bytes())


def kind_and_queries(folder: Path) -> tuple[Kind, Vectors | None]:
    """How a snapshot answers, and the text queries (M, dim) that it was measured on, whatever else of it is damaged.

    Exact where that cannot be told.
    """
    try:
        manifest = read_manifest(folder)
        if manifest.kind.factory == "Flat":
            return manifest.kind, None
        if facts_of(folder / QUERIES) == manifest.files[QUERIES]:
            return manifest.kind, read_queries(folder / QUERIES, manifest.dim)
    except (FileNotFoundError, NotADirectoryError, ValidationError, KeyError):
        pass
    log.warning("index snapshot %s: its kind cannot be told any more; an exact one takes its place", folder.name)
    return Kind(), None


def build(
    folder: Path, catalogue: Catalogue, model: Model, kind: Kind | None = None, queries: Vectors | None = None
) -> Manifest:
    """Write a snapshot of the catalogue's vectors as they are now; its name is that of the new folder.

    Args:
        folder: the snapshot's own folder, which is not there yet.
        kind: how it answers; None for exactly.
        queries: (M, dim) vectors of text queries, to measure the recall of an approximate kind on.
    """
    making = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    making.mkdir(parents=True)
    try:
        kind = kind or Kind()
        with catalogue.changes(0, model) as changes:
            files, count = write_vectors(making, changes.added)
            seq = changes.state.seq
        recall = None
        if kind.factory != "Flat":
            if queries is None:
                raise ValueError("an approximate index is measured on text queries, and there are none")
            vectors = np.memmap(making / VECTORS, "<f4", "r", shape=(count, model.dim))
            recall = build_approximate(making / FAISS, kind, vectors, queries)
            (making / QUERIES).write_bytes(queries.astype("<f4").tobytes())
            files |= {name: facts_of(making / name) for name in (FAISS, QUERIES)}
            for name in (FAISS, QUERIES):
                flush(making / name)
        manifest = Manifest(
            catalogue=catalogue.name,
            model_id=model.model_id,
            dim=model.dim,
            seq=seq,
            count=count,
            kind=kind,
            recall=recall,
            queries=None if recall is None or queries is None else len(queries),
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            files=files,
        )
        (making / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
        flush(making / MANIFEST)
        making.rename(folder)
        flush(folder.parent)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    return manifest


def write_vectors(folder: Path, parts: Iterable[tuple[Rows, Vectors]]) -> tuple[dict[str, FileFacts], int]:
    """Write vectors and their rows as they come, in a memory that does not grow with them; how many they were."""
    count = 0
    with (folder / VECTORS).open("wb") as vectors_file, (folder / ROWS).open("wb") as rows_file:
        for rows, vectors in parts:
            vectors_file.write(vectors.astype("<f4").tobytes())
            rows_file.write(rows.astype("<i8").tobytes())
            count += len(rows)
    for name in (VECTORS, ROWS):
        flush(folder / name)
    return {name: facts_of(folder / name) for name in (VECTORS, ROWS)}, count


def flush(path: Path) -> None:
    """Put a file or a folder's list on the disk: the catalogue must not be ahead of it after a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def facts_of(path: Path) -> FileFacts:
    """A file's size and digests."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileFacts(bytes=path.stat().st_size, sha256=digest, sample_sha256=digest_of_sample(path))


def digest_of_sample(path: Path) -> str:
    """The sha256 of evenly spaced blocks of a file, the first and the last among them."""
    digest = hashlib.sha256()
    last = max(0, path.stat().st_size - BLOCK_BYTES)
    with path.open("rb") as stream:
        for place in sorted({last * i // (BLOCKS - 1) for i in range(BLOCKS)}):
            stream.seek(place)
            digest.update(stream.read(BLOCK_BYTES))
    return digest.hexdigest()
