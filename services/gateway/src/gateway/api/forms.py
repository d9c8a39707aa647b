"""Multipart forms: files are spooled to disk; one field may hold JSON."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any, NamedTuple

from flask import Request, request
from servicekit.errors import Kind, ServiceError
from werkzeug.datastructures import FileStorage

# Uploaded files up to this size stay in memory; larger ones are spooled to disk.
IN_MEMORY = 256 * 1024
# The OpenAPI schema of the form field that holds files.
FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}


def spooling_in(folder: Path) -> type[Request]:
    """A request class that spools uploaded files in a folder.

    The system's temporary folder is memory (tmpfs) on many systems, and in containers: uploads would fill it. The files
    have no name, so the system deletes them when the request ends, even after a crash.
    """
    folder.mkdir(parents=True, exist_ok=True)

    class Spooling(Request):
        def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
            return tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder))

    return Spooling


class Files(NamedTuple):
    """The files of a form, in order, and the text of its JSON field, if present."""

    files: list[FileStorage]
    text: str | None


def read_files(beside: str, most: int) -> Files:
    """Read the current request's form.

    Args:
        beside: the name of the JSON field; the files are in the field `images`.
        most: the most files.

    Raises:
        ServiceError: the form has an unknown field, no file, too many files, or the field `beside` twice.
    """
    fields = (set(request.files) - {"images"}) | (set(request.form) - {beside})
    if unknown := sorted(name or "(a part without a name)" for name in fields):
        raise ServiceError(
            Kind.INVALID, f"{', '.join(unknown)}: unknown field; send files as images, and JSON in {beside}"
        )
    files = request.files.getlist("images")
    if not 1 <= len(files) <= most:
        raise ServiceError(Kind.INVALID, f"images: {len(files)} files; a request holds 1 to {most}")
    texts = request.form.getlist(beside)
    if len(texts) > 1:
        raise ServiceError(Kind.INVALID, f"{beside}: given more than once")
    return Files(files, texts[0] if texts else None)
