"""Scan of the library: brings the collection up to date with its folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from servicekit.errors import Kind, ServiceError
from servicekit.records import Record

from gateway.library.index import Library, Scan, Seen
from gateway.pictures import exif
from gateway.pictures.ingest import Ingest, Upload
from gateway.pictures.schemas import Details
from gateway.pictures.storage import PREFIX, MediaStore
from gateway.upstream.search import SearchClient

# Files in one batch; progress is reported after each batch.
BATCH = 16


def scan(library: Library, ingest: Ingest, search: SearchClient, media: MediaStore, remove: bool) -> Iterator[Scan]:
    """Add new files, and recognise moved files by their content.

    Unchanged files are not read again. An edited file passes its caption and tags on to its new content, and the former
    content goes unless another file holds it. A picture that the user deleted stays deleted, by its content. A picture
    whose file was moved or renamed gets the new name.

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
    fresh: list[Change] = []
    for path in paths:
        try:
            if not path.is_file():  # opening a named pipe would block forever
                raise OSError("not a regular file")
            seen = library.look(path)
            if seen is None:
                fresh.append(Change(library.read(path), library.known(path)))
            else:
                state.counts["unchanged"] += 1
                state.done += 1
        except OSError as error:
            fail(state, path, error.strerror or str(error))
        if len(fresh) == BATCH:
            add(library, ingest, search, media, fresh, state)
            fresh = []
            yield state
        elif state.done % 500 == 0:
            yield state
    add(library, ingest, search, media, fresh, state)
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


class Change(NamedTuple):
    """A file that is new or has changed: as it is now, and its entry of before."""

    now: Seen
    before: Seen | None

    @property
    def former_id(self) -> str | None:
        """The picture that the file held before it was edited in place."""
        return self.before.id if self.before and self.before.id != self.now.id else None


def add(
    library: Library, ingest: Ingest, search: SearchClient, media: MediaStore, fresh: list[Change], state: Scan
) -> None:
    """Add files to the collection, and store their entries and the results.

    Args:
        library: stores the entry of each file that was added.
        ingest: adds the pictures.
        search: the collection.
        media: holds the thumbnails.
        fresh: the files.
        state: receives the results.
    """
    wanted: list[Change] = []
    for change in fresh:
        if library.is_deleted(change.now.id):
            library.remember(change.now)
            state.counts["deleted"] += 1
            state.done += 1
        else:
            wanted.append(change)
    ids = {change.now.id for change in wanted} | {c.former_id for c in wanted if c.former_id}
    records = search.lookup(sorted(ids))
    uploads = [
        Upload(
            name(library, change.now.path),
            change.now.size,
            change.now.path.read_bytes,
            said_of(records.get(change.former_id or "")),
            in_place=True,
        )
        for change in wanted
    ]
    for change, result in zip(wanted, ingest.add(uploads), strict=True):
        if result.error:
            fail(state, change.now.path, result.error.detail)
            continue
        # By the content that was added: the file may have changed since it was found, and is read again then.
        now = change.now._replace(id=result.id or change.now.id)
        if former := records.get(change.former_id or ""):
            discard(library, search, media, former, now.path)
        elif result.status == "exists":
            rename(library, search, records.get(now.id), now.path)
        # Only after the record is written: after a crash in between, the next scan handles the file again.
        library.remember(now)
        state.counts[result.status] += 1
        state.done += 1


def said_of(former: Record | None) -> Details:
    """What an edited file passes on: what was said of its former content, without what cameras write."""
    if former is None:
        return Details()
    attributes = {k: v for k, v in former["attributes"].items() if k not in exif.NAMES}
    return Details(
        caption=former["caption"], tags=list(former["tags"]), attributes=attributes, taken_at=former["taken_at"]
    )


def discard(library: Library, search: SearchClient, media: MediaStore, former: Record, edited: Path) -> None:
    """Delete the picture that a file held before it was edited, unless another file or the store holds it."""
    others = [path for path in library.files_of(former["id"]) if path != edited]
    if not others and former["media_key"] == f"{PREFIX}{former['id']}":
        media.delete(former["id"], former["media_key"])
        search.delete(former["id"])


def rename(library: Library, search: SearchClient, record: Record | None, path: Path) -> None:
    """Give the record of a moved file its new name, unless a file of the recorded name still holds the picture."""
    if record is None or record["media_key"] != f"{PREFIX}{record['id']}":
        return
    held = {name(library, other) for other in library.files_of(record["id"])}
    if record["file_name"] not in held:
        search.edit(record["id"], {"file_name": name(library, path)})


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
