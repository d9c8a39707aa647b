from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from twotower.batches import Batches, keep_patches
from twotower.config import Config, Source, load_config
from twotower.data import Pair
from twotower.texts import short_query, words_of

PAIRS = {
    "things": [
        Pair(Path("husky.jpg"), ("a photo of a husky", "a dog")),
        Pair(Path("collie.jpg"), ("a photo of a collie", "a dog")),
        Pair(Path("cat.jpg"), ("a photo of a cat",)),
        Pair(Path("field.jpg"), ("A dog and a ball in a field .", "The happy dog runs after a ball .")),
    ]
}


def config(**changes: object) -> Config:
    source = Source("things", "folder", "train")
    return replace(load_config("smoke"), sources=(source,), batch=2, captions=1, **changes)  # type: ignore[arg-type]


def test_content_words_carry_pictures() -> None:
    assert words_of("A photo of the brown dog , with a ball on the grass . Dog !") == ["brown", "dog", "ball", "grass"]


def test_a_short_query_keeps_the_order_of_the_words() -> None:
    words = words_of("a brown dog jumps over two logs")
    for seed in range(20):
        short = short_query("a brown dog jumps over two logs", np.random.default_rng(seed), 3)
        assert short is not None
        chosen = [words.index(w) for w in short.split()]
        assert chosen == sorted(chosen)
        assert 1 <= len(chosen) <= 3
    assert short_query("of the", np.random.default_rng(0)) is None


def test_what_is_known_of_each_pair() -> None:
    batches = Batches(config(), PAIRS)
    known = batches.targets(np.arange(4), ["a dog", "a photo of a collie", "a photo of a cat", "happy ball"])
    # "a dog" is owned by both dogs; the field's captions hold its word, so it is no counterexample.
    assert known.positive.int().tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert known.ignored[0].tolist() == [True, True, False, True]
    assert not known.ignored[1:, :3].fill_diagonal_(False)[:, [0]].any()


def test_one_picture_twice_in_a_batch_is_no_counterexample_to_itself() -> None:
    known = Batches(config(), PAIRS).targets(np.array([3, 3]), list(PAIRS["things"][3].texts))
    assert known.positive.all()


def test_a_batch_is_a_function_of_seed_epoch_and_step() -> None:
    batches = Batches(config(views=3, short_queries=0.5), PAIRS)
    first, again = (list(batches.epoch(1)) for _ in range(2))
    late = list(batches.epoch(1, first=1))
    assert [b.texts for b in first] == [b.texts for b in again]
    assert [b.views.tolist() for b in first][1:] == [b.views.tolist() for b in late]
    assert sorted(r for b in first for r in b.rows) == [0, 1, 2, 3]


def test_rare_texts_are_shown_more_often() -> None:
    many = [Pair(Path(f"{i}"), ("a cup",)) for i in range(3)]
    source = Source("things", "folder", "train", repeats=1, rare_repeats=4)
    batches = Batches(replace(config(), sources=(source,), batch=1), {"things": [*many, Pair(Path("x"), ("a yak",))]})
    assert batches.steps == 3 + 4


def test_too_few_pictures_for_a_batch_are_refused() -> None:
    with pytest.raises(ValueError, match="4 pictures, less than a batch of 8"):
        Batches(replace(config(), batch=8), PAIRS)


def test_kept_patches_are_a_picture_s_own_and_the_class_token_stays() -> None:
    tokens = torch.arange(2 * 9, dtype=torch.float32).reshape(2, 9, 1)
    kept = keep_patches(tokens, 0.5, torch.rand(2, 8, generator=torch.Generator().manual_seed(0)))
    assert kept.shape == (2, 5, 1)
    for row, first in zip(kept[..., 0].tolist(), (0, 9), strict=True):
        assert row[0] == first
        assert len(set(row)) == 5
        assert all(first < t < first + 9 for t in row[1:])


def test_registers_are_no_patches() -> None:
    tokens = torch.arange(9.0).reshape(1, 9, 1)
    chance = torch.tensor([[0.9, 0.1, 0.8, 0.2]])
    assert keep_patches(tokens, 0.5, chance, first=5).flatten().tolist() == [0, 1, 2, 3, 4, 6, 8]


def test_a_long_caption_and_a_word_in_another_script_are_shared_too() -> None:
    long = "a brown dog runs after a red ball over grass"
    pairs = [Pair(Path(f"{i}"), (long, "собака")) for i in range(2)]
    known = Batches(replace(config(), batch=2), {"things": pairs}).targets(np.arange(2), [long, "собака"])
    assert known.positive.all()
