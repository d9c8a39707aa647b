import math

import numpy as np
import pytest
import torch
from twotower.heads import Config, Descriptions, Source, contrastive_loss, split_rare, train

AXES = torch.eye(3)
ONE = torch.tensor(1.0)


def loss(texts: torch.Tensor, images: torch.Tensor, describes: list[list[int]]) -> float:
    return contrastive_loss(texts, images, ONE, torch.tensor(describes, dtype=torch.bool)).item()


def test_the_loss_of_matching_axes_by_hand() -> None:
    # Each row of logits is one 1 and two 0: -log(e / (e + 2)).
    assert loss(AXES, AXES, [[1, 0, 0], [0, 1, 0], [0, 0, 1]]) == pytest.approx(math.log(math.e + 2) - 1)


def test_all_that_a_text_describes_shares_its_target() -> None:
    # Text 0 describes pictures 0 and 1, text 1 only its own: the directions have different targets.
    rows = math.log(math.e + 2)  # of every row of logits, either way, the logarithm of the sum
    by_text = (3 * rows - (0.5 + 1 + 1)) / 3
    by_image = (3 * rows - (1 + 0.5 + 1)) / 3
    assert loss(AXES, AXES, [[1, 1, 0], [0, 1, 0], [0, 0, 1]]) == pytest.approx((by_text + by_image) / 2)


def test_a_text_describes_every_picture_that_owns_it() -> None:
    # Texts: 0 "a dog", 1 "a husky", 2 "a cat". Pictures: a husky, a dog, a cat.
    descriptions = Descriptions([[0, 1], [0], [2]], texts=3)
    drawn, pictures = np.array([1, 0, 2]), np.array([0, 1, 2])
    assert descriptions.matrix(drawn, pictures).int().tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    # One picture twice in a batch is described by what was drawn for either.
    assert descriptions.matrix(np.array([2, 2]), np.array([2, 2])).all()


def test_rare_labels_are_a_source_of_their_own() -> None:
    images = np.arange(4, dtype=np.float32).reshape(1, 4, 1)
    source = Source(images, [[0], [1], [2], [3]], [[], [9], [], []])
    common, rare = split_rare(source, ["dog", "ram", "dog", "dog"], most=2)
    assert (common.images.ravel().tolist(), common.texts) == ([0, 2, 3], [[0], [2], [3]])
    assert (rare.images.ravel().tolist(), rare.texts, rare.also) == ([1], [[1]], [[9]])


def test_training_pulls_pairs_together_and_is_repeatable() -> None:
    random = np.random.default_rng(0)
    images = random.standard_normal((1, 32, 768)).astype(np.float32)
    texts = random.standard_normal((32, 384)).astype(np.float32)
    config = Config(dim=16, hidden=32, batch=16, epochs=30, dropout=0.0, repeats=(("made-up", 4),))
    sources = {"made-up": Source(images, [[i] for i in range(32)], [[]] * 32)}
    first, second = (train(config, sources, texts) for _ in range(2))
    with torch.inference_mode():
        vectors = first.text(torch.from_numpy(texts)), first.image(torch.from_numpy(images[0]))
        again = second.text(torch.from_numpy(texts))
    scores = (vectors[0] @ vectors[1].T).numpy()
    assert (scores.argmax(1) == np.arange(32)).mean() > 0.9
    assert torch.equal(vectors[0], again)
