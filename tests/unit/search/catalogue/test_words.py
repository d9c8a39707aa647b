"""Full-text search in any script: stop words, quoted phrases, normalisation, scripts without spaces."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from search.catalogue.words import has_all, searchable, words_of

from tests.unit.search.conftest import picture


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("An automobile", ["automobile"]),
        ("ein Hund auf der Wiese", ["hund", "wiese"]),
        ("the of", ["the", "of"]),  # nothing else is left
        ("A man, a MAN", ["man"]),
        ('the "red car" of Ann', ["red car", "ann"]),
        ("«petit chien» noir", ["petit chien", "noir"]),
        ('a "', ["a"]),
        ("well-known T-shirt", ["well", "known", "t", "shirt"]),
        ("IMG_1234.jpg", ["img_1234", "jpg"]),
        ("\uff21\uff22\uff23 \ufb01sh Straße", ["abc", "fish", "strasse"]),
        ("हिंदी में", ["हिंदी", "में"]),  # vowel signs are no separators
        ("犬", ["犬"]),
        ("白い犬", ["白 い", "い 犬"]),
        ("2024年の写真", ["2024", "年 の", "の 写", "写 真"]),
        ("ที่", ["ที่"]),  # one character with its marks
        ("!?", []),
        ("", []),
    ],
)
def test_the_words_of_a_text(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_unspaced_characters_are_indexed_one_by_one() -> None:
    assert searchable("A白い犬!").split() == ["a", "白", "い", "犬", "!"]


CAPTIONS = {
    "a": "白い犬が砂浜を走る",
    "b": "A white dog on the sand",
    "c": "Café am Straßenrand",
    "d": "Собака на пляже",
    "e": "कुत्ता समुद्र तट पर",
    "f": "หมาบนชายหาด",
}


@pytest.fixture
def filled(client: FlaskClient) -> FlaskClient:
    pictures = [picture(letter, 1, 0, caption=caption, file_name="x.jpg") for letter, caption in CAPTIONS.items()]
    assert client.post("/v1/pictures", json={"model_id": "m1", "dim": 2, "pictures": pictures}).status_code == 200
    return client


def found(client: FlaskClient, text: str) -> str:
    body: dict[str, Any] = {"model_id": "m1", "terms": [], "mode": "text", "text": text}
    answer = client.post("/v1/query", json=body).get_json()
    return "".join(record["id"][0] for record in answer["results"])


@pytest.mark.parametrize("settings", ["local"], indirect=True)  # Milvus Lite's tokenizer knows no marks
@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("犬", "a"),
        ("犬が砂浜", "a"),
        ("猫", ""),
        ("犬白", ""),  # both characters are there, but not side by side
        ("CAFE", "c"),
        ("strassenrand", "c"),
        ("СОБАКА", "d"),
        ("कुत्ता", "e"),
        ("ชายหาด", "f"),
        ("an automobile", ""),
        ('"white dog"', "b"),
        ('"dog white"', ""),
        ("dog white", "b"),
    ],
)
def test_captions_are_found_in_their_script(filled: FlaskClient, text: str, letters: str) -> None:
    assert found(filled, text) == letters


def test_words_follow_edits_and_deletions(filled: FlaskClient) -> None:
    filled.patch(f"/v1/pictures/{'a' * 32}", json={"caption": "黒い猫"})
    assert (found(filled, "犬"), found(filled, "猫")) == ("", "a")
    filled.delete(f"/v1/pictures/{'a' * 32}")
    assert found(filled, "猫") == ""


def test_stop_words_alone_do_not_change_a_hybrid_search(filled: FlaskClient) -> None:
    def order(mode: str, text: str) -> list[str]:
        body: dict[str, Any] = {"model_id": "m1", "terms": [{"vector": picture("a", 0.6, 0.8)["vector"]}], "mode": mode}
        answer = filled.post("/v1/query", json={**body, **({"text": text} if text else {})}).get_json()
        return [record["id"] for record in answer["results"]]

    assert order("hybrid", "an automobile on the") == order("vector", "")


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("cafe paris", True),
        ("07 CHAUD", True),
        ("strasse", True),
        ('"tres chaud"', True),
        ("富士山", True),
        ("cafe london", False),
        ('"chaud cafe" paris', False),
        ("caf", False),
        ("山富", False),
    ],
)
def test_words_are_held_when_all_are_there_and_phrases_as_they_stand(text: str, held: bool) -> None:
    assert has_all(words_of(text), "Un café, très chaud", "Paris", "2024/straße_07.jpg", "富士山の朝") is held
