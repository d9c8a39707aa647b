"""The released model's second stage: adds drawings and cut-outs, for words that the first stage's pictures lack."""

from dataclasses import replace

from twotower.config import Source
from twotower.configs.flickr8k_small import CONFIG as FIRST

CONFIG = replace(
    FIRST,
    command="python -m twotower.train breadth --init var/runs/flickr8k_small --data flickr8k=DIR --data objects=DIR "
    "--data cutouts=var/cutouts --data stamps=DIR --data clipart=DIR --data emoji=DIR --data flashcards=DIR",
    expected="40 minutes on two cores; Flickr8k dev, text to image: R@1 30.5, R@5 60.3, R@10 73.2",
    image=replace(FIRST.image, learning_rate=2e-4),
    text=replace(FIRST.text, learning_rate=1e-4),
    head_learning_rate=4e-4,
    sources=(
        Source("flickr8k", "flickr8k", "train", repeats=2),
        Source("objects", "objects", "train", repeats=1, rare_repeats=2),
        Source("cutouts", "objects", "train", repeats=1, rare_repeats=2),
        Source("stamps", "stamps", "train", repeats=4),
        Source("clipart", "clipart", "train"),
        Source("emoji", "emoji", "train", repeats=3),
        Source("flashcards", "flashcards", "train", repeats=3),
    ),
    views=1,
    epochs=3,
    ema=0.98,
)
