"""The public API, version 1: pictures in and out."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, request, send_file
from pydantic import TypeAdapter, ValidationError
from servicekit.errors import Kind, ServiceError
from servicekit.records import Edit
from servicekit.wire import problems

from gateway.adding import Adder, Outcome, Upload
from gateway.api import Api, Multipart
from gateway.clients import SearchClient
from gateway.media import MIMETYPES, MediaStore
from gateway.memo import Collection
from gateway.routes import FILES
from gateway.searching import public
from gateway.uploads import read_files
from gateway.wire import Details, LookupAnswer, LookupParams, Picture, ThumbnailParams, UploadAnswer

ID = re.compile(r"[0-9a-f]{32}")
# A file's name is its content, so what was fetched once is right for ever.
FOREVER_S = 31_536_000
MAX_IDS = 100

# The form field `details` of POST /api/v1/images: one entry a file, in order.
DETAILS = TypeAdapter(list[Details])
UPLOAD = Multipart(
    fields={
        "images": FILES,
        "details": {"type": "array", "items": {"$ref": "#/components/schemas/Details"}},
    },
    required=("images",),
    json={"details": Details},
)


def add_picture_routes(
    api: Api, search: SearchClient, collection: Collection, media: MediaStore, adder: Adder, max_images: int
) -> None:
    """Add the routes of pictures to the API, over the collaborators that are handed in."""

    def record(picture_id: str) -> dict[str, Any]:
        found = search.lookup([picture_id]).get(picture_id)
        if found is None:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        return found

    @api.blueprint.before_request
    def check_id() -> None:
        if (given := (request.view_args or {}).get("picture_id")) is not None and not ID.fullmatch(given):
            raise ServiceError(Kind.NOT_FOUND, "there is no such picture; an id is 32 hex digits")

    @api.route("GET", "/images", {200: LookupAnswer}, params=LookupParams)
    def lookup(params: LookupParams) -> dict[str, Any]:
        """Say which of some pictures are there."""
        ids = params.ids.split(",")
        if wrong := [i for i in ids if not ID.fullmatch(i)]:
            raise ServiceError(Kind.INVALID, f"ids: {wrong[0][:40]!r} is not one; an id is 32 hex digits")
        if len(ids) > MAX_IDS:
            raise ServiceError(Kind.INVALID, f"ids: {len(ids)} ids; a request holds 1 to {MAX_IDS}")
        found = search.lookup(ids)
        return {"images": [public(found[i]) for i in ids if i in found]}

    @api.route(
        "POST",
        "/images",
        {200: UploadAnswer, 201: UploadAnswer},
        form=UPLOAD,
        errors=(Kind.TOO_LARGE, Kind.UNSUPPORTED_PICTURE, Kind.MODEL_MISMATCH, Kind.NO_SPACE),
    )
    def add() -> tuple[dict[str, Any], int]:
        """Add pictures.

        A picture that is there already, by content, stays as it is. The status is 201 when at least one is new, 200
        when all were there, and that of the first file's error when none could be added.
        """
        outcomes = adder.add(read_uploads(max_images))
        collection.changed()
        items = [outcome_item(o) for o in outcomes]
        failures = [o.error for o in outcomes if o.error]
        if len(failures) == len(items):
            raise ServiceError(failures[0].kind, f"no picture was added; file 0: {failures[0].detail}", items=items)
        return {"items": items}, 201 if any(o.status == "added" for o in outcomes) else 200

    @api.route("GET", "/images/<picture_id>", {200: Picture}, errors=(Kind.NOT_FOUND,))
    def image(picture_id: str) -> dict[str, Any]:
        """Say what is known of a picture."""
        return public(record(picture_id))

    @api.route("PATCH", "/images/<picture_id>", {200: Picture}, body=Edit, errors=(Kind.NOT_FOUND, Kind.NO_SPACE))
    def edit(picture_id: str, body: Edit) -> dict[str, Any]:
        """Change what is said of a picture: the fields that are given take new values."""
        edited = search.edit(picture_id, body.model_dump(exclude_unset=True))
        collection.changed()
        return public(edited)

    @api.route("DELETE", "/images/<picture_id>", {204: None}, errors=(Kind.NOT_FOUND, Kind.NO_SPACE))
    def delete(picture_id: str) -> tuple[str, int]:
        """Forget a picture, its file and its thumbnails."""
        # The files first: cut off in between, the picture is still on record, and deleting it can be tried again.
        media.delete(record(picture_id)["media_key"])
        search.delete(picture_id)
        collection.changed()
        return "", 204

    @api.route(
        "GET",
        "/images/<picture_id>/file",
        {200: tuple(MIMETYPES.values()), 206: tuple(MIMETYPES.values()), 304: None},
        errors=(Kind.NOT_FOUND, Kind.RANGE),
    )
    def file(picture_id: str) -> Response:
        """Fetch the original file, or ranges of it."""
        kept = record(picture_id)
        path = media.original(kept["media_key"])
        response = send_file(
            path.resolve(),
            mimetype=MIMETYPES[path.suffix[1:]],
            download_name=kept["file_name"] or path.name,
            etag=picture_id,
            max_age=FOREVER_S,
        )
        return harmless(response)

    @api.route(
        "GET",
        "/images/<picture_id>/thumbnail",
        {200: ("image/webp",), 206: ("image/webp",), 304: None},
        params=ThumbnailParams,
        errors=(Kind.NOT_FOUND, Kind.RANGE),
    )
    def thumbnail(picture_id: str, params: ThumbnailParams) -> Response:
        """Fetch a small copy: upright, without metadata, never enlarged."""
        path = media.thumbnail(record(picture_id)["media_key"], params.w)
        response = send_file(path.resolve(), mimetype="image/webp", etag=f"{picture_id}-{params.w}", max_age=FOREVER_S)
        return harmless(response)


def read_uploads(max_images: int) -> list[Upload]:
    """The files of an upload with what is said about each.

    Raises:
        ServiceError: an unknown field, no file or too many, or details that do not match the files.
    """
    files, text = read_files("details", max_images)
    details = [Details() for _ in files]
    if text is not None:
        try:
            details = DETAILS.validate_json(text)
        except ValidationError as error:
            raise ServiceError(Kind.INVALID, problems(error, "details")) from error
        if len(details) != len(files):
            raise ServiceError(Kind.INVALID, f"details: {len(details)} entries for {len(files)} files")
    return [Upload(file_name(f.filename or ""), f.stream.read(), d) for f, d in zip(files, details, strict=True)]


def file_name(given: str) -> str:
    """The last part of a name that a client sent, for people to read; it is never used as a path."""
    name = given.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:255]


def outcome_item(outcome: Outcome) -> dict[str, Any]:
    """One file's entry in the answer to an upload."""
    item: dict[str, Any] = {"status": outcome.status, "id": outcome.id}
    return {**item, "error": outcome.error.item()} if outcome.error else item


def harmless(response: Response) -> Response:
    """Serve a stranger's file as nothing but the picture it was checked to be."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
