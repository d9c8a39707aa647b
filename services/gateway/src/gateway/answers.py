"""What the public API gives: the API's description is made of these models, and so are the page's types."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from servicekit.records import Number, Value, Whole


class Answer(BaseModel):
    """An answer's document: all fields are there."""

    model_config = ConfigDict(extra="forbid")


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


class Hit(Picture):
    """A picture that was found."""

    score: float = Field(description="the cosine with the sum of the terms; of another mode, its own measure")
    confidence: float | None = Field(description="how sure the system is that it fits, 0 to 1, where that is known")


class Removed(Answer):
    """Pictures that are no results, and why."""

    by_filters: int
    near_duplicates: int = Field(description="up to this page")
    terms_themselves: int


class Explanation(Answer):
    """How an answer came about."""

    stages_ms: dict[str, float]
    cached: bool
    collection: int = Field(description="how many pictures there are")
    removed: Removed


class SearchAnswer(Answer):
    """A page of results, best first."""

    results: list[Hit]
    terms: list[str] = Field(description="the terms as they are written in a URL, uploaded pictures as tokens")
    model_id: str | None
    generation: str = Field(description="names the state of the collection")
    next_cursor: str | None
    collapsed: int = Field(description="how many near-duplicates were passed over up to this page")
    confident: bool | None = Field(description="whether the best result fits at all; null where that is not known")
    truncated: bool = Field(description="whether a text was longer than the model reads")
    took_ms: float
    explain: Explanation | None = None


class Problem(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str = Field(description="urn:sightline:error: and the kind")
    title: str
    detail: str = Field(description="what is wrong, with the field and the limit")
    status: int
    request_id: str


class ItemError(Answer):
    """What is wrong with one file."""

    type: str
    title: str
    detail: str


class UploadItem(Answer):
    """What became of one file."""

    status: Literal["added", "exists", "failed"]
    id: str | None
    error: ItemError | None = None


class UploadAnswer(Answer):
    """What became of each file, in order."""

    items: list[UploadItem]


class QuarantinedFile(Answer):
    """A file that could not be added, and why."""

    id: str
    file_name: str
    bytes: int | None = Field(default=None, description="of a file that is kept; one that is too large is not")
    at: str
    error: ItemError


class QuarantineAnswer(Answer):
    """The latest files that could not be added, the last one first."""

    files: list[QuarantinedFile]


class LookupAnswer(Answer):
    """Those of the pictures that are there, in the order of their ids in the question."""

    images: list[Picture]


class TagCount(Answer):
    """A tag, and how many pictures have it."""

    tag: str
    count: int


class Orientations(Answer):
    """How many pictures are of each shape."""

    landscape: int
    portrait: int
    square: int


class Facets(Answer):
    """What a collection offers to somebody who does not know it."""

    count: int
    captions: list[str] = Field(description="some short captions, to start from")
    tags: list[TagCount] = Field(description="the most frequent ones, up to 200")
    orientations: Orientations
    taken: list[str] | None = Field(description="when the first and the last picture was taken, where that is known")
    added: list[str] | None = Field(description="when the first and the last picture was added")
    widest: int = Field(description="width of the widest picture in pixels")
    sampled: bool = Field(description="whether only a part of a large collection was counted")


class Suggestions(Answer):
    """How a text may go on."""

    captions: list[str] = Field(description="those that hold all of its words, the last of which may go on")
    tags: list[str] = Field(description="those that begin with it")


class Figure(Answer):
    """A measured figure of the model, in percent, with the interval that it lies in."""

    name: str
    value: float
    low: float | None
    high: float | None


class Model(Answer):
    """The encoder's model."""

    model_id: str
    name: str
    dim: int
    towers: dict[str, str]
    figures: list[Figure]


class Bucket(Answer):
    """How many values lie up to an end; None: above all others."""

    most_ms: float | None
    count: int


class StageSpread(Answer):
    """How long a stage of a request took; `request` is a search as a whole."""

    stage: str
    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    buckets: list[Bucket]


class CacheCounts(Answer):
    """A cache's look-ups: found, not found, or shared with an equal request in flight."""

    cache: str
    hit: int
    miss: int
    shared: int


class IndexFacts(Answer):
    """The index of the vectors."""

    generation: str | None
    kind: str
    after: int = Field(description="pictures that came after the index was written, and are searched beside it")
    problem: str | None


class Stats(Answer):
    """Facts about the collection, and what this gateway has seen since it started."""

    count: int
    model_id: str | None
    generation: str
    index: IndexFacts
    captions: list[str] = Field(description="some short captions, to start from")
    model: Model | None = Field(description="None where the encoder does not answer")
    uptime_s: int
    stages: list[StageSpread]
    caches: list[CacheCounts]


class Session(Answer):
    """Whether a key is needed, and what the client's own allows."""

    required: bool
    scope: Literal["read", "write", "admin"] | None
    key_name: str | None
    id: str | None = Field(description="the session's, where the client is a browser that has one")


class KnownSession(Answer):
    """One browser that was let in."""

    id: str
    key_name: str = Field(description="of the key that it showed")
    created_at: str
    seen_at: str = Field(description="when it was last used, to five minutes")
    address: str
    client: str = Field(description="what the browser calls itself")


class Sessions(Answer):
    """The browsers that were let in and have not left."""

    sessions: list[KnownSession]
