"""Readers of data sets: Flickr30k, Flickr8k, COCO and folders in each layout, damaged pictures, and data leakage."""

import json
from pathlib import Path

import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet
from twotower.data import READERS, DataError, Pair, identities, readable, shared

Texts = dict[str, tuple[str, ...]]


def read(reader: str, folder: Path, split: str) -> Texts:
    return {str(p.image.relative_to(folder)): p.texts for p in READERS[reader](folder, split)}


def karpathy(folder: Path, name: str, **extra: str) -> None:
    entries = [
        {"filename": f"{split}.jpg", "split": split, "sentences": [{"raw": f"a {split} dog"}, {"raw": " "}], **extra}
        for split in ("train", "val", "test", "restval")
    ]
    (folder / f"dataset_{name}.json").write_text(json.dumps({"images": entries}))


def test_flickr30k_of_karpathy(tmp_path: Path) -> None:
    karpathy(tmp_path, "flickr30k")
    (tmp_path / "flickr30k-images").mkdir()
    assert read("flickr30k", tmp_path, "karpathy-val") == {"flickr30k-images/val.jpg": ("a val dog",)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("results_20130124.token", "1.jpg#0\tA dog .\n1.jpg#1\tA cat .\n2.jpg#0\tA bird .\n"),
        # In the published file one line lacks a separator, like the second line here.
        (
            "results.csv",
            "image_name| comment_number| comment\n1.jpg| 0| A dog .\n1.jpg| 1   A cat .\n2.jpg| 0| A bird .\n",
        ),
    ],
)
def test_flickr30k_of_entities(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    (tmp_path / "test.txt").write_text("1\n")
    (tmp_path / "images").mkdir()
    assert read("flickr30k", tmp_path, "entities-test") == {"images/1.jpg": ("A dog .", "A cat .")}


def test_a_split_of_no_origin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no split test; there are karpathy- and entities-"):
        read("flickr30k", tmp_path, "test")


def test_flickr30k_of_the_hub_as_a_table(tmp_path: Path) -> None:
    (tmp_path / "flickr_annotations_30k.csv").write_text(
        'raw,split,filename\n"[""A dog ."", ""A cat .""]",test,1.jpg\n"[""A bird .""]",train,2.jpg\n'
    )
    (tmp_path / "flickr30k-images").mkdir()
    assert read("flickr30k", tmp_path, "karpathy-test") == {"flickr30k-images/1.jpg": ("A dog .", "A cat .")}


def test_flickr30k_of_the_hub_as_parquet(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "red.png")
    content = (tmp_path / "red.png").read_bytes()
    rows = [
        {"image": {"bytes": content, "path": None}, "caption": ["A dog ."], "split": "test", "filename": "../../1.jpg"},
        {"image": {"bytes": content, "path": None}, "caption": ["A cat ."], "split": "train", "filename": "2.jpg"},
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "TEST-00000.parquet")
    assert read("flickr30k", tmp_path, "karpathy-test") == {"pictures/1.jpg": ("A dog .",)}
    # Path traversal: a name with ../ is reduced to its last part.
    assert (tmp_path / "pictures" / "1.jpg").read_bytes() == content


@pytest.mark.parametrize(
    ("captions", "names"),
    [
        (("captions.csv", "image,caption\n1_a.jpg,A dog .\n2_b.jpg,A cat .\n"), "dev.txt"),
        (("Flickr8k.token.txt", "1_a.jpg#0\tA dog .\n2_b.jpg#0\tA cat .\n"), "Flickr_8k.devImages.txt"),
    ],
)
def test_flickr8k(tmp_path: Path, captions: tuple[str, str], names: str) -> None:
    (tmp_path / captions[0]).write_text(captions[1])
    (tmp_path / names).write_text("2_b.jpg\n")
    (tmp_path / "Flicker8k_Dataset").mkdir()
    assert read("flickr8k", tmp_path, "dev") == {"Flicker8k_Dataset/2_b.jpg": ("A cat .",)}


def test_flickr8k_of_karpathy_calls_dev_val(tmp_path: Path) -> None:
    karpathy(tmp_path, "flickr8k")
    (tmp_path / "images").mkdir()
    assert read("flickr8k", tmp_path, "dev") == {"images/val.jpg": ("a val dog",)}


def test_coco(tmp_path: Path) -> None:
    (tmp_path / "annotations").mkdir()
    content = {
        "images": [{"id": 7, "file_name": "7.jpg"}],
        "annotations": [{"image_id": 7, "caption": "A dog ."}, {"image_id": 7, "caption": "A cat ."}],
    }
    path = tmp_path / "annotations" / "captions_val2017.json"
    path.write_text(json.dumps(content))
    assert read("coco", tmp_path, "val2017") == {"val2017/7.jpg": ("A dog .", "A cat .")}
    content["images"] = []
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="a caption of picture 7"):
        read("coco", tmp_path, "val2017")


