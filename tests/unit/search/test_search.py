"""Search over HTTP: tie-breaking by id, pagination with cursors, upserts, deletes, read-your-writes."""

import base64
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from search import create_app
from search.settings import Settings
from werkzeug.test import TestResponse

from tests.unit.search.conftest import encode, picture, settings_for

# Cosines with EAST are 1, 0.6, 0.6 (a tie), 0 and -1.
FIVE = [
    picture("d", 0, 1),
    picture("c", 0.6, 0.8),
    picture("b", 0.6, 0.8),
    picture("a", 1, 0),
    picture("e", -1, 0),
]
EAST = encode(1, 0)


def body(answer: TestResponse) -> dict[str, Any]:
    document = answer.get_json(force=True)
    assert isinstance(document, dict)
    return document


def upsert(client: FlaskClient, *pictures: dict[str, Any], model_id: str = "m1", dim: int = 2) -> Any:
    return client.post("/v1/pictures", json={"model_id": model_id, "dim": dim, "pictures": list(pictures)})


def asked(vector: str | None = None, like: str | None = None, **body: Any) -> dict[str, Any]:
    """A query by one vector of model m1, or by one picture."""
    terms = {"model_id": "m1", "terms": [{"vector": vector}]} if vector else {"terms": [{"like": like}]}
    return {**(terms if vector or like else {}), **body}


