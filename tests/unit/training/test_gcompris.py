"""The reader of GCompris pictures from Qt resource files; the file here is built by hand after Qt's format."""

import json
import struct
import zlib
from pathlib import Path

import pytest
from twotower.data.gcompris import gcompris, unpack
from twotower.data.pairs import DataError


def resource(names: list[str], nodes: list[tuple[int, int, int, int]], contents: list[bytes]) -> bytes:
    """A resource file of version 1; nodes are (index of the name, flags, two numbers that depend on the flags)."""
    at: list[int] = []
    blob = b""
    for name in names:
        at.append(len(blob))
        blob += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    places: list[int] = []
    data = b""
    for content in contents:
        places.append(len(data))
        data += struct.pack(">I", len(content)) + content
    tree = b""
    for number, flags, first, second in nodes:
        if flags & 2:
            tree += struct.pack(">IHII", at[number], flags, first, second)
        else:
            # Country and language precede the offset of the data.
            tree += struct.pack(">IHHHI", at[number], flags, 0, 0, places[first])
    head = 20
    return struct.pack(">4sIIII", b"qres", 1, head, head + len(tree) + len(blob), head + len(tree)) + tree + blob + data


NAMES = ["", "images", "tools", "hammer1.webp", "plier2.webp"]


def tools(flags: int, packed: bytes) -> bytes:
    nodes = [(0, 2, 1, 1), (1, 2, 1, 2), (2, 2, 2, 3), (3, 0, 0, 0), (4, flags, 1, 0)]
    return resource(NAMES, nodes, [b"first", packed])


def test_files_come_out_whole_and_deflated_ones_inflated() -> None:
    packed = struct.pack(">I", 6) + zlib.compress(b"second")
    assert list(unpack(tools(1, packed))) == [
        ("images/tools/hammer1.webp", b"first"),
        ("images/tools/plier2.webp", b"second"),
    ]


def test_what_is_no_such_file_is_refused() -> None:
    with pytest.raises(DataError, match="not a Qt resource file"):
        list(unpack(b"PK\x03\x04" + b"\0" * 20))
    with pytest.raises(DataError, match="compressed with Zstandard"):
        list(unpack(tools(4, b"")))


def test_pictures_are_named_by_their_word(tmp_path: Path) -> None:
    images = tmp_path / "activities" / "sorting" / "images"
    for name in ("tools/hammer1.webp", "tools/plier2.webp", "monuments/eiffelTower.webp", "numbers/numbers.webp"):
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).write_bytes(b"")
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps({"pictures": [{"source_file": "sorting/images/tools/hammer1"}]}))
    # Pictures of the sample gallery are excluded from training.
    assert [p.texts for p in gcompris(tmp_path, "gallery", manifest)] == [("hammer", "a hammer")]
    assert [p.texts for p in gcompris(tmp_path, "train", manifest)] == [
        ("eiffel tower", "an eiffel tower"),
        ("pliers",),
    ]
    with pytest.raises(DataError, match="holds no pictures of gcompris"):
        gcompris(images / "numbers", "train", manifest)
    with pytest.raises(DataError, match="no split dev"):
        gcompris(tmp_path, "dev", manifest)
