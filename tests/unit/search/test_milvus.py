"""What only the Milvus back end can get wrong; all else it does is tried by the tests of the local one."""

from pathlib import Path

from search import create_app

from tests.unit.search.conftest import picture, settings_for


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
