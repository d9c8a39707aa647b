"""Retrieval metrics by hand: recall@k, average precision, mAP@R, tie-breaking, bootstrap intervals."""

import numpy as np
import pytest
from twotower.evaluation.metrics import (
    first_is_right,
    image_to_text_ranks,
    precisions,
    text_to_image_ranks,
    text_to_image_recall,
    with_interval,
)

AXES = np.eye(4, dtype=np.float32)


def test_recall_counts_where_the_right_picture_stands() -> None:
    # Ranks of the relevant picture: 1, 2 (the second text is between two axes, closer to the wrong one) and 4.
    texts = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0.7, 0.5, 0.4, -0.3]], np.float32)
    assert text_to_image_recall(texts, AXES, np.array([0, 1, 3]), (1, 2, 4)) == pytest.approx(
        {"R@1": 100 / 3, "R@2": 200 / 3, "R@4": 100}
    )


def test_a_collapsed_model_has_no_recall() -> None:
    same = np.ones((4, 1), np.float32)
    assert text_to_image_recall(same, same, np.arange(4), (1, 3)) == {"R@1": 0, "R@3": 0}


def test_average_precision_by_hand() -> None:
    # The relevant pictures rank first and third: (1/1 + 2/3) / 2.
    query = np.array([[0.9, 0.5, 0.3, 0.1]], np.float32)
    relevant = [np.array([0, 2])]
    assert precisions(query, AXES, relevant, at_r=False) == pytest.approx([5 / 6])


def test_ties_count_against_the_model() -> None:
    query = np.zeros((1, 4), np.float32)
    relevant = [np.array([0])]
    assert precisions(query, AXES, relevant, at_r=False) == pytest.approx([0.25])


def test_both_directions_against_a_matrix_by_hand() -> None:
    # Two captions each of two pictures. Scores, caption by picture:
    #   a0: .9 .1   a1: .2 .5   b0: .3 .8   b1: .6 .4
    # Text to picture: a1 (own .2 < .5) and b1 (own .4 < .6) come second.
    texts = np.array([[0.9, 0.1], [0.2, 0.5], [0.3, 0.8], [0.6, 0.4]], np.float32)
    images = np.eye(2, dtype=np.float32)
    owner = np.array([0, 0, 1, 1])
    assert text_to_image_ranks(texts, images, owner).tolist() == [1, 2, 1, 2]
    # Picture to text: the best own caption of each scores above all of the other picture: .9 > .6 and .8 > .5.
    assert image_to_text_ranks(texts, images, owner).tolist() == [1, 1]
    # Without the best captions, a's .2 ranks behind .3 and .6, b's .4 behind .5.
    assert image_to_text_ranks(texts[[1, 2, 3]], images, owner[[1, 2, 3]]).tolist() == [3, 1]
    assert image_to_text_ranks(texts[[0, 1, 3]], images, owner[[0, 1, 3]]).tolist() == [1, 2]


def test_a_foreign_caption_with_an_equal_score_is_in_the_way() -> None:
    texts = np.ones((4, 1), np.float32)
    assert image_to_text_ranks(texts, np.ones((2, 1), np.float32), np.array([0, 0, 1, 1])).tolist() == [3, 3]


def test_precision_at_r_looks_at_r_places_only() -> None:
    # Two relevant pictures, ranked first and third: of the first R = 2 ranks one is relevant, at precision 1.
    query = np.array([[0.9, 0.5, 0.3, 0.1]], np.float32)
    relevant = [np.array([0, 2])]
    assert precisions(query, AXES, relevant, at_r=True).tolist() == [0.5]


def test_the_first_is_right_only_when_it_is_alone() -> None:
    queries = np.array([[0.9, 0.5, 0, 0], [0.5, 0.5, 0, 0]], np.float32)
    relevant = [np.array([0, 2])] * 2
    assert first_is_right(queries, AXES, relevant).tolist() == [True, False]


def test_what_is_not_finite_has_no_rank() -> None:
    broken = np.array([[np.nan, 0, 0, 0]], np.float32)
    with pytest.raises(ValueError, match="1 vectors are not finite"):
        text_to_image_recall(broken, AXES, np.array([0]))


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no query was measured"):
        with_interval(np.array([], bool), np.array([], np.int64))


def test_the_interval_counts_pictures_not_captions() -> None:
    # Ten pictures, half of them always found: five identical captions per picture must not narrow the interval.
    hits = np.arange(10) < 5
    one = with_interval(hits, np.arange(10))
    five = with_interval(np.repeat(hits, 5), np.repeat(np.arange(10), 5))
    assert one == five
    assert (one.value, one.low, one.high) == (50, 20, 80)
