"""Finds the picture files below a folder, and the report of what happened to each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# File name endings that the gateway decodes. It has the same list for its library (a test compares them).
PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif", ".heic", ".heif"}
)
# Previews, recycle bins and snapshots of Synology, QNAP, Windows, macOS and Linux, in lower case.
SYSTEM_FOLDERS = frozenset(
    {"@eadir", "#recycle", "#snapshot", "@tmp", "@recycle", "@recently-snapshot", "$recycle.bin", "lost+found"}
    | {"system volume information", "__macosx"}
)
# Endings that are common beside pictures; the report does not count them as passed over.
SILENT = {"", ".txt", ".json", ".xmp", ".csv", ".db", ".ini", ".md"}


@dataclass
class AddReport:
    """The results so far: files added, already there, failed (path and reason), and what was skipped.

    `updated` pictures were there already and got a caption or tags; `deleted` ones stay deleted. `unnamed` are images
    of the captions file that are no file of the folder. Skipped are files by their ending, folders of operating
    systems, and links to folders.
    """

    added: int = 0
    existing: int = 0
    updated: int = 0
    deleted: int = 0
    unnamed: list[str] = field(default_factory=list)
    failed: list[tuple[Path, str]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "added": self.added,
            "existing": self.existing,
            "updated": self.updated,
            "deleted": self.deleted,
            "unnamed": self.unnamed,
            "failed": [{"file": shown(path), "reason": reason} for path, reason in self.failed],
            "passed_over": dict(self.passed_over),
        }

    def summary(self) -> str:
        """The report in one or two sentences."""
        parts = [f"{self.added} added", f"{self.existing} already there", f"{len(self.failed)} could not be read"]
        parts += [f"{self.updated} captions or tags completed"] if self.updated else []
        parts += [f"{self.deleted} stay deleted"] if self.deleted else []
        kinds = ", ".join(f"{count} {kind}" for kind, count in self.passed_over.most_common(5))
        more = f" Passed over: {kinds}." if kinds else ""
        if self.unnamed:
            first = ", ".join(self.unnamed[:3]) + (" ..." if len(self.unnamed) > 3 else "")
            more += f" Images of the captions that are no file here: {len(self.unnamed)} ({first})."
        return f"{', '.join(parts)}.{more}"


def find_pictures(folder: Path, report: AddReport) -> Iterator[Path]:
    """Every file below a folder with a picture's file name ending, sorted; hidden files and folders are skipped."""

    def unreadable(error: OSError) -> None:
        report.failed.append((Path(error.filename), error.strerror or str(error)))

    for root, folders, names in os.walk(folder, onerror=unreadable):
        system = {f for f in folders if f.lower() in SYSTEM_FOLDERS}
        links = {f for f in folders if Path(root, f).is_symlink()} - system
        for kind, skipped in (("system folder", system), ("link to a folder", links)):
            if skipped:
                report.passed_over[kind] += len(skipped)
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in system | links)
        for name in sorted(n for n in names if not n.startswith(".")):
            path = Path(root, name)
            suffix = path.suffix.lower()
            if suffix in PICTURES:
                yield path
            elif suffix not in SILENT:
                report.passed_over[suffix] += 1


def shown(path: Path) -> str:
    """A path as text: bytes that are not UTF-8, which JSON cannot hold, are replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
