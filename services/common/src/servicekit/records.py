"""Types of the internal API: records of pictures, queries and their answers, facts about a collection.

A service validates what it receives with a pydantic model. Answers have a TypedDict, which mypy checks on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NotRequired, Self, TypedDict

from pydantic import BaseModel, Field, model_validator

from servicekit.errors import ItemError
from servicekit.wire import Wire

# A point in time, or a prefix of one that stands for the whole year, month, day or minute.
TimeSpan = Annotated[str, Field(pattern=r"^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?)?)?)?$")]
Tag = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=50, strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
Folder = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^/].*[^/]$|^[^/]$")]
MOST = 2**63 - 1
# The 64-bit range of SQLite and Milvus; a larger whole number is read as a float.
Whole = Annotated[int, Field(ge=-(2**63), le=MOST)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Value = str | bool | Whole | Number

Caption = Annotated[str, Field(max_length=10_000)]
TagList = Annotated[list[Tag], Field(max_length=100)]
Attributes = Annotated[dict[Name, Value], Field(max_length=100)]
# Local time where the picture was taken: cameras do not record the time zone.
TakenAt = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$")]


# Newest first, by when a picture was added, or by when it was taken and those of unknown time last.
Sort = Literal["added", "taken"]


class Edit(Wire):
    """New values of a picture's fields; fields that are left out stay unchanged."""

    caption: Caption | None = None
    tags: TagList | None = Field(default=None, description="in place of all tags; two clients overwrite each other")
    add_tags: TagList | None = Field(default=None, description="beside those that are there")
    remove_tags: TagList | None = Field(default=None, description="of those that are there")
    attributes: Attributes | None = None
    taken_at: TakenAt | None = None

    @model_validator(mode="after")
    def check_tags(self) -> Self:
        """Refuse tags in two ways at once."""
        if self.tags is not None and (self.add_tags is not None or self.remove_tags is not None):
            raise ValueError("give tags, or add_tags and remove_tags")
        return self


class Range(Wire):
    """A range of numbers, or of texts in alphabetical order; both ends are included."""

    min: Whole | Number | str | None = None
    max: Whole | Number | str | None = None

    @model_validator(mode="after")
    def check_ends(self) -> Self:
        """Refuse a range that says nothing."""
        if self.min is None and self.max is None:
            raise ValueError("a range needs min, max or both")
        return self


class Conditions(BaseModel):
    """Filter conditions that have one value or one list each."""

    tags: Tags = Field(default=(), description="tags that a picture has, all of them")
    any_tags: Tags = Field(default=(), description="tags of which a picture has at least one")
    no_tags: Tags = Field(default=(), description="tags that a picture has not")
    orientation: Literal["landscape", "portrait", "square"] | None = None
    min_width: int | None = Field(default=None, ge=0, le=MOST, description="in pixels")
    min_height: int | None = Field(default=None, ge=0, le=MOST, description="in pixels")
    min_bytes: int | None = Field(default=None, ge=0, le=MOST, description="least size of the file")
    max_bytes: int | None = Field(default=None, ge=0, le=MOST, description="greatest size of the file")
    taken_from: TimeSpan | None = Field(default=None, description="2024, 2024-05, 2024-05-31 or with a time of day")
    taken_to: TimeSpan | None = Field(default=None, description="the last year, month, day or minute, itself included")
    added_from: TimeSpan | None = Field(default=None, description="as taken_from, in UTC")
    added_to: TimeSpan | None = Field(default=None, description="as taken_to, in UTC")
    folder: Folder | None = Field(
        default=None, description="a folder of the library that holds the picture, at any depth: 2024 or 2024/Italy"
    )
    has_text: bool | None = Field(default=None, description="whether anything is written in the picture")
    text: str | None = Field(
        default=None,
        min_length=1,
        max_length=500,
        description="words, or parts of words, that are all written in the picture; a phrase in quotes as it stands",
    )


class Filter(Conditions, Wire):
    """Conditions on pictures; all that are given must hold."""

    attributes: dict[Name, Value | Range] = Field(default_factory=dict, max_length=20)


class Line(TypedDict):
    """A line of text in a picture."""

    text: str
    # x and y of the four corners as shares of width and height, clockwise from where the text begins.
    box: Sequence[float]
    confidence: float  # 0 to 1


class Reading(TypedDict):
    """What is written in a picture; it has no lines if nothing is."""

    reader: str  # name and version of what has read it
    lines: Sequence[Line]


class ReadText(Reading):
    """A reading with its whole text, in which boxes of one line are one line."""

    text: str


class NewRecord(TypedDict):
    """The fields of a picture that is added to the search service."""

    id: str  # the first 32 hex digits of the sha256 of its file
    media_key: str  # key of its file in the object store, or library:ID
    file_name: str
    bytes: int | None
    width: int  # in pixels, upright
    height: int
    caption: str
    tags: Sequence[str]
    attributes: Mapping[str, str | bool | int | float]
    taken_at: str | None  # local time where it was taken
    placeholder: str  # ThumbHash in base64, or empty


