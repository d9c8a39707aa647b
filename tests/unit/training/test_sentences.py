"""Sentence vectors, and dropping of captions that do not match their picture (label noise)."""

from pathlib import Path

import numpy as np
import pytest
from twotower.data import Pair
from twotower.training.sentences import SentenceEncoder, agreeing, likeness_to_siblings

X, Y = [1.0, 0.0], [0.0, 1.0]


def vectors(*rows: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(rows, np.float32)


def test_likeness_is_the_mean_cosine_to_the_others_of_the_picture() -> None:
    # Three captions, two equal and one orthogonal; two captions at 60 degrees; a single caption.
    found = likeness_to_siblings(vectors(X, X, Y, X, [0.5, 3**0.5 / 2], Y), np.array([0, 0, 0, 1, 1, 2]))
    assert found[:5].tolist() == pytest.approx([0.5, 0.5, 0.0, 0.5, 0.5], abs=1e-6)
    assert np.isnan(found[5])


def test_the_odd_one_is_left_out_and_its_vector_with_it() -> None:
    pairs = [Pair(Path("a"), ("one", "two", "odd")), Pair(Path("b"), ("three",)), Pair(Path("c"), ("four", "five"))]
    fewer, left = agreeing(pairs, vectors(X, X, Y, X, X, Y), 2 / 6)
    # "four" and "five" disagree as much, but of two captions neither is known to be wrong.
    assert [p.texts for p in fewer] == [("one", "two"), ("three",), ("four", "five")]
    assert left.tolist() == [X, X, X, X, Y]
    # A share that is too large: only "odd" is dropped, since every picture keeps two captions.
    assert agreeing(pairs, vectors(X, X, Y, X, X, Y), 0.9)[0] == fewer
    same, _ = agreeing(pairs, vectors(X, X, Y, X, X, Y), 0.0)
    assert same == pairs


def test_sentences_that_mean_the_same_are_near() -> None:
    sentence_encoder = SentenceEncoder(Path(__file__).parents[3] / "var" / "base")
    texts = ["A dog runs over grass .", "The dog is running across a lawn .", "Two men repair an engine .", "A dog ."]
    found = sentence_encoder(texts)
    cosines = found @ found.T
    assert np.diag(cosines) == pytest.approx(1, abs=1e-5)
    assert cosines[0, 1] > 0.7 > 0.3 > cosines[0, 2]
    # Vectors do not depend on the batch, and repeated calls return the same.
    assert (sentence_encoder(texts[::-1]) == found[::-1]).all()
    assert SentenceEncoder(Path(__file__).parents[3] / "var" / "base")(texts[:1])[0] == pytest.approx(
        found[0], abs=1e-5
    )
