"""Smoke test: trains tiny towers with random weights on synthetic pictures in half a minute."""

from twotower.config import Backbone, Config, Preparation, Source

CONFIG = Config(
    command="python -m twotower.synthetic && python -m twotower.train smoke --data shapes=var/smoke/shapes",
    expected="half a minute on two cores; R@1 over 90 on coloured shapes it has not seen",
    image=Backbone("var/smoke/vit", "full", learning_rate=1e-3),
    text=Backbone("var/smoke/bert", "full", learning_rate=1e-3),
    sources=(Source("shapes", "folder", "train"),),
    validation=Source("shapes", "folder", "dev"),
    dim=32,
    preparation=Preparation(size=32),
    max_tokens=16,
    batch=32,
    views=0,
    epochs=40,
    ema=0.9,
    precision="fp32",
    patience=40,
)
