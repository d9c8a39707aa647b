"""Adds a folder through the API: finds pictures, skips those that exist by content, uploads the rest in batches."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
from tqdm import tqdm

from sightline_cli.walk import AddReport, find_pictures

# The gateway's limit is 100 ids per look-up. An upload of 16 files keeps the progress bar moving.
LOOK_UP = 100
UPLOAD_FILES = 16
UPLOAD_BYTES = 64 * 2**20
# Uploads at the same time: the gateway decodes one while the encoder computes the other.
AT_ONCE = 2
# How often a request is sent while the gateway answers 429.
PATIENCE = 60


class RefusedError(Exception):
    """The gateway refuses the request: no key, or one without the scope (401, 403)."""


class UnreachableError(Exception):
    """The gateway, or a service behind it, does not answer."""


@dataclass(frozen=True)
class Said:
    """What is said of a picture: its caption and tags, which may be empty."""

    caption: str = ""
    tags: tuple[str, ...] = ()

    def details(self) -> dict[str, Any]:
        """The fields that are not empty, as the API names them."""
        return {name: value for name, value in (("caption", self.caption), ("tags", list(self.tags))) if value}


@dataclass(frozen=True)
class Choices:
    """What to do with pictures that are in the collection, or were."""

    # Replace captions and tags that differ; otherwise only those that are empty are filled.
    update: bool = False
    # Leave out pictures that the user deleted from the collection.
    skip_deleted: bool = False


def add_folder(
    http: httpx.Client, folder: Path, said: Mapping[str, Said], report: AddReport, choices: Choices | None = None
) -> None:
    """Add every picture below a folder.

    A picture that is in the collection is not added again, but gets the caption and tags that it lacks.

    Args:
        http: the gateway's client.
        folder: searched recursively.
        said: captions and tags by path relative to the folder, with / between its parts.
        report: receives the result of each file; it is correct at any time, also after an error.
        choices: what to do with pictures that are in the collection, or were.

    Raises:
        RefusedError: the key is missing or lacks the scope.
        UnreachableError: a service does not answer; the files that `report` counts as added are stored.
    """
    choices = choices or Choices()
    paths = list(find_pictures(folder, report))
    of = {path: said.get(path.relative_to(folder).as_posix(), Said()) for path in paths}
    report.unnamed = sorted(set(said) - {path.relative_to(folder).as_posix() for path in paths})
    copies: list[tuple[Path, Path]] = []
    with (
        tqdm(total=len(paths), unit="picture", desc="adding", disable=not paths) as bar,
        Uploads(http, report, bar) as uploads,
    ):
        for part in parts_of(paths, LOOK_UP):
            ids = digests(part, report)
            known, deleted = look_up(http, sorted(set(ids.values())))
            new: dict[str, Path] = {}
            for path, picture_id in ids.items():
                if picture_id in known:
                    report.existing += 1
                    complete(http, known[picture_id], of[path], choices.update, report)
                elif choices.skip_deleted and picture_id in deleted:
                    report.deleted += 1
                elif picture_id in new:
                    copies.append((path, new[picture_id]))
                else:
                    new[picture_id] = path
            bar.update(len(part) - len(new))  # failed, known, copies and deleted ones
            for batch in upload_batches(list(new.values()), report):
                uploads.add(batch, [of[path] for path in batch])
    # A copy has the result of the file with the same content that was uploaded.
    reasons = dict(report.failed)
    for path, original in copies:
        if original in reasons:
            report.failed.append((path, reasons[original]))
        else:
            report.existing += 1


class Uploads:
    """Uploads of batches, AT_ONCE at the same time; their results go into a report, in order.

    At the end of the block, every upload has ended and is in the report.
    """

    def __init__(self, http: httpx.Client, report: AddReport, bar: tqdm[Any]) -> None:
        self._http, self._report, self._bar = http, report, bar
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="upload")
        self._running: deque[Future[list[Uploaded]]] = deque()

    def add(self, batch: Sequence[Path], said: Sequence[Said]) -> None:
        """Upload a batch when its turn has come.

        Raises:
            RefusedError, UnreachableError: as an earlier batch raised it.
        """
        while len(self._running) >= AT_ONCE:
            self._settle()
        self._running.append(self._pool.submit(upload, self._http, batch, said))

    def _settle(self) -> None:
        results = self._running.popleft().result()
        for result in results:
            if result.why is not None:
                self._report.failed.append((result.path, result.why))
            elif result.status == "added":
                self._report.added += 1
            else:
                self._report.existing += 1
        self._bar.update(len(results))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        failure: Exception | None = None
        while self._running:
            try:
                self._settle()
            except (RefusedError, UnreachableError) as error:
                failure = failure or error
        self._pool.shutdown()
        if failure and raised is None:
            raise failure


def digests(paths: Iterable[Path], report: AddReport) -> dict[Path, str]:
    """The id that each file will have: 32 hex digits of its SHA-256. Unreadable files are reported as failed."""
    ids = {}
    for path in paths:
        try:
            # Opening a named pipe would block forever.
            if path.exists() and not path.is_file():
                raise OSError("not a regular file")
            with path.open("rb") as stream:
                ids[path] = hashlib.file_digest(stream, "sha256").hexdigest()[:32]
        except OSError as error:
            report.failed.append((path, error.strerror or str(error)))
    return ids


def look_up(http: httpx.Client, ids: Sequence[str]) -> tuple[dict[str, dict[str, Any]], set[str]]:
    """The records of those of the pictures that are in the collection, and the ids of those that the user deleted."""
    if not ids:
        return {}, set()
    answer = request(http, "GET", "/api/v1/images", params={"ids": ",".join(ids)})
    if not answer.is_success:
        raise UnreachableError(f"{http.base_url} is not a gateway: {answer.json().get('detail', answer.status_code)}")
    found = answer.json()
    return {image["id"]: image for image in found["images"]}, set(found.get("deleted", ()))


def complete(http: httpx.Client, record: dict[str, Any], said: Said, update: bool, report: AddReport) -> None:
    """Give a picture of the collection the caption and tags that it lacks; with `update` also those that differ."""
    changes = {
        name: value for name, value in said.details().items() if record[name] != value and (update or not record[name])
    }
    if not changes:
        return
    answer = request(http, "PATCH", f"/api/v1/images/{record['id']}", json=changes)
    if answer.is_success:
        record.update(changes)
        report.updated += 1
    else:
        report.failed.append((Path(record["file_name"]), answer.json().get("detail", str(answer.status_code))))


class Uploaded(NamedTuple):
    """The result of one file: its status, and why it failed if it did."""

    path: Path
    status: str
    why: str | None = None


def upload(http: httpx.Client, batch: Sequence[Path], said: Sequence[Said]) -> list[Uploaded]:
    """Upload a batch; the result of each file."""
    results: list[Uploaded] = []
    with ExitStack() as stack:
        files, sent = [], []
        for path, about in zip(batch, said, strict=True):
            try:
                # An open file, not its content: httpx reads it while sending, so memory use stays low.
                stream = stack.enter_context(path.open("rb"))
            except OSError as error:  # deleted after it was found
                results.append(Uploaded(path, "failed", error.strerror or str(error)))
                continue
            # A file name on disk need not be valid UTF-8; in a request it must be.
            files.append(("images", (os.fsencode(path.name).decode("utf-8", "replace"), stream)))
            sent.append((path, about))
        if not sent:
            return results
        details = json.dumps([about.details() for _, about in sent])
        answer = request(http, "POST", "/api/v1/images", files=files, data={"details": details})
    body: dict[str, Any] = answer.json()
    whole = {"status": "failed", "error": {"detail": body.get("detail", f"answered {answer.status_code}")}}
    for (path, _), item in zip(sent, body.get("items", [whole] * len(sent)), strict=True):
        why = item["error"]["detail"] if item["status"] == "failed" else None
        results.append(Uploaded(path, item["status"], why))
    return results


def request(http: httpx.Client, method: str, path: str, **content: Any) -> httpx.Response:
    """Make one request, and retry it after a 429. An error that would meet every file raises and so stops the run.

    Raises:
        RefusedError: the key is missing or lacks the scope.
        UnreachableError: the gateway or a service behind it does not answer, or stays busy.
    """
    for _ in range(PATIENCE):
        try:
            answer = http.request(method, path, **content)
        except httpx.HTTPError as error:
            raise UnreachableError(f"no gateway answers at {http.base_url}") from error
        if answer.status_code != 429:
            break
        # Concurrency limit or rate limit: Retry-After says how long to wait.
        time.sleep(min(60, int(answer.headers.get("Retry-After", "1"))))
        for _name, (_file, stream) in content.get("files", ()):
            stream.seek(0)
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError) as error:
        raise UnreachableError(f"what answers at {http.base_url} is not a gateway") from error
    if answer.status_code in (401, 403):
        raise RefusedError(detail)
    # 409: the collection has vectors of another model, so every file would be refused.
    if answer.status_code >= 500 or answer.status_code in (409, 429):
        raise UnreachableError(detail)
    return answer


def parts_of(paths: Sequence[Path], size: int) -> Iterator[list[Path]]:
    """Split a list into consecutive parts of at most `size` items."""
    rest = iter(paths)
    while part := list(islice(rest, size)):
        yield part


def upload_batches(paths: Sequence[Path], report: AddReport) -> Iterator[list[Path]]:
    """Split files into uploads within UPLOAD_FILES and UPLOAD_BYTES.

    A file larger than UPLOAD_BYTES gets an upload of its own; a file that no longer exists is reported as failed.
    """
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
