"""Models of requests about several pictures, and of their answers."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from servicekit.records import TagList
from servicekit.wire import Wire

from gateway.api.schemas import Answer, ItemError
from gateway.pictures.schemas import Picture, PictureId, Selection

MAX_FILES = 1000


class TagChanges(Selection):
    """Tags that some pictures get or lose."""

    add_tags: TagList = Field(default=[], description="beside those that a picture has")
    remove_tags: TagList = Field(default=[], description="of those that a picture has")

    @model_validator(mode="after")
    def check_tags(self) -> Self:
        """Refuse a change that changes nothing."""
        if not (self.add_tags or self.remove_tags):
            raise ValueError("give add_tags, remove_tags or both")
        return self


class NotChanged(Answer):
    """A picture that was not changed."""

    id: str
    error: ItemError


class TagAnswer(Answer):
    """The pictures as they are now, and why others were not changed."""

    images: list[Picture]
    failed: list[NotChanged]


class ArchiveRequest(Wire):
    """The pictures of an archive."""

    ids: list[PictureId] = Field(min_length=1, max_length=MAX_FILES, description=f"ids of pictures, 1 to {MAX_FILES}")
