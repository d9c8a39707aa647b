"""Finds pictures below a folder of the library by their file name endings, and counts what is left out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

# The command line, which is installed without this package, has the same two lists (a test compares them).
PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"}
)
# Previews, recycle bins and snapshots of Synology, QNAP, Windows and Linux, in lower case.
SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@tmp", "@recycle", "@recently-snapshot", "$recycle.bin", "lost+found"}
    | {"system volume information"}
)
RAW = frozenset(
    {".3fr", ".arw", ".cr2", ".cr3", ".dng", ".erf", ".iiq", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2"}
    | {".rwl", ".sr2", ".srf", ".srw", ".x3f"}
)
VIDEO = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".webm", ".wmv"}
)


@dataclass
class LeftOut:
    """What a walk did not return."""

    # Folders that cannot be read, with the reason.
    unread: list[tuple[Path, str]] = field(default_factory=list)
    # By kind: `hidden folder`, `system folder`, `link`, `RAW` and `video`.
    counts: Counter[str] = field(default_factory=Counter)


def find_pictures(folder: Path, inside: Callable[[Path], bool], left_out: LeftOut) -> Iterator[Path]:
    """Every file below a folder with a picture's file name ending, sorted.

    Hidden files and folders, the folders of operating systems and links to folders are skipped.

    Args:
        folder: where to look.
        inside: whether the target of a link lies in the library.
        left_out: receives what is not returned.
    """

    def note(error: OSError) -> None:
        left_out.unread.append((Path(error.filename), error.strerror or str(error)))

    for root, folders, names in os.walk(folder, onerror=note):
        kinds = {name: kind_of_folder(Path(root, name)) for name in folders}
        left_out.counts.update(kind for kind in kinds.values() if kind)
        folders[:] = sorted(name for name, kind in kinds.items() if kind is None)
        for name in sorted(names):
            if is_picture(path := Path(root, name), inside, left_out):
                yield path


def find_below(folder: Path, path: Path, inside: Callable[[Path], bool], left_out: LeftOut) -> Iterator[Path]:
    """What `find_pictures` would return of one file or folder.

    Args:
        folder: the folder of the library.
        path: a file or a folder below it, which may be gone.
        inside: whether the target of a link lies in the library.
        left_out: receives what is not returned.
    """
    between = [parent for parent in path.parents if parent != folder and parent.is_relative_to(folder)]
    if any(kind_of_folder(parent) for parent in between):
        return
    if not path.is_dir():
        if os.path.lexists(path) and is_picture(path, inside, left_out):
            yield path
    elif path == folder or kind_of_folder(path) is None:
        yield from find_pictures(path, inside, left_out)


def is_picture(path: Path, inside: Callable[[Path], bool], left_out: LeftOut) -> bool:
    """Whether a file has a picture's file name ending and is not left out; counts what is."""
    ending = path.suffix.lower()
    if path.name.startswith("."):
        return False
    if ending in RAW:
        left_out.counts["RAW"] += 1
    elif ending in VIDEO:
        left_out.counts["video"] += 1
    elif ending in PICTURES and path.is_symlink() and not inside(path):
        left_out.counts["link"] += 1
    else:
        return ending in PICTURES
    return False


def kind_of_folder(path: Path) -> str | None:
    """Why a folder is not searched; None if it is."""
    if path.name.lower() in SYSTEM_FOLDERS:
        return "system folder"
    if path.name.startswith("."):
        return "hidden folder"
    return "link" if path.is_symlink() else None
