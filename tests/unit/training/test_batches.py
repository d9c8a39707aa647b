"""Batches: short queries, positives and false negatives, reproducibility, oversampling, dropped patches."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from twotower.config import Config, Source, load_config
from twotower.data import Pair
from twotower.towers.texts import short_query, words_of
from twotower.training.batches import Batches, keep_patches

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


def test_a_short_query_asks_for_what_few_pictures_show() -> None:
    random = np.random.default_rng(0)
    # Weights are 1 / sqrt(number of pictures): "man" is drawn a tenth as often as "sloth".
    drawn = [short_query("a man and a sloth", random, 1, {"man": 100, "sloth": 1}) for _ in range(1100)]
    assert 60 < drawn.count("man") < 140
    assert drawn.count("man") + drawn.count("sloth") == 1100


def test_words_stand_for_a_second_caption_that_a_picture_has_not() -> None:
    said = "a brown dog jumps over logs in snow"
    one = {"things": [Pair(Path("a.jpg"), (said,))]}
    batches = Batches(replace(config(short_queries=0.01), batch=1, captions=2), one)
    texts = [batches.draw(np.array([0]), np.random.default_rng(seed)).texts for seed in range(20)]
    assert all(first == said for first, _ in texts)
    assert all(set(second.split()) <= set(words_of(said)) for _, second in texts)
    # Without short queries the caption is repeated.
    plain = Batches(replace(config(), batch=1, captions=2), one)
    assert plain.draw(np.array([0]), np.random.default_rng(0)).texts == [said, said]


def test_a_source_may_have_views_of_its_own() -> None:
    sources = (Source("things", "folder", "train", views=2), Source("others", "folder", "train"))
    batches = Batches(replace(config(views=1), sources=sources), {**PAIRS, "others": PAIRS["things"]})
    views = np.array([batches.draw(np.arange(8), np.random.default_rng(seed)).views for seed in range(20)])
    assert set(views[:, :4].flat) == {0, 1}
    assert set(views[:, 4:].flat) == {0}


def test_what_is_known_of_each_pair() -> None:
    batches = Batches(config(), PAIRS)
    known = batches.targets(np.arange(4), ["a dog", "a photo of a collie", "a photo of a cat", "happy ball"])
    # "a dog" is a caption of both dogs; the field's captions contain the word "dog", so that pair is ignored.
    assert known.positive.int().tolist() == [[1, 1, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert known.ignored[0].tolist() == [True, True, False, True]
    # "happy ball" matches only the field; "a photo of a collie" contains a word that only its own picture has.
    assert known.ignored[1:].int().tolist() == [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]


def test_one_picture_twice_in_a_batch_is_no_counterexample_to_itself() -> None:
    known = Batches(config(), PAIRS).targets(np.array([3, 3]), list(PAIRS["things"][3].texts))
    assert known.positive.all()


def test_a_batch_is_a_function_of_seed_epoch_and_step() -> None:
    batches = Batches(config(views=3, short_queries=0.5), PAIRS)
    first, again = ([batches.at(1, step) for step in order] for order in ((0, 1), (1, 0)))
    batches.at(2, 0)
    late = batches.at(1, 1)
    assert [b.texts for b in first] == [b.texts for b in reversed(again)]
    assert first[1].texts == late.texts
    assert first[1].views.tolist() == late.views.tolist()
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


# Sentence vectors of the captions of PAIRS in two dimensions: dogs along the first, the cat along the second.
MEANING = {
    "a photo of a husky": [1.0, 0.0],
    "a dog": [1.0, 0.0],
    "a photo of a collie": [0.8, 0.6],
    "a photo of a cat": [0.0, 1.0],
    "A dog and a ball in a field .": [0.6, 0.8],
    "The happy dog runs after a ball .": [0.6, -0.8],
}


def sentence_encoder(texts: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array([MEANING[text] for text in texts], np.float32)


def test_a_caption_is_no_counterexample_where_another_one_says_the_same() -> None:
    batches = Batches(replace(config(ignore_by_meaning=0.75, ignore_by_words=False), batch=4), PAIRS, sentence_encoder)
    rows = np.arange(4)
    known = batches.by_meaning(batches.targets(rows, ["husky", "collie", "cat", "ball"]), rows, [0, 0, 0, 0])
    assert known.likeness is not None
    # The husky's caption: 1 to "a dog" of its own picture and of the collie's, 0 to the cat, 0.6 to the field.
    assert known.likeness[0].tolist() == pytest.approx([1.0, 1.0, 0.0, 0.6])
    # The collie's caption: 0.8 to its sibling "a dog"; it is not compared with itself.
    assert known.likeness[1].tolist() == pytest.approx([0.8, 0.8, 0.6, 0.96])
    # The cat (0, 1): 0.6 to the collie, 0.8 to the field, and 1 to itself, since its picture has only this caption.
    assert known.likeness[2].tolist() == pytest.approx([0.0, 0.6, 1.0, 0.8])
    assert known.ignored.tolist() == [
        [True, True, False, False],
        [True, True, False, True],
        [False, False, True, True],
        [False, True, True, False],
    ]
    batch = batches.at(0, 0)
    assert batch.targets.likeness is not None
    assert batch.targets.softness == 0


def test_words_and_meaning_decide_by_themselves() -> None:
    rows = np.arange(4)
    by_words = Batches(config(), PAIRS).targets(rows, ["a dog", "a photo of a collie", "a photo of a cat", "ball"])
    by_neither = Batches(config(ignore_by_words=False), PAIRS).targets(rows, ["a dog", "collie", "cat", "ball"])
    assert by_words.ignored.any()
    assert not by_neither.ignored.any()


def test_captions_that_disagree_with_their_picture_are_never_drawn() -> None:
    captions = ("a photo of a husky", "a dog", "a photo of a cat")
    pairs = {"things": [Pair(Path("husky.jpg"), captions), Pair(Path("other.jpg"), captions[:1])]}
    batches = Batches(config(drop_captions=0.25), pairs, sentence_encoder)
    drawn = {text for epoch in range(20) for text in batches.at(epoch, 0).texts}
    assert drawn == set(captions[:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"soft_targets": 0.3, "loss": "hinge"}, "soft_targets goes with the loss info_nce, not with hinge"),
        ({"soft_targets": 0.3, "ignore_by_meaning": 0.7}, "choose one"),
        ({"soft_targets": -0.3}, "soft_targets is a share from 0 to below 1, not -0.3"),
        ({"drop_captions": 5}, "drop_captions is a share from 0 to below 1, not 5"),
        ({"short_queries": 7}, "short_queries is a share from 0 to below 1, not 7"),
        ({"ignore_by_meaning": -1}, "ignore_by_meaning is a cosine between 0 and 1, not -1"),
    ],
)
def test_an_option_that_cannot_be_followed_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config(**changes)


def test_options_by_meaning_need_sentence_vectors() -> None:
    with pytest.raises(ValueError, match="need sentence vectors"):
        Batches(config(drop_captions=0.1), PAIRS)
