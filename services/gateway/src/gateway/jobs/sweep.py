"""Sweep of the picture store: files without a record, which crashes between two steps leave behind.

An original without a record is added again, so that nothing that a client sent is lost: an upload was interrupted, or
an older backup of the catalogue was restored. One that the user deleted is removed, as are thumbnails of pictures that
are no more and the temporary files of interrupted writes. What has been in the bin for long enough is deleted for good.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from gateway.bin.service import Bin
from gateway.database import batched
from gateway.library.index import Library
from gateway.pictures.hidden import HiddenPictures
from gateway.pictures.ingest import Ingest, Upload
from gateway.pictures.object_store import ObjectStore
from gateway.pictures.schemas import Details
from gateway.pictures.storage import FILE, THUMBNAIL_FOLDERS, shards
from gateway.upstream.search import SearchClient

# A younger file may belong to an upload in progress.
GRACE_S = 3600
# Ids in one question to the search service.
BATCH = 1000


@dataclass
class Progress:
    """Progress of a sweep, in folders of the store."""

    total: int
    done: int = 0
    restored: int = 0
    removed: int = 0
    # Pictures of the bin.
    forgotten: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The progress as JSON."""
        return vars(self)


class Sweeper:
    """Sweeps a store; it can be interrupted anywhere, and run again."""

    def __init__(
        self,
        store: ObjectStore,
        search: SearchClient,
        hidden: HiddenPictures,
        binned: Bin,
        library: Library,
        ingest: Ingest,
        grace_s: float = GRACE_S,
    ) -> None:
        self._store, self._search, self._hidden = store, search, hidden
        self._bin, self._library, self._ingest, self._grace_s = binned, library, ingest, grace_s

    def sweep(self) -> Iterator[Progress]:
        """Look at every file of the store.

        Raises:
            ServiceError: a service does not answer, or no space is left.
        """
        folders = [(shard, False) for shard in shards(self._store, "")]
        folders += [(f"{top}/{shard}", True) for top in THUMBNAIL_FOLDERS for shard in shards(self._store, f"{top}/")]
        progress = Progress(len(folders))
        yield progress
        for forgotten in self._bin.forget_due():
            progress.forgotten += len(forgotten)
            yield progress
        for folder, of_thumbnails in folders:
            for name in self._store.leftovers(folder):
                self._remove(f"{folder}/{name}", progress)
            files = [(match[1], name) for name in self._store.names(folder) if (match := FILE.fullmatch(name))]
            for part in batched(files, BATCH):
                ids = sorted({picture_id for picture_id, _ in part})
                known = self._search.present(ids) | self._hidden.present(ids) | self._bin.records(ids).keys()
                for picture_id, name in part:
                    if picture_id in known:
                        continue
                    if of_thumbnails:
                        self._remove(f"{folder}/{name}", progress)
                    else:
                        self._settle(picture_id, f"{folder}/{name}", progress)
            progress.done += 1
            yield progress

    def _is_old(self, key: str) -> bool:
        try:
            return self._store.age_s(key) >= self._grace_s
        except FileNotFoundError:
            return False

    def _remove(self, key: str, progress: Progress) -> None:
        if self._is_old(key):
            self._store.delete(key)
            progress.removed += 1

    def _settle(self, picture_id: str, key: str, progress: Progress) -> None:
        """Add an original without a record, or remove it if the user deleted its picture."""
        if not self._is_old(key):
            return
        with suppress(FileNotFoundError), self._store.open(key)[0] as stream:
            content = stream.read()
            if self._library.deleted([picture_id]):
                self._remove(key, progress)
                if self._search.present([picture_id]):  # it was uploaded again meanwhile
                    self._store.write(key, content)
                return
            upload = Upload(key.rpartition("/")[2], len(content), lambda: content, Details())
            for result in self._ingest.add([upload]):
                if result.error:
                    progress.failed.append({"id": picture_id, "detail": result.error.detail})
                else:
                    progress.restored += 1
