"""The readers of web pictures: cleaning of captions, held-out split, shop descriptions."""

from pathlib import Path

import pytest
from twotower.data import DataError
from twotower.data.web import DEV, clean, described, webcap


@pytest.mark.parametrize(
    ("caption", "cleaned"),
    [
        ("two camels in a field with", "two camels in a field"),
        ("a barn by a lake, royalty free stock photo", "a barn by a lake"),
        ("a barn by a lake stock photos royalty free", "a barn by a lake"),
        ("a girl in front of a yellow wall with pictures", "a girl in front of a yellow wall with pictures"),
        ("a wall of old family photos", "a wall of old family photos"),
        ("a  fox   in snow", "a fox in snow"),
        ("stock photo", "stock photo"),
        ("the image of", "the image"),
    ],
)
def test_what_a_site_adds_and_what_was_cut_off_is_taken_away(caption: str, cleaned: str) -> None:
    assert clean(caption) == cleaned


def write(folder: Path, header: str, lines: list[str]) -> Path:
    (folder / "captions.csv").write_text("\n".join([header, *lines]) + "\n")
    return folder


def test_a_thousand_web_pictures_are_held_out_whatever_else_is_there(tmp_path: Path) -> None:
    lines = [f"{i}.avif,a red kite number {i},{i % 2}" for i in range(DEV + 10)]
    folder = write(tmp_path, "image,caption,photo", lines)
    dev = {p.image.name for p in webcap(folder, "dev")}
    train = {p.image.name for p in webcap(folder, "train")}
    assert (len(dev), len(train)) == (DEV, 10)
    assert not dev & train
    photographs = webcap(folder, "photographs")
    assert {p.image.name for p in photographs} == {name for name in train if int(name.removesuffix(".avif")) % 2}
    # The held-out split is stable: removing training pictures does not change it.
    write(tmp_path, "image,caption,photo", [line for line in lines if line.split(",")[0] in dev])
    assert {p.image.name for p in webcap(folder, "dev")} == dev


def test_a_caption_that_names_nothing_is_not_learned_from(tmp_path: Path) -> None:
    folder = write(tmp_path, "image,caption,photo", [f"{i}.avif,person at an event,1" for i in range(DEV + 3)])
    with pytest.raises(DataError, match="no pictures"):
        webcap(folder, "train")
    assert len(webcap(folder, "dev")) == DEV


def test_a_shop_is_believed_what_a_thing_is_and_not_what_it_is_for(tmp_path: Path) -> None:
    lines = [
        "a.avif,white wall cabinet,ikea_interior",
        'a.avif,"wall cabinet: Can be hung, in two ways.",ikea_interior',
        "b.avif,Jar: a pot of clay,concadia_wikipedia",
    ]
    pairs = described(write(tmp_path, "image,caption,set", lines), "train")
    assert [p.texts for p in pairs] == [("white wall cabinet", "wall cabinet"), ("Jar: a pot of clay",)]


def test_splits_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are train, photographs and dev"):
        webcap(tmp_path, "test")
    with pytest.raises(DataError, match="there is train"):
        described(tmp_path, "dev")