class Record(NewRecord):
    """A picture's record in the search service; added_at and changed_at are in UTC."""

    added_at: str
    changed_at: str


# The texts of a picture; `text` is what is written in it.
TextField = Literal["caption", "tags", "file_name", "text"]


class FoundRecord(Record):
    """A search result: a record with its cosine, or with the score of the mode text, hybrid or list."""

    score: float
    # The cosine with each term of the query, where `score` is not the cosine with the only one.
    cosines: NotRequired[list[float]]
    # Of the modes text and hybrid: whether caption, tags and file name hold every word of the text; what is written in
    # the picture as well, where that counts as much.
    has_words: NotRequired[bool]
    # Where words of the text or of the filter `text` were found, and the lines of the picture that have them.
    fields: NotRequired[list[TextField]]
    lines: NotRequired[list[Line]]


class NewVectorRecord(NewRecord):
    """A picture with its vector, base64 of little-endian float32, and with what is written in it if it was read."""

    vector: str
    reading: NotRequired[Reading | None]


class VectorRecord(NewVectorRecord):
    """A picture that is copied from one search service to another."""

    added_at: str


class QueryTerm(TypedDict):
    """A term of a query: a vector, or the id of a picture in the collection; a negative weight leads away from it."""

    vector: NotRequired[str]
    like: NotRequired[str]
    weight: NotRequired[float]


class QueryBody(TypedDict):
    """The body of `POST /v1/query`; leaving out a field and sending None mean the same."""

    model_id: NotRequired[str | None]
    terms: list[QueryTerm]
    text: NotRequired[str | None]
    without: NotRequired[str | None]
    mode: NotRequired[Literal["vector", "text", "hybrid", "list"]]
    written: NotRequired[Literal["less", "as told"]]
    sort: NotRequired[Sort | None]
    where: NotRequired[dict[str, Any] | None]
    collapse: NotRequired[float | None]
    k: int
    cursor: NotRequired[str | None]
    explain: NotRequired[bool]


class Page(TypedDict):
    """A page of results, best first."""

    results: list[FoundRecord]
    model_id: str | None
    generation: str
    next_cursor: str | None
    collapsed: int  # near-duplicates that were skipped up to this page
    matching: NotRequired[int]  # pictures that match the filter; only with `explain`


class IndexFacts(TypedDict):
    """The index of a collection."""

    generation: str | None
    kind: str
    after: int  # pictures added after the index was written; they are searched separately
    problem: str | None


class CollectionStats(TypedDict):
    """The state of a collection; `model_id` is None while there is no picture."""

    count: int
    model_id: str | None
    generation: str
    captioned: bool  # whether any picture has a caption
    written: bool  # whether anything is written in any picture
    index: IndexFacts


class ModelFacts(TypedDict):
    """A model whose vectors a collection holds."""

    model_id: str
    dim: int
    serves: bool
    vectors: int
    missing: int  # pictures without a vector of this model


class TagCount(TypedDict):
    """A tag, and how many pictures have it."""

    tag: str
    count: int


class FolderCount(TypedDict):
    """A folder of the library, and how many pictures lie in it or below it."""

    folder: str
    count: int


class YearCount(TypedDict):
    """A year, and how many pictures were taken in it."""

    year: str
    count: int


class FacetCounts(TypedDict):
    """The values that filters can take, with counts."""

    tags: list[TagCount]  # the most frequent ones
    folders: list[FolderCount]  # those with most pictures, in alphabetical order
    orientations: dict[str, int]  # landscape, portrait, square
    taken: list[str] | None  # the first and the last time; None if no picture has one
    years: list[YearCount]  # those in which pictures were taken, the latest first
    added: list[str] | None
    widest: int  # in pixels
    sampled: bool  # whether only a part of the pictures was counted


class Suggestions(TypedDict):
    """Captions and tags that complete a text, and words that are written in pictures."""

    captions: list[str]
    tags: list[str]
    written: list[str]


class EncoderFacts(TypedDict):
    """The encoder's model, as its bundle's manifest describes it."""

    model_id: str
    dim: int
    name: str
    towers: dict[str, str]
    evaluation: dict[str, Any]  # figures by name, nested to any depth
    runtime: str  # what computes the towers, and in which precision


class EncodedItem(TypedDict):
    """The result of one text or picture: the row of its vector, or None and the error."""

    row: int | None
    truncated: NotRequired[bool]  # of a text: whether it was longer than the model's limit
    error: NotRequired[ItemError]


class EncodedItems(TypedDict):
    """The encoder's answer; `vectors` is all rows, concatenated, as base64 of little-endian float32."""

    model_id: str
    dim: int
    vectors: str
    items: list[EncodedItem]
