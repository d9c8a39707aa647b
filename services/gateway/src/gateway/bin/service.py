"""The bin: deleted pictures leave the collection at once, and can be had back as they were for some time."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from servicekit.errors import Kind, ServiceError
from servicekit.records import VectorRecord

from gateway.pictures.hidden import Entry, HiddenPictures
from gateway.pictures.ingest import Ingest, Upload
from gateway.pictures.schemas import Details
from gateway.pictures.storage import PREFIX, InPlace, MediaStore
from gateway.upstream.search import SearchClient


class Restored(NamedTuple):
    """Ids of pictures that are in the collection again, and, by id, why others are not."""

    ids: list[str]
    failed: dict[str, ServiceError]


class Bin:
    """Deletes pictures and restores them; all methods can be repeated after a crash."""

    def __init__(
        self,
        binned: HiddenPictures,
        search: SearchClient,
        library: InPlace,
        media: MediaStore,
        ingest: Ingest,
        keep_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use the bin's table.

        Args:
            binned: the pictures in the bin.
            search: the collection.
            library: remembers what was deleted, so that no scan adds it again.
            media: the picture files.
            ingest: adds pictures again whose vectors are of another model than the collection's.
            keep_s: seconds after which a deleted picture is forgotten; 0: at once.
            clock: seconds since 1970.
        """
        self._binned, self._search, self._library = binned, search, library
        self._media, self._ingest = media, ingest
        self.keep_s, self._clock = keep_s, clock

    def delete(self, ids: Sequence[str]) -> set[str]:
        """Move those of some pictures that are in the collection into the bin, and return them."""
        there = sorted(self._search.present(ids))
        # First, so that no scan of the library brings them back.
        self._library.mark_deleted(there)
        deleted = self._binned.hide(there)
        if not self.keep_s:
            self.forget(sorted(deleted))
        return deleted

    def entries(self, count: int, before: tuple[int, str] | None = None) -> list[Entry]:
        """A page of the bin, the latest first; see `HiddenPictures.page`."""
        return self._binned.page(self._due(), count, before)

    def count(self) -> int:
        """How many pictures are in the bin."""
        return self._binned.count(self._due())

    def records(self, ids: Sequence[str]) -> dict[str, VectorRecord]:
        """The records of those of some pictures that are in the bin, by id."""
        return self._binned.records(ids)

    def restore(self, ids: Sequence[str]) -> Restored:
        """Move pictures back into the collection, as they were.

        Raises:
            ServiceError: a service does not answer.
        """
        due = self._due()
        there = {i: entry.record for i, entry in self._binned.entries(ids).items() if entry.hidden_at > due}
        failed = {i: ServiceError(Kind.NOT_FOUND, f"there is no picture {i} in the bin") for i in ids if i not in there}
        for name, record in there.items():
            if not self._media.has(record["media_key"]):
                failed[name] = ServiceError(Kind.NOT_FOUND, f"the file of picture {name} is not where it was")
        wanted = [name for name in there if name not in failed]
        if wanted:
            self._library.unmark_deleted(wanted)
        back = self._binned.show({name: {} for name in wanted})
        for name in wanted:
            if name not in back and (error := self._add(name, there[name])):
                failed[name] = error
        return Restored([name for name in wanted if name not in failed], failed)

    def _add(self, name: str, record: VectorRecord) -> ServiceError | None:
        """Add a picture again, whose vector is of another model; what was said of it comes back with it."""
        kept = self._media.original(record["media_key"])
        with kept.stream:
            content = kept.stream.read()
        in_place = record["media_key"].startswith(PREFIX)
        upload = Upload(record["file_name"], len(content), io.BytesIO(content).read, Details(), in_place)
        (result,) = self._ingest.add([upload])
        return result.error

    def forget(self, ids: Sequence[str]) -> list[str]:
        """Delete those of some pictures for good that are in the bin, with their files, and return them."""
        return [name for part in self._binned.forget(self._clock(), ids=ids) for name in part]

    def make_due(self) -> None:
        """Empty the bin for those who look at it; `forget_due` deletes the files."""
        self._binned.make_due()

    def forget_due(self) -> Iterator[list[str]]:
        """Delete what has been in the bin for long enough, with the files; yield the ids in batches."""
        yield from self._binned.forget(self._due())

    def _due(self) -> float:
        return max(0.0, self._clock() - self.keep_s)
