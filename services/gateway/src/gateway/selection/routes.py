"""Routes of the public API, version 1: change the tags of several pictures, and download their files."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Response, request, stream_with_context
from servicekit.errors import Kind, ServiceError
from servicekit.wire import parse

from gateway.api.description import Multipart
from gateway.api.routing import Api
from gateway.auth.keys import Scope
from gateway.pictures.schemas import public
from gateway.pictures.storage import MediaStore
from gateway.selection.archive import archive
from gateway.selection.schemas import ArchiveRequest, TagAnswer, TagChanges
from gateway.upstream.collection import Collection
from gateway.upstream.search import SearchClient

# A form, so that a browser itself can save the answer while it arrives.
FORM = Multipart(
    fields={"ids": {"type": "string", "description": "ids with commas between them"}},
    required=("ids",),
    most=1,
    json={},
)


def add_selection_routes(api: Api, search: SearchClient, collection: Collection, media: MediaStore) -> None:
    """Register the routes about several pictures with the API."""

    @api.route("POST", "/selection/tags", {200: TagAnswer}, body=TagChanges, errors=(Kind.NO_SPACE,), scope=Scope.WRITE)
    def tag_several(body: TagChanges) -> dict[str, Any]:
        """Add tags to several pictures, and remove tags from them."""
        edited, failed = [], []
        changes = {"add_tags": body.add_tags, "remove_tags": body.remove_tags}
        for picture_id in dict.fromkeys(body.ids):
            try:
                edited.append(public(search.edit(picture_id, changes)))
            except ServiceError as error:
                if error.kind not in (Kind.NOT_FOUND, Kind.INVALID):
                    raise
                failed.append({"id": picture_id, "error": error.item()})
        if edited:
            collection.changed()
            api.access.did("pictures-tagged", pictures=[picture["id"] for picture in edited])
        return {"images": edited, "failed": failed}

    @api.route(
        "POST",
        "/selection/archive",
        {200: ("application/zip",)},
        body=ArchiveRequest,
        form=FORM,
        errors=(Kind.NOT_FOUND,),
        limit=api.limits.downloads,
    )
    def archive_several(body: ArchiveRequest | None = None) -> Response:
        """Download the files of several pictures as one ZIP archive, which is made while it is sent.

        A file that cannot be read is named in a text file in the archive.
        """
        ids = list(dict.fromkeys((body or read_form()).ids))
        records = search.lookup(ids)
        if not records:
            raise ServiceError(Kind.NOT_FOUND, "ids: none of these pictures is in the collection")
        chosen = [records[picture_id] for picture_id in ids if picture_id in records]
        name = f"sightline-{datetime.now(UTC):%Y-%m-%d-%H%M%S}.zip"
        return Response(
            stream_with_context(archive(chosen, media.original)),
            content_type="application/zip",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
        )


def read_form() -> ArchiveRequest:
    """The pictures that a form names.

    Raises:
        ServiceError: a field is unknown, missing, given twice or wrong.
    """
    if unknown := sorted((set(request.form) | set(request.files)) - {"ids"}):
        raise ServiceError(Kind.INVALID, f"{', '.join(unknown)}: unknown field; send ids, with commas between them")
    given = request.form.getlist("ids")
    if len(given) != 1:
        raise ServiceError(Kind.INVALID, f"ids: given {len(given)} times; send one field with commas between the ids")
    return parse(ArchiveRequest, {"ids": given[0].split(",")})
