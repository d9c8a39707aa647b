"""Ablation arms of the options that the data set audit suggests, each alone and all together (`twotower.ablation`).

Trained on Flickr8k only, with the upper three layers of the picture tower and the whole text tower, for one long epoch
whose last weights are measured, so that no checkpoint is selected on the validation data.
"""

from dataclasses import replace

from twotower.config import Config, Source
from twotower.configs.flickr8k_small import CONFIG as RELEASED

PLAIN = replace(
    RELEASED,
    command="python -m twotower.ablation options --data flickr8k=DIR --seed 1 --seed 2",
    expected="five minutes an arm and seed on two cores",
    image=replace(RELEASED.image, frozen_layers=9),
    sources=(Source("flickr8k", "flickr8k", "train", repeats=4),),
    short_queries=0.0,
    ignore_by_words=False,
    views=1,
    epochs=1,
    compile=False,
)
SHORT = replace(PLAIN, short_queries=0.25)

BEST = replace(SHORT, ignore_by_words=True, drop_captions=0.02)

ARMS: dict[str, Config] = {
    "plain": PLAIN,
    "short queries": SHORT,
    "short queries, false negatives by words masked": replace(SHORT, ignore_by_words=True),
    "false negatives by meaning masked": replace(PLAIN, ignore_by_meaning=0.7),
    "soft targets": replace(PLAIN, soft_targets=0.3),
    "mismatched captions dropped": replace(PLAIN, drop_captions=0.02),
    "all, masked": replace(BEST, ignore_by_meaning=0.7),
    "all, soft": replace(BEST, soft_targets=0.3),
}
