"""The reader of everyday things: labels as search queries, head nouns, splits of seen and unseen labels."""

from pathlib import Path

import pytest
from twotower.data import DataError
from twotower.data.everyday import bare, head, objects, shared_heads


@pytest.mark.parametrize(
    ("label", "noun"),
    [
        ("a Siberian husky dog", "dog"),
        ("an Old English sheepdog", "dog"),
        ("Red Delicious apples", "apple"),
        ("tomatoes on the vine", None),
        ("beef tomatoes", "tomato"),
        ("cartons of milk", None),
        ("satsumas, small oranges", None),
        ("a lemon", None),
    ],
)
def test_the_head_of_a_label(label: str, noun: str | None) -> None:
    assert head(label) == noun


@pytest.mark.parametrize(
    ("label", "typed"),
    [
        ("a banana", "banana"),
        ("bananas", "banana"),
        ("a rhinoceros", "rhinoceros"),
        ("Royal Gala apples", "Royal Gala apple"),
        ("cartons of milk", "cartons of milk"),
        ("a pair of shorts", "pair of shorts"),
    ],
)
def test_a_label_as_it_is_typed(label: str, typed: str) -> None:
    assert bare(label) == typed


def test_a_head_counts_when_three_labels_share_it() -> None:
    assert shared_heads(["a pug dog", "a boxer dog", "a collie dog", "a collie dog", "a fire engine"]) == {"dog"}
    assert shared_heads(["a pug dog", "a boxer dog", "a boxer dog"]) == set()


def test_objects_carry_what_their_labels_share(tmp_path: Path) -> None:
    rows = ["pug dog", "boxer dog", "collie dog", "fire engine"]
    lines = [f"{i}.jpg,a photo of a {row},made-up,train" for i, row in enumerate(rows)]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption,set,split", *lines]))
    first, *_, last = objects(tmp_path, "train")
    assert first.texts == ("a photo of a pug dog", "a pug dog", "pug dog", "a dog", "dog")
    assert last.texts == ("a photo of a fire engine", "a fire engine", "fire engine")


def test_labels_left_out_are_the_others(tmp_path: Path) -> None:
    lines = [f"{i}.jpg,a photo of a thing{i // 2},made-up,train" for i in range(220)]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption,set,split", *lines, "x.jpg,a photo of x,y,dev"]))
    seen, unseen = (objects(tmp_path, split) for split in ("seen", "unseen"))
    labels = [{p.texts[0] for p in part} for part in (seen, unseen)]
    assert (len(seen), len(unseen)) == (20, 200)
    assert not labels[0] & labels[1]


def test_an_unknown_split_is_refused(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("image,caption,set,split\n0.jpg,a photo of a dog,made-up,train\n")
    with pytest.raises(DataError, match="no split test"):
        objects(tmp_path, "test")
