"""Adding a folder through the API: find the pictures, skip what is there by content, upload the rest in batches."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from tqdm import tqdm

PICTURES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"}
# Files that stand beside pictures by the thousand and are nobody's loss.
SILENT = {"", ".txt", ".json", ".xmp", ".csv", ".db", ".ini", ".md"}
# The gateway answers for at most 100 ids at once; an upload of 16 keeps the progress bar moving.
LOOK_UP = 100
UPLOAD_FILES = 16
UPLOAD_BYTES = 64 * 2**20


class UnreachableError(Exception):
    """The gateway, or a service behind it, does not answer."""


@dataclass
class Report:
    """What became of the files so far."""

    added: int = 0
    existing: int = 0
    failed: list[tuple[Path, str]] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def summary(self) -> str:
        """One sentence or two."""
        parts = [f"{self.added} added", f"{self.existing} already there", f"{len(self.failed)} could not be read"]
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in self.passed_over.most_common(5))
        return f"{', '.join(parts)}." + (f" Passed over: {kinds}." if kinds else "")


def add_folder(http: httpx.Client, folder: Path, captions: dict[str, str], report: Report) -> None:
    """Add every picture below a folder; `report` tells at any time how far it came.

    Raises:
        UnreachableError: a service does not answer; what was acknowledged is in.
    """
    paths = list(find_pictures(folder, report))
    with tqdm(total=len(paths), unit="picture", desc="adding", disable=not paths) as bar:
        for part in parts_of(paths, LOOK_UP):
            ids = digests(part, report)
            known = look_up(http, sorted(set(ids.values())))
            new: dict[str, Path] = {}
            for path in part:
                if ids.get(path) in known or ids.get(path) in new:
                    report.existing += 1
                elif path in ids:
                    new[ids[path]] = path
            bar.update(len(part) - len(new))
            for batch in upload_batches(list(new.values())):
                upload(http, batch, [captions.get(p.relative_to(folder).as_posix(), "") for p in batch], report)
                bar.update(len(batch))


def find_pictures(folder: Path, report: Report) -> Iterator[Path]:
    """Every file below a folder that is a picture by its name, in order; hidden ones are not looked at."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in sorted(n for n in names if not n.startswith(".")):
            path = Path(root, name)
            suffix = path.suffix.lower()
            if suffix in PICTURES:
                yield path
            elif suffix not in SILENT:
                report.passed_over[suffix] += 1


def digests(paths: Iterable[Path], report: Report) -> dict[Path, str]:
    """The id that each file will have; one that cannot be opened is reported."""
    ids = {}
    for path in paths:
        try:
            with path.open("rb") as stream:
                ids[path] = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
        except OSError as error:
            report.failed.append((path, error.strerror or str(error)))
    return ids


def look_up(http: httpx.Client, ids: Sequence[str]) -> set[str]:
    """Which of these ids the collection has."""
    if not ids:
        return set()
    answer = request(http, "GET", "/api/v1/images", params={"ids": ",".join(ids)})
    answer.raise_for_status()
    return {image["id"] for image in answer.json()["images"]}


def upload(http: httpx.Client, batch: Sequence[Path], captions: Sequence[str], report: Report) -> None:
    """Upload a batch and book each file's outcome."""
    files = [("images", (path.name, path.read_bytes())) for path in batch]
    details = json.dumps([{"caption": c} for c in captions])
    answer = request(http, "POST", "/api/v1/images", files=files, data={"details": details})
    body: dict[str, Any] = answer.json()
    whole = {"status": "failed", "error": {"detail": body.get("detail", f"answered {answer.status_code}")}}
    for path, item in zip(batch, body.get("items", [whole] * len(batch)), strict=True):
        if item["status"] == "failed":
            report.failed.append((path, item["error"]["detail"]))
        elif item["status"] == "added":
            report.added += 1
        else:
            report.existing += 1


def request(http: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    """One request; anything that says that a service is in trouble stops the run."""
    try:
        answer = http.request(method, path, **content)
        detail = answer.json().get("detail", "")
    except (httpx.HTTPError, ValueError) as error:
        raise UnreachableError(f"no gateway answers at {http.base_url}") from error
    if answer.status_code >= 500 or answer.status_code == 409:
        raise UnreachableError(detail)
    return answer


def parts_of(paths: Sequence[Path], size: int) -> Iterator[list[Path]]:
    """Consecutive parts of a list."""
    rest = iter(paths)
    while part := list(islice(rest, size)):
        yield part


def upload_batches(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Consecutive parts within the limits of one upload; one huge file goes alone."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        length = path.stat().st_size
        if batch and (len(batch) == UPLOAD_FILES or size + length > UPLOAD_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch
