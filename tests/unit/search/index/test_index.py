"""The index: snapshots shared by processes, the delta, compaction, damaged files, approximate kinds."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from search.index.approximate import IndexKind
from search.index.exact import top
from search.index.maintenance import RecallError, building, make
from search.index.snapshots import FAISS, VECTORS, Snapshot, SnapshotError
from search.index.view import StaleViewError
from search.store import LocalStore

from tests.unit.search.conftest import number_id, on_circle

Open = Callable[..., LocalStore]
EAST = np.array([1, 0], np.float32)


def add(store: LocalStore, *numbers: int) -> None:
    store.upsert("m1", 2, [on_circle(n) for n in numbers])


def first(store: LocalStore, count: int) -> list[int]:
    """The numbers of the best pictures for the query EAST."""
    return [int(h.id, 16) for h in store.moment().source.nearest(EAST, count)[:count]]


def made(store: LocalStore) -> str:
    """The name of the serving snapshot, after background maintenance has finished."""
    store.moment()
    store.index.maintenance.wait()  # a verification, and the rebuild that it may start
    model = store.moment().model
    assert model and model.snapshot
    return model.snapshot


def test_a_snapshot_is_made_when_enough_came_and_every_process_takes_it_over(open_store: Open) -> None:
    store, other = open_store(), open_store()
    add(store, *range(100, 199))
    assert store.moment().model == other.moment().model
    assert store.stats()["index"]["generation"] is None
    add(store, 3)
    name = made(store)
    assert first(store, 2) == first(other, 2) == [3, 100]
    # All hundred are in the snapshot, none in the delta.
    assert [len(part.rows) for part in other.index.view().parts] == [100, 0]
    assert other.stats()["index"] == {"generation": name, "kind": "Flat", "after": 0, "problem": None}


def test_what_comes_goes_and_changes_after_a_snapshot_counts_at_once(open_store: Open) -> None:
    store = open_store()
    add(store, *range(1, 101))
    made(store)
    add(store, 0)
    assert first(store, 3) == [0, 1, 2]
    store.delete([number_id(1)])
    assert first(store, 3) == [0, 2, 3]
    moved = on_circle(500)
    store.upsert("m1", 2, [moved.__class__(**{**vars(moved), "id": number_id(2)})])
    assert first(store, 3) == [0, 3, 4]
    assert first(open_store(), 3) == [0, 3, 4]
    assert first(store, 100)[-1] == 2
    assert store.stats()["count"] == 100


def test_a_process_that_starts_opens_the_files_and_reads_only_what_came_after(open_store: Open) -> None:
    store = open_store()
    add(store, *range(100))
    made(store)
    add(store, 700)
    assert [len(part.rows) for part in open_store().index.view().parts] == [100, 1]


def test_a_process_that_starts_without_files_makes_them_before_it_reads_vectors(open_store: Open) -> None:
    """As after a restore: the vectors of a large collection would take all memory."""
    add(open_store(), *range(100))
    assert [len(part.rows) for part in open_store().index.view().parts] == [100, 0]


def test_a_process_that_cannot_make_them_serves_from_the_catalogue(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("search.index.index.make", full)
    add(open_store(), *range(100))
    assert first(open_store(), 2) == [0, 1]


def test_compaction_forgets_the_deleted_and_every_process_stays_right(open_store: Open) -> None:
    store, other = open_store(), open_store()
    add(store, *range(100))
    made(store)
    assert first(other, 1) == [0]
    store.delete([number_id(0)])
    add(store, 900)
    store.delete([number_id(900)])
    assert store.catalogue.compact() == 2
    assert store.catalogue.compact() == 0
    assert first(store, 2) == first(other, 2) == first(open_store(), 2) == [1, 2]
    assert other.stats()["count"] == 99


@pytest.mark.parametrize("damage", ["missing", "truncated", "changed", "no folder", "another catalogue's"])
def test_damaged_files_are_reported_and_made_anew_while_the_catalogue_serves(
    open_store: Open, tmp_path: Path, damage: str
) -> None:
    store = open_store()
    add(store, *range(100))
    name = made(store)
    store.close()
    folder = tmp_path / "index" / name
    file = folder / VECTORS
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(content[:-1])
    elif damage == "changed":
        file.write_bytes(b"\x01" + content[1:])
    elif damage == "no folder":
        shutil.rmtree(folder)
    else:
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"catalogue": "', '"catalogue": "x'))
    with building(tmp_path / "index") as alone:  # hold the file lock, so that the rebuild cannot run yet
        assert alone
        store = open_store()
        assert first(store, 3) == [0, 1, 2]
        assert store.index.problem and name in store.index.problem
        assert name in store.check()
        store.index.maintenance.wait()
        assert [len(part.rows) for part in store.index.view().parts] == [100]
    store = open_store()
    assert made(store) != name
    assert first(store, 3) == [0, 1, 2]
    assert store.index.problem is None
    assert [len(part.rows) for part in store.index.view().parts] == [100, 0]


def test_damage_that_a_sample_misses_is_found_beside_the_serving(open_store: Open, tmp_path: Path) -> None:
    """20,000 rows of 512 numbers are 41 MB; the 64 sampled blocks of 64 KiB cover a tenth of that."""
    store = open_store(snapshot_rows=10**9)
    vectors = np.zeros((20_000, 512), "<f4")
    vectors[:, 0] = 1
    pictures = [
        on_circle(n).__class__(**{**vars(on_circle(n)), "vector": vector.tobytes()}) for n, vector in enumerate(vectors)
    ]
    store.upsert("m1", 512, pictures)
    model = store.moment().model
    assert model
    make(tmp_path / "index", store.catalogue, model)
    name = made(store)
    file = tmp_path / "index" / name / VECTORS
    with file.open("r+b") as stream:
        stream.seek(1_000_000)  # between two sampled blocks
        stream.write(b"\x01")
    Snapshot(file.parent)  # the sample is as it was
    with pytest.raises(SnapshotError, match=f"{VECTORS} is damaged"):
        Snapshot(file.parent).verify()
    other = open_store(snapshot_rows=10**9)
    other.moment()
    assert made(other) != name


def test_an_approximate_snapshot_serves_exact_scores_and_is_refused_below_the_target(
    open_store: Open, tmp_path: Path
) -> None:
    store = open_store(snapshot_rows=10**9)
    add(store, *range(1000))
    model = store.moment().model
    assert model
    angles = np.linspace(0, 6, 50)
    queries = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    # Each of the 64 lists is an arc with about sixteen pictures, but seldom contains all of the nearest ten.
    with pytest.raises(RecallError, match=r"IVF64,Flat nprobe=1 finds 0\.\d+ of the exact best ten; 0.95 is the least"):
        make(tmp_path / "index", store.catalogue, model, IndexKind(factory="IVF64,Flat", nprobe=1), queries)
    assert store.stats()["index"]["generation"] is None
    manifest = make(tmp_path / "index", store.catalogue, model, IndexKind(factory="IVF16,Flat", nprobe=4), queries)
    assert manifest.recall == 1
    assert store.stats()["index"]["kind"] == "IVF16,Flat nprobe=4"
    # The neighbours on both sides of EAST; then all thousand pictures, although 4 of 16 lists contain only a part.
    assert first(store, 5) == [0, 1, 999, 2, 998]
    hits = store.moment().source.nearest(EAST, 1000)
    assert len({h.id for h in hits}) == 1000
    assert [h.key for h in hits] == sorted(h.key for h in hits)
    assert store.moment().source.nearest(EAST, 1)[:1] == hits[:1]
    # Writes after the snapshot are in the results at once.
    add(store, 2000)  # east again
    store.delete([number_id(1)])
    assert first(store, 4) == [0, 2000, 999, 2]


def test_a_damaged_approximate_index_is_made_anew_in_its_kind(open_store: Open, tmp_path: Path) -> None:
    store = open_store(snapshot_rows=10**9)
    add(store, *range(1000))
    before = store.moment()
    assert before.model
    kind = IndexKind(factory="IVF16,Flat", nprobe=4)
    queries = np.array([[1, 0], [0, 1]], np.float32)
    make(tmp_path / "index", store.catalogue, before.model, kind, queries)
    # An approximate index may change the order, so the generation changes and cached answers become invalid.
    assert store.moment().generation != before.generation
    name = made(store)
    store.close()
    (tmp_path / "index" / name / FAISS).write_bytes(b"")
    other = open_store(snapshot_rows=10**9)
    assert first(other, 3) == [0, 1, 999]
    assert made(other) != name
    other.moment()
    assert other.stats()["index"]["kind"] == "IVF16,Flat nprobe=4"


def test_nothing_but_own_snapshots_is_cleared_away(open_store: Open, tmp_path: Path) -> None:
    store = open_store()
    photos = tmp_path / "index" / "media"
    another = tmp_path / "index" / "0123abcd-g7-0123abcd"
    for folder in (photos, another):
        folder.mkdir(parents=True)
    half = tmp_path / "index" / f".{store.catalogue.name}-g7-0123abcd.4567abcd"
    half.mkdir()
    add(store, *range(100))
    made(store)
    assert photos.exists() and another.exists() and not half.exists()


def test_an_emptied_collection_serves_from_a_snapshot_without_vectors(open_store: Open, tmp_path: Path) -> None:
    store = open_store(snapshot_rows=10**9)
    add(store, 1)
    store.delete([number_id(1)])
    model = store.moment().model
    assert model
    make(tmp_path / "index", store.catalogue, model)
    other = open_store(snapshot_rows=10**9)
    assert first(other, 1) == []
    add(store, 2)
    assert first(other, 1) == [2]


def test_an_index_that_could_not_catch_up_begins_anew(open_store: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store()
    add(store, *range(100))
    made(store)
    add(store, 200)
    other = open_store()
    with monkeypatch.context() as patch:

        def failing(*_: object) -> None:
            raise OSError("a bad sector")

        patch.setattr(other.catalogue, "changes", failing)
        with pytest.raises(OSError, match="a bad sector"):
            other.moment()
    assert other.stats()["count"] == 101


def test_a_view_whose_pictures_were_forgotten_says_so(open_store: Open) -> None:
    store = open_store()
    add(store, 1, 2)
    view = store.moment().source
    store.delete([number_id(1)])
    store.catalogue.compact()
    with pytest.raises(StaleViewError):
        view.nearest(EAST, 2)


def test_maintenance_leaves_no_connection_behind(open_store: Open, tmp_path: Path) -> None:
    store = open_store(snapshot_rows=1)
    with building(tmp_path / "index"):
        for number in range(5):
            add(store, number)
            store.moment()
            store.index.maintenance.wait()
    # The write connection, and this thread's read connection.
    assert len(store.catalogue.database._opened) == 2


def test_a_query_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a query of \(1,\) for vectors of \(3, 2\)"):
        top(np.zeros((3, 2), np.float32), np.zeros(1, np.float32), 1)


def test_a_score_is_the_same_wherever_its_vector_lies() -> None:
    """Faiss's own scores differ in the last bits, depending on the number of vectors and on a selector."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((12_000, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[11_000:11_040] = vectors[5]  # the same picture many times
    query = vectors[5]
    scores, positions = top(vectors, query, 1000)
    by_position = dict(zip(positions.tolist(), scores.tolist(), strict=True))
    assert len({by_position[i] for i in (5, *range(11_000, 11_040))}) == 1
    alone = [float(top(vectors[i : i + 1], query, 1)[0][0]) for i in positions]
    assert scores.tolist() == alone
    mask = random.random(12_000) < 0.9
    some, places = top(vectors, query, 500, mask)
    assert [by_position[i] for i in places.tolist()] == some.tolist()
    assert set(places.tolist()) == set(positions[mask[positions]][:500].tolist())
    assert np.all(np.diff(scores) <= 0)
