"""The released model's second stage: an epoch in which drawings teach words that no photograph of the first shows."""

from dataclasses import replace

from twotower.config import Source
from twotower.configs.flickr8k_small import CONFIG as FIRST

CONFIG = replace(
    FIRST,
    command="python -m twotower.train breadth --init var/runs/flickr8k_small --data flickr8k=DIR --data objects=DIR "
    "--data stamps=DIR --data clipart=DIR",
    expected="10 minutes on two cores; Flickr8k dev, text to image: R@1 28.7, R@5 60.1, R@10 73.0",
    image=replace(FIRST.image, learning_rate=2.4e-4),
    text=replace(FIRST.text, learning_rate=1.2e-4),
    head_learning_rate=5e-4,
    sources=(
        Source("flickr8k", "flickr8k", "train"),
        Source("objects", "objects", "train", repeats=1, rare_repeats=3),
        Source("stamps", "stamps", "train", repeats=6),
        Source("clipart", "clipart", "train", repeats=2),
    ),
    views=2,
    epochs=1,
    warmup=0.1,
    ema=0.95,
)
