"""Benchmark queries generated from captions (keywords, phrases, sentences) and their relevant pictures."""

import json
from pathlib import Path

import pytest
from twotower.evaluation import queries

CAPTIONS = [
    ("A brown dog on a frozen lake .", "The animal ."),
    ("Two brown dogs .", "The brown dog runs ."),
    ("A dog , brown .", "A lake that is frozen , with a dog ."),
    ("It is a cat .",),
]
NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]


def true_of(found: queries.Queries, text: str) -> list[int]:
    """The rows of a query's relevant pictures."""
    return [int(row) for row in found.relevant[found.texts.index(text)]]


def test_keywords_are_true_of_every_picture_that_holds_the_words() -> None:
    found = queries.keywords([("A dog runs .", "The brown animal ."), ("A brown dog .",), ("It is a cat .",)], 2)
    # "dog runs" and "brown animal" match the first picture, "brown dog" both; "cat" is only one word.
    assert found.texts == ["dog runs", "brown animal", "brown dog"]
    assert found.owner.tolist() == [0, 0, 1]
    assert [rows.tolist() for rows in found.relevant] == [[0], [0], [0, 1]]


def test_a_phrase_is_what_stands_between_function_words_and_points() -> None:
    assert queries.runs_of("A brown dog on a frozen lake .") == [["brown", "dog"], ["frozen", "lake"]]
    assert queries.runs_of("A dog , brown .") == [["dog"], ["brown"]]
    assert queries.runs_of("A man's hat") == [["man"], ["hat"]]


def test_a_phrase_must_stand_in_one_caption() -> None:
    found = queries.phrases(CAPTIONS)
    # One of the two phrases of the first caption; the cat's caption has none.
    assert found.texts[0] in ("brown dog", "frozen lake")
    assert found.texts[1:] == ["brown dogs", "brown dog runs"]
    assert found.owner.tolist() == [0, 1, 1]
    expected = {"brown dog": [0, 1], "frozen lake": [0], "brown dogs": [1], "brown dog runs": [1]}
    assert all(true_of(found, text) == expected[text] for text in found.texts)


def test_a_sentence_is_true_of_pictures_that_hold_all_its_content_words() -> None:
    found = queries.sentences(CAPTIONS)
    # Brown, dog, frozen and lake: the third picture has these words, in two captions.
    assert true_of(found, "A brown dog on a frozen lake .") == [0, 2]
    assert true_of(found, "A dog , brown .") == [0, 1, 2]
    assert true_of(found, "It is a cat .") == [3]


def test_a_style_that_no_caption_allows_is_left_out() -> None:
    assert [q.style for q in queries.benchmark([("a cat",), ("a dog",)])] == ["1 word", "sentence"]


def test_a_benchmark_can_be_written_corrected_and_read(tmp_path: Path) -> None:
    path = tmp_path / "queries.json"
    styles = queries.benchmark(CAPTIONS)
    queries.save(path, styles, NAMES)
    again = queries.load(path, NAMES)
    assert [q.style for q in again] == [q.style for q in styles]
    for one, other in zip(styles, again, strict=True):
        assert (one.texts, one.owner.tolist()) == (other.texts, other.owner.tolist())
        assert all((a == b).all() for a, b in zip(one.relevant, other.relevant, strict=True))
    content = json.loads(path.read_text())
    cat = next(entry for entry in content["1 word"] if entry["query"] == "cat")
    assert cat == {"query": "cat", "from": "d.jpg", "relevant": ["d.jpg"]}
    cat["relevant"].append("a.jpg")
    path.write_text(json.dumps(content))
    assert true_of(queries.load(path, NAMES)[0], "cat") == [0, 3]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"1 word": [{"query": "cat", "from": "z.jpg", "relevant": []}]}', "no picture or field 'z.jpg'"),
        ('{"1 word": [{"query": "cat", "from": "a.jpg"}]}', "no picture or field 'relevant'"),
        ('{"1 word": [{"query": "cat", "from": "a.jpg", "relevant": ["b.jpg"]}]}', "'cat' is not true of its own"),
        ('{"1 word": ["cat"]}', "holds no queries by style"),
        ("[]", "holds no queries by style"),
        ("no json", "holds no queries by style"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "queries.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        queries.load(path, NAMES)


def test_pictures_of_one_name_cannot_be_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "queries.json"
    with pytest.raises(ValueError, match=r"two are called a\.jpg"):
        queries.save(path, [], ["a.jpg", "a.jpg"])
    path.write_text("{}")
    with pytest.raises(ValueError, match=r"two are called a\.jpg"):
        queries.load(path, ["a.jpg", "a.jpg"])


def test_words_of_any_language_stay_whole() -> None:
    assert queries.runs_of("Ein Hund läuft, schnell.") == [["ein", "hund", "läuft"], ["schnell"]]
    found = queries.keywords([("Собака бежит",), ("Ein Hund läuft",)], 2)
    assert found.texts[0] == "собака бежит"
    assert set(found.texts[1].split()) < {"ein", "hund", "läuft"}
