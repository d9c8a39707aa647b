"""Migrations of the catalogue's schema from earlier versions."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from search.catalogue.catalogue import Catalogue
from search.catalogue.schema import V1, CatalogueError
from search.store import LocalStore

from tests.unit.search.conftest import number_id, on_circle


@pytest.fixture
def first_version(tmp_path: Path) -> Path:
    """A catalogue with the schema of version 1: three pictures, one of them deleted."""
    path = tmp_path / "catalogue.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript(V1)
        facts = [("catalogue", "c0ffee"), ("seq", "4"), ("model_id", "m1"), ("dim", "2")]
        db.executemany("INSERT INTO meta VALUES (?, ?)", facts)
        for number in (0, 1, 2):
            p = on_circle(number)
            row = (
                number + 1,
                p.id,
                "key",
                "a_file.jpg",
                4,
                3,
                f"caption {number}",
                '["old"]',
                "2020-01-01T00:00:00+00:00",
            )
            db.execute("INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*row, p.vector, number + 1))
        db.execute("DELETE FROM pictures WHERE row = 3")
        db.execute("INSERT INTO deleted VALUES (3, 4)")
        db.execute("PRAGMA user_version = 1")
    db.close()
    return path


def test_a_catalogue_of_the_first_version_is_brought_up_to_date(
    first_version: Path, open_store: Callable[..., LocalStore]
) -> None:
    store = open_store()
    moment = store.moment()
    assert (moment.generation, moment.model and moment.model.model_id) == ("c0ffee-4", "m1")
    assert [h.id for h in moment.source.nearest(np.array([1, 0], np.float32), 5)] == [number_id(0), number_id(1)]
    record = store.records([number_id(1)])[number_id(1)]
    assert record["caption"] == "caption 1"
    assert record["tags"] == ["old"]
    assert record["added_at"] == "2020-01-01T00:00:00+00:00"
    assert (record["bytes"], record["attributes"], record["taken_at"]) == (None, {}, None)
    assert [h.id for h in moment.source.full_text(["caption", "1"], 1)] == [number_id(1)]
    # Rows of deleted pictures are never reused, since an index may still contain them.
    store.upsert("m1", 2, [on_circle(9)])
    assert store.catalogue.ids([3, 4]) == {4: number_id(9)}


def test_opening_twice_changes_nothing(first_version: Path) -> None:
    Catalogue(first_version).close()
    again = Catalogue(first_version)
    assert again.state().seq == 4
    again.close()


def test_a_newer_catalogue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(CatalogueError, match="has schema 99; this version of Sightline reads up to 6"):
        Catalogue(path)


def test_opening_a_catalogue_again_writes_nothing(tmp_path: Path) -> None:
    """A catalogue must open on a full disk."""
    path = tmp_path / "catalogue.sqlite"
    catalogue = Catalogue(path)
    catalogue.upsert("m1", 2, [on_circle(1)])
    catalogue.close()
    before = path.read_bytes()
    again = Catalogue(path)
    assert again.state().seq == 1
    assert not (tmp_path / "catalogue.sqlite-wal").exists() or not (tmp_path / "catalogue.sqlite-wal").stat().st_size
    again.close()
    assert path.read_bytes() == before
