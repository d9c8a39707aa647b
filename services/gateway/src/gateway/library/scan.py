"""Scan of the library: brings the collection up to date with its folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from servicekit.errors import Kind, ServiceError

from gateway.library.index import Library, Scan, Seen
from gateway.pictures.ingest import Ingest, Upload
from gateway.pictures.schemas import Details
from gateway.pictures.storage import PREFIX, MediaStore
from gateway.upstream.search import SearchClient

# Files in one batch; progress is reported after each batch.
BATCH = 16


def scan(library: Library, ingest: Ingest, search: SearchClient, media: MediaStore, remove: bool) -> Iterator[Scan]:
    """Add new files, and recognise moved files by their content.

    Unchanged files are not read again. A picture that was deleted from the collection stays deleted until its file
    changes.

    Args:
        library: the folders.
        ingest: adds pictures.
        search: the collection.
        media: holds their thumbnails.
        remove: whether to delete pictures whose files are gone from the collection; otherwise they are only counted.

    Raises:
        ServiceError: there is no library, a folder of it is missing, or a service does not answer.
    """
    if not library.folders:
        raise ServiceError(Kind.NOT_FOUND, "there is no library; name its folders in GATEWAY_LIBRARY")
    paths, left_out = library.find()
    state = Scan(total=len(paths) + len(left_out.unread), left_out=left_out.counts)
    for path, why in left_out.unread:
        fail(state, path, why)
    fresh: list[Seen] = []
    for path in paths:
        try:
            if not path.is_file():  # opening a named pipe would block forever
                raise OSError("not a regular file")
            seen = library.look(path)
            if seen is None:
                fresh.append(library.read(path))
            else:
                state.counts["unchanged"] += 1
                state.done += 1
        except OSError as error:
            fail(state, path, error.strerror or str(error))
        if len(fresh) == BATCH:
            add(library, ingest, fresh, state)
            fresh = []
            yield state
        elif state.done % 500 == 0:
            yield state
    add(library, ingest, fresh, state)
    # If a folder could not be read, its files are not treated as deleted.
    for path, picture_id, last in [] if left_out.unread else list(library.gone(paths)):
        state.counts["gone"] += 1
        if remove:
            record = search.lookup([picture_id]).get(picture_id)
            if last and record and record["media_key"] == f"{PREFIX}{picture_id}":
                media.delete(picture_id, record["media_key"])
                search.delete(picture_id)
            # Last, so that after a crash the next scan still sees the file as gone and completes the deletion.
            library.forget(path)
    yield state


def add(library: Library, ingest: Ingest, fresh: list[Seen], state: Scan) -> None:
    """Add files to the collection, and store their entries and the results.

    Args:
        library: stores the entry of each file that was added.
        ingest: adds the pictures.
        fresh: the files.
        state: receives the results.
    """
    uploads = [
        Upload(name(library, seen.path), seen.size, seen.path.read_bytes, Details(), in_place=True) for seen in fresh
    ]
    for seen, result in zip(fresh, ingest.add(uploads), strict=True):
        if result.error:
            fail(state, seen.path, result.error.detail)
        else:
            # Only after the record is written: after a crash in between, the next scan adds the file again.
            # By the content that was added: the file may have changed since it was found, and is read again then.
            library.remember(seen._replace(id=result.id or seen.id))
            state.counts[result.status] += 1
            state.done += 1


def fail(state: Scan, path: Path, why: str) -> None:
    """Count and list a file that cannot be added."""
    state.counts["failed"] += 1
    state.done += 1
    state.failed.append({"file": shown(path), "reason": why})


def name(library: Library, path: Path) -> str:
    """A file's path relative to its folder: it is shown, and full-text search finds its words."""
    for folder in library.folders:
        if path.is_relative_to(folder):
            return "".join(c for c in shown(path.relative_to(folder)) if c.isprintable())[-255:]
    return shown(Path(path.name))


def shown(path: Path) -> str:
    """A path as text: bytes that are not UTF-8, which JSON cannot hold, are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
