"""The released model's last stage: adds captioned web pictures to all data of the earlier stages."""

from twotower.config import Backbone, Config, Source

CONFIG = Config(
    command="python -m twotower.train sightline_small --init var/runs/photographs --data flickr8k=DIR "
    "--data webcap=DIR --data described=DIR --data objects=DIR --data cutouts=var/cutouts --data stamps=DIR "
    "--data clipart=DIR --data emoji=DIR --data flashcards=DIR --data gcompris=var/gcompris",
    expected="90 minutes on two cores; Flickr8k dev, text to image: R@1 33.2, R@5 63.4, R@10 75.9",
    image=Backbone("base:vit", "lora", learning_rate=3e-4, frozen_layers=6, rank=32),
    text=Backbone("base:bert", "lora", learning_rate=1.5e-4, rank=32),
    sources=(
        Source("flickr8k", "flickr8k", "train", repeats=2, views=2),
        Source("webcap", "webcap", "train"),
        Source("described", "described", "train"),
        Source("objects", "objects", "train", rare_repeats=2),
        Source("cutouts", "objects", "train", rare_repeats=2),
        Source("stamps", "stamps", "train", repeats=3),
        Source("clipart", "clipart", "train"),
        Source("emoji", "emoji", "train", repeats=2),
        Source("flashcards", "flashcards", "train", repeats=2),
        Source("gcompris", "gcompris", "train", repeats=5),
    ),
    validation=Source("flickr8k", "flickr8k", "dev"),
    head_learning_rate=6e-4,
    head_dropout=0.1,
    batch=256,
    captions=2,
    short_queries=0.25,
    keep_patches=0.375,
    last_keep_patches=0.6,
    views=1,
    epochs=3,
    ema=0.99,
    compile=True,
)
