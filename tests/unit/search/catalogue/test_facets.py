"""Example captions, autocomplete suggestions and facet counts of both back ends."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.search.conftest import picture

PICTURES = [
    picture("a", 1, 0, caption="A red apple.", tags=["fruit", "red"], taken_at="2021-05-01T10:00:00"),
    picture("b", 0, 1, caption="A red apple tree in a garden.", tags=["fruit"], width=3, height=4),
    picture("c", 0.6, 0.8, caption="An application form.", tags=[], width=900, height=900),
    picture("d", 0.8, 0.6, caption="A dog.", tags=["100%", "Fred's"], taken_at="2023-01-01T00:00:00"),
]


@pytest.fixture
def filled(client: FlaskClient) -> FlaskClient:
    answer = client.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": PICTURES})
    assert answer.status_code == 200
    return client


def suggest(client: FlaskClient, text: str, **more: Any) -> Any:
    return client.post("/v1/suggest", json={"text": text, **more}).get_json()


def test_captions_go_on_as_the_words_do(filled: FlaskClient) -> None:
    assert suggest(filled, "red app")["captions"] == ["A red apple.", "A red apple tree in a garden."]
    assert suggest(filled, "red app", limit=1)["captions"] == ["A red apple."]
    assert suggest(filled, "appli")["captions"] == ["An application form."]
    # FTS5 operators and LIKE wildcards in the text have no special meaning.
    for nothing in ('app" OR "dog', "100% _", "zebra", "  ", "caption : dog NEAR"):
        assert suggest(filled, nothing)["captions"] == []


def test_a_tag_is_offered_by_its_beginning(filled: FlaskClient, request: pytest.FixtureRequest) -> None:
    # Milvus cannot search tags by prefix.
    here = "milvus" not in request.node.name
    # In whatever case it is typed.
    for typed in ("fr", "Fr", "FR"):
        assert suggest(filled, typed)["tags"] == (["fruit", "Fred's"] if here else [])
    for typed in ("Fred'", "fred'"):
        assert suggest(filled, typed)["tags"] == (["Fred's"] if here else [])


def test_what_pictures_can_be_told_apart_by_is_counted(filled: FlaskClient) -> None:
    found = filled.get("/v1/facets").get_json()
    assert found["tags"] == [
        {"tag": "fruit", "count": 2},
        *({"tag": tag, "count": 1} for tag in ("100%", "Fred's", "red")),
    ]
    assert found["orientations"] == {"landscape": 2, "portrait": 1, "square": 1}
    assert found["taken"] == ["2021-05-01T10:00:00", "2023-01-01T00:00:00"]
    assert found["years"] == [{"year": "2023", "count": 1}, {"year": "2021", "count": 1}]
    assert (found["widest"], found["sampled"]) == (900, False)
    filled.delete(f"/v1/pictures/{'b' * 32}")
    assert filled.get("/v1/facets").get_json()["orientations"]["portrait"] == 0


def test_folders_are_counted_with_all_that_lies_below_them(client: FlaskClient) -> None:
    names = ["top.jpg", "2024/a.jpg", "2024/Italy/b.jpg", "2024/Italy/Rome/c d.jpg", "Ünï/x.jpg", "2024x/y.jpg"]
    pictures = [picture(letter, 1, 0, file_name=name) for letter, name in zip("abcdef", names, strict=True)]
    client.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": pictures})
    assert client.get("/v1/facets").get_json()["folders"] == [
        {"folder": "2024", "count": 3},
        {"folder": "2024/Italy", "count": 2},
        {"folder": "2024/Italy/Rome", "count": 1},
        {"folder": "2024x", "count": 1},
        {"folder": "Ünï", "count": 1},
    ]


def test_an_empty_collection_offers_nothing(client: FlaskClient) -> None:
    assert suggest(client, "red") == {"captions": [], "tags": [], "written": []}
    found = client.get("/v1/facets").get_json()
    assert (found["tags"], found["folders"], found["taken"], found["added"], found["widest"]) == ([], [], None, None, 0)


def test_a_placeholder_stays_with_its_picture(filled: FlaskClient) -> None:
    blurred = picture("e", 1, 0, placeholder="1QcSHQRnh493V4dIh4eXh1h4kJUI", attributes={"iso": 100})
    filled.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": [blurred]})
    filled.patch(f"/v1/pictures/{'e' * 32}", json={"attributes": {"iso": 200}})
    record = filled.post("/v1/lookup", json={"ids": ["e" * 32]}).get_json()["pictures"][0]
    assert (record["placeholder"], record["attributes"]) == ("1QcSHQRnh493V4dIh4eXh1h4kJUI", {"iso": 200})
    none = filled.post("/v1/lookup", json={"ids": ["a" * 32]}).get_json()["pictures"][0]
    assert none["placeholder"] == ""
