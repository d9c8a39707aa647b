"""Adds files of the library to the collection, and hands on what was said of pictures when their files change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from servicekit.errors import Kind, ServiceError
from servicekit.records import NewRecord

from gateway.database import batched
from gateway.library.faults import Fault
from gateway.library.folders import Seen
from gateway.library.index import Library
from gateway.pictures import corrections, metadata
from gateway.pictures.hidden import HiddenPictures
from gateway.pictures.ingest import Ingest, IngestResult, Upload, own_words
from gateway.pictures.schemas import Details
from gateway.pictures.storage import PREFIX
from gateway.upstream.search import SearchClient

# Pictures in one request to the search service.
BATCH = 200


class Results(Protocol):
    """Receives the results."""

    def count(self, result: str) -> None: ...
    def fail(self, path: Path, fault: Fault | Kind, why: str) -> None: ...
    def note(self, path: Path, fault: Fault | Kind, why: str) -> None: ...


class Change(NamedTuple):
    """A file that is new, has changed or is back: as it is now, its entry of before, and its sidecar."""

    now: Seen
    before: Seen | None
    sidecar: Path | None

    @property
    def former_id(self) -> str | None:
        """The picture that the file held before it was edited in place."""
        edited = self.before and self.before.id != self.now.id and self.before.gone_at is None
        return self.before.id if self.before and edited else None


class Adding:
    """Adds files to the collection, and stores their entries and the results."""

    def __init__(
        self, library: Library, ingest: Ingest, search: SearchClient, hidden: HiddenPictures, results: Results
    ) -> None:
        """Over the collaborators of a scan.

        Args:
            library: stores the entry of each file that was added.
            ingest: adds the pictures.
            search: the collection.
            hidden: the pictures that are hidden.
            results: receives the results.
        """
        self._library, self._ingest, self._search, self._hidden = library, ingest, search, hidden
        self._results = results
        # Pictures that were in the collection already when a file of theirs was found.
        self._existing: set[str] = set()

    def add(self, changes: Sequence[Change], held: Set[str] = frozenset()) -> None:
        """Add files that are new, have changed or are back.

        Args:
            changes: the files.
            held: the contents of all files that were found. A file whose former content is not held was edited: it
                passes on what was said of it, and its former content is hidden.
        """
        deleted = self._library.deleted({change.now.id for change in changes})
        wanted = [change for change in changes if change.now.id not in deleted]
        ids = {change.now.id for change in changes} | {c.former_id for c in changes if c.former_id}
        records = self._search.lookup(sorted(ids))
        former_ids = {c.former_id for c in changes if c.former_id} - held
        # Hidden already if the file could not be read when it was first seen after the edit.
        former_records = {**self._hidden.records(former_ids - records.keys()), **records}
        formers = {
            change.now.path: former_records[change.former_id]
            for change in changes
            if change.former_id in former_ids and change.former_id in former_records
        }
        shown = self._show(c for c in wanted if c.now.id not in records and c.now.path not in formers)
        others = [change for change in wanted if change.now.id not in shown]
        sidecars = {change.now.path: self._read(change.sidecar) for change in others if change.sidecar}
        uploads = [self._upload(c, formers.get(c.now.path), sidecars.get(c.now.path)) for c in others]
        results = dict(zip((c.now.path for c in others), self._ingest.add(uploads), strict=True))
        results |= {c.now.path: IngestResult("back", c.now.id) for c in wanted if c.now.id in shown}
        for change in changes:
            result = results.get(change.now.path)
            if result and result.error:
                self._results.fail(change.now.path, result.error.kind, result.error.detail)
                if former := formers.get(change.now.path):
                    self.hide([former["id"]])
                if change.before and change.before.gone_at is None:
                    self._library.remember(change.before._replace(unreadable=1))
                continue
            # By the content that was added: the file may have changed since it was found, and is read again then.
            now = change.now._replace(id=result.id or change.now.id) if result else change.now
            if (former := formers.get(now.path)) and former["id"] != now.id:
                if result and result.status == "exists":
                    self._complete(now.id, former)
                self.hide([former["id"]])
            if result and result.status in ("exists", "back") and self._may_say_otherwise(change, now):
                self._read_again(change, sidecars)
            # Only after the record is written: after a crash in between, the next scan handles the file again.
            self._library.remember(now)
            if result and result.status != "added":
                self._existing.add(now.id)
            self._results.count(result.status if result else "deleted")

    def _show(self, changes: Iterable[Change]) -> set[str]:
        """Show those pictures again that are hidden; the ids of those that need not be added."""
        return self._hidden.show({c.now.id: {"file_name": self._library.folders.name(c.now.path)} for c in changes})

    def _upload(self, change: Change, former: NewRecord | None, sidecar: metadata.Description | None) -> Upload:
        path = change.now.path
        name = self._library.folders.name(path)
        return Upload(name, change.now.size, path.read_bytes, Details(), True, former, sidecar)

    def _read(self, sidecar: Path) -> metadata.Description | None:
        """What a sidecar says; what is wrong with it is reported, and the picture is added without it."""
        try:
            if not sidecar.is_file():  # reading a named pipe would block forever
                self._results.note(sidecar, Fault.IRREGULAR, "not a regular file")
                return None
            with sidecar.open("rb") as stream:
                return metadata.from_xmp(stream.read(metadata.LARGEST_SIDECAR + 1))
        except OSError as error:
            self._results.note(sidecar, Fault.UNREADABLE, error.strerror or str(error))
        except ServiceError as error:
            self._results.note(sidecar, Fault.SIDECAR, error.detail)
        return None

    def _may_say_otherwise(self, change: Change, now: Seen) -> bool:
        """Whether a picture that was there has a file with a sidecar that it was not read with."""
        before = change.before
        other_sidecar = before is not None and before.id == now.id and before.sidecar_ns != now.sidecar_ns
        return other_sidecar or not self._library.was_read(now)

    def _read_again(self, change: Change, sidecars: Mapping[Path, metadata.Description | None]) -> None:
        """Bring a record up to date with its file and sidecar; a sidecar that cannot be read changes nothing."""
        picture_id, path, sidecar = change.now.id, change.now.path, change.sidecar
        # A file without a sidecar may be the copy of one that has one.
        copies = [p for p in self._library.files_of(picture_id) if p != path and p.exists()] if not sidecar else []
        sidecar = sidecar or next(filter(None, map(self._library.folders.sidecar, copies)), None)
        says = sidecars[path] if path in sidecars else self._read(sidecar) if sidecar else None
        record = self._search.lookup([picture_id]).get(picture_id)
        if record is None or (sidecar and says is None):
            return
        try:
            now = self._ingest.description(path.read_bytes(), says)
        except (OSError, ServiceError):
            return  # the file has changed as well: the next scan handles it
        if changes := metadata.applied(record, now):
            with suppress_not_found():
                self._search.edit(picture_id, changes)

    def _complete(self, picture_id: str, former: NewRecord) -> None:
        """Give a picture that was in the collection already what was said of the former content, where it lacks it."""
        record = self._search.lookup([picture_id]).get(picture_id)
        if record is None:
            return
        said = own_words(former)
        changes: dict[str, Any] = {}
        if said.caption and not record["caption"]:
            changes["caption"] = said.caption
        if said.tags and not record["tags"]:
            changes["tags"] = said.tags
        present = record["attributes"].keys() | corrections.SAID_BY_FILES
        if lacking := {k: v for k, v in said.attributes.items() if k not in present}:
            changes["attributes"] = metadata.within_limit(record["attributes"], lacking)
        if changes:
            with suppress_not_found():
                self._search.edit(picture_id, changes)

    def hide(self, ids: Sequence[str]) -> None:
        """Hide pictures that no file of the library holds any more, unless the store has a copy; at most BATCH."""
        records = self._search.lookup(list(ids)).values()
        self._hidden.hide(r["id"] for r in records if r["media_key"] == f"{PREFIX}{r['id']}")

    def rename(self, ids: Set[str], gone: Set[Path] = frozenset()) -> None:
        """Give records of pictures the name of a file that holds them, unless they have the name of one.

        At the end of a scan, when the entries of all files are stored.

        Args:
            ids: pictures of which one file has gone or was edited, and another one is there.
            gone: files that have gone, whose entries do not say so yet.
        """
        for part in batched(sorted(ids | self._existing), BATCH):
            for picture_id, record in self._search.lookup(part).items():
                if record["media_key"] != f"{PREFIX}{picture_id}":
                    continue
                files = [path for path in self._library.files_of(picture_id) if path not in gone]
                names = [self._library.folders.name(path) for path in files]
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
