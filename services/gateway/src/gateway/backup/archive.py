"""The format of backups: a folder, or any store that can hold pictures, with several backups that share picture files.

backups/20261128T140000.123Z/catalogue-00000.jsonl.gz   records, with vectors and what is written in the pictures
backups/20261128T140000.123Z/state-00000.jsonl.gz       rows of the state database
backups/20261128T140000.123Z/media-00000.jsonl.gz       keys of the picture files
backups/20261128T140000.123Z/late-00000.jsonl.gz        records of pictures that came out of the bin meanwhile
backups/20261128T140000.123Z/backup.json                the manifest; it is written last, and makes the backup complete
media/ab/abcdef….jpg                                    picture files, under the keys that they have in the system
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.pictures.object_store import ObjectStore

FORMAT = 1
FOLDER, MEDIA, MANIFEST = "backups", "media", "backup.json"
# A picture's line has about 2.5 kB for a vector of 384 numbers.
LINES = 2000
Kind = Literal["catalogue", "late", "state", "media"]
# A folder without a manifest, or a picture file that no backup names, may belong to one that is being made, unless it
# is older than this.
GRACE_S = timedelta(days=1).total_seconds()


class BackupError(Exception):
    """A backup cannot be made, read or restored; the message has the reason and what to do."""


class Part(BaseModel):
    """A file of lines of JSON, compressed."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    name: str
    sha256: str
    lines: int


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    format: int
    release: str
    began_at: datetime
    ended_at: datetime
    # The model of the vectors and their dimension; None and 0 of an empty collection.
    model_id: str | None
    dim: int
    pictures: int
    files: int
    # Ids of pictures that were deleted for good while the backup was made: they are not restored.
    gone: list[str]
    # Keys of files that the system did not have or could not read, and of files that are not what was added.
    missing: list[str]
    damaged: list[str]
    parts: list[Part]


class Archive:
    """The backups in a store."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store

    def names(self) -> list[str]:
        """The names of the complete backups, the oldest first."""
        return [name for name in self.store.names(FOLDER) if self.store.exists(f"{FOLDER}/{name}/{MANIFEST}")]

    def named(self, name: str | None) -> str:
        """A backup by its name, or the latest.

        Raises:
            BackupError: there is no such backup.
        """
        names = self.names()
        if not names:
            raise BackupError("there is no complete backup")
        if name is not None and name not in names:
            raise BackupError(f"there is no backup {name}; there are {', '.join(names)}")
        return name or names[-1]

    def manifest(self, name: str) -> Manifest:
        """The manifest of a complete backup.

        Raises:
            BackupError: it is damaged, or of another format.
        """
        content = self._read(f"{FOLDER}/{name}/{MANIFEST}")
        try:
            document = orjson.loads(content)
            if document["format"] > FORMAT:
                raise BackupError(f"backup {name} was made by release {document['release']}; restore it with that")
            return Manifest.model_validate(document)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValidationError) as error:
            raise BackupError(f"backup {name}: {MANIFEST} is damaged: {error}") from error

    def lines(self, name: str, parts: Iterable[Part], kind: Kind) -> Iterator[Any]:
        """The lines of one kind.

        Raises:
            BackupError: a part is missing, or is not what was written.
        """
        for part in parts:
            if part.kind == kind:
                content = self._read(f"{FOLDER}/{name}/{part.name}")
                if hashlib.sha256(content).hexdigest() != part.sha256:
                    raise BackupError(f"backup {name}: {part.name} is damaged; restore another one")
                yield from map(orjson.loads, gzip.decompress(content).splitlines())

    def write(self, name: str, kind: Kind, lines: Iterable[Any], number: int = 0) -> Iterator[Part]:
        """Write lines in parts; a part is yielded when it is written.

        Args:
            name: the backup.
            kind: the kind of lines.
            lines: JSON values.
            number: that of the first part.
        """
        rest = iter(lines)
        while some := list(islice(rest, LINES)):
            content = gzip.compress(b"".join(orjson.dumps(line) + b"\n" for line in some), compresslevel=1, mtime=0)
            file = f"{kind}-{number:05}.jsonl.gz"
            self.store.write(f"{FOLDER}/{name}/{file}", content)
            yield Part(kind=kind, name=file, sha256=hashlib.sha256(content).hexdigest(), lines=len(some))
            number += 1

    def complete(self, name: str, manifest: Manifest) -> None:
        """Write the manifest.

        Raises:
            BackupError: a part is gone: somebody deleted the backup while it was made.
        """
        for part in manifest.parts:
            if not self.store.exists(f"{FOLDER}/{name}/{part.name}"):
                raise BackupError(f"{part.name} was deleted while the backup was made; make another one")
        self.store.write(f"{FOLDER}/{name}/{MANIFEST}", manifest.model_dump_json(indent=1).encode())

    def discard(self, name: str) -> None:
        """Delete a backup, but no picture files."""
        # The manifest first: a backup of which a part is gone must not look complete.
        self.store.delete(f"{FOLDER}/{name}/{MANIFEST}")
        for file in self.store.names(f"{FOLDER}/{name}"):
            self.store.delete(f"{FOLDER}/{name}/{file}")

    def keep(self, count: int) -> list[str]:
        """Delete all but the newest backups, what interrupted ones left, and the picture files of none; return names.

        Args:
            count: how many complete backups stay.

        Raises:
            BackupError: one of those that stay cannot be read, so that its files are unknown; nothing is deleted.
        """
        complete = self.names()
        kept = complete[-count:]
        used = {key for name in kept for key in self.lines(name, self.manifest(name).parts, "media")}
        unfinished = [name for name in self.store.names(FOLDER) if name not in complete and self._is_old(name)]
        removed = [*complete[:-count], *unfinished]
        for name in removed:
            self.discard(name)
        for shard in self.store.names(MEDIA) if removed else []:
            for file in [*self.store.names(f"{MEDIA}/{shard}"), *self.store.leftovers(f"{MEDIA}/{shard}")]:
                place = f"{MEDIA}/{shard}/{file}"
                if f"{shard}/{file}" not in used and self._age_s(place) > GRACE_S:
                    self.store.delete(place)
        return removed

    def _is_old(self, name: str) -> bool:
        """Whether a folder has files, all of them older than those of a backup that is being made."""
        ages = [self._age_s(f"{FOLDER}/{name}/{file}") for file in self.store.names(f"{FOLDER}/{name}")]
        return bool(ages) and min(ages) > GRACE_S

    def _age_s(self, key: str) -> float:
        """The age of a file; 0 if another process has just deleted it."""
        try:
            return self.store.age_s(key)
        except FileNotFoundError:
            return 0.0

    def file(self, key: str) -> bytes:
        """A picture file.

        Raises:
            BackupError: it is missing.
        """
        return self._read(f"{MEDIA}/{key}")

    def _read(self, key: str) -> bytes:
        try:
            stream, _ = self.store.open(key)
            with stream:
                return stream.read()
        except FileNotFoundError as error:
            raise BackupError(f"{key} is missing") from error
        except OSError as error:
            raise BackupError(f"{key} cannot be read: {error.strerror or error}") from error


def name_now() -> str:
    """The name of a backup that begins now."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
