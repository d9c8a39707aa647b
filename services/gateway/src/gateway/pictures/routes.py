"""Routes of the public API, version 1: upload, edit, delete and download of pictures."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from os import SEEK_END
from typing import IO, Any

from flask import Response, g, request, send_file
from flask.typing import ResponseReturnValue
from pydantic import TypeAdapter, ValidationError
from servicekit.errors import Kind, ServiceError
from servicekit.records import Edit, Record, VectorRecord
from servicekit.wire import invalid
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from gateway.api.description import Multipart
from gateway.api.forms import FILES, read_files
from gateway.api.routing import Api, event, events
from gateway.auth.keys import Scope
from gateway.pictures.corrections import noted
from gateway.pictures.ingest import Ingest, IngestResult, Upload
from gateway.pictures.schemas import (
    MAX_IDS,
    Details,
    LookupAnswer,
    LookupParams,
    Picture,
    ThumbnailParams,
    UploadAnswer,
    public,
)
from gateway.pictures.storage import MIMETYPES, InPlace, Kept, MediaStore
from gateway.upstream.collection import Collection
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

ID = re.compile(r"[0-9a-f]{32}")
# Cache lifetime in seconds, a year: the URL holds a digest of the content, so the response never becomes stale.
FOREVER_S = 31_536_000
SMALL = ("image/webp", "image/avif")

# The form field `details` of POST /api/v1/images: one entry per file, in order.
DETAILS = TypeAdapter(list[Details])
DETAILS_FIELD = {"type": "array", "items": {"$ref": "#/components/schemas/Details"}}


def add_picture_routes(
    api: Api,
    search: SearchClient,
    collection: Collection,
    media: MediaStore,
    library: InPlace,
    ingest: Ingest,
    bin_records: Callable[[Sequence[str]], Mapping[str, VectorRecord]],
    max_images: int,
    max_body_bytes: int,
) -> None:
    """Register the picture routes with the API.

    Args:
        api: receives the routes.
        search: the records.
        collection: its cached state is invalidated by changes.
        media: the picture files.
        library: remembers which pictures the user deleted.
        ingest: adds pictures.
        bin_records: the records of those of some pictures that are in the bin.
        max_images: the most pictures in one upload.
        max_body_bytes: the largest upload.
    """

    upload = Multipart(
        fields={"images": FILES, "details": DETAILS_FIELD},
        required=("images",),
        most=max_images,
        json={"details": Details},
    )

    def record(picture_id: str) -> Record:
        found = search.lookup([picture_id]).get(picture_id)
        if found is None:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        return found

    def media_key(picture_id: str) -> str:
        # The page shows what is in the bin.
        binned = bin_records([picture_id]).get(picture_id)
        return (binned or record(picture_id))["media_key"]

    @api.blueprint.before_request
    def check_id() -> None:
        if (given := (request.view_args or {}).get("picture_id")) is not None and not ID.fullmatch(given):
            raise ServiceError(Kind.NOT_FOUND, "there is no such picture; an id is 32 hex digits")

    @api.route("GET", "/images", {200: LookupAnswer}, params=LookupParams)
    def lookup(params: LookupParams) -> dict[str, Any]:
        """Get those of the given pictures that are in the collection, and which of them were deleted from it."""
        ids = params.ids.split(",")
        if wrong := [i for i in ids if not ID.fullmatch(i)]:
            raise ServiceError(Kind.INVALID, f"ids: {wrong[0][:40]!r} is not one; an id is 32 hex digits")
        if len(ids) > MAX_IDS:
            raise ServiceError(Kind.INVALID, f"ids: {len(ids)} ids; a request holds 1 to {MAX_IDS}")
        found = search.lookup(ids)
        deleted = library.deleted(ids)
        return {
            "images": [public(found[i]) for i in ids if i in found],
            "deleted": [i for i in ids if i in deleted and i not in found],
        }

    @api.route(
        "POST",
        "/images",
        {200: UploadAnswer, 201: UploadAnswer},
        streams=True,
        scope=Scope.WRITE,
        body_bytes=max_body_bytes,
        form=upload,
        limit=api.limits.uploads,
        errors=(Kind.UNSUPPORTED_PICTURE, Kind.MODEL_MISMATCH, Kind.NO_SPACE),
    )
    def add() -> ResponseReturnValue:
        """Add pictures.

        A picture whose content is in the collection already is not changed: its item says exists, and `details_taken`
        false if the upload had details for it. The status is 201 if at least one picture
        is new, 200 if none is new, and that of the first file's error if every file failed. With `Accept:
        text/event-stream` the response is a stream of server-sent events: one named item for each file when it is done,
        with its index, and at the end one named done, or problem if a service failed. A file whose event says added is
        stored.
        """
        uploads = read_uploads(max_images)
        if request.accept_mimetypes.best == "text/event-stream":
            return events(upload_events(uploads, keep_open()))
        results: list[IngestResult] = []
        try:
            results += ingest.add(uploads)
        finally:
            changed(results)
        items = [result_item(result, upload) for result, upload in zip(results, uploads, strict=True)]
        failures = [o.error for o in results if o.error]
        if len(failures) == len(items):
            raise ServiceError(failures[0].kind, f"no picture was added; file 0: {failures[0].detail}", items=items)
        return {"items": items}, 201 if any(o.status == "added" for o in results) else 200

    def upload_events(uploads: Sequence[Upload], files: ExitStack) -> Iterator[str]:
        results: list[IngestResult] = []
        with files:
            try:
                for i, result in enumerate(ingest.add(uploads)):
                    results.append(result)
                    yield event("item", {"index": i, **result_item(result, uploads[i])})
                last = event("done", counted(results))
            except ServiceError as error:
                last = event("problem", error.body(g.request_id))
            finally:
                changed(results)
        yield last

    def changed(results: Sequence[IngestResult]) -> None:
        collection.changed()
        added = [o.id for o in results if o.status == "added" and o.id]
        api.access.did("pictures-added", **counted(results), pictures=added)
        if there := [o.id for o in results if o.id]:
            try:
                library.unmark_deleted(there)
            except ServiceError as error:  # the pictures are stored; the marks matter to later scans alone
                log.warning("marks of deleted pictures could not be removed: %s", error.detail)

    @api.route("GET", "/images/<picture_id>", {200: Picture}, errors=(Kind.NOT_FOUND,))
    def image(picture_id: str) -> dict[str, Any]:
        """Get the record of a picture."""
        return public(record(picture_id))

    @api.route(
        "PATCH",
        "/images/<picture_id>",
        {200: Picture},
        body=Edit,
        errors=(Kind.NOT_FOUND, Kind.NO_SPACE),
        scope=Scope.WRITE,
    )
    def edit(picture_id: str, body: Edit) -> dict[str, Any]:
        """Change fields of a picture; those that are left out stay unchanged."""
        changes = body.model_dump(exclude_unset=True)
        if changes.keys() & {"attributes", "taken_at"}:
            changes = noted(record(picture_id), changes)
        edited = search.edit(picture_id, changes)
        collection.changed()
        api.access.did("picture-edited", picture=picture_id, fields=sorted(body.model_fields_set))
        return public(edited)

    @api.route(
        "GET",
        "/images/<picture_id>/file",
        {200: tuple(MIMETYPES.values()), 206: tuple(MIMETYPES.values()), 304: None},
        errors=(Kind.NOT_FOUND, Kind.RANGE),
        limit=api.limits.downloads,
    )
    def file(picture_id: str) -> Response:
        """Fetch the original file, or ranges of it."""
        found = record(picture_id)
        return sent(media.original(found["media_key"]), picture_id, found["file_name"])

    @api.route(
        "GET",
        "/images/<picture_id>/thumbnail",
        {200: SMALL, 206: SMALL, 304: None},
        params=ThumbnailParams,
        errors=(Kind.NOT_FOUND, Kind.RANGE),
    )
    def thumbnail(picture_id: str, params: ThumbnailParams) -> Response:
        """Fetch a small copy: upright, without metadata, never enlarged.

        It is AVIF if the Accept header prefers AVIF, else WebP.
        """
        likes = request.accept_mimetypes.quality
        form = "avif" if likes("image/avif") > likes("image/webp") else "webp"
        kept = media.thumbnail(picture_id, lambda: media_key(picture_id), params.w, form)
        response = sent(kept, f"{picture_id}-{params.w}-{form}", f"{picture_id}.{form}")
        response.vary.add("Accept")
        return response


def sent(kept: Kept, tag: str, name: str) -> Response:
    """The response for a file: whole, a range, or 304.

    The file is untrusted: `nosniff` and a sandboxed Content Security Policy keep browsers from running it as a script.

    Args:
        kept: the file.
        tag: its ETag.
        name: its download name.
    """
    response = send_file(
        kept.stream, mimetype=kept.mimetype, download_name=name or tag, etag=tag, max_age=FOREVER_S, conditional=False
    )
    # Browsers may cache it; shared caches must not, since they do not check the API key.
    response.cache_control.public = False
    response.cache_control.private = True
    # The URL holds the content's digest: browsers need not even ask whether it has changed.
    response.cache_control.immutable = True
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.content_length = kept.length
    try:
        response.make_conditional(request.environ, accept_ranges=True, complete_length=kept.length)
    except RequestedRangeNotSatisfiable:
        response.close()
        raise
    return response


def read_uploads(max_images: int) -> list[Upload]:
    """The files of an upload with their details.

    Raises:
        ServiceError: the form has an unknown field, no file, too many files, or details that do not match the files.
    """
    files, text = read_files("details", max_images)
    details = [Details() for _ in files]
    if text is not None:
        try:
            details = DETAILS.validate_json(text)
        except ValidationError as error:
            raise invalid(error, "details") from error
        if len(details) != len(files):
            raise ServiceError(Kind.INVALID, f"details: {len(details)} entries for {len(files)} files")
    return [
        Upload(file_name(f.filename or ""), f.stream.seek(0, SEEK_END), partial(whole, f.stream), d)
        for f, d in zip(files, details, strict=True)
    ]


def keep_open() -> ExitStack:
    """A stack that closes the request's files: Flask would close them before a streamed answer begins."""
    stack = ExitStack()
    for file in request.files.getlist("images"):
        stack.callback(file.stream.close)
        file.stream = io.BytesIO()
    return stack


def whole(stream: IO[bytes]) -> bytes:
    """The whole content of an uploaded file."""
    stream.seek(0)
    return stream.read()


def file_name(given: str) -> str:
    """The last part of a file name that a client sent. It is only shown, never used as a path (path traversal)."""
    name = given.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:255]


def counted(results: Sequence[IngestResult]) -> dict[str, int]:
    """The number of files by status."""
    return {**dict.fromkeys(("added", "exists", "failed"), 0), **Counter(o.status for o in results)}


def result_item(result: IngestResult, upload: Upload) -> dict[str, Any]:
    """One file's entry in the answer to an upload."""
    taken = result.status == "added" or not upload.details.model_fields_set
    item: dict[str, Any] = {"status": result.status, "id": result.id, "details_taken": taken}
    return {**item, "error": result.error.item()} if result.error else item
