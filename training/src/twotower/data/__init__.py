"""Data sets: each reader takes a folder and the name of a split, and returns pictures with their captions."""

from collections.abc import Callable
from pathlib import Path

from twotower.data.clipart import clipart
from twotower.data.coco import coco
from twotower.data.emoji import emoji
from twotower.data.everyday import objects, stamps
from twotower.data.flashcards import flashcards
from twotower.data.flickr import flickr8k, flickr30k
from twotower.data.folder import folder
from twotower.data.gcompris import gcompris
from twotower.data.leaks import identities, shared
from twotower.data.pairs import DataError, Pair, readable
from twotower.data.web import described, webcap

READERS: dict[str, Callable[[Path, str], list[Pair]]] = {
    "flickr30k": flickr30k,
    "flickr8k": flickr8k,
    "coco": coco,
    "folder": folder,
    "objects": objects,
    "stamps": stamps,
    "clipart": clipart,
    "emoji": emoji,
    "flashcards": flashcards,
    "gcompris": gcompris,
    "webcap": webcap,
    "described": described,
}


def read(reader_and_place: str, split: str) -> list[Pair]:
    """Read a split of a data set given as `READER=PATH`; every picture must be readable.

    Raises:
        DataError: there is no such reader, or the data set is invalid.
    """
    reader, _, place = reader_and_place.partition("=")
    if reader not in READERS or not place:
        raise DataError(f"{reader_and_place!r} is not READER=PATH with one of the readers {', '.join(READERS)}")
    return readable(READERS[reader](Path(place), split), 0, f"{reader} {split}")


__all__ = ["READERS", "DataError", "Pair", "identities", "read", "readable", "shared"]
