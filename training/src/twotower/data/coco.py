"""COCO captions (Lin et al., 2014; Chen et al., 2015)."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from twotower.data.flickr import karpathy
from twotower.data.pairs import DataError, Pair, assemble, first_of


def coco(folder: Path, split: str) -> list[Pair]:
    """COCO: `karpathy-train`, `-val`, `-test` of `dataset_coco.json`, or a published split such as `train2017`.

    A published split is read from `annotations/captions_<split>.json`, its pictures from `<split>/`.
    """
    origin, dash, part = split.partition("-")
    if origin == "karpathy" and dash:
        return karpathy(first_of(folder, ["dataset_coco.json"]), part)
    path = folder / "annotations" / f"captions_{split}.json"
    if not path.exists():
        raise DataError(f"{path} is missing; a split is karpathy-train, or the name of a published one like val2017")
    content = json.loads(path.read_text(encoding="utf-8"))
    names = {entry["id"]: entry["file_name"] for entry in content["images"]}
    captions: dict[str, list[str]] = defaultdict(list)
    for entry in content["annotations"]:
        if entry["image_id"] not in names:
            raise DataError(f"{path}: a caption of picture {entry['image_id']}, which the file does not list")
        captions[names[entry["image_id"]]].append(entry["caption"])
    return assemble(folder / split, captions, names.values(), str(path))
