"""The audit finds what was planted in made-up captions, and nothing else."""

import json
import math
from pathlib import Path

import pytest
from twotower.audit import queries, words
from twotower.audit.__main__ import main
from twotower.audit.corpus import Corpus
from twotower.audit.measures import Measure, Value


def corpus(*captions: tuple[str, ...], splits: tuple[str, ...] = ()) -> Corpus:
    names = tuple(f"{1000 + i}_x.jpg" for i in range(len(captions)))
    return Corpus("made up", names, captions, splits or ("test",) * len(captions))


def value(measure: Measure, name: str) -> Value:
    return next(v for v in measure.values if v.name == name)


def test_lengths_are_counted_without_punctuation() -> None:
    found = words.length(corpus(("A dog runs .", "Dog!"), ("It's a man's best friend, a dog.",)))
    assert value(found, "mean").value == pytest.approx((3 + 1 + 7) / 3)
    assert value(found, "at most 3 words").value == pytest.approx(200 / 3)


def test_a_caption_of_several_pictures_is_found_whatever_its_points_and_capitals() -> None:
    found = queries.repeated(corpus(("A dog runs.", "One."), ("a dog runs", "Two."), ("A dog ran.", "Three.")))
    assert value(found, "captions under several pictures").value == pytest.approx(100 * 2 / 6)
    assert value(found, "most pictures of one caption").value == 2
    assert found.examples == ("“a dog runs”: 1000_x.jpg, 1001_x.jpg",)


def test_the_ceiling_is_what_a_guess_among_all_that_fit_reaches() -> None:
    # A word of the first is in both pictures; every pair of words is in one alone.
    found = queries.ceiling(corpus(("dog beach",), ("dog snow",)))
    assert value(found, "1 word").value in (0.5, 0.75, 1.0)
    assert value(found, "2 words").value == 1.0


def test_a_caption_that_says_what_its_siblings_do_not_is_found() -> None:
    right = ("a dog on grass", "the dog and grass", "grass below a dog")
    found = queries.agreement(corpus(right, ("a red car", "the car is red", "people dancing in a hall")))
    assert found.examples == ("1001_x.jpg: “people dancing in a hall”",)
    # Of the six captions one.
    assert value(found, "captions that share no word with their siblings").value == pytest.approx(100 / 6)


def test_words_lead_to_the_other_captions_of_a_picture() -> None:
    alike = [(f"thing{i} here", f"thing{i} there", f"thing{i} again") for i in range(12)]
    found = queries.solvable(corpus(*alike))
    assert value(found, "R@1").value == 1.0
    nothing = [(f"first{i}", f"second{i}") for i in range(12)]
    assert value(queries.solvable(corpus(*nothing)), "R@1").value == 0.0


def test_misspelt_words_are_found_and_right_ones_are_not() -> None:
    found = words.spelling(corpus(("A man demonstarting otuside.", "A man demonstrating outside."), ("A dog.",)))
    assert set(found.examples) == {"demonstarting (1)", "otuside (1)"}
    assert value(found, "captions with such a word").value == pytest.approx(100 / 3)


def test_people_are_counted_by_captions_and_by_pictures() -> None:
    found = words.people(corpus(("A woman runs.", "It runs."), ("A red car.", "A car."), ("Two men.", "A dog.")))
    assert value(found, "captions with a person").value == pytest.approx(100 * 2 / 6)
    assert value(found, "pictures with a person").value == pytest.approx(100 * 2 / 3)
    assert value(found, "captions with a man or boy").value == pytest.approx(100 / 6)


def test_a_picture_in_two_splits_or_sets_is_found_by_its_number() -> None:
    here = Corpus("here", ("17_a.jpg", "18_b.jpg", "17.jpg"), (("x",),) * 3, ("train", "train", "test"))
    there = Corpus("there", ("18.jpg", "19.jpg"), (("x",),) * 2, ("there",) * 2)
    found = {v.name: v.value for v in queries.leaks(here, [there]).values}
    assert found == {"in train and in test": 1, "in train and in there": 1, "in test and in there": 0}


def test_a_test_set_tells_no_more_apart_than_its_size_allows() -> None:
    thousand = queries.resolution(corpus(*([("x",)] * 1000)))
    assert value(thousand, "at R@1 of 50 %").value == pytest.approx(196 * math.sqrt(0.25 / 1000))


def test_a_report_is_written_for_people_and_programs(tmp_path: Path) -> None:
    captions = {f"{i}.jpg": [f"A <b>dog</b> number {i}.", "Cats sleep.", f"folder/{i}.jpg"] for i in range(20)}
    source = tmp_path / "test.json"
    source.write_text(json.dumps(captions))
    other = tmp_path / "val.json"
    other.write_text('{"3.jpg": ["A dog."]}')
    arguments = ["--data", f"captions={source}", "--against", f"captions={other}", "--out", str(tmp_path / "report")]
    assert main(arguments) == 0
    told = json.loads((tmp_path / "report.json").read_text())
    # What names the picture once more is no caption.
    assert (told["pictures"], told["captions"]) == (20, 40)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;" in page and "<b>" not in page and "http" not in page
    assert "| in test and in val | 1 pictures |" in (tmp_path / "report.md").read_text()
    assert "| at most 3 words |" in (tmp_path / "report.md").read_text()


def test_what_is_no_caption_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "test.json"
    source.write_text('{"1.jpg": "a dog"}')
    assert main(["--data", f"captions={source}", "--out", str(tmp_path / "report")]) == 1
    assert "is no object of lists of captions by picture" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--data", f"captions={source}", "--split", "test", "--out", "x"])
