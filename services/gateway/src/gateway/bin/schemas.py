"""Models of the bin's requests and answers."""

from __future__ import annotations

from pydantic import Field
from servicekit.wire import Params

from gateway.api.schemas import Answer, ItemError
from gateway.pictures.schemas import Picture


class BinParams(Params):
    """Pagination of the bin."""

    k: int = Field(default=48, ge=1, le=200, description="how many pictures")
    cursor: str | None = Field(
        default=None, pattern=r"^\d{1,12}-[0-9a-f]{32}$", description="`next_cursor` of the page before"
    )


class BinnedPicture(Picture):
    """A deleted picture."""

    deleted_at: str
    forgotten_at: str = Field(description="when it is deleted for good")


class BinAnswer(Answer):
    """A page of the bin, what was deleted last first."""

    pictures: list[BinnedPicture]
    count: int = Field(description="how many pictures are in the bin")
    keep_days: float = Field(description="days after which a picture is deleted for good")
    next_cursor: str | None


class DeleteAnswer(Answer):
    """Which pictures were deleted, and which were not there."""

    deleted: list[str]
    missing: list[str]


class NotRestored(Answer):
    """A picture that was not restored."""

    id: str
    error: ItemError


class RestoreAnswer(Answer):
    """Which pictures are in the collection again, and why others are not."""

    restored: list[str]
    failed: list[NotRestored]
