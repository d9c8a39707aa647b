"""Adding a folder through the API: find the pictures, skip what is there by content, upload the rest in batches."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
from tqdm import tqdm

from sightline_cli.walk import Report, find_pictures

# The gateway answers for at most 100 ids at once; an upload of 16 keeps the progress bar moving.
LOOK_UP = 100
UPLOAD_FILES = 16
UPLOAD_BYTES = 64 * 2**20
# How often a busy gateway is asked again.
PATIENCE = 60


class RefusedError(Exception):
    """The gateway does not let this client do it."""


class UnreachableError(Exception):
    """The gateway, or a service behind it, does not answer."""


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
            copies: list[tuple[Path, Path]] = []
            for path, picture_id in ids.items():
                if picture_id in known:
                    report.existing += 1
                elif picture_id in new:
                    copies.append((path, new[picture_id]))
                else:
                    new[picture_id] = path
            bar.update(len(part) - len(new))
            for batch in upload_batches(list(new.values()), report):
                upload(http, batch, [captions.get(p.relative_to(folder).as_posix(), "") for p in batch], report)
                bar.update(len(batch))
            # A copy fares as the file that was uploaded for both.
            reasons = dict(report.failed)
            for path, original in copies:
                if original in reasons:
                    report.failed.append((path, reasons[original]))
                else:
                    report.existing += 1


def digests(paths: Iterable[Path], report: Report) -> dict[Path, str]:
    """The id that each file will have; one that cannot be read is reported."""
    ids = {}
    for path in paths:
        try:
            # A pipe would be waited for without end.
            if path.exists() and not path.is_file():
                raise OSError("not a regular file")
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
    if not answer.is_success:
        raise UnreachableError(f"{http.base_url} is not a gateway: {answer.json().get('detail', answer.status_code)}")
    return {image["id"] for image in answer.json()["images"]}


def upload(http: httpx.Client, batch: Sequence[Path], captions: Sequence[str], report: Report) -> None:
    """Upload a batch and book each file's outcome."""
    with ExitStack() as stack:
        files, sent = [], []
        for path, caption in zip(batch, captions, strict=True):
            try:
                # An open file, not its content: the client reads it while it sends.
                stream = stack.enter_context(path.open("rb"))
            except OSError as error:  # gone since it was found
                report.failed.append((path, error.strerror or str(error)))
                continue
            # A name need not be text on disk; in a request it must be.
            files.append(("images", (os.fsencode(path.name).decode("utf-8", "replace"), stream)))
            sent.append((path, caption))
        if not sent:
            return
        details = json.dumps([{"caption": caption} for _, caption in sent])
        answer = request(http, "POST", "/api/v1/images", files=files, data={"details": details})
    body: dict[str, Any] = answer.json()
    whole = {"status": "failed", "error": {"detail": body.get("detail", f"answered {answer.status_code}")}}
    for (path, _), item in zip(sent, body.get("items", [whole] * len(sent)), strict=True):
        if item["status"] == "failed":
            report.failed.append((path, item["error"]["detail"]))
        elif item["status"] == "added":
            report.added += 1
        else:
            report.existing += 1


def request(http: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    """One request; anything that says that a service is in trouble, or that it is not allowed, stops the run."""
    for _ in range(PATIENCE):
        try:
            answer = http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise UnreachableError(f"no gateway answers at {http.base_url}") from error
        if answer.status_code != 429:
            break
        # Busy with others, or this client's share is used up: it says for how long.
        time.sleep(min(60, int(answer.headers.get("Retry-After", "1"))))
        for _name, (_file, stream) in content.get("files", ()):
            stream.seek(0)
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError) as error:
        raise UnreachableError(f"what answers at {http.base_url} is not a gateway") from error
    if answer.status_code in (401, 403):
        raise RefusedError(detail)
    # 409: the collection belongs to another model, and so every file would be refused.
    if answer.status_code >= 500 or answer.status_code in (409, 429):
        raise UnreachableError(detail)
    return answer


def parts_of(paths: Sequence[Path], size: int) -> Iterator[list[Path]]:
    """Consecutive parts of a list."""
    rest = iter(paths)
    while part := list(islice(rest, size)):
        yield part


def upload_batches(paths: Sequence[Path], report: Report) -> Iterator[list[Path]]:
    """Consecutive parts within the limits of one upload; one huge file goes alone, a vanished one is reported."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        try:
            length = path.stat().st_size
        except OSError as error:
            report.failed.append((path, error.strerror or str(error)))
            continue
        if batch and (len(batch) == UPLOAD_FILES or size + length > UPLOAD_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += length
    if batch:
        yield batch
