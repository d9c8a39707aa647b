"""Scan of the library: brings the collection up to date with its folders."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from servicekit.errors import Kind, ServiceError
from servicekit.records import Record

from gateway.library.index import Library, Scan, Seen, batched, shown
from gateway.pictures import exif
from gateway.pictures.ingest import Ingest, Upload
from gateway.pictures.schemas import Details
from gateway.pictures.storage import PREFIX, MediaStore
from gateway.upstream.search import SearchClient

# Files in one batch; progress is reported after each batch.
BATCH = 16
# Files that could not be read that are listed; all are counted.
MOST_LISTED = 500


def scan(
    library: Library,
    ingest: Ingest,
    search: SearchClient,
    media: MediaStore,
    remove: bool,
    scope: Sequence[Path] | None = None,
) -> Iterator[Scan]:
    """Add new files, and recognise moved files by their content.

    Unchanged files are not read again. An edited file passes its caption and tags on to its new content, and the former
    content goes unless another file holds it. A picture that the user deleted stays deleted, by its content. A picture
    whose file was moved or renamed gets the new name. The files that changed last come first.

    Args:
        library: the folders.
        ingest: adds pictures.
        search: the collection.
        media: holds their thumbnails.
        remove: whether to delete pictures whose files are gone from the collection; otherwise they are only counted.
        scope: the files and folders to look at; None for everything.

    Raises:
        ServiceError: there is no library, a folder of it is missing, or a service does not answer.
    """
    if not library.folders:
        raise ServiceError(Kind.NOT_FOUND, "there is no library; name its folders in GATEWAY_LIBRARY")
    state = Scan()
    yield state
    paths, left_out = library.find(scope)
    state.total, state.left_out = len(paths) + len(left_out.unread), left_out.counts
    for path, why in left_out.unread:
        fail(state, path, why)
    entries = library.entries(scope)
    # Whether the content of every file is known; otherwise nothing counts as gone.
    complete = not left_out.unread
    changed: list[tuple[int, Path]] = []
    for path in paths:
        try:
            facts = path.stat()
        except OSError as error:
            fail(state, path, error.strerror or str(error))
            complete = complete and path in entries
            continue
        before = entries.get(path)
        if not stat.S_ISREG(facts.st_mode):  # opening a named pipe would block forever
            fail(state, path, "not a regular file")
        elif before and (before.size, before.mtime_ns) == (facts.st_size, facts.st_mtime_ns):
            state.counts["unchanged"] += 1
            state.done += 1
        else:
            changed.append((facts.st_mtime_ns, path))
    yield state
    adding = Adding(library, ingest, search, media, state)
    fresh: list[Change] = []
    # Edited files come last: only then is it known whether another file holds their former content.
    edited: list[Change] = []
    for _, path in sorted(changed, reverse=True):
        try:
            change = Change(library.read(path), entries.get(path))
            (edited if change.former_id else fresh).append(change)
        except OSError as error:
            fail(state, path, error.strerror or str(error))
            complete = complete and path in entries
        if len(fresh) == BATCH:
            adding.add(fresh, frozenset())
            fresh = []
            yield state
    adding.add(fresh, frozenset())
    yield state
    found = frozenset(paths)
    # A file that came after the search for files may have been added by another scan.
    gone = [seen for path, seen in entries.items() if path not in found and library.is_gone(path)]
    changing = {change.now.path for change in edited} | {seen.path for seen in gone}
    former = {change.former_id for change in edited if change.former_id} | {seen.id for seen in gone}
    held = library.held(former, except_for=changing) | {change.now.id for change in edited}
    for start in range(0, len(edited), BATCH):
        adding.add(edited[start : start + BATCH], held if complete else None)
        yield state
    adding.rename(held)
    for seen in gone:
        state.counts["gone"] += 1
        if remove and complete:
            if seen.id not in held:
                adding.discard(search.lookup([seen.id]).get(seen.id))
            # Last, so that after a crash the next scan still sees the file as gone and completes the deletion.
            library.forget(seen.path)
    yield state


class Change(NamedTuple):
    """A file that is new or has changed: as it is now, and its entry of before."""

    now: Seen
    before: Seen | None

    @property
    def former_id(self) -> str | None:
        """The picture that the file held before it was edited in place."""
        return self.before.id if self.before and self.before.id != self.now.id else None


class Adding:
    """Adds files to the collection, and stores their entries and the results."""

    def __init__(self, library: Library, ingest: Ingest, search: SearchClient, media: MediaStore, state: Scan) -> None:
        """Over the collaborators of a scan.

        Args:
            library: stores the entry of each file that was added.
            ingest: adds the pictures.
            search: the collection.
            media: holds the thumbnails.
            state: receives the results.
        """
        self._library, self._ingest, self._search, self._media = library, ingest, search, media
        self._state = state
        # Pictures that were in the collection already when a file of theirs was found.
        self._existing: set[str] = set()

    def add(self, changes: Sequence[Change], held: Set[str] | None) -> None:
        """Add files that are new or have changed.

        Args:
            changes: the files.
            held: the contents of all files that were found; None if some are unknown. A file whose former content is
                not held was edited: it passes on what was said of it, and its former content is deleted.
        """
        deleted = self._library.deleted({change.now.id for change in changes})
        wanted = [change for change in changes if change.now.id not in deleted]
        ids = {change.now.id for change in changes} | {c.former_id for c in changes if c.former_id}
        records = self._search.lookup(sorted(ids))
        formers = {
            change.now.path: records.get(change.former_id or "")
            for change in changes
            if held is not None and change.former_id not in held
        }
        uploads = [self._upload(change.now, formers.get(change.now.path)) for change in wanted]
        results = dict(zip((c.now.path for c in wanted), self._ingest.add(uploads), strict=True))
        for change in changes:
            result = results.get(change.now.path)
            if result and result.error:
                fail(self._state, change.now.path, result.error.detail)
                continue
            # By the content that was added: the file may have changed since it was found, and is read again then.
            now = change.now._replace(id=result.id or change.now.id) if result else change.now
            if (former := formers.get(now.path)) and former["id"] != now.id:
                if result and result.status == "exists":
                    self._complete(now.id, former)
                self.discard(former)
            if held is not None or not change.former_id:
                # Only after the record is written: after a crash in between, the next scan handles the file again.
                self._library.remember(now)
            if result and result.status == "exists":
                self._existing.add(now.id)
            self._state.counts[result.status if result else "deleted"] += 1
            self._state.done += 1

    def _upload(self, file: Seen, former: Record | None) -> Upload:
        """A file to add, with what was said of its former content."""
        details = self._said(former) if former else Details()
        return Upload(
            name(self._library, file.path),
            file.size,
            file.path.read_bytes,
            details,
            in_place=True,
            taken_at=former and former["taken_at"],
        )

    def _complete(self, picture_id: str, former: Record) -> None:
        """Give a picture that was in the collection already what was said of the former content, where it lacks it."""
        record = self._search.lookup([picture_id]).get(picture_id)
        said = self._said(former)
        if record is None:
            return
        changes: dict[str, Any] = {}
        if said.caption and not record["caption"]:
            changes["caption"] = said.caption
        if said.tags and not record["tags"]:
            changes["tags"] = said.tags
        if lacking := {k: v for k, v in said.attributes.items() if k not in record["attributes"]}:
            changes["attributes"] = {**record["attributes"], **lacking}
        if changes:
            with suppress_not_found():
                self._search.edit(picture_id, changes)

    def _said(self, former: Record) -> Details:
        """What was said of a picture, without what cameras write."""
        attributes = {k: v for k, v in former["attributes"].items() if k not in exif.NAMES}
        return Details(caption=former["caption"], tags=list(former["tags"]), attributes=attributes)

    def discard(self, record: Record | None) -> None:
        """Delete a picture that no file of the library holds any more, unless the store has a copy."""
        if record and record["media_key"] == f"{PREFIX}{record['id']}":
            self._media.delete(record["id"], record["media_key"])
            with suppress_not_found():
                self._search.delete(record["id"])

    def rename(self, ids: Set[str]) -> None:
        """Give records of pictures the name of a file that holds them, unless they have the name of one.

        At the end of a scan, when the entries of all files are stored.

        Args:
            ids: pictures of which one file has gone or was edited, and another one is there.
        """
        for part in batched(sorted(ids | self._existing), BATCH):
            for picture_id, record in self._search.lookup(part).items():
                if record["media_key"] != f"{PREFIX}{picture_id}":
                    continue
                names = [name(self._library, path) for path in self._library.files_of(picture_id)]
                if names and record["file_name"] not in names:
                    with suppress_not_found():
                        self._search.edit(picture_id, {"file_name": names[0]})


@contextmanager
def suppress_not_found() -> Iterator[None]:
    """Ignore that a picture is gone: the user, or another scan, deleted it meanwhile."""
    try:
        yield
    except ServiceError as error:
        if error.kind is not Kind.NOT_FOUND:
            raise


def fail(state: Scan, path: Path, why: str) -> None:
    """Count and list a file that cannot be added."""
    state.counts["failed"] += 1
    state.done += 1
    if len(state.failed) < MOST_LISTED:
        state.failed.append({"file": shown(path), "reason": why})


def name(library: Library, path: Path) -> str:
    """A file's path relative to its folder: it is shown, and full-text search finds its words."""
    for folder in library.folders:
        if path.is_relative_to(folder):
            return "".join(c for c in shown(path.relative_to(folder)) if c.isprintable())[-255:]
    return shown(Path(path.name))