def query(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/query", json=asked(**body))
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def letters(document: dict[str, Any]) -> str:
    return "".join(r["id"][0] for r in document["results"])


def test_best_first_and_ties_by_id(client: FlaskClient) -> None:
    assert sorted(upsert(client, *FIVE).json["created"]) == [c * 32 for c in "abcde"]
    document = query(client, vector=EAST, k=5)
    assert letters(document) == "abcde"
    assert [r["score"] for r in document["results"]] == pytest.approx([1, 0.6, 0.6, 0, -1])
    assert document["next_cursor"] is None


def test_the_first_k_are_the_same_for_every_k_even_inside_a_tie(client: FlaskClient) -> None:
    upsert(client, *FIVE)
    assert [letters(query(client, vector=EAST, k=k)) for k in range(1, 6)] == ["a", "ab", "abc", "abcd", "abcde"]


def test_pages_follow_each_other_with_writes_in_between(client: FlaskClient) -> None:
    upsert(client, *FIVE)
    first = query(client, vector=EAST, k=2)
    assert letters(first) == "ab"
    client.delete(f"/v1/pictures/{'b' * 32}")
    assert letters(query(client, vector=EAST, k=2, cursor=first["next_cursor"])) == "cd"


def test_a_cursor_of_another_collection_is_gone_and_a_made_up_one_is_refused(
    client: FlaskClient, tmp_path: Path, settings: Settings
) -> None:
    upsert(client, *FIVE)
    cursor = query(client, vector=EAST, k=2)["next_cursor"]
    other = create_app(settings_for(settings.backend, tmp_path / "other"))
    assert other.test_client().post("/v1/query", json=asked(vector=EAST, cursor=cursor)).status_code == 410
    other.extensions["store"].close()
    assert client.post("/v1/query", json=asked(vector=EAST, cursor="WzFd")).status_code == 400


def test_like_a_picture_leaves_it_out_and_still_gives_k(client: FlaskClient) -> None:
    upsert(client, *FIVE)
    assert letters(query(client, like="a" * 32, k=4)) == "bcde"
    assert client.post("/v1/query", json=asked(like="f" * 32)).status_code == 404


def test_upsert_replaces_and_delete_forgets(client: FlaskClient) -> None:
    upsert(client, *FIVE)
    again = upsert(client, picture("e", 1, 0)).json
    assert again["created"] == []
    assert letters(query(client, vector=EAST, k=5)) == "aebcd"
    assert body(client.delete(f"/v1/pictures/{'a' * 32}"))["deleted"]["media_key"] == "a"
    assert client.delete(f"/v1/pictures/{'a' * 32}").status_code == 404
    assert letters(query(client, vector=EAST, k=5)) == "ebcd"
    assert body(client.get("/v1/stats"))["count"] == 4


def test_existing_pictures_can_be_left_as_they_are(client: FlaskClient) -> None:
    upsert(client, FIVE[0])
    both = [{**FIVE[0], "caption": "other"}, FIVE[1]]
    sent = {"model_id": "m1", "dim": 2, "pictures": both, "keep_existing": True}
    answer = client.post("/v1/pictures", json=sent)
    assert body(answer)["created"] == [FIVE[1]["id"]]
    known = client.post("/v1/lookup", json={"ids": [FIVE[0]["id"]]})
    assert body(known)["pictures"][0]["caption"] == "d"


def test_every_write_makes_a_new_generation(client: FlaskClient) -> None:
    seen = [upsert(client, FIVE[0]).json["generation"], upsert(client, FIVE[1]).json["generation"]]
    seen.append(body(client.delete(f"/v1/pictures/{'d' * 32}"))["generation"])
    assert len(set(seen)) == 3
    assert query(client, vector=EAST)["generation"] == seen[-1]


def test_a_second_process_sees_the_first_ones_writes(client: FlaskClient, settings: Settings) -> None:
    other = create_app(settings)
    upsert(client, *FIVE)
    assert letters(query(other.test_client(), vector=EAST, k=3)) == "abc"
    client.delete(f"/v1/pictures/{'a' * 32}")
    assert letters(query(other.test_client(), vector=EAST, k=3)) == "bcd"
    other.extensions["store"].close()


@pytest.mark.parametrize(("model_id", "dim", "vector"), [("m2", 2, (1.0, 0.0)), ("m1", 3, (1.0, 0.0, 0.0))])
def test_vectors_of_another_model_are_refused(
    client: FlaskClient, model_id: str, dim: int, vector: tuple[float, ...]
) -> None:
    upsert(client, *FIVE)
    answer = upsert(client, picture("f", *vector), model_id=model_id, dim=dim)
    assert answer.status_code == 409
    assert "holds vectors of model m1 (2 numbers)" in answer.get_json(force=True)["detail"]
    assert client.post("/v1/query", json=asked(vector=encode(*vector), model_id=model_id)).status_code == 409
    assert body(client.get("/v1/stats"))["count"] == 5


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"terms": [{"vector": EAST}]}, "model_id: "),
        ({}, "terms: mode vector needs at least one"),
        ({"terms": [{}]}, "terms.0: vector, like: "),
        (asked("!"), "terms.0.vector: not base64"),
        (asked("ж"), "terms.0.vector: not base64"),
        (asked(encode(1, 1)), "terms.0.vector: not a unit vector"),
        (asked(encode(float("nan"), 1)), "terms.0.vector: not a unit vector"),
        (asked(EAST, k=0), "k: "),
        (asked(EAST, k=1001), "k: 1001 is more than the limit of 1000"),
        (asked(EAST, nprobe=4), "nprobe: "),
        (asked(EAST, text="a dog"), "text: mode vector has none"),
        (asked(EAST, mode="text", text="a dog"), "terms: mode text has none"),
        ({"mode": "text"}, "text: mode text needs it"),
        (asked(EAST, mode="hybrid"), "text: mode hybrid needs it"),
        ({"model_id": "m1", "terms": [{"vector": EAST, "weight": 0}]}, "terms.0.weight: 0 asks for nothing"),
        ({"model_id": "m1", "terms": [{"vector": EAST}, {"vector": EAST, "weight": -1}]}, "cancel each other out"),
        (asked(EAST, where={"colour": "red"}), "where.colour: unknown"),
        (asked(EAST, where={"taken_from": "May"}), "where.taken_from: "),
        (asked(EAST, collapse=0.1), "collapse: "),
    ],
)
def test_a_wrong_query_names_the_field(client: FlaskClient, sent: dict[str, Any], says: str) -> None:
    answer = client.post("/v1/query", json=sent)
    assert answer.status_code == 400
    assert says in answer.get_json(force=True)["detail"]


@pytest.mark.parametrize("content", ["[" * 2900, '["m", 1' + "0" * 400 + ', "b"]', "[]", "7", '["m", "x", "b"]'])
def test_a_crafted_cursor_is_refused(client: FlaskClient, content: str) -> None:
    cursor = base64.urlsafe_b64encode(content.encode()).decode()
    answer = client.post("/v1/query", json=asked(vector=EAST, cursor=cursor))
    assert answer.status_code == 400
    assert body(answer)["detail"] == "cursor: not one that a search has returned"


def test_an_empty_collection_answers_with_nothing(client: FlaskClient) -> None:
    assert query(client, vector=EAST)["results"] == []
    assert client.get("/readyz").status_code == 200
