"""Features of the frozen towers, computed once and kept in one file a source."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tokenizers import Tokenizer
from torch import nn
from tqdm import tqdm

from twotower.model import IMAGE_SIZE, MEAN, STD

Array = NDArray[np.float32]


def load_pixels(path: Path) -> Array:
    """Read a picture as (3, 224, 224) float32: EXIF turn applied, transparency on white, squashed, normalised.

    Squashed rather than cropped: nothing at the edges is lost, and the Flickr8k copy trained on is squashed too.
    """
    with Image.open(path) as opened:
        picture = ImageOps.exif_transpose(opened)
        if picture.mode in ("RGBA", "LA", "P", "PA"):
            picture = picture.convert("RGBA")
            white = Image.new("RGBA", picture.size, "white")
            picture = Image.alpha_composite(white, picture)
        rgb = picture.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    array = np.asarray(rgb, dtype=np.float32) / 255
    normalised = (array - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(normalised.transpose(2, 0, 1))


def image_features(tower: nn.Module, paths: Sequence[Path], mirrored: bool, batch: int = 32) -> Array:
    """Features of each picture, (N, 768); `mirrored` flips left and right, the one augmentation caching allows."""
    rows = []
    with ThreadPoolExecutor(2) as pool, torch.inference_mode():
        for start in tqdm(range(0, len(paths), batch), unit="batch", desc="pictures"):
            pixels = np.stack(list(pool.map(load_pixels, paths[start : start + batch])))
            if mirrored:
                pixels = pixels[..., ::-1].copy()
            rows.append(tower(torch.from_numpy(pixels)).numpy())
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
