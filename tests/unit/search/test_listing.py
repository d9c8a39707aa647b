"""Listings without a query, newest first, on both back ends; and what tells how well a hit fits."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from search.milvus import source

from tests.unit.search.conftest import encode, number_id, picture

EAST, NORTH = encode(1, 0, 0), encode(0, 1, 0)
# Added in 2020 to 2024, two of them in the same second; taken in another order, two at unknown times.
PICTURES = [
    picture("a", 1, 0, 0, added_at="2020-01-01T00:00:00+00:00", taken_at="2019-12-31T23:59:59", tags=["x"]),
    picture("b", 0.8, 0.6, 0, added_at="2024-01-01T00:00:00+00:00"),
    picture("c", 0, 1, 0, added_at="2022-06-01T12:00:01+00:00", taken_at="1999-02-31T00:00:00", tags=["x"]),
    picture("d", -0.6, 0.8, 0, added_at="2022-06-01T12:00:00+00:00", taken_at="2019-12-31T23:59:58"),
    picture("e", -1, 0, 0, added_at="2022-06-01T12:00:01+00:00"),
]


@pytest.fixture
def five(client: FlaskClient) -> None:
    sent = {"model_id": "m1", "dim": 3, "pictures": PICTURES}
    assert client.post("/v1/pictures", json=sent).status_code == 200


def ask(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/query", json=body)
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def pages(client: FlaskClient, k: int, **body: Any) -> list[str]:
    """The ids of a listing, page by page."""
    page = ask(client, mode="list", k=k, **body)
    ids = [r["id"] for r in page["results"]]
    while cursor := page["next_cursor"]:
        page = ask(client, mode="list", k=k, cursor=cursor, **body)
        ids += [r["id"] for r in page["results"]]
    return ids


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, "bceda"),
        ({"sort": "added"}, "bceda"),
        # The two of unknown time come last, the one that was added later first.
        ({"sort": "taken"}, "adcbe"),
        ({"where": {"tags": ["x"]}}, "ca"),
        ({"sort": "taken", "where": {"taken_from": "2019"}}, "ad"),
        ({"where": {"tags": ["none"]}}, ""),
    ],
)
@pytest.mark.parametrize("k", [1, 2, 9])
def test_pictures_are_listed_newest_first_in_pages(client: FlaskClient, body: Any, found: str, k: int) -> None:
    assert "".join(i[0] for i in pages(client, k, **body)) == found


def test_an_empty_collection_lists_nothing(client: FlaskClient) -> None:
    assert ask(client, mode="list")["results"] == []


def test_a_long_listing_is_complete(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """40 pictures in 20 seconds: more than one batch of Milvus, where the beginning is searched for."""
    monkeypatch.setattr(source, "BATCH", 4)
    sent = [
        {**picture("x", 1, 0, 0), "id": number_id(i), "added_at": f"2024-01-01T00:00:{i // 2:02}+00:00"}
        for i in range(40)
    ]
    for first in range(0, 40, 10):
        body = {"model_id": "m1", "dim": 3, "pictures": sent[first : first + 10]}
        assert client.post("/v1/pictures", json=body).status_code == 200
    assert pages(client, 7) == [number_id(i + j) for i in range(38, -1, -2) for j in (0, 1)]


@pytest.mark.usefixtures("five")
def test_a_listing_goes_on_at_its_place_after_a_write(client: FlaskClient) -> None:
    first = ask(client, mode="list", k=2)
    assert client.delete(f"/v1/pictures/{'c' * 32}").status_code == 200  # the last one of the page
    new = picture("f", 1, 0, 0, added_at="2025-01-01T00:00:00+00:00")
    assert client.post("/v1/pictures", json={"model_id": "m1", "dim": 3, "pictures": [new]}).status_code == 200
    later = ask(client, mode="list", k=9, cursor=first["next_cursor"])
    assert [r["id"][0] for r in later["results"]] == ["e", "d", "a"]


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mode": "list", "text": "dog"}, "text"),
        ({"mode": "list", "terms": [{"like": "a" * 32}]}, "terms"),
        ({"mode": "list", "sort": "size"}, "sort"),
        ({"mode": "text", "text": "dog", "sort": "added"}, "sort"),
    ],
)
def test_a_listing_has_no_terms_and_only_it_has_an_order(client: FlaskClient, body: Any, field: str) -> None:
    answer = client.post("/v1/query", json=body)
    assert answer.status_code == 400
    assert field in answer.json["detail"]  # type: ignore[index]


@pytest.mark.usefixtures("five")
def test_a_hit_has_the_cosine_with_each_term_where_the_score_is_another_number(client: FlaskClient) -> None:
    terms = [{"vector": EAST}, {"vector": NORTH, "weight": -0.5}]
    best = ask(client, model_id="m1", terms=terms)["results"][0]
    assert (best["id"][0], best["cosines"]) == ("a", pytest.approx([1, 0]))
    alone = ask(client, model_id="m1", terms=[{"vector": EAST}])["results"]
    assert [r["score"] for r in alone[:2]] == pytest.approx([1, 0.8])
    assert "cosines" not in alone[0] and "has_words" not in alone[0]
    both = ask(client, model_id="m1", terms=[{"vector": EAST}], text="c.jpg", mode="hybrid")["results"]
    found = {r["id"][0]: (r["cosines"][0], r["has_words"]) for r in both}
    assert found["b"] == (pytest.approx(0.8), False)
    assert found["c"] == (pytest.approx(0), True)


def test_stats_say_whether_any_picture_has_a_caption(client: FlaskClient) -> None:
    assert client.get("/v1/stats").get_json()["captioned"] is False
    sent = {"model_id": "m1", "dim": 3, "pictures": [picture("a", 1, 0, 0, caption="")]}
    assert client.post("/v1/pictures", json=sent).status_code == 200
    assert client.get("/v1/stats").get_json()["captioned"] is False
    assert client.patch(f"/v1/pictures/{'a' * 32}", json={"caption": "snow"}).status_code == 200
    assert client.get("/v1/stats").get_json()["captioned"] is True
    assert client.delete(f"/v1/pictures/{'a' * 32}").status_code == 200
    assert client.get("/v1/stats").get_json()["captioned"] is False
