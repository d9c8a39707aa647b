"""Finds pictures below a folder of the library by their file name endings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# The command line, which is installed without this package, has the same list (a test compares them).
PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"}
)


def find_pictures(folder: Path, unread: list[tuple[Path, str]]) -> Iterator[Path]:
    """Every file below a folder with a picture's file name ending, sorted; hidden files and folders are skipped.

    Args:
        folder: where to look.
        unread: receives each folder that cannot be read, with the reason.
    """

    def note(error: OSError) -> None:
        unread.append((Path(error.filename), error.strerror or str(error)))

    for root, folders, names in os.walk(folder, onerror=note):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(names):
            if not name.startswith(".") and Path(name).suffix.lower() in PICTURES:
                yield Path(root, name)
