"""Photographs of things and animals of Debian's gcompris-qt-data, made for children who learn words.

They are packed in Qt resource files; `python -m twotower.data.gcompris /usr/share/gcompris-qt/rcc --out var/gcompris`
unpacks them.
"""

from __future__ import annotations

import argparse
import json
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from twotower.data.everyday import with_article
from twotower.data.pairs import DataError, Pair

# ACTIVITIES: the resource files with pictures of objects. FOLDERS: their folders, each with the word that all of its
# pictures show, or None if the file names are the words.
GALLERY = Path("deploy/gallery/manifest.json")
ACTIVITIES = ("categorization", "explore_farm_animals", "explore_world_animals", "lang")
FOLDERS: dict[str, str | None] = {
    "images/fishes": "fish",
    "images/monuments": None,
    "images/others": None,
    "images/renewable": None,
    "images/tools": None,
    "resource/animals": None,
    "resource/words_sample": None,
}
# RENAMED: file names whose usual English word is another. SKIPPED: signs, persons, and words that no photograph shows.
RENAMED = {
    "blackslate": "blackboard",
    "buffetset": "buffet",
    "bulb": "light bulb",
    "erasers": "eraser",
    "plier": "pliers",
    "screwDriver": "screwdriver",
    "sideCutter": "wire cutters",
    "solar": "solar power",
    "spoons": "spoon",
    "tweezer": "tweezers",
    "weighingMachine": "scales",
}
PLURAL = {"pliers", "scissors", "scales", "tweezers", "wire cutters"}
# fmt: off
SKIPPED = {
    "alphabets", "numbers", "monument", "dragon", "narwhal", "leMusee", "animal", "arm", "back", "black", "blue",
    "boy", "brain", "brother", "brown", "bug", "child", "color", "dad", "ear", "eight", "eleven", "eyes", "face",
    "family", "finger", "five", "foot", "four", "friend", "girl", "grandmother", "gray", "green", "hair", "hand",
    "head", "knee", "leg", "man", "mauve", "mother", "mouth", "neck", "nine", "nose", "one", "orange-color", "pink",
    "red", "reptile", "seven", "sister", "six", "sixteen", "skin", "son", "teeth", "ten", "three", "thumb",
    "tongue", "twelve", "two", "white", "woman", "yellow", "zero", "flies", "fruit",
}
# fmt: on


def gcompris(folder: Path, split: str, gallery: Path = GALLERY) -> list[Pair]:
    """Pictures whose file name is their word, such as `tools/hammer3.webp`.

    Args:
        folder: the folder of unpacked pictures.
        split: `gallery` for those in the sample gallery, `train` for all others.
        gallery: the manifest of the sample gallery.

    Raises:
        DataError: there is no such split, or no picture in the folder.
    """
    if split not in ("train", "gallery"):
        raise DataError(f"gcompris has no split {split}; there are train and gallery")
    taken = {e["source_file"] for e in json.loads(gallery.read_text())["pictures"]}
    pairs = []
    for path in sorted(folder.rglob("*.webp")):
        place = "/".join(path.parts[-3:-1])
        name = path.stem.rstrip("0123456789")
        if place not in FOLDERS or name in SKIPPED:
            continue
        # As in the gallery's manifest: the path from the activity on, without the extension.
        source = path.relative_to(folder).with_suffix("").as_posix().partition("activities/")[2]
        if (source in taken) != (split == "gallery"):
            continue
        word = FOLDERS[place] or RENAMED.get(name) or " ".join(re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name)).lower()
        pairs.append(Pair(path, (word,) if word in PLURAL else (word, with_article(word))))
    if not pairs:
        raise DataError(f"{folder} holds no pictures of gcompris; python -m twotower.data.gcompris unpacks them")
    return pairs


def unpack(content: bytes) -> Iterator[tuple[str, bytes]]:
    """The path and content of each file in a Qt resource file, uncompressed or zlib-compressed.

    The format is that of Qt's `rcc --binary`: a tree of nodes, in which a folder has the number and the first of its
    children; names in UTF-16; and length-prefixed data. All integers are big-endian.

    Raises:
        DataError: the file has another format, or another compression.
    """
    if content[:4] != b"qres":
        raise DataError("not a Qt resource file")
    version, tree, data, names = struct.unpack(">IIII", content[4:20])
    # From version 2 on, a node also has a timestamp.
    size = 14 if version == 1 else 22

    def walk(node: int, folder: str) -> Iterator[tuple[str, bytes]]:
        at = tree + node * size
        name_at, flags = struct.unpack(">IH", content[at : at + 6])
        (length,) = struct.unpack(">H", content[names + name_at : names + name_at + 2])
        start = names + name_at + 6
        path = f"{folder}/{content[start : start + 2 * length].decode('utf-16-be')}" if node else ""
        if flags & 2:
            count, first = struct.unpack(">II", content[at + 6 : at + 14])
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        if flags & 4:
            raise DataError(f"{path} is compressed with Zstandard, which is not read here")
        (data_at,) = struct.unpack(">I", content[at + 10 : at + 14])
        start = data + data_at + 4
        (length,) = struct.unpack(">I", content[start - 4 : start])
        found = content[start : start + length]
        yield path.lstrip("/"), zlib.decompress(found[4:]) if flags & 1 else found

    return walk(0, "")


def main() -> None:
    """Unpack the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("rcc", type=Path, help="folder of gcompris' .rcc files")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for activity in ACTIVITIES:
        for path, found in unpack((options.rcc / f"{activity}.rcc").read_bytes()):
            target = (options.out / path).resolve()
            # Path traversal: a path in the archive must not lead out of the folder.
            if path.endswith(".webp") and target.is_relative_to(options.out.resolve()):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(found)


if __name__ == "__main__":
    main()
