"""The reader of flashcards: words and their singulars from file names."""

from pathlib import Path

import pytest
from PIL import Image
from twotower.data import DataError
from twotower.data.flashcards import flashcards


def test_a_card_is_named_by_its_word_as_it_stands_and_in_the_singular(tmp_path: Path) -> None:
    for name in ("fruit_n_veg/carrot", "fruit_n_veg/bananas", "animals/lion_cub", "actions/jump"):
        path = tmp_path / f"{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    # The folder of actions is skipped.
    assert {p.image.stem: p.texts for p in flashcards(tmp_path, "train")} == {
        "carrot": ("carrot",),
        "bananas": ("bananas", "banana"),
        "lion_cub": ("lion cub",),
    }


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no flashcards"):
        flashcards(tmp_path, "train")
    with pytest.raises(DataError, match="no split dev"):
        flashcards(tmp_path, "dev")
