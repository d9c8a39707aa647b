"""Queries over HTTP: terms, filters, full text, hybrid (rank fusion), near-duplicates, batches, edits, cursors."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.unit.search.conftest import encode, picture

EAST, NORTH, WEST = encode(1, 0, 0), encode(0, 1, 0), encode(-1, 0, 0)
PICTURES = [
    picture("a", 1, 0, 0, caption="a red kite over the beach", tags=["sea", "toy"], width=400, height=300, bytes=100),
    picture("b", 0.8, 0.6, 0, caption="two dogs run on the beach", tags=["sea"], width=300, height=400, bytes=200),
    picture(
        "c", 0, 1, 0, caption="", file_name="Fête_2024-dogs.jpg", width=300, height=300, taken_at="2024-05-01T10:00:00"
    ),
    picture("d", -0.6, 0.8, 0, caption="a dog", tags=["pet"], taken_at="2024-05-31T23:59:59", attributes={"iso": 400}),
    picture("e", -1, 0, 0, caption="snow", taken_at="2025-01-01T00:00:00", attributes={"iso": 100, "lens": "50mm"}),
]


@pytest.fixture(autouse=True)
def five(client: FlaskClient) -> None:
    sent = {"model_id": "m1", "dim": 3, "pictures": PICTURES}
    assert client.post("/v1/pictures", json=sent).status_code == 200


def ask(client: FlaskClient, *terms: dict[str, Any], **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/query", json={"model_id": "m1", "terms": list(terms), **body})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return answer.json


def letters(document: dict[str, Any]) -> str:
    return "".join(r["id"][0] for r in document["results"])


def test_terms_add_up_and_negative_ones_lead_away(client: FlaskClient) -> None:
    # (1, 1) / sqrt 2 has cosines 0.71, 0.99, 0.71, 0.14 and -0.71.
    both = ask(client, {"vector": EAST}, {"vector": NORTH})
    assert letters(both) == "bacde"
    assert both["results"][0]["score"] == pytest.approx(1.4 / 2**0.5)
    assert letters(ask(client, {"vector": NORTH}, {"vector": EAST, "weight": -1})) == "dceba"
    assert letters(ask(client, {"vector": EAST, "weight": -2})) == "edcba"


def test_pictures_that_are_terms_are_no_answers(client: FlaskClient) -> None:
    assert letters(ask(client, {"like": "a" * 32}, {"like": "e" * 32, "weight": -0.5})) == "bcd"
    assert letters(ask(client, {"like": "c" * 32}, {"vector": EAST}, k=1)) == "b"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({}, "abcde"),
        ({"tags": ["sea"]}, "ab"),
        ({"tags": ["sea", "toy"]}, "a"),
        ({"any_tags": ["toy", "pet"]}, "ad"),
        ({"no_tags": ["sea"]}, "cde"),
        ({"orientation": "portrait"}, "b"),
        ({"orientation": "square"}, "c"),
        ({"min_width": 300, "min_height": 300}, "abc"),
        ({"min_bytes": 150}, "b"),
        ({"max_bytes": 150}, "a"),
        ({"taken_from": "2024-05-02"}, "de"),
        ({"taken_to": "2024-05-31"}, "cd"),  # includes the last day
        ({"taken_from": "2024", "taken_to": "2024"}, "cd"),
        ({"added_from": "2020"}, "abcde"),
        ({"added_to": "2020"}, ""),
        ({"attributes": {"iso": 400}}, "d"),
        ({"attributes": {"iso": {"min": 100}}}, "de"),
        ({"attributes": {"iso": {"min": 100, "max": 399}, "lens": "50mm"}}, "e"),
        ({"attributes": {"lens": {"min": 10}}}, ""),  # a range does not match a text
    ],
)
def test_filters_leave_k_of_what_they_let_through(client: FlaskClient, where: dict[str, Any], found: str) -> None:
    assert letters(ask(client, {"vector": EAST}, where=where)) == found
    assert letters(ask(client, {"vector": EAST}, where=where, k=1)) == found[:1]
    assert ask(client, {"vector": EAST}, where=where, k=1, explain=True)["matching"] == len(found)


def test_a_folder_is_all_that_lies_below_it(client: FlaskClient) -> None:
    names = {"a": "2024/Italy/a.jpg", "b": "2024/b.jpg", "c": "2024-05/c.jpg", "d": "20240.jpg", "e": "x/2024/e.jpg"}
    for letter, name in names.items():
        assert client.patch(f"/v1/pictures/{letter * 32}", json={"file_name": name}).status_code == 200

    def inside(folder: str) -> str:
        return letters(ask(client, {"vector": EAST}, where={"folder": folder}))

    assert [inside(folder) for folder in ("2024", "2024/Italy", "2024/Ital", "x")] == ["ab", "a", "", "e"]
    assert [inside(folder) for folder in ("2024%", "20_4", "2024*")] == ["", "", ""]
    for wrong in ("/2024", "2024/", ""):
        body = {"terms": [{"vector": EAST}], "model_id": "m1", "where": {"folder": wrong}}
        assert client.post("/v1/query", json=body).status_code == 400


def found(client: FlaskClient, text: str, **body: Any) -> str:
    return letters(ask(client, mode="text", text=text, **body))


def test_words_are_found_in_captions_tags_and_file_names(client: FlaskClient) -> None:
    assert found(client, "TOY") == "a"
    assert found(client, "2024") == "c"
    assert set(found(client, "dogs")) >= set("bc")
    assert found(client, "beach run")[0] == "b"  # both words
    assert found(client, "beach", where={"tags": ["toy"]}) == "a"
    assert found(client, '" OR NEAR(') == ""
    assert found(client, "elephant") == ""


@pytest.mark.parametrize("settings", ["local"], indirect=True)  # Milvus does so too; Milvus Lite has no stemmer
def test_words_are_found_in_every_form_and_without_accents(client: FlaskClient) -> None:
    assert set(found(client, "dog")) == set(found(client, "dogs")) == set("bcd")
    assert found(client, "FETE") == "c"


def test_hybrid_fuses_both_lists_and_goes_on_with_the_vectors(client: FlaskClient) -> None:
    # Reciprocal rank fusion. By vector a, b, c, d, e; by words only e: 1/61 for a, 1/62 for b, 1/65 + 1/61 for e.
    document = ask(client, {"vector": EAST}, mode="hybrid", text="snow")
    assert letters(document) == "eabcd"
    assert document["results"][0]["score"] == pytest.approx(1 / 65 + 1 / 61)
    assert letters(ask(client, {"vector": EAST}, mode="hybrid", text="snow", where={"no_tags": ["sea"]})) == "ecd"
    # A picture with one word of three counts by the third power of a third; words that no picture has count as rare.
    document = ask(client, {"vector": EAST}, mode="hybrid", text="snow elephant zebra")
    assert letters(document) == "abecd"
    assert document["results"][2]["score"] == pytest.approx(1 / 65 + (1 / 3) ** 3 / 61)


def test_near_duplicates_are_passed_over_and_others_fill_their_places(client: FlaskClient) -> None:
    # Neighbours' cosines are 0.8 (a, b), 0.6 (b, c), 0.8 (c, d) and 0.6 (d, e).
    document = ask(client, {"vector": EAST}, collapse=0.75, k=3)
    assert (letters(document), document["collapsed"]) == ("ace", 2)
    first = ask(client, {"vector": EAST}, collapse=0.75, k=1)
    assert letters(first) == "a"
    assert letters(ask(client, {"vector": EAST}, collapse=0.75, k=2, cursor=first["next_cursor"])) == "ce"
    assert letters(ask(client, {"vector": EAST}, collapse=0.9, k=3)) == "abc"


def test_a_batch_answers_each_query_as_if_it_were_alone(client: FlaskClient) -> None:
    queries: list[dict[str, Any]] = [
        {"model_id": "m1", "terms": [{"vector": EAST}], "k": 2},
        {"mode": "text", "text": "snow"},
    ]
    answer = client.post("/v1/queries", json={"queries": queries})
    assert answer.json is not None
    assert [letters(a) for a in answer.json["answers"]] == ["ab", "e"]
    queries[1]["k"] = 0
    wrong = client.post("/v1/queries", json={"queries": queries})
    assert wrong.status_code == 400
    assert "queries.1.k: " in wrong.get_json(force=True)["detail"]


def test_an_edit_changes_what_filters_and_words_find(client: FlaskClient) -> None:
    def patch(**changes: Any) -> Any:
        return client.patch(f"/v1/pictures/{'e' * 32}", json=changes)

    answer = patch(caption="an igloo", tags=["ice"], attributes={"iso": 50}).json
    assert answer["picture"]["caption"] == "an igloo"
    assert letters(ask(client, mode="text", text="igloo")) == "e"
    assert letters(ask(client, mode="text", text="snow")) == ""
    assert letters(ask(client, {"vector": EAST}, where={"tags": ["ice"]})) == "e"
    assert letters(ask(client, {"vector": EAST}, where={"attributes": {"iso": 50}})) == "e"
    assert answer["generation"] == ask(client, {"vector": EAST})["generation"]
    assert patch(taken_at=None).json["picture"]["taken_at"] is None
    assert patch(file_name="a glacier.png").json["picture"]["file_name"] == "a glacier.png"
    assert letters(ask(client, mode="text", text="glacier")) == "e"
    assert patch().status_code == patch(caption=None).status_code == patch(width=3).status_code == 400
    assert client.patch(f"/v1/pictures/{'f' * 32}", json={"caption": "x"}).status_code == 404


def test_a_deleted_picture_is_found_by_nothing_and_can_come_back(client: FlaskClient) -> None:
    client.delete(f"/v1/pictures/{'a' * 32}")
    assert letters(ask(client, mode="text", text="kite")) == ""
    assert letters(ask(client, {"vector": EAST}, where={"tags": ["sea"]})) == "b"
    again = {**PICTURES[0], "caption": "a blue kite"}
    answer = client.post("/v1/pictures", json={"model_id": "m1", "dim": 3, "pictures": [again]}).json
    assert answer is not None and answer["created"] == ["a" * 32]
    assert letters(ask(client, mode="text", text="blue")) == "a"
    assert letters(ask(client, {"vector": EAST}, k=2)) == "ab"


def test_a_cursor_fits_its_own_query_alone(client: FlaskClient) -> None:
    cursor = ask(client, {"vector": EAST}, k=2)["next_cursor"]
    assert letters(ask(client, {"vector": EAST}, k=9, cursor=cursor)) == "cde"
    other = {"model_id": "m1", "terms": [{"vector": NORTH}], "cursor": cursor}
    answer = client.post("/v1/query", json=other)
    assert answer.status_code == 400
    assert answer.get_json(force=True)["detail"] == "cursor: it belongs to another query"


@pytest.mark.parametrize(
    ("where", "field"),
    [
        ('{"min_bytes": 99999999999999999999}', "where.min_bytes: "),
        ('{"attributes": {"iso": NaN}}', ""),
        ('{"attributes": {"iso": "\\ud800"}}', ""),
        ("[" * 5000 + "]" * 5000, ""),
    ],
)
def test_numbers_and_texts_that_nothing_holds_are_refused(client: FlaskClient, where: str, field: str) -> None:
    body = f'{{"model_id": "m1", "terms": [{{"vector": "{EAST}"}}], "where": {where}}}'
    answer = client.post("/v1/query", data=body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.get_json(force=True)["detail"].startswith(field)


def test_a_number_beyond_every_attribute_matches_none(client: FlaskClient) -> None:
    assert letters(ask(client, {"vector": EAST}, where={"attributes": {"iso": {"min": 10**30}}})) == ""


def test_a_batch_says_which_query_is_wrong(client: FlaskClient) -> None:
    good = {"model_id": "m1", "terms": [{"vector": EAST}]}
    answer = client.post("/v1/queries", json={"queries": [good, {**good, "mode": "text"}]})
    assert answer.status_code == 400
    assert answer.get_json(force=True)["detail"].startswith("queries.1.terms: ")


@pytest.mark.parametrize("mode", ["text", "hybrid"])
def test_a_cursor_into_an_order_of_words_goes_on_after_a_change(client: FlaskClient, mode: str) -> None:
    terms = [{"vector": EAST}] if mode == "hybrid" else []
    first = ask(client, *terms, mode=mode, text="beach dogs", k=1)
    client.delete(f"/v1/pictures/{'e' * 32}")
    rest = ask(client, *terms, mode=mode, text="beach dogs", k=9, cursor=first["next_cursor"])
    # BM25 scores depend on the whole collection, and so change with a write: all of them, and sometimes the order.
    assert letters(first) not in letters(rest)
    if mode == "text":
        assert letters(first) + letters(rest) == letters(ask(client, *terms, mode=mode, text="beach dogs", k=9))


def test_words_that_are_not_wanted_leave_their_pictures_out(client: FlaskClient) -> None:
    every = found(client, "beach dogs")
    without = found(client, "beach dogs", without="toy")
    assert "a" in every and without == every.replace("a", "")
    assert found(client, "beach dogs", without="nothing of this kind") == every
    hybrid = ask(client, {"vector": EAST}, mode="hybrid", text="beach", without="toy")
    assert letters(hybrid).index("a") > letters(ask(client, {"vector": EAST}, mode="hybrid", text="beach")).index("a")
    body = {"model_id": "m1", "terms": [{"vector": EAST}], "without": "toy"}
    assert client.post("/v1/query", json=body).status_code == 400


def test_two_clients_that_add_and_remove_tags_do_not_overwrite_each_other(client: FlaskClient) -> None:
    def patch(**changes: Any) -> Any:
        return client.patch(f"/v1/pictures/{'a' * 32}", json=changes)

    assert patch(add_tags=["one", "sea"], remove_tags=["toy"]).json["picture"]["tags"] == ["sea", "one"]
    assert patch(add_tags=["two"]).json["picture"]["tags"] == ["sea", "one", "two"]
    assert patch(remove_tags=["one", "none"]).json["picture"]["tags"] == ["sea", "two"]
    assert letters(ask(client, {"vector": EAST}, where={"tags": ["two"]})) == "a"
    assert patch(tags=["x"], add_tags=["y"]).status_code == 400
    answer = patch(add_tags=[str(number) for number in range(99)])
    assert (answer.status_code, answer.json["detail"]) == (400, "add_tags: 101 tags; a picture has at most 100")


def test_a_range_without_ends_is_refused(client: FlaskClient) -> None:
    body = {"model_id": "m1", "terms": [{"vector": EAST}], "where": {"attributes": {"iso": {}}}}
    answer = client.post("/v1/query", json=body)
    assert (answer.status_code, "a range needs min, max or both" in answer.text) == (400, True)
