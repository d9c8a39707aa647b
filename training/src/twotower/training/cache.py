"""Caches the output of a picture tower's frozen layers in memory-mapped files.

Frozen layers compute the same output in every epoch, and most of the time is spent on them. Their output for a few
views of each picture is computed once and stored as bfloat16; training reads it from there. On two cores this is about
four times faster than fine-tuning the whole tower.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from twotower.config import Preparation
from twotower.towers.pictures import see_all

BATCH = 32


@dataclass(frozen=True)
class TokenFile:
    """A file of tokens, (N, T, W) bfloat16. Unlike a memory map, it can be pickled and sent to another process."""

    path: Path
    shape: tuple[int, int, int]

    def map(self) -> Tensor:
        """The tokens as a memory map."""
        return torch.from_file(str(self.path), shared=False, size=math.prod(self.shape), dtype=torch.bfloat16).view(
            self.shape
        )


def cached_tokens(
    folder: Path,
    name: str,
    paths: Sequence[Path],
    view: int,
    seed: int,
    trunk: Callable[[Tensor], Tensor],
    trunk_name: str,
    preparation: Preparation,
    device: torch.device,
) -> TokenFile:
    """The trunk's output for one view of each picture, in a file in `folder`.

    The file's name contains a digest of everything that determines its content: the pictures' names and file sizes (not
    their folder, since data may move), the view, the seed, the trunk and the preprocessing. It is written to a
    temporary file and put in place by an atomic rename, so that an interrupted run leaves no incomplete file.
    Concurrent processes each write their own temporary file; the last rename wins.

    Args:
        folder: of the cache files.
        name: of the source, for the file name.
        paths: the pictures.
        view: 0 for whole pictures, otherwise the number of a random crop.
        seed: of the random crops.
        trunk: maps (B, 3, size, size) pixels to (B, T, W) tokens.
        trunk_name: identifies the trunk in the cache key.
        preparation: the preprocessing.
        device: to compute on.
    """
    listing = [f"{p.name} {p.stat().st_size}" for p in paths]
    key = "\n".join([trunk_name, repr(preparation), str(view), str(seed if view else 0), *listing])
    path = folder / f"{name}-view{view}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.bf16"
    with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16), ThreadPoolExecutor(2) as pool:
        _, length, width = trunk(torch.zeros(1, 3, preparation.size, preparation.size, device=device)).shape
        shape = len(paths), length, width
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(f".{os.getpid()}.part")
            tokens = torch.from_file(str(part), shared=True, size=math.prod(shape), dtype=torch.bfloat16).view(shape)
            for start in tqdm(range(0, len(paths), BATCH), unit="batch", desc=f"{name}, view {view}"):
                chosen = list(paths[start : start + BATCH])
                pixels = see_all(chosen, [view] * len(chosen), seed, preparation, pool)
                tokens[start : start + BATCH] = trunk(pixels.to(device)).cpu()
            del tokens
            part.replace(path)
    return TokenFile(path, shape)
