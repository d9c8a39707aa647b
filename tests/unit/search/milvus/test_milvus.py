"""Behaviour specific to the Milvus back end; everything else is covered by the tests that run on both back ends."""

from collections.abc import Callable
from pathlib import Path

import pytest
from search import create_app

from tests.unit.search.conftest import encode, picture, settings_for


def test_a_milvus_that_is_gone_is_named(tmp_path: Path) -> None:
    app = create_app(settings_for("milvus", tmp_path))
    client = app.test_client()
    sent = {"model_id": "m1", "dim": 2, "pictures": [picture("a", 1, 0)]}
    assert client.post("/v1/pictures", json=sent).status_code == 200
    app.extensions["store"].close()
    for answer in (
        client.get("/v1/stats"),
        client.post("/v1/pictures", json=sent),
        client.post("/v1/query", json={"terms": [{"like": "a" * 32}]}),
        client.post("/v1/export", json={"limit": 5}),
    ):
        assert answer.status_code == 503
        assert answer.get_json(force=True)["detail"].startswith("Milvus failed: ")
    assert client.get("/readyz").status_code == 503


def test_what_is_acknowledged_while_another_model_takes_over_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = create_app(settings_for("milvus", tmp_path))
    client, store = app.test_client(), app.extensions["store"]

    def send(*names: str) -> int:
        pictures = [picture(name, 1, 0) for name in names]
        return client.post("/v1/pictures", json={"model_id": "old", "dim": 2, "pictures": pictures}).status_code

    def serve() -> int:
        return client.post("/v1/models/serve", json={"model_id": "new"}).status_code

    def found() -> int:
        return len(client.post("/v1/lookup", json={"ids": [n * 32 for n in "abc"]}).get_json()["pictures"])

    send("a", "b")
    vectors = [{"id": n * 32, "vector": encode(0, 0, 1)} for n in "ab"]
    client.post("/v1/vectors", json={"model_id": "new", "dim": 3, "vectors": vectors})
    walk = store._bring_records

    def walk_and(then: Callable[[], object]) -> None:
        def both(*models: object) -> None:
            walk(*models)
            monkeypatch.setattr(store, "_bring_records", walk)
            then()

        monkeypatch.setattr(store, "_bring_records", both)

    # A picture is added after the scan has passed its id: the new model has no vector of it, and must not take over.
    walk_and(lambda: send("c"))
    assert (serve(), found()) == (409, 3)
    client.delete(f"/v1/pictures/{'c' * 32}")
    # A picture is deleted after the scan has passed its id: it must be deleted in both collections.
    walk_and(lambda: client.delete(f"/v1/pictures/{'b' * 32}"))
    assert (serve(), found()) == (200, 1)
    store.close()
