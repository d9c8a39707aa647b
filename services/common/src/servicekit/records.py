"""What is said of a picture, and what a query can ask of that, as it goes over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from servicekit.wire import Wire

# A moment, or the whole year, month, day or minute that its beginning names.
Moment = Annotated[str, Field(pattern=r"^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?)?)?)?$")]
Tag = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=50, strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
MOST = 2**63 - 1
# What SQLite and Milvus hold; a larger whole number is read as a fraction.
Whole = Annotated[int, Field(ge=-(2**63), le=MOST)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Value = str | bool | Whole | Number

Caption = Annotated[str, Field(max_length=10_000)]
TagList = Annotated[list[Tag], Field(max_length=100)]
Attributes = Annotated[dict[Name, Value], Field(max_length=100)]
# By the clock where the picture was taken: cameras do not tell the zone.
TakenAt = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]


class Edit(Wire):
    """A picture's fields that take new values: those that are given."""

    caption: Caption | None = None
    tags: TagList | None = None
    attributes: Attributes | None = None
    taken_at: TakenAt | None = None


class Range(Wire):
    """An attribute between two numbers, or two texts in their alphabetical order; both ends belong to it."""

    min: Whole | Number | str | None = None
    max: Whole | Number | str | None = None


class Conditions(BaseModel):
    """Conditions of one value or one list each."""

    tags: Tags = Field(default=(), description="tags that a picture has, all of them")
    any_tags: Tags = Field(default=(), description="tags of which a picture has at least one")
    no_tags: Tags = Field(default=(), description="tags that a picture has not")
    orientation: Literal["landscape", "portrait", "square"] | None = None
    min_width: int | None = Field(default=None, ge=0, le=MOST, description="in pixels")
    min_height: int | None = Field(default=None, ge=0, le=MOST, description="in pixels")
    min_bytes: int | None = Field(default=None, ge=0, le=MOST, description="least size of the file")
    max_bytes: int | None = Field(default=None, ge=0, le=MOST, description="greatest size of the file")
    taken_from: Moment | None = Field(default=None, description="2024, 2024-05, 2024-05-31 or with a time of day")
    taken_to: Moment | None = Field(default=None, description="the last year, month, day or minute, itself included")
    added_from: Moment | None = Field(default=None, description="as taken_from, in UTC")
    added_to: Moment | None = Field(default=None, description="as taken_to, in UTC")


class Filter(Conditions, Wire):
    """Every condition that is given must hold."""

    attributes: dict[Name, Value | Range] = Field(default_factory=dict, max_length=20)
