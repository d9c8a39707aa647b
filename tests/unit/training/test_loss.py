"""Losses by hand: InfoNCE, sigmoid, hinge with hard negatives, several positives, false negatives, soft targets."""

import math

import pytest
import torch
from twotower.towers.loss import Targets, hardest_hinge, info_nce, sigmoid

AXES = torch.eye(3)
ONE = torch.tensor(1.0)


def targets(positive: list[list[int]], ignored: list[list[int]] | None = None) -> Targets:
    known = torch.tensor(positive, dtype=torch.bool)
    return Targets(known, torch.tensor(ignored, dtype=torch.bool) if ignored else torch.zeros_like(known))


OWN = targets([[1, 0, 0], [0, 1, 0], [0, 0, 1]])


def test_info_nce_of_matching_axes_by_hand() -> None:
    # Each row of logits has one 1 and two 0: -log(e / (e + 2)).
    assert info_nce(AXES, AXES, ONE, OWN).item() == pytest.approx(math.log(math.e + 2) - 1)


def test_all_that_a_text_describes_shares_its_target() -> None:
    # Text 0 describes pictures 0 and 1, text 1 only its own: the two directions have different targets.
    rows = math.log(math.e + 2)  # the log-sum-exp of every row and column of logits
    by_text = (3 * rows - (0.5 + 1 + 1)) / 3
    by_image = (3 * rows - (1 + 0.5 + 1)) / 3
    found = info_nce(AXES, AXES, ONE, targets([[1, 1, 0], [0, 1, 0], [0, 0, 1]])).item()
    assert found == pytest.approx((by_text + by_image) / 2)


def test_what_is_ignored_is_no_counterexample() -> None:
    # A masked pair in row 0 and column 1: the sum there is e + 1.
    full, short = math.log(math.e + 2) - 1, math.log(math.e + 1) - 1
    ignored = [[0, 1, 0], [0, 0, 0], [0, 0, 0]]
    found = info_nce(AXES, AXES, ONE, targets(OWN.positive.int().tolist(), ignored)).item()
    assert found == pytest.approx((2 * full + short) / 3)


def test_a_picture_with_two_texts_is_pulled_to_both() -> None:
    texts = torch.tensor([[1.0, 0], [0, 1.0], [-1.0, 0]])
    images = torch.tensor([[1.0, 0], [-1.0, 0]])
    known = targets([[1, 0], [1, 0], [0, 1]])
    e = math.e
    by_text = (math.log(e + 1 / e) - 1 + math.log(2) + math.log(e + 1 / e) - 1) / 3
    columns = math.log(e + 1 + 1 / e)
    by_image = ((columns - 0.5) + (columns - 1)) / 2
    assert info_nce(texts, images, ONE, known).item() == pytest.approx((by_text + by_image) / 2)


def test_sigmoid_by_hand() -> None:
    # Three positives with logit 1 - 2, six negatives with logit 0 - 2; divided by three texts.
    bias = torch.tensor(-2.0)
    expected = (3 * math.log(1 + math.exp(1)) + 6 * math.log(1 + math.exp(-2))) / 3
    assert sigmoid(AXES, AXES, ONE, bias, OWN).item() == pytest.approx(expected)
    ignored = targets(OWN.positive.int().tolist(), [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    expected -= 2 * math.log(1 + math.exp(-2)) / 3
    assert sigmoid(AXES, AXES, ONE, bias, ignored).item() == pytest.approx(expected)


def test_the_hinge_is_against_the_hardest_negative() -> None:
    # Text 0 scores .5 with its own picture and .6 and .9 with the negatives; the other texts score 1 and 0.
    texts = torch.tensor([[0.5, 0.6, 0.9], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    # By text: 0.2 + .9 - .5. By picture: 1 has .6, 2 has .9 from text 0: 0.2 + .9 - 1.
    assert hardest_hinge(texts, AXES, 0.2, OWN).item() == pytest.approx((0.6 + 0.1) / 3)
    # With the hardest negative masked, the next one counts: 0.2 + .6 - .5.
    ignored = targets(OWN.positive.int().tolist(), [[0, 0, 1], [0, 0, 0], [0, 0, 0]])
    assert hardest_hinge(texts, AXES, 0.2, ignored).item() == pytest.approx(0.3 / 3)


def test_a_part_of_the_target_goes_by_likeness() -> None:
    # Picture 1 is as similar to text 0 as its own picture; all other negatives are dissimilar.
    likeness = torch.tensor([[1.0, 1.0, -1.0], [-1.0, 1.0, -1.0], [-1.0, -1.0, 1.0]])
    by_text, by_image = Targets(OWN.positive, OWN.ignored, likeness, 0.5).shares()
    torch.testing.assert_close(by_text, torch.tensor([[0.75, 0.25, 0], [0, 1, 0], [0, 0, 1]]))
    torch.testing.assert_close(by_image, torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0, 0, 1]]))
    # Logits are 1 for positives and 0 for others, so 0.25 of one row's target has logit 0, in both directions.
    rows = math.log(math.e + 2)
    found = info_nce(AXES, AXES, ONE, Targets(OWN.positive, OWN.ignored, likeness, 0.5)).item()
    assert found == pytest.approx(rows - (0.75 + 1 + 1) / 3)


def test_what_is_ignored_gets_no_part_of_the_target() -> None:
    likeness = torch.ones(3, 3)
    ignored = torch.tensor([[False, True, False], [False] * 3, [False] * 3])
    by_text, by_image = Targets(OWN.positive, ignored, likeness, 0.5).shares()
    assert by_text[0].tolist() == [0.75, 0.0, 0.25]
    assert by_image[1].tolist() == [0.0, 0.75, 0.25]
    assert info_nce(AXES, AXES, ONE, Targets(OWN.positive, ignored, likeness, 0.5)).isfinite()
