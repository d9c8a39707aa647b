"""Make pictures and towers for the smoke config: coloured shapes with captions, and two tiny towers of random weights.

    python -m twotower.synthetic --out var/smoke

A fifth of the combinations of shape, colour and background is held out for validation, so that only a model that
generalises to new combinations finds them.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from itertools import product
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast, ViTConfig, ViTModel

COLOURS = ("red", "green", "blue", "yellow", "purple", "white", "black", "orange")
SHAPES = ("circle", "square", "triangle", "cross")
TEMPLATES = ("a {colour} {shape} on {ground}", "{ground} with a {colour} {shape}")
SIZE = 32


def draw(shape: str, colour: str, ground: str) -> Image.Image:
    """One picture."""
    picture = Image.new("RGB", (SIZE, SIZE), ground)
    pen = ImageDraw.Draw(picture)
    if shape == "circle":
        pen.ellipse((6, 6, 26, 26), fill=colour)
    elif shape == "square":
        pen.rectangle((7, 7, 25, 25), fill=colour)
    elif shape == "triangle":
        pen.polygon([(16, 5), (27, 26), (5, 26)], fill=colour)
    else:
        pen.rectangle((13, 5, 19, 27), fill=colour)
        pen.rectangle((5, 13, 27, 19), fill=colour)
    return picture


def make_pictures(folder: Path) -> None:
    """Draw every combination, and write `captions.csv` with the split of each, train or dev."""
    folder.mkdir(parents=True)
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "caption", "split"])
        for shape, colour, ground in product(SHAPES, COLOURS, COLOURS):
            if colour == ground:
                continue
            name = f"{colour}-{shape}-{ground}.png"
            draw(shape, colour, ground).save(folder / name)
            split = "dev" if hashlib.sha256(name.encode()).digest()[0] < 51 else "train"
            for template in TEMPLATES:
                writer.writerow([name, template.format(shape=shape, colour=colour, ground=ground), split])


def make_towers(folder: Path) -> None:
    """Write `vit` and `bert`, each with two layers and 64 dimensions, and a word-level tokenizer."""
    torch.manual_seed(0)
    common: dict[str, Any] = {
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
    }
    ViTModel(ViTConfig(**common, image_size=SIZE, patch_size=8)).save_pretrained(folder / "vit")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "on", "with", *COLOURS, *SHAPES]
    vocabulary = {word: i for i, word in enumerate(words)}
    BertModel(BertConfig(**common, vocab_size=len(words), max_position_embeddings=32)).save_pretrained(folder / "bert")
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder / "bert")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("var/smoke"), help="a new folder")
    folder = parser.parse_args().out
    make_pictures(folder / "shapes")
    make_towers(folder)


if __name__ == "__main__":
    main()
