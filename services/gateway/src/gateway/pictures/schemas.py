"""Models of picture requests and answers: they validate requests and define the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask import request
from pydantic import Field
from servicekit.records import Attributes, Caption, Number, TagList, TakenAt, Value, Whole
from servicekit.wire import Params, Wire

from gateway.api.schemas import Answer, ItemError

# Most pictures in one request.
MAX_IDS = 100
PictureId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class Selection(Wire):
    """Some pictures."""

    ids: list[PictureId] = Field(min_length=1, max_length=MAX_IDS, description=f"ids of pictures, 1 to {MAX_IDS}")


class LookupParams(Params):
    """Parameters of a look-up of pictures."""

    ids: str = Field(description="up to 100 ids, with commas between them")


class ThumbnailParams(Params):
    """Parameters of a thumbnail."""

    w: int = Field(default=480, description="the greatest width: 240, 480, 960 or 1920 pixels")


class Details(Wire):
    """Details of one picture of an upload."""

    caption: Caption = ""
    tags: TagList = Field(default=[])
    attributes: Attributes = Field(default={}, description="beside those that are read from the file's EXIF")
    taken_at: TakenAt | None = Field(default=None, description="in place of what the file's EXIF says")


class Picture(Answer):
    """A picture of the collection."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$", description="the first 32 hex digits of the sha256 of its file")
    caption: str
    tags: list[str]
    attributes: dict[str, Value | Whole | Number]
    file_name: str
    width: int
    height: int
    bytes: int | None
    taken_at: str | None = Field(description="by the clock where it was taken")
    added_at: str
    placeholder: str = Field(description="ThumbHash in base64, to be shown until the picture is there; may be empty")
    file_url: str
    thumbnail_url: str


class LookupAnswer(Answer):
    """The requested pictures that are in the collection, in the order of the requested ids."""

    images: list[Picture]
    deleted: list[str] = Field(description="ids of those that were deleted from the collection, and not added since")


class UploadItem(Answer):
    """The result of one file."""

    status: Literal["added", "exists", "failed"]
    id: str | None
    details_taken: bool = Field(
        description="false if details were given for a file that was not added; a picture that exists keeps its own"
    )
    error: ItemError | None = None


class UploadAnswer(Answer):
    """The result of each file, in order."""

    items: list[UploadItem]


class QuarantinedFile(Answer):
    """A file that could not be added, with the error."""

    id: str
    file_name: str
    bytes: int | None = Field(default=None, description="of a file that is kept; one that is too large is not")
    at: str
    error: ItemError


class QuarantineAnswer(Answer):
    """The latest files that could not be added, newest first."""

    files: list[QuarantinedFile]


# The fields that the API copies from a record unchanged.
SHOWN = tuple(name for name in Picture.model_fields if not name.endswith("_url"))


def public(record: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a record to the public API's form, with URLs on this request's host."""
    base = f"{request.script_root}/api/v1/images/{record['id']}"
    return {**{k: record[k] for k in SHOWN}, "file_url": f"{base}/file", "thumbnail_url": f"{base}/thumbnail"}
