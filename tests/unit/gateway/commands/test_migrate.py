"""Migration of a collection from SQLite to Milvus and back: same records and vectors, without the encoder."""

import base64
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
import pytest
from gateway.commands.migrate import MigrateError, Moved, migrate
from gateway.upstream.search import SearchClient
from search import create_app
from search.settings import Settings
from servicekit.records import Line, Reading, VectorRecord


@pytest.fixture
def open_search(tmp_path: Path) -> Iterator[Callable[[str, str], SearchClient]]:
    """A function that opens a search service by back end and name."""
    apps = []

    def open_one(backend: str, name: str) -> SearchClient:
        app = create_app(
            Settings(
                backend=backend,  # type: ignore[arg-type]
                catalogue=tmp_path / f"{name}.sqlite",
                milvus_uri=str(tmp_path / f"{name}.db"),
            )
        )
        apps.append(app)
        return SearchClient(name, "http://search", httpx.WSGITransport(app=app))

    yield open_one
    for app in apps:
        app.extensions["store"].close()


LINE: Line = {"text": "Café 12", "box": [0.0, 0.0, 0.5, 0.0, 0.5, 0.125, 0.0, 0.125], "confidence": 0.75}

READINGS: list[Reading | None] = [{"reader": "r", "lines": []}, None, {"reader": "r", "lines": [LINE]}]


def pictures(count: int) -> list[VectorRecord]:
    """Pictures with unsorted ids, every field set, and random vectors."""
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(count, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        {
            "id": generator.bytes(16).hex(),
            "media_key": f"ab/{i}",
            "file_name": f"café {i}.jpg",
            "bytes": 1000 + i,
            "width": 40,
            "height": 30,
            "caption": f"a “quoted” caption {i}",
            "tags": ["one", f"tag {i}"],
            "attributes": {"camera": "X100", "iso": 100 + i},
            "taken_at": "2020-01-02T03:04:05",
            "placeholder": f"{i:04}",
            "added_at": "2021-01-02T03:04:05+00:00",
            # Read and empty, not read, and with a line.
            "reading": READINGS[i % 3],
            "vector": base64.b64encode(v.astype("<f4").tobytes()).decode(),
        }
        for i, v in enumerate(vectors)
    ]


def everything(search: SearchClient) -> dict[str, VectorRecord]:
    _, dim, found = search.export("", 1000)
    assert dim == 8
    assert [p["id"] for p in found] == sorted(p["id"] for p in found)
    return {p["id"]: p for p in found}


def test_there_and_back_nothing_changes(open_search: Callable[[str, str], SearchClient]) -> None:
    local, milvus, back = open_search("local", "first"), open_search("milvus", "second"), open_search("local", "third")
    sent = pictures(300)
    local.put("m1", 8, sent)
    assert migrate(local, milvus) == Moved(300, 300, 0)
    assert migrate(milvus, back) == Moved(300, 300, 0)
    assert everything(local) == everything(milvus) == everything(back) == {p["id"]: p for p in sent}


def test_a_second_time_brings_the_copy_up_to_date(open_search: Callable[[str, str], SearchClient]) -> None:
    old, new = open_search("local", "old"), open_search("local", "new")
    sent = pictures(5)
    old.put("m1", 8, sent[:4])
    migrate(old, new)
    old.put("m1", 8, [{**sent[0], "caption": "another"}, sent[4]])
    old.delete(sent[1]["id"])
    assert migrate(old, new) == Moved(4, 1, 1)
    assert everything(new)[sent[0]["id"]]["caption"] == "another"
    # A picture that was deleted and added again has another added_at.
    old.delete(sent[2]["id"])
    old.put("m1", 8, [{**sent[2], "added_at": "2022-01-02T03:04:05+00:00"}])
    assert migrate(old, new) == Moved(4, 0, 1)


def test_what_cannot_be_moved_is_refused(open_search: Callable[[str, str], SearchClient]) -> None:
    old, new = open_search("local", "old"), open_search("local", "new")
    with pytest.raises(MigrateError, match="the source holds no pictures"):
        migrate(old, new)
    old.put("m1", 8, pictures(2))
    new.put("m2", 8, pictures(1))
    with pytest.raises(MigrateError, match="vectors of m2, the source of m1"):
        migrate(old, new)


def test_a_copy_that_is_not_the_same_is_told(
    open_search: Callable[[str, str], SearchClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = open_search("local", "old"), open_search("local", "new")
    sent = pictures(3)
    old.put("m1", 8, sent)

    right = new.put

    def forgetful(model_id: str, dim: int, pictures: Sequence[VectorRecord]) -> int:
        untagged: list[VectorRecord] = [{**p, "tags": []} for p in pictures]
        return right(model_id, dim, untagged)

    monkeypatch.setattr(new, "put", forgetful)
    with pytest.raises(MigrateError, match=f"picture {min(p['id'] for p in sent)} differs between the two"):
        migrate(old, new)
