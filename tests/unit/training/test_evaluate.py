import numpy as np
import pytest
from twotower.evaluate import mean_average_precision, text_to_image_recall

AXES = np.eye(4, dtype=np.float32)


def test_recall_counts_where_the_right_picture_stands() -> None:
    # Ranks of the right picture: 1, 2 (the second text points between two axes, nearer the wrong one) and 4.
    texts = np.array([[1, 0, 0, 0], [0.8, 0.6, 0, 0], [0.7, 0.5, 0.4, -0.3]], np.float32)
    assert text_to_image_recall(texts, AXES, np.array([0, 1, 3]), (1, 2, 4)) == pytest.approx(
        {"R@1": 100 / 3, "R@2": 200 / 3, "R@4": 100}
    )


def test_a_collapsed_model_has_no_recall() -> None:
    same = np.ones((4, 1), np.float32)
    assert text_to_image_recall(same, same, np.arange(4), (1, 3)) == {"R@1": 0, "R@3": 0}


def test_mean_average_precision_by_hand() -> None:
    # The relevant ones stand first and third: (1/1 + 2/3) / 2.
    query = np.array([[0.9, 0.5, 0.3, 0.1]], np.float32)
    relevant = np.array([[True, False, True, False]])
    assert mean_average_precision(query, AXES, relevant) == pytest.approx(100 * 5 / 6)


def test_ties_count_against_the_model() -> None:
    query = np.zeros((1, 4), np.float32)
    relevant = np.array([[True, False, False, False]])
    assert mean_average_precision(query, AXES, relevant) == pytest.approx(25)
