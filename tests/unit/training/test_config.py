"""Fingerprints of training configs, and the clamp of the logit scale."""

import math
from dataclasses import field, make_dataclass, replace

import pytest
import torch
from twotower.config import Backbone, Config, chosen, fingerprint, load_config
from twotower.towers.model import MAX_SCALE, TwoTowers


def smoke() -> Config:
    return load_config("smoke")


def test_a_fingerprint_holds_what_determines_the_result() -> None:
    config = smoke()
    assert fingerprint(replace(config, command="another", expected="words")) == fingerprint(config)
    assert fingerprint(replace(config, batch=config.batch + 1)) != fingerprint(config)
    assert fingerprint(replace(config, sources=config.sources * 2)) != fingerprint(config)


def test_a_field_that_is_added_later_leaves_earlier_fingerprints_as_they_are() -> None:
    config = smoke()
    later = make_dataclass("Later", [("another", int, field(default=3))], bases=(Config,), frozen=True)
    same = later(**vars(config))
    assert chosen(same) == chosen(config)
    assert chosen(replace(same, another=4)) == {**chosen(config), "another": 4}
    assert isinstance(config.image, Backbone)


def test_a_logit_scale_beyond_its_limit_comes_down_again() -> None:
    model = TwoTowers(torch.nn.Identity(), torch.nn.Identity())  # type: ignore[arg-type]
    with torch.no_grad():
        model.log_scale.fill_(math.log(MAX_SCALE) + 1)
    model.clamp_scale()
    assert model.scale.item() == pytest.approx(MAX_SCALE)
    model.scale.backward()
    assert model.log_scale.grad is not None and model.log_scale.grad.item() > 0
