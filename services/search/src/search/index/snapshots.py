"""Index snapshots: the files of an index with a manifest. They are derived from the catalogue and can be deleted.

A snapshot is a folder that is written under a temporary name and put in place by an atomic rename; the catalogue names
the one that serves. It holds the vectors (which are the exact index), the catalogue's row of each vector and, for an
approximate kind, the Faiss index.
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
from search.catalogue.tables import ModelEntry
from search.index.approximate import Approximate, IndexKind, build_approximate, read_queries
from search.index.exact import Rows, Vectors

MANIFEST, VECTORS, ROWS, FAISS, QUERIES = "manifest.json", "vectors.f32", "rows.i64", "approximate.faiss", "queries.f32"
# Opening a snapshot checks a sample of each file: this many blocks of this size, including the first and the last.
# Hashing all of a file of gigabytes would delay the start; that happens later, in the background.
BLOCKS, BLOCK_BYTES = 64, 65_536


log = logging.getLogger(__name__)


class SnapshotError(Exception):
    """A snapshot cannot serve; the message names the file and the fault."""


class FileFacts(Wire):
    """The expected size and digests of a file of a snapshot."""

    bytes: int
    sha256: str
    # The digest of the sampled blocks only.
    sample_sha256: str


class Manifest(Wire):
    """The contents of a snapshot and what it was built from."""

    format: Literal[1] = 1
    catalogue: str
    model_id: str
    dim: int
    # The sequence number of the last change that the snapshot contains, and the number of its vectors.
    seq: int
    count: int
    kind: IndexKind
    # recall@10 against the exact index over `queries` text queries; None for the exact index itself.
    recall: float | None = None
    queries: int | None = None
    made_at: str
    files: dict[str, FileFacts]


class Snapshot:
    """An opened snapshot. Vectors and rows are memory maps, whose pages all processes share."""

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
        # An empty file cannot be memory-mapped.
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


def kind_and_queries(folder: Path) -> tuple[IndexKind, Vectors | None]:
    """A snapshot's kind of index, and the text queries (M, dim) that its recall was measured with.

    Works even if other files of the snapshot are damaged. If the manifest or the queries are, the kind is exact.
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
    return IndexKind(), None


def build(
    folder: Path, catalogue: Catalogue, model: ModelEntry, kind: IndexKind | None = None, queries: Vectors | None = None
) -> Manifest:
    """Write a snapshot of the catalogue's current vectors; its name is that of the new folder.

    Args:
        folder: the snapshot's own folder, which must not exist yet.
        catalogue: the source of the vectors.
        model: the model whose vectors to index.
        kind: the kind of index; None for the exact one.
        queries: (M, dim) vectors of text queries, to measure the recall of an approximate kind with.
    """
    making = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    making.mkdir(parents=True)
    try:
        kind = kind or IndexKind()
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
    """Stream vectors and their rows to files, in constant memory; return the files' digests and the vector count."""
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
    """fsync a file or a folder: after a power cut the catalogue must not name a snapshot that is not on disk."""
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
    """The sha256 of evenly spaced blocks of a file, including the first and the last."""
    digest = hashlib.sha256()
    last = max(0, path.stat().st_size - BLOCK_BYTES)
    with path.open("rb") as stream:
        for place in sorted({last * i // (BLOCKS - 1) for i in range(BLOCKS)}):
            stream.seek(place)
            digest.update(stream.read(BLOCK_BYTES))
    return digest.hexdigest()
