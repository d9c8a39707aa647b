"""What is written in pictures: stored, found by words and their parts, filtered by, copied; on both back ends."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from search.catalogue.readings import text_of

from tests.unit.search.conftest import encode, picture
from tests.unit.search.test_queries import ask, found, letters

EAST, NORTH = encode(1, 0), encode(0, 1)
PICTURES = [
    picture("a", 1, 0, caption="a dog on the grass"),
    picture("b", 0.8, 0.6, caption=""),
    picture("c", 0.6, 0.8, caption=""),
    picture("d", 0, 1, caption=""),
    picture("e", -0.6, 0.8, caption=""),
]


def line(text: str, x: float = 0.1, y: float = 0.1, width: float = 0.3, height: float = 0.05) -> dict[str, Any]:
    """A line whose upper left corner is at (x, y)."""
    box = [x, y, x + width, y, x + width, y + height, x, y + height]
    return {"text": text, "box": [round(number, 4) for number in box], "confidence": 0.9}


# A shirt, a receipt of which prices are boxes of their own, a plate with confused characters, and nothing.
READINGS = {
    "b": [line("DOG LIFE")],
    "c": [
        line("Café Rossmann", y=0.1),
        line("Invoice 2024-117", y=0.2),
        line("TOTAL", x=0.1, y=0.3),
        line("23.50", x=0.6, y=0.305),
        line("We thank you for your infor-", y=0.5),
        line("mation", y=0.56),
    ],
    "d": [line("KA AB 12O4"), line("Meet Zellner at noon", y=0.3), line("東京駅前", y=0.5)],
    "e": [],
}


@pytest.fixture(autouse=True)
def read(client: FlaskClient) -> None:
    assert client.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": PICTURES}).status_code == 200
    assert put(client, READINGS) == {"kept": 4}


def put(client: FlaskClient, readings: dict[str, list[dict[str, Any]]], reader: str = "r 1") -> dict[str, Any]:
    sent = [{"id": letter * 32, "reader": reader, "lines": lines} for letter, lines in readings.items()]
    answer = client.post("/v1/readings", json={"readings": sent})
    assert answer.status_code == 200, answer.text
    assert isinstance(answer.json, dict)
    return {"kept": answer.json["kept"]}


@pytest.mark.parametrize(
    ("text", "pictures"),
    [
        ("rossmann", "c"),
        ("CAFE", "c"),  # case and accents
        ("information", "c"),  # broken by a hyphen
        ('"total 23.50"', "c"),  # a line in two boxes
        ('"total 2024"', ""),  # a quoted phrase is exact
        ("invoice", "c"),
        ("voice", "c"),  # a part of a word
        ("2024", "c"),
        ("1204", "d"),  # the reader took the 0 for an O
        ("AB12", "d"),  # a part of a plate, without its space
        ("kaab1204", "d"),
        ("do", ""),  # too short to be a part
        ("elephant", ""),
        ('" OR NEAR(', ""),
    ],
)
def test_what_is_written_is_found(client: FlaskClient, text: str, pictures: str) -> None:
    assert found(client, text) == pictures


def test_a_turned_page_has_its_lines_side_by_side() -> None:
    lines = [line("Second line", x=0.5, y=0.1, width=0.04, height=0.6), line("Title", 0.2, 0.1, 0.05, 0.3)]
    assert text_of(lines) == "Title\nSecond line"  # type: ignore[arg-type]


def test_what_is_told_comes_before_what_is_written(client: FlaskClient) -> None:
    assert found(client, "dog") == "ab"
    assert found(client, "dog", without="life") == "a"


def test_an_answer_says_where_the_words_are(client: FlaskClient) -> None:
    told, shown = ask(client, mode="text", text="dog")["results"]
    assert (told["fields"], told["lines"]) == (["caption"], [])
    assert (shown["fields"], shown["lines"]) == (["text"], READINGS["b"])
    (receipt,) = ask(client, mode="text", text='"total 23.50"')["results"]
    assert [one["text"] for one in receipt["lines"]] == ["TOTAL", "23.50"]
    assert receipt["has_words"]
    (plate,) = ask(client, mode="text", text="AB12")["results"]
    assert plate["lines"] == READINGS["d"][:1]
    assert plate["has_words"]


def test_a_shirt_that_says_dog_is_no_dog(client: FlaskClient) -> None:
    # From the north d, c, e, b, a; a alone is told to be a dog: 1/65 + 1/61 for it, 1/64 for the shirt b.
    assert letters(ask(client, {"vector": NORTH}, mode="hybrid", text="dog")).startswith("adc")
    assert letters(ask(client, {"vector": NORTH}, mode="hybrid", text="life")) == "dceba"
    # 1/64 + 1/61 for b, if what is written is asked for.
    asked = ask(client, {"vector": NORTH}, mode="hybrid", text="life", written="as told")
    assert letters(asked).startswith("bdc")
    assert asked["results"][0]["has_words"]


def test_all_of_several_words_in_a_line_are_asked_for(client: FlaskClient) -> None:
    found = ask(client, {"vector": NORTH}, mode="hybrid", text="dog life")
    assert letters(found)[0] == "b"
    assert found["results"][0]["has_words"]
    # b is the fourth from the north, and a hit of the words counts twice if they are in a line.
    assert found["results"][0]["score"] == pytest.approx(1 / 64 + 2 / 61)
    # The other way round they are in no line, and a is told to be a dog.
    assert letters(ask(client, {"vector": NORTH}, mode="hybrid", text="life dog")).index("b") == 4


@pytest.mark.parametrize(
    ("text", "is_asked_for"),
    [("meet zellner at noon", True), ("meetzellner at noon", True), ("zellner noon", False), ("東京駅前", True)],
)
def test_a_line_has_its_stop_words_and_may_be_without_spaces(
    client: FlaskClient, text: str, is_asked_for: bool
) -> None:
    # From the east d is the fourth.
    assert (letters(ask(client, {"vector": EAST}, mode="hybrid", text=text))[0] == "d") == is_asked_for


@pytest.mark.parametrize("text", ["2024", '"invoice 2024"', "total 23.50"])
def test_a_query_with_digits_or_quotes_asks_for_what_is_written(client: FlaskClient, text: str) -> None:
    answer = ask(client, {"vector": encode(-1, 0)}, mode="hybrid", text=text)
    assert letters(answer)[0] == "c"
    assert answer["results"][0]["has_words"]


@pytest.mark.parametrize(
    ("where", "pictures"),
    [
        ({"has_text": True}, "bcd"),
        ({"has_text": False}, "ae"),
        ({"text": "total invoice"}, "c"),
        ({"text": "total dog"}, ""),
        ({"text": '"thank you"'}, "c"),
        ({"text": '"you thank"'}, ""),
        ({"text": "1204"}, "d"),
        ({"text": "!?"}, ""),
    ],
)
def test_what_is_written_is_a_filter(client: FlaskClient, where: dict[str, Any], pictures: str) -> None:
    assert letters(ask(client, {"vector": EAST}, where=where)) == pictures
    assert ask(client, {"vector": EAST}, where=where, explain=True)["matching"] == len(pictures)


def test_a_filter_marks_its_lines(client: FlaskClient) -> None:
    (answer,) = ask(client, {"vector": EAST}, where={"text": "invoice"})["results"]
    assert [one["text"] for one in answer["lines"]] == ["Invoice 2024-117"]


def test_what_is_not_read_yet_is_told_from_what_has_no_text(client: FlaskClient) -> None:
    def missing(reader: str) -> list[str]:
        answer = client.post("/v1/readings/missing", json={"reader": reader, "limit": 10})
        assert isinstance(answer.json, dict)
        return [i[0] for i in answer.json["ids"]]

    assert missing("r 1") == ["a"]
    assert sorted(missing("r 2")) == list("abcde")
    put(client, {"a": [], "b": [line("CAT LIFE")]}, "r 2")
    assert sorted(missing("r 2")) == list("cde")
    assert found(client, "dog") == "a"  # the new reading is in place of the former one
    assert found(client, "cat") == "b"
    answer = client.post("/v1/readings/lookup", json={"ids": ["b" * 32, "f" * 32, "e" * 32]})
    assert answer.json == {
        "readings": {
            "b" * 32: {"reader": "r 2", "lines": [line("CAT LIFE")], "text": "CAT LIFE"},
            "e" * 32: {"reader": "r 1", "lines": [], "text": ""},
        }
    }


def test_a_reading_stays_with_its_picture_through_edits_copies_and_deletion(client: FlaskClient) -> None:
    assert client.patch(f"/v1/pictures/{'c' * 32}", json={"caption": "a paper"}).status_code == 200
    assert found(client, "rossmann") == "c"
    document = client.post("/v1/export", json={"ids": ["c" * 32], "limit": 10}).json
    assert isinstance(document, dict)
    (copy,) = document["pictures"]
    assert copy["reading"] == {"reader": "r 1", "lines": READINGS["c"]}
    assert client.delete(f"/v1/pictures/{'c' * 32}").status_code == 200
    assert found(client, "rossmann") == ""
    assert client.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": [copy]}).status_code == 200
    assert found(client, "rossmann") == "c"
    # The same file again, by a client that has not read it.
    again = {key: value for key, value in copy.items() if key != "reading"}
    assert client.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": [again]}).status_code == 200
    assert found(client, "rossmann") == "c"


def test_another_model_finds_what_is_written(client: FlaskClient) -> None:
    vectors = [{"id": p["id"], "vector": encode(1, 0, 0)} for p in PICTURES]
    body = {"model_id": "m2", "dim": 3, "vectors": vectors}
    assert client.post("/v1/vectors", json=body).status_code == 200
    put(client, {"a": [line("Eisenwaren")]})
    assert client.post("/v1/models/serve", json={"model_id": "m2"}).status_code == 200
    assert found(client, "eisenwaren") == "a"
    assert found(client, "rossmann") == "c"


def test_whether_anything_is_written_is_known(client: FlaskClient) -> None:
    def written() -> bool:
        stats = client.get("/v1/stats").json
        assert isinstance(stats, dict)
        return bool(stats["written"])

    assert written()
    put(client, {letter: [] for letter in "bcd"})
    assert not written()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"box": [0.1] * 7}, "box"),
        ({"box": [1.5] * 8}, "box"),
        ({"text": ""}, "text"),
        ({"confidence": 2}, "confidence"),
        ({"font": "Arial"}, "font"),
    ],
)
def test_a_malformed_line_is_refused(client: FlaskClient, change: dict[str, Any], said: str) -> None:
    reading = {"id": "a" * 32, "reader": "r", "lines": [{**line("x"), **change}]}
    answer = client.post("/v1/readings", json={"readings": [reading]})
    assert answer.status_code == 400
    assert f"readings.0.lines.0.{said}" in answer.text


def test_frequent_words_are_suggested(client: FlaskClient) -> None:
    put(client, {"a": [line("Rossmann Drogerie")]})
    answer = client.post("/v1/suggest", json={"text": "ross"}).json
    assert isinstance(answer, dict)
    assert answer["written"] == ["rossmann"]
