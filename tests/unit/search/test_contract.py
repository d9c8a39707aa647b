"""Property-based tests (Hypothesis) of the ranking contract: total order, tie-breaking, pagination, near-duplicates.

Vectors are few and small, so that there are many ties; the expected order is computed independently by sorting.
"""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from search import create_app

from tests.unit.search.conftest import encode, number_id, picture, settings_for

# Unit vectors with coordinates that are exact or nearly exact in float32.
DIRECTIONS = [(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0.6, 0.8, 0), (0.8, 0.6, 0), (0, 0.6, 0.8), (0.28, 0.96, 0)]
directions = st.sampled_from(DIRECTIONS)
collections = st.lists(st.tuples(directions, st.booleans()), min_size=1, max_size=40)
# Number of examples per back end: one takes a second with Milvus.
backends = pytest.mark.parametrize(("backend", "count"), [("local", 25), ("milvus", 4)])


def examples(count: int) -> settings:
    """Hypothesis settings: deterministic examples."""
    return settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


class Collection:
    """The service with some pictures, and the same pictures in a dict, as the reference."""

    def __init__(self, backend: str, pictures: list[tuple[tuple[float, ...], bool]], snapshot_rows: int) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.app = create_app(settings_for(backend, Path(self._folder.name), snapshot_rows=snapshot_rows))
        self.client: FlaskClient = self.app.test_client()
        self.here = {number_id(i): (vector, tagged) for i, (vector, tagged) in enumerate(pictures)}
        records = [
            {**picture("x", *vector), "id": number_id(i), "tags": ["t"] if tagged else []}
            for i, (vector, tagged) in enumerate(pictures)
        ]
        for first in range(0, len(records), 10):
            sent = {"model_id": "m1", "dim": 3, "pictures": records[first : first + 10]}
            assert self.client.post("/v1/pictures", json=sent).status_code == 200

    def close(self) -> None:
        self.app.extensions["store"].close()
        self._folder.cleanup()

    def delete(self, picture_id: str) -> None:
        del self.here[picture_id]
        assert self.client.delete(f"/v1/pictures/{picture_id}").status_code == 200

    def ask(self, vector: tuple[float, ...], **body: Any) -> dict[str, Any]:
        sent = {"model_id": "m1", "terms": [{"vector": encode(*vector)}], **body}
        answer = self.client.post("/v1/query", json=sent)
        assert answer.status_code == 200, answer.text
        assert isinstance(answer.json, dict)
        return answer.json

    def right(self, vector: tuple[float, ...], tagged: bool) -> list[str]:
        """The reference ranking: all ids in the expected order."""
        query = np.array(vector, np.float32)
        scores = {i: float(np.array(v, np.float32) @ query) for i, (v, t) in self.here.items() if t or not tagged}
        # Round: NumPy and Faiss sum in different orders, so equal vectors differ here in the last bits.
        return sorted(scores, key=lambda i: (-round(scores[i], 5), i))


def ids(document: dict[str, Any]) -> list[str]:
    return [r["id"] for r in document["results"]]


@backends
def test_every_k_is_a_prefix_in_the_right_order(backend: str, count: int) -> None:
    @examples(count)
    @given(
        pictures=collections,
        query=directions,
        k=st.integers(1, 50),
        tagged=st.booleans(),
        snapshot_rows=st.sampled_from([1, 10**6]),
    )
    def check(pictures: list[Any], query: tuple[float, ...], k: int, tagged: bool, snapshot_rows: int) -> None:
        collection = Collection(backend, pictures, snapshot_rows)
        try:
            where = {"where": {"tags": ["t"]}} if tagged else {}
            right = collection.right(query, tagged)
            document = collection.ask(query, k=k, **where)
            assert ids(document) == right[:k]
            assert (document["next_cursor"] is None) == (len(right) <= k)
            assert collection.ask(query, k=k, **where)["results"] == document["results"]
        finally:
            collection.close()

    check()


@backends
def test_pages_hold_every_picture_once_with_deletes_in_between(backend: str, count: int) -> None:
    """Pagination with deletes between pages: remaining pictures occur once and in order, deleted ones not at all."""

    @examples(count)
    @given(pictures=collections, query=directions, k=st.integers(1, 7), data=st.data())
    def check(pictures: list[Any], query: tuple[float, ...], k: int, data: st.DataObject) -> None:
        collection = Collection(backend, pictures, 5)
        try:
            seen: list[str] = []
            cursor: dict[str, str] = {}
            while True:
                document = collection.ask(query, k=k, **cursor)
                assert set(ids(document)) <= set(collection.here)
                seen += ids(document)
                if document["next_cursor"] is None:
                    break
                cursor = {"cursor": document["next_cursor"]}
                gone: str | None = data.draw(st.none() | st.sampled_from(sorted(collection.here) or [""]))
                if gone:
                    collection.delete(gone)
            assert len(seen) == len(set(seen))
            assert [i for i in seen if i in collection.here] == collection.right(query, False)
        finally:
            collection.close()

    check()


@backends
def test_collapsed_pages_are_those_of_one_long_answer(backend: str, count: int) -> None:
    @examples(count)
    @given(pictures=collections, query=directions, least=st.floats(0.5, 1), k=st.integers(1, 7))
    def check(pictures: list[Any], query: tuple[float, ...], least: float, k: int) -> None:
        collection = Collection(backend, pictures, 10**6)
        try:
            whole = ids(collection.ask(query, k=100, collapse=least))
            vectors = {i: np.array(v) for i, (v, _) in collection.here.items()}
            for place, picture_id in enumerate(whole):
                assert all(vectors[picture_id] @ vectors[before] < least + 1e-6 for before in whole[:place])
            pages: list[str] = []
            cursor: str | None = None
            while len(pages) < len(whole):
                document = collection.ask(query, k=k, collapse=least, **({"cursor": cursor} if cursor else {}))
                pages += ids(document)
                cursor = document["next_cursor"]
            assert pages == whole
            assert cursor is None
        finally:
            collection.close()

    check()
