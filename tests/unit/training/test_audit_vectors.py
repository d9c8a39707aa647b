"""The data set audit with vectors: false negatives, mismatched captions, near-duplicate pictures, planted faults."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from twotower import synthetic
from twotower.audit import agreement, overlap, positives, towers
from twotower.audit.__main__ import main
from twotower.audit.corpus import Corpus
from twotower.audit.measures import Measure
from twotower.audit.planted import in_other_words, planted, with_slip
from twotower.audit.positives import neighbours
from twotower.audit.words import listed
from twotower.training.sentences import SentenceEncoder

Vectors = NDArray[np.float32]
ROOT = Path(__file__).parents[3]


def at(*degrees: float) -> Vectors:
    """Unit vectors in the plane at these angles, (N, 2) float32."""
    return np.stack([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))], axis=1).astype(np.float32)


def corpus(*captions: tuple[str, ...]) -> Corpus:
    return Corpus("made up", tuple(f"{i}.jpg" for i in range(len(captions))), captions, ("test",) * len(captions))


def values(measure: Measure) -> dict[str, float]:
    return {v.name: v.value for v in measure.values}


# Three pictures; two captions at 0 and 60 degrees, two at 10 and 90, one at 100.
SAID = corpus(("a b", "c"), ("d", "e"), ("f",))
DIRECTIONS = at(0, 60, 10, 90, 100)


def test_the_nearest_caption_of_another_picture_is_found() -> None:
    found = neighbours(DIRECTIONS, SAID.owner)
    assert np.degrees(np.arccos(found.elsewhere)) == pytest.approx([10, 30, 10, 10, 10], abs=0.1)
    assert found.caption.tolist() == [2, 3, 0, 4, 3]
    assert found.picture.tolist() == [1, 1, 0, 2, 1]
    assert np.degrees(np.arccos(found.sibling[:4])) == pytest.approx([60, 60, 80, 80], abs=0.1)
    assert np.isnan(found.sibling[4])
    # The thresholds 0.7, 0.8 and 0.9 are 45.6, 36.9 and 25.8 degrees. The caption at 60 is 30 and 40 degrees from the
    # nearest captions of the other pictures, the one at 90 is 30 and 10 degrees from them.
    assert found.counts.tolist() == [[1, 1, 1], [2, 1, 0], [1, 1, 1], [2, 2, 1], [2, 1, 1]]


def test_positives_are_counted_by_meaning_and_by_words() -> None:
    told = values(positives.by_meaning(SAID, neighbours(DIRECTIONS, SAID.owner)))
    assert told["pictures a caption fits, cosine 0.7 or more"] == pytest.approx(1 + 8 / 5)
    assert told["pictures a caption fits, cosine 0.9 or more"] == pytest.approx(1 + 4 / 5)
    # All four captions with a sibling (at 60 or 80 degrees) are closer to a caption of another picture.
    # Eight of the ten pairs of a caption and another picture are above the threshold.
    assert told["pictures drawn at random with a caption so near, cosine 0.7"] == pytest.approx(80)
    assert told["nearer to another picture's caption than to any sibling"] == 100
    assert told["captions with a sibling so near, cosine 0.7"] == 0
    found = positives.by_words(corpus(("a brown dog",), ("the dog", "it is brown"), ("a cat",)))
    # "a brown dog" matches the second picture; "the dog" and "it is brown" match the first.
    assert values(found) == {"captions that fit another picture": 75, "pictures a caption fits": 1.75}


def test_a_caption_among_strangers_is_found() -> None:
    # Twenty pictures in twenty directions with three captions each; two pairs of captions are swapped.
    directions = np.repeat(np.arange(20) * 18.0, 3)
    directions[[0, 3]] = directions[[3, 0]]
    directions[[0, 30]] = directions[[30, 0]]
    many = corpus(*[("x", "y", "z")] * 20)
    rows, likeness, _ = agreement.mismatched_captions(at(*directions), many.owner)
    assert rows[0] in (0, 30)
    assert likeness[1] == pytest.approx((1 + np.cos(np.radians(directions[0]))) / 2, abs=1e-5)
    assert {0, 30} <= set(rows.tolist())
    assert 3 * 5 not in rows


class Towers:
    """A fake embedder that returns given vectors of texts and pictures."""

    def __init__(self, texts: Vectors, pictures: Vectors) -> None:
        self._texts, self._pictures = texts, pictures

    def texts(self, texts: Sequence[str]) -> Vectors:
        assert len(texts) == len(self._texts)
        return self._texts

    def pictures(self, paths: Sequence[Path]) -> Vectors:
        return self._pictures


def test_a_mistake_that_fits_is_none() -> None:
    said = corpus(("a brown dog",), ("the brown dog",), ("a red car",), ("a tree",))
    # The first query finds the second picture, which matches by words (a false negative); the car finds the tree, which
    # is a mistake.
    seeing = Towers(at(1, 0, 91, 90), at(5, 0, 45, 91))
    seen = towers.scored(said, at(0, 90, 180, 270), seeing)
    mistakes = towers.mistakes(seen)
    told = values(mistakes)
    assert told["captions whose own picture is not first"] == 50
    assert told["of mistakes, what came first fits by what is said of it"] == 50
    assert told["captions whose first picture fits"] == 75
    # For the first query both dogs count.
    assert told["pictures that fit and score as high as the own one"] == pytest.approx(5 / 4)
    assert [e.pictures for e in mistakes.examples] == [(0, 1)]
    assert values(towers.mismatched(seen))["captions below half of the pictures"] == 0
    # A perfect model has no mistakes to explain. In `wrong`, the tree's caption ranks its own picture low: mismatched.
    right = towers.scored(said, at(0, 90, 180, 270), Towers(at(0, 90, 180, 270), at(0, 90, 180, 270)))
    assert "of mistakes, what came first fits by what is said of it" not in values(towers.mistakes(right))
    wrong = towers.scored(said, at(0, 90, 180, 270), Towers(at(0, 90, 180, 90), at(0, 90, 180, 270)))
    assert [e.text for e in towers.mismatched(wrong).examples] == ["“a tree” (rank 4)"]


def pictures(folder: Path, count: int) -> list[Path]:
    """Random smooth pictures, large enough to be scaled down."""
    chance = np.random.default_rng(0)
    paths = []
    for i in range(count):
        coarse = Image.fromarray(chance.integers(0, 256, (8, 8, 3), np.uint8))
        paths.append(folder / f"{i}.jpg")
        coarse.resize((240, 160), Image.Resampling.BICUBIC).save(paths[-1], quality=90)
    return paths


def test_the_same_picture_again_is_found_across_splits(tmp_path: Path) -> None:
    paths = pictures(tmp_path, 6)
    with Image.open(paths[0]) as first:
        first.resize((120, 80)).save(tmp_path / "again.jpg", quality=50)
    paths.append(tmp_path / "again.jpg")
    names = tuple(p.name for p in paths)
    here = Corpus("here", names, (("x",),) * 7, ("train",) * 6 + ("test",), tuple(paths))
    found = overlap.near_pictures(here, overlap.hashes(paths))
    assert values(found) == {
        "pictures with such another": pytest.approx(100 * 2 / 7),
        "pairs": 1,
        "pairs across splits": 1,
    }
    assert found.examples[0].pictures == (0, 6)
    there = Corpus("there", names[6:], (("x",),), ("all",), tuple(paths[6:]))
    found = overlap.near_pictures(replace(here, images=tuple(paths[:6])), overlap.hashes(paths[:6]), [there])
    assert values(found)["pictures that there has too"] == 1
    assert found.examples[0].text == "there: again.jpg"


THINGS = listed(
    "dog cat horse bicycle truck guitar piano kitchen mountain river beach forest bridge castle airplane "
    "helicopter train sailboat pizza sandwich banana apple coffee newspaper laptop telephone umbrella "
    "violin drum tractor elephant giraffe penguin owl butterfly rose cactus candle lantern carpet mirror "
    "bathtub staircase hammer ladder tent campfire snowman surfboard skateboard basketball football "
    "tennis swimmer wedding birthday parade fountain statue windmill "
)


def test_every_kind_of_planted_fault_is_found(tmp_path: Path) -> None:
    captions = tuple(
        (f"A photograph of the {t}", f"Here somebody shows a {t}", f"One {t} in the middle", f"It is another {t} again")
        for t in sorted(THINGS)
    )
    paths = tuple(pictures(tmp_path, len(THINGS)))
    made = Corpus("made up", tuple(p.name for p in paths), captions, ("all",) * len(THINGS), paths)
    sentence_encoder = SentenceEncoder(ROOT / "var" / "base")
    told = values(planted(made, sentence_encoder, overlap.hashes(paths)))
    certain = ("captions of other pictures", "captions in other words", "names in another set", "slips in a word")
    for name in certain:
        assert told[f"{name}: recall"] == told[f"{name}: precision, at least"] == 100, name
    # The made-up sentences share one pattern, so their vectors are similar, and not all swapped captions are detected.
    assert told["captions exchanged between pictures: recall"] > 0
    assert told["captions exchanged between pictures: precision, at least"] == 100
    for change in ("smaller", "of poorer quality", "brighter"):
        assert told[f"copies {change}: recall"] == 100
    assert told["copies: precision, at least"] == 100


def test_a_picture_of_twenty_captions_and_one_of_one_have_no_place_for_faults() -> None:
    few = corpus(tuple(f"caption {i} of a dog" for i in range(40)), ("a cat",))
    assert {v.name.split(":")[0] for v in planted(few, SentenceEncoder(ROOT / "var" / "base"), None).values} == {
        "slips in a word",
        "names in another set",
    }


def test_other_words_are_other_words() -> None:
    chance = np.random.default_rng(0)
    for text in ("A dog", "Dogs", "the", "a an the"):
        for _ in range(20):
            assert in_other_words(text, chance) not in ("", text)


def test_the_same_in_other_words_is_found_and_word_for_word_is_not() -> None:
    said = corpus(("Two dogs play", "x"), ("two dogs play!", "y"), ("A pair of dogs play", "z"))
    # The first two captions are identical; the third is a paraphrase.
    found = neighbours(at(0, 90, 0, 180, 10, 270), said.owner)
    measure = positives.near_captions(said, found)
    assert values(measure)["captions with such a one"] == pytest.approx(100 / 6)
    assert [e.text for e in measure.examples] == ["“Two dogs play” and “A pair of dogs play”"]


def test_a_slip_is_in_one_long_word() -> None:
    chance = np.random.default_rng(0)
    for _ in range(20):
        slipped = with_slip("A dog jumping over it", chance)
        assert slipped.startswith("A dog ") and slipped.endswith(" over it")
        assert abs(len(slipped) - len("A dog jumping over it")) <= 1
    assert with_slip("A dog ran", chance) == "A dog ran"


def test_an_audit_with_pictures_and_a_model_shows_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    synthetic.make_pictures(tmp_path / "shapes")
    arguments = ["--data", f"folder={tmp_path / 'shapes'}", "--split", "dev", "--out", str(tmp_path / "report")]
    arguments += [
        "--against",
        f"folder={tmp_path / 'shapes'}:dev",
        "--bundle",
        str(ROOT / "var" / "bundle"),
        "--wheels",
        str(ROOT / "var" / "base"),
    ]
    assert main(arguments) == 0
    page = (tmp_path / "report.html").read_text()
    assert page.count('src="data:image/jpeg;base64,') > 10
    assert "Mistakes that are none" in page and "Pictures that look the same" in page
    assert "http" not in page.replace("data:image", "")
    other = f"folder={tmp_path / 'shapes'}:dev"
    assert f"pictures that {other} has too" in page and f"in dev and in {other}" in page
    assert "copies smaller: recall" in capsys.readouterr().out
