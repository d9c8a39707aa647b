"""Picture preprocessing: decoding, resizing to a square, random crops (views), normalisation."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from servicekit.errors import ServiceError
from servicekit.pictures import open_picture
from torch import Tensor

from twotower.config import Preparation

MOST_PIXELS = 400_000_000
RESAMPLING = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}


def open_rgb(path: Path) -> Image.Image:
    """Read a picture as RGB in sRGB, upright, with a white background for transparency, as the services do.

    Raises:
        OSError: the file is not a picture, or is too damaged.
    """
    try:
        return open_picture(path.read_bytes(), MOST_PIXELS).image
    except ServiceError as error:
        raise OSError(f"{path}: {error.detail}") from error


def square(picture: Image.Image, preparation: Preparation) -> Image.Image:
    """The picture as a square of the prepared size."""
    size, resample = preparation.size, RESAMPLING[preparation.resample]
    if preparation.resize == "squash":
        return picture.resize((size, size), resample)
    short = preparation.shortest_edge or size
    # The longer side is truncated to an integer, not rounded, as in CLIP's own preprocessing.
    width, height = (short if s == min(picture.size) else int(s * short / min(picture.size)) for s in picture.size)
    left, top = (width - size) // 2, (height - size) // 2
    return picture.resize((width, height), resample).crop((left, top, left + size, top + size))


def to_pixels(picture: Image.Image, preparation: Preparation) -> Tensor:
    """Turn a square RGB picture into (3, size, size) float32, normalised."""
    array = np.asarray(picture, dtype=np.float32) / 255
    normalised = (array - np.array(preparation.mean, np.float32)) / np.array(preparation.std, np.float32)
    return torch.from_numpy(np.ascontiguousarray(normalised.transpose(2, 0, 1)))


def random_view(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """A random crop of 40 to 100 % of the area and 3/4 to 4/3 of the aspect ratio, mirrored with probability 0.5.

    No colour jitter, since captions name colours.
    """
    width, height = picture.size
    area = random.uniform(0.4, 1.0)
    aspect = np.exp(random.uniform(np.log(3 / 4), np.log(4 / 3)))
    w, h = min(1.0, np.sqrt(area * aspect)), min(1.0, np.sqrt(area / aspect))
    x, y = random.uniform(0, 1 - w), random.uniform(0, 1 - h)
    part = picture.crop(
        (int(x * width), int(y * height), max(1, round((x + w) * width)), max(1, round((y + h) * height)))
    )
    return ImageOps.mirror(part) if random.random() < 0.5 else part


def see(path: Path, view: int, seed: int, preparation: Preparation) -> Tensor:
    """One view of a picture as (3, size, size) float32.

    Args:
        path: the picture.
        view: 0 for the whole picture; any other number is a random crop that depends on seed, view and file name only.
        seed: of the crops.
        preparation: the preprocessing.
    """
    picture = open_rgb(path)
    if view:
        digest = hashlib.sha256(f"{seed} {view} {path.name}".encode()).digest()
        picture = random_view(picture, np.random.default_rng(int.from_bytes(digest[:8], "little")))
    return to_pixels(square(picture, preparation), preparation)


def see_all(
    paths: list[Path], views: list[int], seed: int, preparation: Preparation, pool: ThreadPoolExecutor
) -> Tensor:
    """One view of each picture, (N, 3, size, size) float32, decoded in the pool's threads; see `see`."""
    return torch.stack(list(pool.map(lambda path, view: see(path, view, seed, preparation), paths, views)))
