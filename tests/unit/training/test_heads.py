import math

import numpy as np
import pytest
import torch
from twotower.heads import Config, Source, contrastive_loss, train

AXES = torch.eye(3)
ONE = torch.tensor(1.0)


def loss(texts: torch.Tensor, images: torch.Tensor, text_ids: list[int], image_ids: list[int]) -> float:
    return contrastive_loss(texts, images, ONE, torch.tensor(text_ids), torch.tensor(image_ids)).item()


def test_the_loss_of_matching_axes_by_hand() -> None:
    # Each row of logits is one 1 and two 0: -log(e / (e + 2)).
    assert loss(AXES, AXES, [0, 1, 2], [0, 1, 2]) == pytest.approx(math.log(math.e + 2) - 1)


def test_equal_texts_share_the_target() -> None:
    # Texts 0 and 1 are one text of two pictures: a model that cannot tell them apart is not punished for it.
    texts = torch.stack([AXES[0], AXES[0], AXES[2]])
    images = torch.stack([AXES[0], AXES[0], AXES[2]])
    shared = loss(texts, images, [7, 7, 2], [0, 1, 2])
    assert shared == pytest.approx((2 * math.log(2 * math.e + 1) + math.log(math.e + 2) - 3) / 3)


def test_training_pulls_pairs_together_and_is_repeatable() -> None:
    random = np.random.default_rng(0)
    images = random.standard_normal((1, 32, 768)).astype(np.float32)
    texts = random.standard_normal((32, 384)).astype(np.float32)
    config = Config(dim=16, hidden=32, batch=16, epochs=30, dropout=0.0, repeats=(("made-up", 4),))
    sources = {"made-up": Source(images, [[i] for i in range(32)])}
    first, second = (train(config, sources, texts) for _ in range(2))
    with torch.inference_mode():
        vectors = first.text(torch.from_numpy(texts)), first.image(torch.from_numpy(images[0]))
        again = second.text(torch.from_numpy(texts))
    scores = (vectors[0] @ vectors[1].T).numpy()
    assert (scores.argmax(1) == np.arange(32)).mean() > 0.9
    assert torch.equal(vectors[0], again)
