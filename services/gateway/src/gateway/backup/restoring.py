"""Restores a backup into a running system, and compares the two."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from servicekit.records import VectorRecord
from tqdm import tqdm

from gateway.backup.archive import MEDIA, Archive, BackupError, Manifest
from gateway.backup.making import System, is_whole
from gateway.backup.state import put
from gateway.upstream.copying import DiffersError, batch_of, compare


class Restored(NamedTuple):
    """Counts: pictures that are as in the backup now, files that were copied, and pictures that were there besides."""

    pictures: int
    files: int
    extra: int


def restore(system: System, archive: Archive, name: str, merge: bool) -> Restored:
    """Restore a backup: files, then the state database, then the records, so that each finds what it names.

    It is idempotent: an interrupted one is finished by another with `merge`.

    Args:
        system: the system.
        archive: the archive.
        name: the backup.
        merge: whether the system may hold pictures already. Those of the backup replace equal ones; others stay.

    Raises:
        BackupError: the backup is damaged, the system holds pictures or another model, or it changed meanwhile.
        ServiceError: a service does not answer, or no space is left.
    """
    manifest = archive.manifest(name)
    check_parts(archive, name, manifest)
    stats = system.search.stats()
    if stats["count"] and not merge:
        raise BackupError(
            f"the system holds {stats['count']} pictures. Restore into an empty one, or with --merge: pictures of the "
            "backup replace those of the same id, and others stay"
        )
    if stats["model_id"] not in (None, manifest.model_id):
        raise BackupError(
            f"the system holds vectors of {stats['model_id']}, the backup of {manifest.model_id}: they cannot be "
            "compared. Restore into an empty system"
        )
    files = restore_files(system, archive, name, manifest)
    put(system.database, archive.lines(name, manifest.parts, "state"))
    found = pictures(archive, name, manifest)
    with tqdm(total=manifest.pictures, unit="picture", desc="records", disable=None) as bar:
        while batch := list(islice(found, batch_of(manifest.dim))):
            assert manifest.model_id is not None
            system.search.put(manifest.model_id, manifest.dim, batch)
            bar.update(len(batch))
    try:
        same, extra = compare(pictures(archive, name, manifest), system.search, manifest.pictures)
    except DiffersError as error:
        raise BackupError(
            f"{error}: the system changed meanwhile. Stop its worker, and restore with --merge"
        ) from error
    return Restored(same, files, extra)


def restore_files(system: System, archive: Archive, name: str, manifest: Manifest) -> int:
    """Copy the picture files that the system lacks; how many those were."""
    copied = 0
    keys = archive.lines(name, manifest.parts, "media")
    for key in tqdm(keys, total=manifest.files, unit="file", desc="files", disable=None):
        if not system.media.exists(key):
            system.media.write(key, archive.file(key))
            copied += 1
    return copied


def pictures(archive: Archive, name: str, manifest: Manifest) -> Iterator[VectorRecord]:
    """The records of a backup, ordered by id, but those that were deleted while it was made."""
    gone = set(manifest.gone)
    return (record for record in archive.lines(name, manifest.parts, "catalogue") if record["id"] not in gone)


def check_parts(archive: Archive, name: str, manifest: Manifest) -> None:
    """Read every part.

    Raises:
        BackupError: one is missing or damaged.
    """
    for kind in ("state", "catalogue", "media"):
        for _ in archive.lines(name, manifest.parts, kind):
            pass


def problems_of(archive: Archive, name: str) -> list[str]:
    """Read everything that a backup holds, files as well; what is wrong with it, in sentences.

    Raises:
        BackupError: it cannot be restored.
    """
    manifest = archive.manifest(name)
    check_parts(archive, name, manifest)
    found = []
    keys = archive.lines(name, manifest.parts, "media")
    for key in tqdm(keys, total=manifest.files, unit="file", desc="files", disable=None):
        try:
            if not is_whole(key, archive.file(key)):
                found.append(f"{MEDIA}/{key} is not the file that was added")
        except BackupError as error:
            found.append(str(error))
    return found
