"""Features of the frozen towers, computed once and kept in one file a source."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tokenizers import Tokenizer
from torch import nn
from tqdm import tqdm

from twotower.cutout import Cutter, cut_out
from twotower.model import IMAGE_SIZE, MEAN, STD

Array = NDArray[np.float32]
View = Literal["plain", "mirrored", "cutout"]


def load_picture(path: Path) -> Image.Image:
    """Read a picture as RGB of 224 x 224: EXIF turn applied, transparency on white, squashed.

    Squashed rather than cropped: nothing at the edges is lost, and the Flickr8k copy trained on is squashed too.
    """
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode in ("RGBA", "LA", "P", "PA"):
            picture = picture.convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture)
        return squash(picture.convert("RGB"))


def squash(picture: Image.Image) -> Image.Image:
    """The same picture at 224 x 224."""
    return picture.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)


def to_pixels(picture: Image.Image) -> Array:
    """Turn an RGB picture of 224 x 224 into (3, 224, 224) float32, normalised as DINOv2 was trained."""
    array = np.asarray(picture, dtype=np.float32) / 255
    normalised = (array - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1))


def image_features(tower: nn.Module, paths: Sequence[Path], view: View, cutter: Cutter, exact: bool) -> Array:
    """Features of each picture, (N, 768) float32, in one of the views that caching allows.

    `plain` as it is, `mirrored` left to right, `cutout` the subject on white. To learn from, features need not be
    exact: computed in bfloat16 they take two thirds of the time, and the rounding is far below the noise that training
    adds.
    """
    rows = []
    batch = 32
    with ThreadPoolExecutor(2) as pool, torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, not exact):
        for start in tqdm(range(0, len(paths), batch), unit="batch", desc=f"pictures, {view}"):
            pictures = list(pool.map(load_picture, paths[start : start + batch]))
            if view == "mirrored":
                pictures = [ImageOps.mirror(p) for p in pictures]
            if view == "cutout":
                importance = cutter.importance(np.stack([to_pixels(p) for p in pictures]))
                pictures = [squash(cut_out(p, i)) for p, i in zip(pictures, importance, strict=True)]
            pixels = np.stack([to_pixels(p) for p in pictures])
            rows.append(tower(torch.from_numpy(pixels)).float().numpy())
    return np.concatenate(rows)


def text_features(tower: nn.Module, tokenizer: Tokenizer, texts: Sequence[str], batch: int = 128) -> Array:
    """Features of each text, (N, 384). The tokenizer must truncate and must not pad: padding is done by batch here."""
    rows = []
    with torch.inference_mode():
        for start in tqdm(range(0, len(texts), batch), unit="batch", desc="texts"):
            encoded = [e.ids for e in tokenizer.encode_batch(list(texts[start : start + batch]))]
            longest = max(map(len, encoded))
            ids = torch.tensor([e + [0] * (longest - len(e)) for e in encoded])
            mask = torch.tensor([[1] * len(e) + [0] * (longest - len(e)) for e in encoded])
            rows.append(tower(ids, mask).numpy())
    return np.concatenate(rows)
