"""The learning rate schedule, the exponential moving average (EMA), and preprocessing of pretrained models."""

import pytest
import torch
from torch import nn
from twotower.bundles.pretrained import ExportError, preparation_of
from twotower.training.checkpoint import Ema
from twotower.training.trainer import learning_rate_share

PROCESSOR = {
    "size": {"height": 224, "width": 224},
    "resample": 3,
    "image_mean": [0.5] * 3,
    "image_std": [0.5] * 3,
    "do_normalize": True,
    "rescale_factor": 1 / 255,
}


def test_the_learning_rate_rises_and_falls() -> None:
    shares = [learning_rate_share(step, 10, 0.2) for step in range(11)]
    assert shares[:3] == [0.5, 1.0, 1.0]
    assert shares[6] == pytest.approx(0.5)  # the middle of the cosine decay from step 2 to step 10
    assert shares[10] == pytest.approx(0)
    assert shares[2:] == sorted(shares[2:], reverse=True)


def test_the_average_starts_short_and_is_put_aside_after_use() -> None:
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(0)
    ema = Ema(model, 0.99)
    with torch.no_grad():
        model.weight.fill_(1)
    ema.update(model, step=1)  # early decay: (1 + 1) / (10 + 1)
    assert ema.state["weight"].item() == pytest.approx(9 / 11)
    with ema.applied(model):
        assert model.weight.item() == pytest.approx(9 / 11)
    assert model.weight.item() == 1


def test_a_preparation_is_read_or_refused() -> None:
    assert preparation_of(PROCESSOR).resize == "squash"
    clip = {**PROCESSOR, "size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}}
    cropped = preparation_of({**clip, "do_center_crop": True})
    assert (cropped.resize, cropped.size, cropped.shortest_edge) == ("crop", 224, 256)
    for change in (
        {"resample": 0},
        {"rescale_factor": 1 / 127.5},
        {"do_normalize": False},
        {"size": {"longest_edge": 9}},
    ):
        with pytest.raises(ExportError, match="none that the encoder does"):
            preparation_of({**PROCESSOR, **change})
