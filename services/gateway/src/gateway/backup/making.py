"""Makes a backup while the system runs: every picture and key whose addition was acknowledged before it began.

What changes meanwhile is in the backup as it was before or after the change.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NamedTuple

from servicekit.records import VectorRecord
from tqdm import tqdm

from gateway.backup.archive import FORMAT, MEDIA, Archive, BackupError, Manifest, name_now
from gateway.backup.record import note_backup
from gateway.backup.state import rows_of
from gateway.database import Database, batched
from gateway.library.index import FILES
from gateway.pictures.hidden import BIN, HIDDEN
from gateway.pictures.object_store import ObjectStore
from gateway.pictures.quarantine import FOLDER as QUARANTINE
from gateway.pictures.storage import FILE, PREFIX, picture_id, shards
from gateway.upstream.copying import batch_of, batches
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

# Ids in one question to the search service.
BATCH = 1000


class System(NamedTuple):
    """What a backup is made of, and restored into."""

    search: SearchClient
    database: Database
    media: ObjectStore


def make(system: System, archive: Archive, may_be_empty: bool = False) -> tuple[str, Manifest]:
    """Make a backup; picture files that another backup of the archive holds are not copied again.

    Args:
        system: the system.
        archive: where to.
        may_be_empty: whether a system without pictures is backed up although the latest backup has some: it may have
            lost them.

    Returns:
        Its name, and what it holds.

    Raises:
        BackupError: the system is empty, another model began to serve meanwhile, or what was written cannot be read.
        ServiceError: a service does not answer, or no space is left.
    """
    if not may_be_empty and not system.search.stats()["count"] and (names := archive.names()):
        held = archive.manifest(names[-1]).pictures
        if held:
            raise BackupError(
                f"the system holds no pictures, and backup {names[-1]} has {held}: restore that one first"
            )
    name = name_now()
    try:
        manifest = written(system, archive, name)
        archive.complete(name, manifest)
    except BaseException:
        # It would take room from the next try.
        archive.discard(name)
        raise
    note_backup(system.database, name, manifest.began_at)
    return name, manifest


def written(system: System, archive: Archive, name: str) -> Manifest:
    """Write all parts of a backup but the manifest, which is returned; see `make`."""
    began = datetime.now(UTC)
    former, _, _ = system.search.export("", 1)
    states = list(archive.write(name, "state", rows_of(system.database)))
    catalogue = list(archive.write(name, "catalogue", records(system.search)))
    model_id, dim, _ = system.search.export("", 1)
    if former not in (None, model_id):
        raise BackupError("another model has begun to serve meanwhile; begin again")
    # Once more: a picture that was put into the bin meanwhile would be in neither.
    hidden = rows_of(system.database, (BIN.name, HIDDEN.name))
    states += archive.write(name, "state", hidden, number=len(states))
    copying = Copying(system.media, archive.store)
    lacking: dict[str, str] = {}
    exported: set[str] = set()
    bar = tqdm(total=sum(part.lines for part in catalogue), unit="picture", desc="files", disable=None)
    for record in archive.lines(name, catalogue, "catalogue"):
        exported.add(record["id"])
        if not copying.copy_of(record):
            lacking[record["id"]] = record["media_key"]
        bar.update()
    bar.close()
    # Files of pictures in the bin, and what could not be added.
    for key in keys_of(system.media):
        copying.copy(key)
    known = {match[1] for key in copying.keys if (match := FILE.fullmatch(key.rpartition("/")[2]))}
    known |= {line["row"]["id"] for line in archive.lines(name, states, "state") if line["table"] == FILES.name}
    late = list(archive.write(name, "late", came_back(system.search, sorted(known - exported))))
    for record in archive.lines(name, late, "late"):
        if not copying.copy_of(record):
            lacking[record["id"]] = record["media_key"]
    there: set[str] = set()
    for part in batched(list(lacking), BATCH):
        there |= system.search.present(part)
    gone = [picture for picture in lacking if picture not in there]
    return Manifest(
        format=FORMAT,
        release=version("sightline-gateway"),
        began_at=began,
        ended_at=datetime.now(UTC),
        model_id=model_id,
        dim=dim,
        pictures=sum(part.lines for part in [*catalogue, *late]) - len(gone),
        files=len(copying.keys),
        gone=gone,
        missing=[key for picture, key in lacking.items() if picture in there],
        damaged=copying.damaged,
        parts=[*states, *catalogue, *late, *archive.write(name, "media", sorted(copying.keys))],
    )


def came_back(search: SearchClient, ids: Sequence[str]) -> Iterator[VectorRecord]:
    """The records of those of some pictures that are in the collection.

    Of the pictures that the system knows and the export lacks: one that was deleted, passed over and restored while
    the backup was made would be in none of its parts.
    """
    for part in batched(ids, batch_of(1)):
        yield from sorted(search.export_of(part)[1], key=lambda record: record["id"])


def records(search: SearchClient) -> Iterator[VectorRecord]:
    """Every record of a collection, with its vector and what is written in the picture, ordered by id."""
    with tqdm(total=search.stats()["count"], unit="picture", desc="records", disable=None) as bar:
        for _, _, batch in batches(search):
            yield from batch
            bar.update(len(batch))


class Copying:
    """Copies picture files into an archive, each once."""

    def __init__(self, source: ObjectStore, target: ObjectStore) -> None:
        self._source, self._target = source, target
        # Those that the archive holds, and those among them that are not what was added.
        self.keys: set[str] = set()
        self.damaged: list[str] = []

    def copy_of(self, record: VectorRecord) -> bool:
        """Copy a picture's file, unless it is indexed in place; whether nothing is missing."""
        return record["media_key"].startswith(PREFIX) or self.copy(record["media_key"])

    def copy(self, key: str) -> bool:
        """Copy a file, unless the archive has one of this length; whether it has it now."""
        if key in self.keys:
            return True
        place = f"{MEDIA}/{key}"
        try:
            stream, length = self._source.open(key)
            with stream:
                if length_of(self._target, place) != length:
                    content = stream.read()
                    if not is_whole(key, content):
                        self.damaged.append(key)
                    self._target.write(place, content)
        except OSError as error:
            if not isinstance(error, FileNotFoundError):
                log.warning("%s cannot be read: %s", key, error)
            if not self._target.exists(place):  # another backup may have it
                return False
        self.keys.add(key)
        return True


def length_of(store: ObjectStore, key: str) -> int | None:
    """The length of a file in bytes; None if there is none."""
    try:
        stream, length = store.open(key)
    except FileNotFoundError:
        return None
    stream.close()
    return length


def is_whole(key: str, content: bytes) -> bool:
    """Whether a file is what was added, which its name tells; true of what could not be added."""
    match = None if key.startswith(QUARANTINE) else FILE.fullmatch(key.rpartition("/")[2])
    return match is None or match[1] == picture_id(content)


def keys_of(store: ObjectStore) -> Iterator[str]:
    """The keys of all files but thumbnails, which are made again, and of unfinished ones."""
    for shard in shards(store, ""):
        yield from (f"{shard}/{name}" for name in store.names(shard) if FILE.fullmatch(name))
    yield from (f"{QUARANTINE}/{name}" for name in store.names(QUARANTINE))
