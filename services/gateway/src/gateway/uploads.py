"""Files that come in a form."""

from __future__ import annotations

from typing import NamedTuple

from flask import request
from servicekit.errors import Kind, ServiceError
from werkzeug.datastructures import FileStorage


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
