"""Switching models: back-fill of vectors while the old model serves, and switch-over when none is missing."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.search.conftest import encode, picture


def post(client: FlaskClient, path: str, **body: Any) -> Any:
    return client.post(path, json=body).get_json(force=True)


def found(client: FlaskClient, model_id: str, *vector: float) -> str:
    answer = post(client, "/v1/query", model_id=model_id, terms=[{"vector": encode(*vector)}])
    return "".join(r["id"][0] for r in answer["results"]) if "results" in answer else answer["detail"]


@pytest.fixture(autouse=True)
def two(client: FlaskClient) -> None:
    post(client, "/v1/pictures", model_id="old", dim=2, pictures=[picture("a", 1, 0), picture("b", 0, 1)])


def fill(client: FlaskClient, **vectors: tuple[float, ...]) -> Any:
    sent = [{"id": name * 32, "vector": encode(*vector)} for name, vector in vectors.items()]
    return post(client, "/v1/vectors", model_id="new", dim=3, vectors=sent)


def test_another_model_is_filled_beside_and_takes_over_when_it_is_whole(client: FlaskClient) -> None:
    assert post(client, "/v1/models/missing", model_id="new", limit=9)["ids"] == ["a" * 32, "b" * 32]
    assert fill(client, a=(0, 0, 1), x=(1, 0, 0)) == {"kept": 1}  # there is no x
    assert found(client, "old", 1, 0) == "ab"
    assert "holds vectors of model old" in found(client, "new", 1, 0, 0)
    assert "1 pictures have no vector of new yet" in post(client, "/v1/models/serve", model_id="new")["detail"]
    # A picture that is added during the back-fill is missing as well.
    post(client, "/v1/pictures", model_id="old", dim=2, pictures=[picture("c", 1, 0)])
    assert post(client, "/v1/models/missing", model_id="new", limit=9)["ids"] == ["b" * 32, "c" * 32]
    fill(client, b=(1, 0, 0), c=(0, 1, 0))
    generation = client.get("/v1/stats").get_json()["generation"]
    assert post(client, "/v1/models/serve", model_id="new")["generation"] != generation
    assert found(client, "new", 1, 0, 0) == "bac"  # cosines 1, 0, 0: the tie is broken by id
    assert "holds vectors of model new" in found(client, "old", 1, 0)


def test_back_to_the_model_before_needs_what_came_since(client: FlaskClient) -> None:
    fill(client, a=(0, 0, 1), b=(1, 0, 0))
    post(client, "/v1/models/serve", model_id="new")
    post(client, "/v1/models/serve", model_id="old")
    assert found(client, "old", 0, 1) == "ba"
    post(client, "/v1/models/serve", model_id="new")
    post(client, "/v1/pictures", model_id="new", dim=3, pictures=[picture("c", 0, 1, 0)])
    assert "1 pictures have no vector of old yet" in post(client, "/v1/models/serve", model_id="old")["detail"]
    assert [(m["model_id"], m["serves"], m["missing"]) for m in client.get("/v1/models").get_json()["models"]] == [
        ("new", True, 0),
        ("old", False, 1),
    ]
    assert "new serves" in post(client, "/v1/models/drop", model_id="new")["detail"]
    assert post(client, "/v1/models/drop", model_id="old") == {}
    assert "no vectors of a model old" in post(client, "/v1/models/serve", model_id="old")["detail"]
    assert found(client, "new", 0, 1, 0) == "cab"


def test_a_cursor_of_the_model_before_is_gone(client: FlaskClient) -> None:
    sent = {"terms": [{"like": "a" * 32}], "k": 1, "mode": "vector"}
    post(client, "/v1/pictures", model_id="old", dim=2, pictures=[picture("c", 1, 0)])
    cursor = post(client, "/v1/query", **sent)["next_cursor"]
    fill(client, a=(0, 0, 1), b=(1, 0, 0), c=(0, 1, 0))
    post(client, "/v1/models/serve", model_id="new")
    assert client.post("/v1/query", json={**sent, "cursor": cursor}).status_code == 410


def test_the_serving_model_is_not_filled_beside(client: FlaskClient) -> None:
    answer = post(client, "/v1/vectors", model_id="old", dim=2, vectors=[{"id": "a" * 32, "vector": encode(1, 0)}])
    assert "old serves" in answer["detail"]
    fill(client, a=(0, 0, 1))
    other = post(client, "/v1/vectors", model_id="new", dim=2, vectors=[{"id": "a" * 32, "vector": encode(1, 0)}])
    assert "have 3 numbers" in other["detail"]


def test_vectors_may_come_before_the_first_picture(client: FlaskClient) -> None:
    client.delete(f"/v1/pictures/{'a' * 32}")
    assert fill(client, b=(1, 0, 0)) == {"kept": 1}
    assert post(client, "/v1/models/serve", model_id="new")["generation"]
