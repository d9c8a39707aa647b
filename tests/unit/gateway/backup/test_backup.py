"""Backups: another system restored from one answers as the first did; what is damaged or would mix is refused."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gateway.auth.keys import KeyStore, Scope
from gateway.auth.sessions import Sessions
from gateway.backup.archive import Archive, BackupError
from gateway.backup.making import System, make
from gateway.backup.record import latest_backup
from gateway.backup.restoring import Restored, problems_of, restore
from gateway.database import Database
from gateway.pictures.object_store import FolderStore
from gateway.upstream.search import SearchClient
from servicekit.errors import Kind, ServiceError
from servicekit.records import Line

from tests.unit.gateway.conftest import BLUE, GREEN, RED, Stack, body, get, ids, picture, stacks, upload

PICTURES = [picture(RED), picture(GREEN), picture(BLUE)]
RED_ID, GREEN_ID, BLUE_ID = ids(*PICTURES)


def database_of(stack: Stack) -> Database:
    database: Database = stack.client.application.extensions["database"]
    return database


def system_of(stack: Stack) -> System:
    search = SearchClient("the search service", "http://search", stack.search)
    return System(search, database_of(stack), FolderStore(stack.media))


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Stack]:
    """A system with two pictures, one in the bin, one that could not be added, and a kept search."""
    with stacks(tmp_path / "first") as made:
        stack = made()
        upload(stack, *PICTURES, b"no picture", details=[{"caption": "a wall", "tags": ["home"]}, {}, {}, {}])
        put_reading(stack)
        assert stack.client.delete(f"/api/v1/images/{BLUE_ID}").status_code == 204
        yield stack


def put_reading(stack: Stack, picture_id: str = RED_ID) -> None:
    line: Line = {"text": "Exit 12", "box": [0.0, 0.0, 0.5, 0.0, 0.5, 0.1, 0.0, 0.1], "confidence": 0.75}
    system_of(stack).search.put_readings({picture_id: {"reader": "r 1", "lines": [line]}})


@pytest.fixture
def other(tmp_path: Path, url: str) -> Iterator[Stack]:
    """An empty system, with its state in SQLite and in PostgreSQL."""
    with stacks(tmp_path / "other") as made:
        yield made(database_url=url)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Stack]:
    with stacks(tmp_path / "empty") as made:
        yield made()


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(FolderStore(tmp_path / "archive"))


def search(stack: Stack, **params: str) -> list[dict[str, Any]]:
    found = body(stack.client.get("/api/v1/search", query_string={"k": "10", **params}))["results"]
    # Each restored record is a new change.
    return [{name: value for name, value in one.items() if name != "changed_at"} for one in found]


def files(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and "thumbnails" not in p.parts and not p.name.startswith(".")
    }


def test_a_restored_system_answers_as_the_first_did(first: Stack, other: Stack, archive: Archive) -> None:
    key = KeyStore(database_of(first)).create("laptop", Scope.WRITE)
    found = KeyStore(database_of(first)).find(key)
    assert found is not None
    cookie = Sessions(database_of(first)).begin(found, "203.0.113.9", "Firefox")
    name, manifest = make(system_of(first), archive)
    assert (manifest.pictures, manifest.gone, manifest.missing, manifest.damaged) == (2, [], [], [])
    assert problems_of(archive, name) == []
    assert latest_backup(database_of(first)) == manifest.began_at.timestamp()
    assert latest_backup(database_of(other)) is None

    assert restore(system_of(other), archive, name, merging=False) == Restored(2, manifest.files, 0, [])
    assert files(other.media) == files(first.media)
    for params in ({"q": "red"}, {"q": "wall", "mode": "text"}, {"q": '"exit 12"'}, {"q": "green", "tags": "home"}):
        assert search(other, **params) == search(first, **params) != []
    assert get(other, f"/api/v1/images/{RED_ID}/thumbnail").status_code == 200
    assert body(get(other, f"/api/v1/images/{RED_ID}/text"))["text"] == "Exit 12"
    assert KeyStore(database_of(other)).find(key) == found
    assert Sessions(database_of(other)).find(cookie) is None
    # What is in the bin can be taken out of it.
    assert [entry["id"] for entry in body(get(other, "/api/v1/bin"))["pictures"]] == [BLUE_ID]
    assert body(other.client.post("/api/v1/selection/restore", json={"ids": [BLUE_ID]}))["restored"] == [BLUE_ID]
    assert {one["id"] for one in search(other, q="blue")} == {RED_ID, GREEN_ID, BLUE_ID}


def test_what_happens_while_a_backup_is_made_loses_no_picture(
    first: Stack, empty: Stack, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = system_of(first)
    export = system.search.export
    steps = iter(range(10))

    def meanwhile(after: str, limit: int) -> Any:
        # After the state was read, and before the records are: one picture is put into the bin, and one taken out.
        if next(steps) == 1:
            assert first.client.delete(f"/api/v1/images/{RED_ID}").status_code == 204
            restored = body(first.client.post("/api/v1/selection/restore", json={"ids": [BLUE_ID]}))["restored"]
            assert restored == [BLUE_ID]
        return export(after, limit)

    monkeypatch.setattr(system.search, "export", meanwhile)
    name, _ = make(system, archive)
    restore(system_of(empty), archive, name, merging=False)
    collection = {one["id"] for one in search(empty, q="red")}
    binned = {entry["id"] for entry in body(get(empty, "/api/v1/bin"))["pictures"]}
    assert collection | binned == {RED_ID, GREEN_ID, BLUE_ID}


def test_a_picture_that_is_deleted_for_good_meanwhile_is_not_restored(
    first: Stack, empty: Stack, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = system_of(first)
    opened = system.media.open
    (key,) = (k for k in files(first.media) if RED_ID in k)

    def gone(wanted: str) -> Any:
        if wanted == key:
            system.media.delete(key)
            system.search.delete(RED_ID)
        return opened(wanted)

    monkeypatch.setattr(system.media, "open", gone)
    name, manifest = make(system, archive)
    assert (manifest.pictures, manifest.gone, manifest.missing) == (1, [RED_ID], [])
    assert restore(system_of(empty), archive, name, merging=False).pictures == 1
    assert [one["id"] for one in search(empty, q="red")] == [GREEN_ID]


def test_only_new_files_are_copied_again(first: Stack, archive: Archive, tmp_path: Path) -> None:
    make(system_of(first), archive)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "archive/media").rglob("*") if p.is_file()}
    upload(first, white := picture((250, 250, 250)))
    make(system_of(first), archive)
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "archive/media").rglob("*") if p.is_file()}
    assert {p.stem for p in after.keys() - before.keys()} == set(ids(white))
    assert before.items() <= after.items()


def test_older_backups_are_deleted_with_the_files_that_only_they_have(
    first: Stack, empty: Stack, archive: Archive, tmp_path: Path
) -> None:
    old, _ = make(system_of(first), archive)
    first.client.delete(f"/api/v1/images/{GREEN_ID}")
    assert first.client.delete(f"/api/v1/bin/{GREEN_ID}").status_code == 204
    # As one that was interrupted long ago, and one that another process makes just now: without a manifest.
    for name in ("20200101T000000Z", "20200102T000000Z"):
        shutil.copytree(tmp_path / "archive/backups" / old, tmp_path / "archive/backups" / name)
        (tmp_path / "archive/backups" / name / "backup.json").unlink()
    for file in (tmp_path / "archive/backups/20200101T000000Z").iterdir():
        os.utime(file, (0, 0))
    shutil.rmtree(tmp_path / "archive/backups" / old)
    new, _ = make(system_of(first), archive)
    assert archive.names() == [new]
    green = next((tmp_path / "archive/media").rglob(f"{GREEN_ID}*"))
    assert archive.keep(1) == ["20200101T000000Z"]
    assert green.exists()  # it is young: another backup may just be copying it
    os.utime(green, (0, 0))
    newer, _ = make(system_of(first), archive)
    assert archive.keep(1) == [new]
    new = newer
    assert not green.exists()
    assert problems_of(archive, new) == []
    assert archive.keep(1) == []
    assert restore(system_of(empty), archive, new, merging=False).pictures == 1


def test_a_damaged_backup_is_told_before_anything_changes(
    first: Stack, empty: Stack, archive: Archive, tmp_path: Path
) -> None:
    name, _ = make(system_of(first), archive)
    stored = next((tmp_path / "archive/media").rglob(f"{RED_ID}*"))
    stored.write_bytes(b"another")
    (problem,) = problems_of(archive, name)
    assert stored.name in problem
    stored.unlink()
    assert problems_of(archive, name) == [f"media/{RED_ID[:2]}/{stored.name} is missing"]
    part = tmp_path / "archive/backups" / name / "catalogue-00000.jsonl.gz"
    part.write_bytes(part.read_bytes()[:-1])
    with pytest.raises(BackupError, match=r"catalogue-00000.jsonl.gz is damaged; restore another one"):
        restore(system_of(empty), archive, name, merging=False)
    assert files(empty.media) == {}
    assert search(empty, q="red") == []


def test_a_lost_file_keeps_neither_the_others_nor_the_records_from_being_restored(
    first: Stack, empty: Stack, archive: Archive, tmp_path: Path
) -> None:
    name, manifest = make(system_of(first), archive)
    lost = next((tmp_path / "archive/media").rglob(f"{RED_ID}*"))
    lost.unlink()
    green = next((tmp_path / "archive/media").rglob(f"{GREEN_ID}*"))
    green.write_bytes(b"another")
    restored = restore(system_of(empty), archive, name, merging=False)
    assert (restored.pictures, restored.files) == (2, manifest.files - 2)
    assert sorted(restored.problems) == sorted(
        [
            f"media/{RED_ID[:2]}/{lost.name} is missing",
            f"media/{GREEN_ID[:2]}/{green.name} is not the file that was added",
        ]
    )
    assert {one["id"] for one in search(empty, q="red")} == {RED_ID, GREEN_ID}
    # The next backup of the first system mends the archive.
    name, _ = make(system_of(first), archive)
    assert problems_of(archive, name) == []


def test_a_file_that_the_system_lacks_is_told_and_comes_from_an_earlier_backup(
    first: Stack, archive: Archive, tmp_path: Path
) -> None:
    (key,) = (k for k in files(first.media) if RED_ID in k)
    (first.media / key).rename(tmp_path / "away")
    name, manifest = make(system_of(first), archive)
    assert manifest.missing == [key]
    assert problems_of(archive, name) == [f"{key} was missing when the backup was made"]
    (tmp_path / "away").rename(first.media / key)
    make(system_of(first), archive)
    (first.media / key).unlink()
    name, manifest = make(system_of(first), archive)
    assert (manifest.missing, problems_of(archive, name)) == ([], [])


def test_a_picture_that_is_hidden_while_it_is_passed_over_keeps_what_was_said_of_it(
    first: Stack, empty: Stack, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = system_of(first)
    export = system.search.export
    steps = iter(range(10))

    def meanwhile(after: str, limit: int) -> Any:
        step = next(steps)
        if step == 1:
            assert first.client.delete(f"/api/v1/images/{RED_ID}").status_code == 204
        if step == 3:
            restored = body(first.client.post("/api/v1/selection/restore", json={"ids": [RED_ID]}))["restored"]
            assert restored == [RED_ID]
        return export(after, limit)

    monkeypatch.setattr(system.search, "export", meanwhile)
    name, manifest = make(system, archive)
    assert [part.kind for part in manifest.parts if part.kind == "late"] == ["late"]
    assert restore(system_of(empty), archive, name, merging=False).pictures == 2
    assert body(get(empty, f"/api/v1/images/{RED_ID}"))["caption"] == "a wall"


def test_a_system_that_lost_its_pictures_is_not_backed_up_over_them(
    first: Stack, empty: Stack, archive: Archive
) -> None:
    make(system_of(empty), archive)
    name, _ = make(system_of(first), archive)
    with pytest.raises(BackupError, match=f"the system holds no pictures, and backup {name} has 2"):
        make(system_of(empty), archive)
    assert archive.named(None) == name
    make(system_of(empty), archive, may_be_empty=True)
    assert archive.named(None) != name


def test_nothing_is_deleted_while_a_backup_that_stays_cannot_be_read(
    first: Stack, archive: Archive, tmp_path: Path
) -> None:
    made = [make(system_of(first), archive)[0] for _ in range(3)]
    damaged = tmp_path / "archive/backups" / made[1] / "media-00000.jsonl.gz"
    damaged.write_bytes(b"")
    with pytest.raises(BackupError, match=r"media-00000\.jsonl\.gz is damaged"):
        archive.keep(2)
    assert archive.names() == made


def test_a_backup_that_fails_leaves_nothing_behind(
    first: Stack, archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = system_of(first)

    def no_room(key: str) -> Any:
        raise ServiceError(Kind.NO_SPACE, "no space is left")

    monkeypatch.setattr(system.media, "open", no_room)
    with pytest.raises(ServiceError, match="no space is left"):
        make(system, archive)
    assert [p for p in (tmp_path / "archive").rglob("*") if p.is_file()] == []


def test_a_picture_may_have_been_read_since(first: Stack, empty: Stack, archive: Archive) -> None:
    upload(empty, PICTURES[1])
    name, _ = make(system_of(empty), archive)
    put_reading(empty, GREEN_ID)
    assert restore(system_of(empty), archive, name, merging=True).pictures == 1
    assert body(get(empty, f"/api/v1/images/{GREEN_ID}/text"))["text"] == "Exit 12"


def test_a_system_with_pictures_is_only_restored_into_if_that_is_asked_for(
    first: Stack, empty: Stack, archive: Archive
) -> None:
    name, _ = make(system_of(first), archive)
    upload(empty, picture((250, 250, 250)), PICTURES[1], details=[{}, {"caption": "another caption"}])
    with pytest.raises(BackupError, match="the system holds 2 pictures"):
        restore(system_of(empty), archive, name, merging=False)
    # The state, which was written, is no obstacle: it is the same.
    assert restore(system_of(empty), archive, name, merging=True).extra == 1
    assert body(get(empty, f"/api/v1/images/{GREEN_ID}"))["caption"] == ""


def test_what_a_newer_release_made_is_refused(first: Stack, archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no complete backup"):
        archive.named(None)
    name, _ = make(system_of(first), archive)
    with pytest.raises(BackupError, match=f"there is no backup x; there are {name}"):
        archive.named("x")
    assert archive.named(None) == name
    path = tmp_path / "archive/backups" / name / "backup.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupError, match=r"made by release \d"):
        archive.manifest(name)
    path.write_text("{}")
    with pytest.raises(BackupError, match=r"backup.json is damaged"):
        archive.manifest(name)
