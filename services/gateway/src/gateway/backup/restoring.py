"""Restores a backup into a running system, and compares the two."""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import NamedTuple

from servicekit.records import VectorRecord
from tqdm import tqdm

from gateway.backup.archive import MEDIA, Archive, BackupError, Manifest
from gateway.backup.making import System, is_whole
from gateway.backup.state import check, put
from gateway.upstream.copying import DiffersError, batch_of, compare


class Restored(NamedTuple):
    """Counts: pictures that are as in the backup now, files that were copied, and pictures that were there besides.

    `problems` says in sentences which files are not as they were added.
    """

    pictures: int
    files: int
    extra: int
    problems: list[str]


def restore(system: System, archive: Archive, name: str, merging: bool) -> Restored:
    """Restore a backup: files, then the state database, then the records, so that each finds what it names.

    It is idempotent: an interrupted one is finished by another with `merging`.

    Args:
        system: the system.
        archive: the archive.
        name: the backup.
        merging: whether the system may hold pictures already. Those of the backup replace equal ones; others stay.

    Raises:
        BackupError: the backup is damaged, the system holds pictures or another model, or it changed meanwhile.
        ServiceError: a service does not answer, or no space is left.
    """
    manifest = archive.manifest(name)
    check_parts(archive, name, manifest)
    stats = system.search.stats()
    if stats["count"] and not merging:
        raise BackupError(
            f"the system holds {stats['count']} pictures. Restore into an empty one, or with --merge: pictures of the "
            "backup replace those of the same id, and others stay"
        )
    if stats["model_id"] not in (None, manifest.model_id):
        raise BackupError(
            f"the system holds vectors of {stats['model_id']}, the backup of {manifest.model_id}: they cannot be "
            "compared. Restore into an empty system"
        )
    files, problems = restore_files(system, archive, name, manifest)
    put(system.database, archive.lines(name, manifest.parts, "state"))
    found = pictures(archive, name, manifest)
    with tqdm(total=manifest.pictures, unit="picture", desc="records", disable=None) as bar:
        while batch := list(islice(found, batch_of(manifest.dim))):
            assert manifest.model_id is not None
            system.search.put(manifest.model_id, manifest.dim, batch)
            bar.update(len(batch))
    try:
        same, extra = compare(pictures(archive, name, manifest), system.search, manifest.pictures, is_restored)
    except DiffersError as error:
        raise BackupError(
            f"{error}: the system changed meanwhile. Stop its worker, and restore with --merge"
        ) from error
    return Restored(same, files, extra, problems)


def is_restored(mine: VectorRecord, other: VectorRecord) -> bool:
    """Whether a picture is as in the backup. One that was not read then may have been read since."""
    return other == mine or (mine["reading"] is None and {**other, "reading": None} == mine)


def restore_files(system: System, archive: Archive, name: str, manifest: Manifest) -> tuple[int, list[str]]:
    """Copy the picture files that the system lacks; how many those were, and what is wrong with some, in sentences.

    A file that is lost does not keep the others, and the records, from being restored.
    """
    copied, problems = 0, lacks(manifest)
    keys = archive.lines(name, manifest.parts, "media")
    for key in tqdm(keys, total=manifest.files, unit="file", desc="files", disable=None):
        if system.media.exists(key):
            continue
        try:
            content = archive.file(key)
        except BackupError as error:
            problems.append(str(error))
            continue
        if not is_whole(key, content) and key not in manifest.damaged:
            problems.append(f"{MEDIA}/{key} is not the file that was added")
            continue
        system.media.write(key, content)
        copied += 1
    return copied, problems


def lacks(manifest: Manifest) -> list[str]:
    """What the system lacked already when the backup was made, in sentences."""
    return [f"{key} was missing when the backup was made" for key in manifest.missing] + [
        f"{key} was damaged when the backup was made" for key in manifest.damaged
    ]


def pictures(archive: Archive, name: str, manifest: Manifest) -> Iterator[VectorRecord]:
    """The records of a backup, ordered by id, but those that were deleted while it was made."""
    gone = set(manifest.gone)
    kinds = (archive.lines(name, manifest.parts, kind) for kind in ("catalogue", "late"))
    return (record for record in merge(*kinds, key=lambda record: record["id"]) if record["id"] not in gone)


def check_parts(archive: Archive, name: str, manifest: Manifest) -> None:
    """Read every part.

    Raises:
        BackupError: one is missing or damaged, or a newer release made it.
    """
    check(archive.lines(name, manifest.parts, "state"))
    for kind in ("catalogue", "late", "media"):
        for _ in archive.lines(name, manifest.parts, kind):
            pass


def problems_of(archive: Archive, name: str) -> list[str]:
    """Read everything that a backup holds, files as well; what is wrong with it, in sentences.

    Raises:
        BackupError: it cannot be restored.
    """
    manifest = archive.manifest(name)
    check_parts(archive, name, manifest)
    found = lacks(manifest)
    keys = archive.lines(name, manifest.parts, "media")
    for key in tqdm(keys, total=manifest.files, unit="file", desc="files", disable=None):
        try:
            if not is_whole(key, archive.file(key)) and key not in manifest.damaged:
                found.append(f"{MEDIA}/{key} is not the file that was added")
        except BackupError as error:
            found.append(str(error))
    return found
