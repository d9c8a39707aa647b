"""The released model's first stage: Flickr8k, everyday things and stamps, with LoRA on both base towers."""

from twotower.config import Backbone, Config, Source

CONFIG = Config(
    command="python -m twotower.train flickr8k_small --data flickr8k=DIR --data objects=DIR --data stamps=DIR",
    expected="75 minutes on two cores; Flickr8k dev, text to image: R@1 29.8, R@5 61.4, R@10 74.3",
    image=Backbone("base:vit", "lora", learning_rate=4e-4, frozen_layers=6, rank=32),
    text=Backbone("base:bert", "lora", learning_rate=2e-4, rank=32),
    sources=(
        Source("flickr8k", "flickr8k", "train", repeats=2),
        Source("objects", "objects", "train", repeats=1, rare_repeats=3),
        Source("stamps", "stamps", "train", repeats=6),
    ),
    validation=Source("flickr8k", "flickr8k", "dev"),
    head_dropout=0.1,
    batch=192,
    captions=2,
    short_queries=0.25,
    views=3,
    keep_patches=0.37,
    epochs=7,
    ema=0.98,
    compile=True,
)
