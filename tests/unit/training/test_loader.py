"""The data loader: worker processes prepare the same batches as the training loop; shares of processes and chunks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from twotower.config import Backbone, Config, Preparation, Source
from twotower.data import Pair
from twotower.training.batches import Batches
from twotower.training.input_pipeline import PixelPipeline
from twotower.training.loader import Prepared, PreparedBatches, load

CAPTIONS = ("one two", "two three four", "five")


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    chance = np.random.default_rng(0)
    for i in range(8):
        Image.fromarray(chance.integers(0, 256, (24, 40, 3), np.uint8)).save(tmp_path / f"{i}.png")
    return [Pair(tmp_path / f"{i}.png", CAPTIONS) for i in range(8)]


def prepared(pairs: list[Pair], process: int = 0, processes: int = 1, chunk: int = 2) -> PreparedBatches:
    """Batches of four from eight pictures: two steps per epoch."""
    source = Source("s", "folder", "all")
    backbone = Backbone("none", "full")
    config = Config("", "", backbone, backbone, (source,), source, batch=4, captions=2, views=0)
    config = replace(config, chunk=chunk, preparation=Preparation(size=16))
    words = sorted({w for c in CAPTIONS for w in c.split()})
    tokenizer = Tokenizer(WordLevel({w: i for i, w in enumerate(words)}, unk_token=words[0]))
    tokenizer.pre_tokenizer = Whitespace()
    batches = Batches(config, {"s": pairs})
    return PreparedBatches(config, batches, PixelPipeline(config, batches.pairs), tokenizer, process, processes)


def assert_same(one: Prepared, other: Prepared) -> None:
    assert one.texts == other.texts
    assert all(map(torch.equal, one.images, other.images))
    assert all(
        torch.equal(a, b)
        for own, its in zip(one.tokens, other.tokens, strict=True)
        for a, b in zip(own, its, strict=True)
    )
    assert torch.equal(one.targets.positive, other.targets.positive)


def test_workers_prepare_what_the_loop_would_have_prepared(pairs: list[Pair]) -> None:
    batches = prepared(pairs)
    places = [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]  # as in a run that is resumed after its first step
    alone = list(load(batches, places, 0, pin=False))
    helped = list(load(batches, places, 2, pin=False))
    assert len(alone) == len(helped) == 5
    for one, other in zip(alone, helped, strict=True):
        assert_same(one, other)
    # Each picture occurs once per epoch, with a new random crop each time.
    pixels = [torch.cat(p.images) for p in alone]
    assert not any(torch.equal(a, b) for a in pixels[1] for b in torch.cat(pixels[3:]))


def test_processes_and_parts_share_a_batch_out(pairs: list[Pair]) -> None:
    whole = prepared(pairs, chunk=0)[0, 0]
    assert [i.shape for i in whole.images] == [(4, 3, 16, 16)]
    shared = [prepared(pairs, process, 2, chunk=1)[0, 0] for process in (0, 1)]
    assert torch.equal(torch.cat([i for s in shared for i in s.images]), whole.images[0])
    assert [t for s in shared for texts in s.texts for t in texts] == whole.texts[0]
    # Every process has the whole batch's targets.
    assert all(torch.equal(s.targets.positive, whole.targets.positive) for s in shared)
