"""Flickr30k (Young et al., 2014) and Flickr8k (Hodosh et al., 2013), in the common layouts.

The name of a split says where it comes from, because the two splits of Flickr30k must not be mixed: Karpathy's (29,000
/ 1,014 / 1,000) and that of Flickr30k Entities (29,783 / 1,000 / 1,000) share only 25 of their test pictures, and 944
of Karpathy's test pictures are in the Entities train split.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from twotower.data.hub import hub
from twotower.data.pairs import DataError, Pair, assemble, first_of, rows

IMAGE_FOLDERS = ("images", "Images", "flickr30k-images", "flickr30k_images", "Flicker8k_Dataset", "Flickr8k_Dataset")


def flickr30k(folder: Path, split: str) -> list[Pair]:
    """Flickr30k; the split is `karpathy-` or `entities-` and train, val or test.

    `karpathy-*` is read from `dataset_flickr30k.json`, or from the `nlphuji/flickr30k` layout (its annotations' CSV, or
    parquet files). `entities-*` takes the captions from `results_20130124.token` or `results.csv`, and the
    names from `train.txt`, `val.txt`, `test.txt`.
    """
    origin, _, part = split.partition("-")
    if origin not in ("karpathy", "entities") or part not in ("train", "val", "test"):
        raise DataError(f"Flickr30k has no split {split}; there are karpathy- and entities-, each train, val and test")
    if origin == "karpathy":
        if (folder / "dataset_flickr30k.json").exists():
            return karpathy(folder / "dataset_flickr30k.json", part)
        return hub(folder, part)
    names = [f"{n.removesuffix('.jpg')}.jpg" for n in first_of(folder, [f"{part}.txt"]).read_text().split()]
    # Not from Karpathy's JSON, which lacks 769 of the pictures.
    source = first_of(folder, ("results_20130124.token", "results.csv"))
    captions = tokens(source) if source.suffix == ".token" else results(source)
    return assemble(first_of(folder, IMAGE_FOLDERS), captions, names, str(source), flickr=True)


def flickr8k(folder: Path, split: str) -> list[Pair]:
    """Flickr8k; the split is train, dev or test, as published.

    Captions are in `captions.csv`, `captions.txt` (image,caption) or `Flickr8k.token.txt`; names in `<split>.txt` or
    `Flickr_8k.<split>Images.txt`. Karpathy's `dataset_flickr8k.json`, which calls dev val, has the same splits.
    """
    if split not in ("train", "dev", "test"):
        raise DataError(f"Flickr8k has no split {split}; there are train, dev and test")
    source = first_of(folder, ("captions.csv", "captions.txt", "Flickr8k.token.txt", "dataset_flickr8k.json"))
    if source.suffix == ".json":
        return karpathy(source, {"dev": "val"}.get(split, split))
    if source.name == "Flickr8k.token.txt":
        captions = tokens(source)
    else:
        captions = defaultdict(list)
        for row in rows(source, {"image", "caption"}):
            captions[row["image"]].append(row["caption"])
    names = first_of(folder, (f"{split}.txt", f"Flickr_8k.{split}Images.txt")).read_text().split()
    return assemble(first_of(folder, IMAGE_FOLDERS), captions, names, str(source), flickr=True)


def read_karpathy(path: Path) -> list[dict[str, Any]]:
    """The entries of one of Karpathy's `dataset_*.json`."""
    entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["images"]
    return entries


def karpathy(path: Path, part: str) -> list[Pair]:
    """A split of Karpathy's `dataset_*.json` (Karpathy and Fei-Fei, 2015); pictures lie in a folder beside it."""
    images = path.parent if path.stem == "dataset_coco" else first_of(path.parent, IMAGE_FOLDERS)
    captions: dict[str, list[str]] = {}
    # COCO's "restval" is the rest of its validation set; by convention it is part of the training split.
    wanted = {part, "restval"} if part == "train" else {part}
    for entry in read_karpathy(path):
        if entry["split"] in wanted:
            name = f"{entry['filepath']}/{entry['filename']}" if "filepath" in entry else entry["filename"]
            captions[name] = [s["raw"] for s in entry["sentences"]]
    return assemble(images, captions, captions, f"{path}, split {part}", flickr=path.stem.startswith("dataset_flickr"))


def tokens(path: Path) -> dict[str, list[str]]:
    """Read captions by picture from lines `name.jpg#0<tab>caption`."""
    captions: dict[str, list[str]] = defaultdict(list)
    with path.open(encoding="utf-8") as stream:
        for number, line in enumerate(stream, 1):
            key, tab, caption = line.partition("\t")
            if not tab:
                raise DataError(f"{path}, line {number}: no tab between the picture and its caption")
            captions[key.partition("#")[0]].append(caption)
    return captions


def results(path: Path) -> dict[str, list[str]]:
    """Read captions by picture from `results.csv`: lines `name.jpg| number| caption`, unquoted."""
    captions: dict[str, list[str]] = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream, delimiter="|", quoting=csv.QUOTE_NONE, skipinitialspace=True)
        header = next(reader, None)
        if header is None or header[0].strip() != "image_name":
            raise DataError(f"{path}: the first line is not image_name| comment_number| comment")
        for line in reader:
            # One line of the published file lacks a separator: "2199200615.jpg| 4   A dog runs across the grass ."
            if len(line) == 2:
                line = [line[0], *line[1].split(None, 1)]
            if len(line) != 3:
                raise DataError(f"{path}, line {reader.line_num}: {len(line)} columns, expected 3")
            captions[line[0].strip()].append(line[2])
    return captions
