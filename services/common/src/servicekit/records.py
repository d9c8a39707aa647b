"""What is said of a picture, and what a query can ask of that, as it goes over the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

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


class Filter(Wire):
    """Every condition that is given must hold."""

    tags: Tags = ()
    any_tags: Tags = ()
    no_tags: Tags = ()
    orientation: Literal["landscape", "portrait", "square"] | None = None
    min_width: int | None = Field(default=None, ge=0, le=MOST)
    min_height: int | None = Field(default=None, ge=0, le=MOST)
    min_bytes: int | None = Field(default=None, ge=0, le=MOST)
    max_bytes: int | None = Field(default=None, ge=0, le=MOST)
    taken_from: Moment | None = None
    taken_to: Moment | None = None
    added_from: Moment | None = None
    added_to: Moment | None = None
    attributes: dict[Name, Value | Range] = Field(default_factory=dict, max_length=20)
