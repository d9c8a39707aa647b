"""The released model's third stage: adds photographs of tools, animals and more that are rare in the earlier stages."""

from dataclasses import replace

from twotower.config import Source
from twotower.configs.breadth import CONFIG as BREADTH

CONFIG = replace(
    BREADTH,
    command="python -m twotower.train photographs --init var/runs/breadth --data flickr8k=DIR --data objects=DIR "
    "--data cutouts=var/cutouts --data stamps=DIR --data clipart=DIR --data emoji=DIR --data flashcards=DIR "
    "--data gcompris=var/gcompris",
    expected="15 minutes on two cores; Flickr8k dev, text to image: R@1 30.2, R@5 60.0, R@10 73.0",
    image=replace(BREADTH.image, learning_rate=1.5e-4),
    text=replace(BREADTH.text, learning_rate=7.5e-5),
    head_learning_rate=3e-4,
    sources=(*BREADTH.sources, Source("gcompris", "gcompris", "train", repeats=8)),
    epochs=1,
)
