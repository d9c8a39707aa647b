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
# Endings that are common beside pictures; the report does not count them as passed over.
SILENT = {"", ".txt", ".json", ".xmp", ".csv", ".db", ".ini", ".md"}


@dataclass
class Report:
    """The results so far: files added, already there, failed (path and reason), and skipped by file name ending."""

    added: int = 0
    existing: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "added": self.added,
            "existing": self.existing,
            "failed": [{"file": str(path), "reason": reason} for path, reason in self.failed],
            "passed_over": dict(self.passed_over),
        }

    def summary(self) -> str:
        """The report in one or two sentences."""
        parts = [f"{self.added} added", f"{self.existing} already there", f"{len(self.failed)} could not be read"]
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in self.passed_over.most_common(5))
        return f"{', '.join(parts)}." + (f" Passed over: {kinds}." if kinds else "")


def find_pictures(folder: Path, report: Report) -> Iterator[Path]:
    """Every file below a folder with a picture's file name ending, sorted; hidden files and folders are skipped."""

    def unreadable(error: OSError) -> None:
        report.failed.append((Path(error.filename), error.strerror or str(error)))

    for root, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(n for n in names if not n.startswith(".")):
            path = Path(root, name)
            suffix = path.suffix.lower()
            if suffix in PICTURES:
                yield path
            elif suffix not in SILENT:
                report.passed_over[suffix] += 1