def test_coco_of_karpathy_trains_on_the_rest_too(tmp_path: Path) -> None:
    karpathy(tmp_path, "coco", filepath="val2014")
    assert list(read("coco", tmp_path, "karpathy-train")) == ["val2014/train.jpg", "val2014/restval.jpg"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("captions.csv", "image,caption,split\na.jpg,A dog .,train\na.jpg,A cat .,train\nb.jpg,A bird .,dev\n"),
        ("captions.jsonl", '{"image": "a.jpg", "caption": ["A dog .", "A cat ."], "split": "train"}\n'),
    ],
)
def test_your_own_folder(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert read("folder", tmp_path, "train") == {"a.jpg": ("A dog .", "A cat .")}
    with pytest.raises(DataError, match="no split test"):
        read("folder", tmp_path, "test")


def test_your_own_folder_without_splits(tmp_path: Path) -> None:
    (tmp_path / "captions.jsonl").write_text('{"image": "a.jpg", "caption": "A dog ."}\n{"image": "b.jpg"}\n')
    with pytest.raises(DataError, match=r"captions.jsonl, line 2: not an object with image and caption"):
        read("folder", tmp_path, "all")
    (tmp_path / "captions.jsonl").write_text('{"image": "../a.jpg", "caption": "A dog ."}\n')
    with pytest.raises(DataError, match="lies outside"):
        read("folder", tmp_path, "all")


def test_a_comma_without_quotes_and_a_short_line_are_named(tmp_path: Path) -> None:
    for line in ("b.jpg,A kite, over the beach,train", "b.jpg,A kite"):
        (tmp_path / "captions.csv").write_text(f"\ufeffimage,caption,split\na.jpg,A dog .,train\n{line}\n", "utf-8")
        with pytest.raises(DataError, match=r"captions.csv, line 3: more or fewer columns"):
            read("folder", tmp_path, "train")


def test_flickr_s_own_names_carry_a_number_and_yours_do_not(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("image,caption\n1003163366_44323f5815.jpg,A dog .\n")
    (tmp_path / "train.txt").write_text("1003163366_44323f5815.jpg")
    (tmp_path / "images").mkdir()
    assert [READERS[r](tmp_path, s)[0].flickr for r, s in (("flickr8k", "train"), ("folder", "all"))] == [
        "1003163366",
        None,
    ]


def test_a_picture_without_a_caption_is_named(tmp_path: Path) -> None:
    (tmp_path / "captions.csv").write_text("image,caption\n1.jpg,A dog .\n2.jpg,  \n")
    (tmp_path / "dev.txt").write_text("1.jpg\n2.jpg\n3.jpg\n")
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=r"no caption for 2 pictures, first 2\.jpg"):
        read("flickr8k", tmp_path, "dev")


def test_bad_pictures_are_left_out_up_to_a_share(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for i in range(8):
        Image.effect_noise((64, 64), 50).save(tmp_path / f"{i}.jpg")
    (tmp_path / "3.jpg").write_bytes((tmp_path / "3.jpg").read_bytes()[:-500])
    pairs = [Pair(tmp_path / f"{i}.jpg", ("noise",)) for i in range(9)]
    kept = readable(pairs, 0.25, "noise")
    assert [p.image.name for p in kept] == ["0.jpg", "1.jpg", "2.jpg", "4.jpg", "5.jpg", "6.jpg", "7.jpg"]
    assert "3.jpg is left out: image file is truncated" in caplog.text
    assert "8.jpg is left out: there is no such file" in caplog.text
    with pytest.raises(DataError, match=r"noise: 2 of 9 pictures are missing or damaged, more than the 20\.0%"):
        readable(pairs, 0.2, "noise")


def test_pictures_in_both_are_found_by_number_and_by_content(tmp_path: Path) -> None:
    files = {
        "flickr30k/2258277193.jpg": b"large",
        "flickr8k/2258277193_586949ec62.jpg": b"small",
        "mine/a.jpg": b"same",
        "yours/b.jpg": b"same",
        "yours/c.jpg": b"else",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    def pairs(*names: str) -> list[Pair]:
        numbers = ["2258277193" if "2258277193" in n else None for n in names]
        return [Pair(tmp_path / n, ("x",), number) for n, number in zip(names, numbers, strict=True)]

    train = pairs("flickr30k/2258277193.jpg", "yours/b.jpg", "yours/c.jpg")
    held_out = pairs("flickr8k/2258277193_586949ec62.jpg", "mine/a.jpg")
    known = {i for own in identities(held_out) for i in own}
    assert [p.image.name for p in shared(train, known)] == ["2258277193.jpg", "b.jpg"]
