"""Multipart forms: files spooled to disk, and the JSON field beside them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any, NamedTuple

from flask import Request, request
from servicekit.errors import Kind, ServiceError
from werkzeug.datastructures import FileStorage

# Uploaded files up to this size stay in memory; larger ones are spooled to disk.
IN_MEMORY = 256 * 1024
# The field of a form that holds files, as the description says it.
FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}


def spooling_in(folder: Path) -> type[Request]:
    """Requests whose files wait in a folder while they come.

    The system's own folder for such files is memory on many systems, and in containers: uploads would fill it. A file
    here has no name, so that it is gone when its request is, whatever happens.
    """
    folder.mkdir(parents=True, exist_ok=True)

    class Spooling(Request):
        def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
            return tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(folder))

    return Spooling


class Files(NamedTuple):
    """The files of a form, in order, and the field of JSON that may come with them."""

    files: list[FileStorage]
    text: str | None


def read_files(beside: str, most: int) -> Files:
    """The files of the field `images`, and the field `beside`.

    Raises:
        ServiceError: an unknown field, no file or too many, or `beside` twice.
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
