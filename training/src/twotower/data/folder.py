"""Your own pictures: a folder with a CSV or JSONL file of captions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from os.path import normpath
from pathlib import Path
from typing import Any

from twotower.data.pairs import DataError, Pair, assemble, first_of, rows


def folder(place: Path, split: str) -> list[Pair]:
    """A folder with `captions.csv` or `captions.jsonl`.

    Each line has a picture's path relative to the folder in `image` and its caption in `caption`. A picture may have
    several lines; in JSONL, `caption` may be a list. With a `split` field only the lines of this split are read;
    without one the only split is `all`.
    """
    path = first_of(place, ("captions.csv", "captions.jsonl"))
    lines = list(rows(path, {"image", "caption"}) if path.suffix == ".csv" else json_lines(path))
    splits = {line["split"] for line in lines if line.get("split")}
    if split not in (splits or {"all"}):
        raise DataError(f"{path} has no split {split}; there is {', '.join(sorted(splits or {'all'}))}")
    captions: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        if not splits or line.get("split") == split:
            texts = line["caption"]
            captions[line["image"]] += [texts] if isinstance(texts, str) else texts
    # Path traversal is checked by name only: symbolic links out of the folder are the owner's choice, and allowed.
    if outside := [n for n in captions if Path(n).is_absolute() or normpath(n).startswith("..")]:
        raise DataError(f"{path}: {outside[0]} lies outside {place}")
    return assemble(place, captions, captions, f"{path}, split {split}")


def json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a JSONL file.

    Raises:
        DataError: a line is not an object with an image and a caption.
    """
    # Not splitlines(), which also splits at Unicode line separators inside a string.
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").rstrip().split("\n"), 1):
        try:
            value = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path}, line {number}: no JSON: {error}") from error
        if not isinstance(value, dict) or not {"image", "caption"} <= value.keys():
            raise DataError(f"{path}, line {number}: not an object with image and caption")
        yield value
