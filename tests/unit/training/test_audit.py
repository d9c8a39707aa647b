"""The data set audit by captions: duplicates, agreement, typos, coverage, leaks between splits, intervals, report."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from twotower.audit import agreement, content, evaluation, overlap, positives, words
from twotower.audit.__main__ import main
from twotower.audit.corpus import Corpus, number_or_name
from twotower.audit.measures import Example, Measure, Value, share

WHEELS = Path(__file__).parents[3] / "var" / "base"


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
    found = positives.repeated(corpus(("A dog runs.", "One."), ("a dog runs", "Two."), ("A dog ran.", "Three.")))
    assert value(found, "captions under several pictures").value == pytest.approx(100 * 2 / 6)
    assert value(found, "most pictures of one caption").value == 2
    assert found.examples == (Example("“a dog runs”", (0, 1)),)


def test_how_far_one_right_picture_lets_short_queries_go() -> None:
    # "dog" occurs in both pictures, every other word in one: a guess is right with probability 1/2 or 1. Every pair of
    # words occurs in one picture only.
    found = evaluation.ceiling(corpus(("dog beach", "dog ball"), ("dog snow",)))
    assert value(found, "R@1 of a guess, 1 word").value == pytest.approx(0.75)
    # The best system knows that "dog" occurs twice in the first picture's captions and answers that: 5 of 6 are right.
    assert value(found, "R@1 at most, 1 word").value == pytest.approx(5 / 6)
    assert value(found, "R@1 of a guess, 2 words").value == value(found, "R@1 at most, 2 words").value == 1.0


def test_a_caption_that_says_what_its_siblings_do_not_is_found() -> None:
    right = ("a dog on grass", "the dog and grass", "grass below a dog")
    found = agreement.agreement(corpus(right, ("a red car", "the car is red", "people dancing in a hall")))
    assert found.examples == (Example("“people dancing in a hall”", (1,)),)
    # One of six captions.
    assert value(found, "captions that share no word with their siblings").value == pytest.approx(100 / 6)


def test_words_lead_to_the_other_captions_of_a_picture() -> None:
    alike = [(f"thing{i} here", f"thing{i} there", f"thing{i} again") for i in range(12)]
    found = evaluation.solvable(corpus(*alike))
    assert value(found, "R@1").value == 1.0
    nothing = [(f"first{i}", f"second{i}") for i in range(12)]
    assert value(evaluation.solvable(corpus(*nothing)), "R@1").value == 0.0


def test_misspelt_words_are_found_and_right_ones_are_not() -> None:
    # "rappels" is rare but at no edit distance of 1 from a common word; the other two are typos of words of the corpus.
    right = "A man demonstrating outside."
    found = words.spelling(corpus(("A man demonstarting otuside.", right), ("A dog.", "A climber rappels.")))
    assert [e.text for e in found.examples] == ["demonstarting (1): demonstrating", "otuside (1): outside"]
    assert value(found, "captions with a rare word").value == pytest.approx(100 * 2 / 4)
    assert value(found, "captions with a slip").value == pytest.approx(100 / 4)


def test_what_might_be_typed_is_short_and_has_no_grammar() -> None:
    found = words.typed(
        corpus(("Dogs on grass .", "A dog ."), ("Two men who repair engines outdoors .", "Dogs are running .")),
    )
    assert value(found, "captions that no one would type").value == 75
    assert value(found, "more than five words").value == 25
    assert value(found, "an article, or a form of “be” or “have”").value == 50
    assert found.examples == (Example("might be typed: “Dogs on grass .”"),)


def test_people_are_counted_by_captions_and_by_pictures() -> None:
    found = content.people(corpus(("A woman runs.", "It runs."), ("A red car.", "A car."), ("Two men.", "A dog.")))
    assert value(found, "captions with a person").value == pytest.approx(100 * 2 / 6)
    assert value(found, "pictures with a person").value == pytest.approx(100 * 2 / 3)
    assert value(found, "captions with a man or boy").value == pytest.approx(100 / 6)


def test_a_man_for_one_is_a_woman_for_another() -> None:
    # The second picture shows two persons and the third several girls: only the first counts.
    said = (("A man runs.", "A woman runs."), ("A man.", "A man and a woman."), ("Girls.", "A boy among girls."))
    found = content.people(corpus(*said))
    assert value(found, "pictures of one person who is he for one and she for another").value == 50
    assert found.examples == (Example("A man runs. / A woman runs.", (0,)),)
    # The pronoun "his" may refer to a dog.
    assert value(content.people(corpus(("His dog.",), ("A car.",))), "captions with a man or boy").value == 0


def test_a_guess_is_what_the_others_do_not_say() -> None:
    found = content.guesses(
        corpus(("A happy girl.", "A girl.", "A child."), ("A family.", "A family eats.", "People."))
    )
    assert value(found, "captions with judgement").value == pytest.approx(100 / 6)
    assert value(found, "of the others of that picture, speak of judgement").value == 0
    # Two of three captions mention it: for each of the two, one of its two siblings agrees.
    assert value(found, "of the others of that picture, speak of kinship and friendship").value == 50
    assert found.examples == (Example("judgement: “A happy girl.”", (0,)),)


def test_what_is_looked_for_is_counted_by_pictures() -> None:
    found = content.coverage(corpus(("A dog.", "Dogs on a beach."), ("A dog eats bread.",), ("A red car.",)))
    shares = dict(found.bars)
    assert shares["dogs"] == pytest.approx(100 * 2 / 3)
    assert shares["food and drink"] == shares["vehicles"] == pytest.approx(100 / 3)
    assert shares["documents and screens"] == 0
    # "a" covers two of three pictures, "d" the third.
    assert content.greedy_cover([frozenset("ab"), frozenset("ac"), frozenset("d")]) == [
        ("a", pytest.approx(100 * 2 / 3)),
        ("d", 100),
    ]


def test_a_picture_in_two_splits_or_sets_is_found_by_its_number() -> None:
    here = Corpus("here", ("17_a.jpg", "18_b.jpg", "17.jpg"), (("x",),) * 3, ("train", "train", "test"))
    there = Corpus("there", ("18.jpg", "19.jpg"), (("x",),) * 2, ("there",) * 2)
    found = {v.name: v.value for v in overlap.leaks(here, [there]).values}
    assert found == {"in train and in test": 1, "in train and in there": 1, "in test and in there": 0}


def test_a_test_set_tells_no_more_apart_than_its_size_allows() -> None:
    thousand = evaluation.resolution(corpus(*([("x",)] * 1000)))
    assert value(thousand, "R@1 of 50 %, at worst").value == pytest.approx(196 * math.sqrt(0.25 / 1000))
    four = evaluation.resolution(corpus(*([("w", "x", "y", "z")] * 1000)))
    assert value(four, "R@1 of 50 %, at worst").value == value(thousand, "R@1 of 50 %, at worst").value
    assert value(four, "R@1 of 50 %, at best").value == value(thousand, "R@1 of 50 %, at worst").value / 2
    name = "difference of two models, of which 20 % of queries find one right and the other wrong, at worst"
    assert value(four, name).value == pytest.approx(196 * math.sqrt(0.2 / 1000))


def test_what_was_never_seen_is_not_certain() -> None:
    # 0 of 50 pictures: the upper Clopper-Pearson bound is 7.1 %, at which this has a probability of 2.5 %.
    never = share("x", [False] * 100, np.repeat(np.arange(50), 2))
    assert (never.value, never.low) == (0, 0)
    assert never.high == pytest.approx(7.1, abs=0.05)
    assert pytest.approx(0.025, abs=0.001) == (1 - 0.071) ** 50
    always = share("x", [True] * 50, np.arange(50))
    assert (always.value, always.high) == (100, 100)
    assert always.low == pytest.approx(92.9, abs=0.05)


def test_a_number_at_flickr_is_digits() -> None:
    assert number_or_name("1009434119_febe49276a.jpg") == number_or_name("1009434119.jpg") == "1009434119"
    assert number_or_name("IMG_1.jpg") == "IMG_1.jpg"
    assert number_or_name("COCO_val2014_000000000042.jpg") == "COCO_val2014_000000000042.jpg"


def test_a_report_is_written_for_people_and_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    captions = {f"{i}.jpg": [f"A <b>dog</b> number {i}.", "Cats sleep.", f"folder/{i}.jpg"] for i in range(20)}
    source = tmp_path / "test.json"
    source.write_text(json.dumps(captions))
    other = tmp_path / "val.json"
    other.write_text('{"3.jpg": ["A dog."]}')
    arguments = ["--data", f"captions={source}", "--against", f"captions={other}", "--out", str(tmp_path / "report")]
    asked = tmp_path / "queries.json"
    assert main([*arguments, "--wheels", str(WHEELS), "--queries", str(asked)]) == 0
    told = json.loads((tmp_path / "report.json").read_text())
    # The repeated file name in the captions is not counted as a caption.
    assert (told["pictures"], told["captions"]) == (20, 40)
    page = (tmp_path / "report.html").read_text()
    assert "&lt;b&gt;" in page and "<b>" not in page and "http" not in page
    text = (tmp_path / "report.md").read_text()
    assert f"| in test and in captions={other} | 1 pictures |" in text
    assert "| at most 3 words |" in text
    # All twenty pictures have the caption "Cats sleep".
    repeated = next(m for m in told["measures"] if m["key"] == "repeated")
    assert repeated["values"][0]["value"] == 50
    assert repeated["examples"][0]["pictures"] == [f"{i}.jpg" for i in range(6)]
    cats = next(entry for entry in json.loads(asked.read_text())["2 words"] if entry["query"] == "cats sleep")
    assert len(cats["relevant"]) == 20
    # Twenty duplicates with names in other formats, and 17.jpg: the negative made of 1.jpg is also in the set.
    assert "| names in another set: recall | 100 % (21 of 21) |" in capsys.readouterr().out


def test_what_is_no_caption_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "test.json"
    source.write_text('{"1.jpg": "a dog"}')
    assert main(["--data", f"captions={source}", "--out", str(tmp_path / "report")]) == 1
    assert "is no object of lists of captions by picture" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["--data", f"captions={source}", "--bundle", "anywhere", "--out", "x"])
    source.write_text('{"1.jpg": ["a dog"]}')
    assert main(["--data", f"captions={source}", "--out", str(tmp_path / "report")]) == 1
    assert "one picture alone cannot be told from others" in capsys.readouterr().err
    source.write_text('{"1.jpg": ["a dog"], "2.jpg": ["a cat"]}')
    assert main(["--data", f"folder={tmp_path}", "--split", "dev", "--split", "dev", "--out", "x"]) == 1
    assert "a split is given twice: dev, dev" in capsys.readouterr().err
    assert main(["--data", f"captions={source}", "--split", "test", "--out", "x"]) == 1
    assert "a caption file has no splits, and every other data set is read by one or more" in capsys.readouterr().err
    assert main(["--data", f"captions={source}", "--against", "folder=anywhere", "--out", "x"]) == 1
    assert "folder=anywhere is not READER=PATH:SPLIT" in capsys.readouterr().err
    source.write_text('{"1.jpg": ["a"], "2.jpg": ["!"]}')
    assert main(["--data", f"captions={source}", "--out", "x"]) == 1
    assert "no caption holds a word" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("ein Hund läuft", "eine Katze schläft"), ("собака бежит", "кошка спит"), ("dog", "a")]
)
def test_single_captions_of_any_language_can_be_audited(tmp_path: Path, words: tuple[str, str]) -> None:
    source = tmp_path / "one.json"
    source.write_text(json.dumps({f"{i}.jpg": [words[i % 2]] for i in range(6)}))
    out = tmp_path / "below" / "report-1.5"
    assert main(["--data", f"captions={source}", "--wheels", str(WHEELS), "--out", str(out)]) == 0
    told = json.loads((tmp_path / "below" / "report-1.5.json").read_text())
    keys = {m["key"] for m in told["measures"]}
    assert not keys & {"agreement", "mismatched", "solvable"}
    repeated = next(m for m in told["measures"] if m["key"] == "repeated")
    assert repeated["values"][0]["value"] == 100
