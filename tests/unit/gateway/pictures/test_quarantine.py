"""The quarantine of invalid files: bounded in number and bytes, by listing its folder without reading the files."""

from pathlib import Path
from typing import IO

import orjson
import pytest
from gateway.pictures.object_store import FolderStore
from gateway.pictures.quarantine import FOLDER, Quarantine
from servicekit.errors import Kind, ServiceError

ERROR = ServiceError(Kind.UNSUPPORTED_PICTURE, "no picture")


class Counting(FolderStore):
    """A folder store that counts how many files are opened."""

    reads = 0

    def open(self, key: str) -> tuple[IO[bytes], int]:
        self.reads += 1
        return super().open(key)


@pytest.fixture
def files(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


def kept(quarantine: Quarantine) -> list[str]:
    return [record["file_name"] for record in quarantine.all()]


def add(quarantine: Quarantine, number: int, size: int = 1) -> None:
    quarantine.add(f"{number:032x}", b"x" * size, str(number), ERROR)


def test_the_latest_are_kept_within_the_number(files: Counting, tmp_path: Path) -> None:
    quarantine = Quarantine(files, most_files=3)
    for number in range(5):
        add(quarantine, number)
    assert files.reads == 0
    assert kept(quarantine) == ["4", "3", "2"]
    assert len(list((tmp_path / FOLDER).iterdir())) == 6


def test_the_latest_are_kept_within_the_bytes(files: Counting, tmp_path: Path) -> None:
    quarantine = Quarantine(files, most_bytes=1000)
    for number, size in enumerate((300, 300, 300, 500)):
        add(quarantine, number, size)
    assert kept(quarantine) == ["3", "2"]
    assert sum(p.stat().st_size for p in (tmp_path / FOLDER).iterdir() if p.suffix != ".json") == 800
    # A file over the limit is not stored, but its reason is, and the others stay.
    add(quarantine, 9, 1001)
    assert kept(quarantine) == ["9", "3", "2"]
    assert next(quarantine.all())["bytes"] == 1001
    assert not (tmp_path / FOLDER / f"{9:032x}").exists()


def test_the_same_file_is_kept_once_with_its_latest_reason(files: Counting) -> None:
    quarantine = Quarantine(files)
    for number in (1, 2, 1):
        add(quarantine, number)
    assert kept(quarantine) == ["1", "2"]
    assert quarantine.release(f"{1:032x}")
    assert not quarantine.release(f"{1:032x}")
    assert kept(quarantine) == ["2"]


def test_what_an_earlier_release_set_aside_is_the_oldest(files: Counting) -> None:
    old = "a" * 32
    files.write(f"{FOLDER}/{old}", b"x")
    files.write(f"{FOLDER}/{old}.json", orjson.dumps({"id": old, "file_name": "old", "at": "", "error": {}}))
    quarantine = Quarantine(files, most_files=2)
    add(quarantine, 1)
    assert kept(quarantine) == ["1", "old"]
    add(quarantine, 2)
    assert kept(quarantine) == ["2", "1"]
    assert files.names(FOLDER)[0] != old
