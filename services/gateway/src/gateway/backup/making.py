"""Makes a backup while the system runs: every picture and key whose addition was acknowledged before it began.

What changes meanwhile is in the backup as it was before or after the change.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import NamedTuple

from servicekit.records import VectorRecord
from tqdm import tqdm

from gateway.backup.archive import FORMAT, MEDIA, Archive, BackupError, Manifest, name_now
from gateway.backup.record import note_backup
from gateway.backup.state import rows_of
from gateway.database import Database, batched
from gateway.pictures.hidden import BIN, HIDDEN
from gateway.pictures.object_store import ObjectStore
from gateway.pictures.quarantine import FOLDER as QUARANTINE
from gateway.pictures.storage import FILE, PREFIX, picture_id, shards
from gateway.upstream.copying import batches
from gateway.upstream.search import SearchClient

# Ids in one question to the search service.
BATCH = 1000


class System(NamedTuple):
    """What a backup is made of, and restored into."""

    search: SearchClient
    database: Database
    media: ObjectStore


def make(system: System, archive: Archive) -> tuple[str, Manifest]:
    """Make a backup; picture files that another backup of the archive holds are not copied again.

    Returns:
        Its name, and what it holds.

    Raises:
        BackupError: another model began to serve meanwhile, or what was just written cannot be read.
        ServiceError: a service does not answer, or no space is left.
    """
    name, began = name_now(), datetime.now(UTC)
    model_id, dim, _ = system.search.export("", 1)
    states = list(archive.write(name, "state", rows_of(system.database)))
    catalogue = list(archive.write(name, "catalogue", records(system.search)))
    former, (model_id, dim, _) = model_id, system.search.export("", 1)
    if former not in (None, model_id):
        raise BackupError("another model has begun to serve meanwhile; begin again")
    # Once more: a picture that was put into the bin meanwhile would be in neither.
    late = rows_of(system.database, (BIN.name, HIDDEN.name))
    states += archive.write(name, "state", late, number=len(states))
    copied = Copying(system.media, archive.store)
    lacking: list[tuple[str, str]] = []
    pictures = 0
    bar = tqdm(total=sum(part.lines for part in catalogue), unit="picture", desc="files", disable=None)
    for record in archive.lines(name, catalogue, "catalogue"):
        pictures += 1
        key = record["media_key"]
        if not key.startswith(PREFIX) and not copied.copy(key):
            lacking.append((record["id"], key))
        bar.update()
    bar.close()
    # Files of pictures in the bin, and what could not be added.
    for key in keys_of(system.media):
        copied.copy(key)
    there: set[str] = set()
    for part in batched([picture for picture, _ in lacking], BATCH):
        there |= system.search.present(part)
    gone = [picture for picture, _ in lacking if picture not in there]
    manifest = Manifest(
        format=FORMAT,
        release=version("sightline-gateway"),
        began_at=began,
        ended_at=datetime.now(UTC),
        model_id=model_id,
        dim=dim,
        pictures=pictures - len(gone),
        files=len(copied.keys),
        gone=gone,
        missing=[key for picture, key in lacking if picture in there],
        damaged=copied.damaged,
        parts=[*states, *catalogue, *archive.write(name, "media", sorted(copied.keys))],
    )
    archive.complete(name, manifest)
    note_backup(system.database, name, began)
    return name, manifest


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

    def copy(self, key: str) -> bool:
        """Copy a file, unless the archive has it; whether it has it now."""
        if key in self.keys:
            return True
        place = f"{MEDIA}/{key}"
        if not self._target.exists(place):
            try:
                stream, _ = self._source.open(key)
            except FileNotFoundError:
                return False
            with stream:
                content = stream.read()
            if not is_whole(key, content):
                self.damaged.append(key)
            self._target.write(place, content)
        self.keys.add(key)
        return True


def is_whole(key: str, content: bytes) -> bool:
    """Whether a file is what was added, which its name tells."""
    match = FILE.fullmatch(key.rpartition("/")[2])
    return match is None or match[1] == picture_id(content)


def keys_of(store: ObjectStore) -> Iterator[str]:
    """The keys of all files but thumbnails, which are made again, and of unfinished ones."""
    for shard in shards(store, ""):
        yield from (f"{shard}/{name}" for name in store.names(shard) if FILE.fullmatch(name))
    yield from (f"{QUARANTINE}/{name}" for name in store.names(QUARANTINE))
