"""Data sets in Hugging Face's layouts: parquet files with embedded pictures, or an annotations CSV beside a folder.

`nlphuji/flickr30k` and `nlphuji/flickr_1k_test_image_text_retrieval` have these layouts, with Karpathy's splits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twotower.data.pairs import DataError, Pair, assemble, first_of, rows

IMAGE_COLUMNS = ("image", "Image")
CAPTION_COLUMNS = ("caption", "captions", "raw", "text")
NAME_COLUMNS = ("filename", "file_name")


def hub(folder: Path, split: str) -> list[Pair]:
    """One split of a data set in one of these layouts.

    Pictures inside parquet files are unpacked once into `pictures/` beside them.
    """
    tables = sorted(folder.rglob("*.parquet"))
    if tables:
        pairs = [pair for table in tables for pair in parquet(table, split, folder / "pictures")]
        if not pairs:
            raise DataError(f"{folder}: no picture of the parquet files is of the split {split}")
        return pairs
    # The second name is that of the data set that contains only the test split, without a split column.
    found = sorted(folder.glob("*annotations*.csv")) or sorted(folder.glob(f"{split}_1k_flickr.csv"))
    if not found:
        raise DataError(
            f"{folder} holds neither dataset_flickr30k.json, *.parquet, *annotations*.csv nor {split}_1k_flickr.csv"
        )
    captions = {
        row["filename"]: json.loads(row["raw"])
        for row in rows(found[0], {"raw", "filename"})
        if row.get("split", split) == split
    }
    images = first_of(folder, ("flickr30k-images", "images_flickr_1k_test", "images"))
    return assemble(images, captions, captions, f"{found[0]}, split {split}", flickr=True)


def parquet(path: Path, split: str, unpacked: Path) -> Iterator[Pair]:
    """The pairs of one split in a parquet file; the split is a column `split`, or else in the file's name."""
    try:
        from pyarrow import parquet as reader
    except ImportError as error:
        raise DataError(f"{path} needs pyarrow: pip install 'sightline-training[parquet]'") from error
    table = reader.ParquetFile(path)
    columns = set(table.schema_arrow.names)
    image, caption, name = (
        next((c for c in names if c in columns), None) for names in (IMAGE_COLUMNS, CAPTION_COLUMNS, NAME_COLUMNS)
    )
    if image is None or caption is None:
        raise DataError(f"{path} has the columns {', '.join(sorted(columns))}: no picture, or no caption")
    if "split" not in columns and not path.name.startswith(f"{split}-"):
        return
    unpacked.mkdir(exist_ok=True)
    number = 0
    for batch in table.iter_batches(batch_size=64):
        for row in batch.to_pylist():
            number += 1
            if row.get("split", split) != split:
                continue
            yield unpack(row, image, caption, name, unpacked, f"{path.stem}-{number:06d}.jpg")


def unpack(row: dict[str, Any], image: str, caption: str, name: str | None, folder: Path, otherwise: str) -> Pair:
    """Convert a row to a pair, and write its picture unless it exists.

    Args:
        row: the row.
        image: the picture's column.
        caption: the captions' column.
        name: the file name's column, if any.
        folder: the folder to write to.
        otherwise: the file name if the row has none.
    """
    # Path traversal: a name in the data may contain a path, so only its last part is used.
    target = folder / Path(row[name] if name else row[image].get("path") or otherwise).name
    if not target.exists():
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        part.write_bytes(row[image]["bytes"])
        part.replace(target)
    texts = [row[caption]] if isinstance(row[caption], str) else row[caption]
    return Pair(target, tuple(t.strip() for t in texts if t.strip()), target.stem if name else None)
