"""Request bodies as Pydantic models, decoding of vectors, and pagination cursors."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Literal, Self, cast

import numpy as np
import orjson
from pydantic import Field, model_validator
from servicekit.errors import Kind, ServiceError
from servicekit.records import MOST, Attributes, Caption, Edit, Filter, Line, Reading, Sort, TagList, TakenAt
from servicekit.wire import Wire

from search.index.exact import Vectors
from search.index.view import ScoredId
from search.ranking import Key

# Tolerance on the length of a unit vector: far above float32's rounding error, and it still catches a vector that was
# not normalised.
UNIT = 1e-3
# Most lines of text of one picture.
MOST_LINES = 1000
# Most bytes of a reading, as JSON.
READING_BYTES = 50_000


class LineIn(Wire):
    """A line of text in a picture; its box is x and y of four corners, as shares of width and height."""

    text: str = Field(min_length=1, max_length=2000)
    box: list[Annotated[float, Field(ge=0, le=1, strict=False)]] = Field(min_length=8, max_length=8)
    confidence: float = Field(ge=0, le=1, strict=False)


class ReadingIn(Wire):
    """What a reader has found written in a picture; no lines if nothing is."""

    reader: str = Field(min_length=1, max_length=100)
    lines: list[LineIn] = Field(max_length=MOST_LINES)

    @model_validator(mode="after")
    def check_size(self) -> Self:
        """Refuse more than a back end can store (Milvus: 65,536 bytes for all of a picture's attributes)."""
        if (size := len(orjson.dumps([dict(line) for line in self.lines]))) > READING_BYTES:
            raise ValueError(f"{size} bytes as JSON; the limit is {READING_BYTES}")
        return self

    def reading(self) -> Reading:
        """The reading as the store takes it."""
        return {"reader": self.reader, "lines": [cast(Line, dict(line)) for line in self.lines]}


class PictureIn(Wire):
    """One picture of an upsert; its vector is base64 of little-endian float32."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    media_key: str = Field(max_length=1000)
    file_name: str = Field(max_length=1000)
    bytes: int | None = Field(default=None, ge=0, le=MOST)
    width: int = Field(ge=1, le=65_535)
    height: int = Field(ge=1, le=65_535)
    caption: Caption
    tags: TagList
    attributes: Attributes = Field(default_factory=dict)
    taken_at: TakenAt | None = None
    placeholder: str = Field(default="", max_length=100, pattern=r"^[A-Za-z0-9+/=]*$")
    # Set for a picture that is migrated from another catalogue, to keep its date.
    added_at: str | None = Field(default=None, pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$")
    vector: str
    # Set for a picture that is copied, so that it is not read again.
    reading: ReadingIn | None = None


class UpsertRequest(Wire):
    """The body of POST /v1/pictures."""

    model_id: str = Field(min_length=1, max_length=200)
    dim: int = Field(ge=1, le=65536)
    pictures: list[PictureIn] = Field(min_length=1)
    # Leave existing pictures unchanged instead of replacing them.
    keep_existing: bool = False


class VectorIn(Wire):
    """A picture's vector by a model that does not serve yet (back-fill)."""

    id: str
    vector: str


class PictureReading(ReadingIn):
    """What is written in one picture."""

    id: str


class ReadingsRequest(Wire):
    """The body of POST /v1/readings."""

    readings: list[PictureReading] = Field(min_length=1)


class UnreadRequest(Wire):
    """The body of POST /v1/readings/missing."""

    reader: str = Field(min_length=1, max_length=100)
    limit: int = Field(default=100, ge=1)


class FillRequest(Wire):
    """The body of POST /v1/vectors."""

    model_id: str = Field(min_length=1, max_length=200)
    dim: int = Field(ge=1, le=65536)
    vectors: list[VectorIn] = Field(min_length=1)


class ServeRequest(Wire):
    """The body of POST /v1/models/serve and POST /v1/models/drop."""

    model_id: str


class MissingRequest(Wire):
    """The body of POST /v1/models/missing."""

    model_id: str
    limit: int = Field(default=100, ge=1)


class EditRequest(Edit):
    """The body of PATCH /v1/pictures/{id}."""

    # The new key of the picture's file in the media store.
    media_key: str | None = Field(default=None, max_length=1000)
    file_name: str | None = Field(default=None, max_length=1000)


class SuggestRequest(Wire):
    """The body of POST /v1/suggest."""

    # The text that was typed so far.
    text: str = Field(max_length=500)
    limit: int = Field(default=8, ge=1, le=50)


class ExportRequest(Wire):
    """The body of POST /v1/export."""

    # The pictures to export; None for all, in pages.
    ids: list[str] | None = None
    # The last id of the page before; empty for the first page.
    after: str = ""
    limit: int = Field(default=500, ge=1)


class VectorTerm(Wire):
    """A term of a query: a vector, or the id of a picture of the collection. A negative weight leads away from it."""

    vector: str | None = None
    like: str | None = None
    weight: float = Field(default=1, ge=-10, le=10, strict=False, allow_inf_nan=False)


class QueryRequest(Wire):
    """The body of POST /v1/query."""

    # The model that computed the terms' vectors.
    model_id: str | None = None
    terms: list[VectorTerm] = Field(default=[], max_length=16)
    text: str = Field(default="", max_length=1000)
    # Words that hits of the modes text and hybrid have not.
    without: str = Field(default="", max_length=1000)
    # `list` has neither terms nor text: all pictures, in an order.
    mode: Literal["vector", "text", "hybrid", "list"] = "vector"
    # Whether what is written in pictures counts less than what is told of them, in the mode hybrid; `as told` where the
    # query is known to ask for it.
    written: Literal["less", "as told"] = "less"
    sort: Sort | None = None
    where: Filter | None = None
    collapse: float | None = Field(default=None, ge=0.5, le=1, strict=False)
    k: int = Field(default=24, ge=1)
    cursor: str | None = None
    # Whether to count the pictures that match the filter.
    explain: bool = False


class BatchRequest(Wire):
    """The body of POST /v1/queries."""

    queries: list[QueryRequest] = Field(min_length=1, max_length=64)


class IdsRequest(Wire):
    """The body of POST /v1/lookup, POST /v1/present and POST /v1/delete."""

    ids: list[str] = Field(min_length=1)


def check_limit(field: str, value: int, limit: int) -> None:
    """Refuse more than the limit, naming both."""
    if value > limit:
        raise ServiceError(Kind.INVALID, f"{field}: {value} is more than the limit of {limit}")


def read_vector(encoded: str, dim: int | None, field: str) -> Vectors:
    """Decode a base64 unit vector.

    Args:
        encoded: base64 of little-endian float32.
        dim: the dimension that it must have; None for any.
        field: the name of the field, for the error message.

    Raises:
        ServiceError: it is not base64 of float32, has another dimension, or is not of unit length.
    """
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError as error:  # binascii's own error is one
        raise ServiceError(Kind.INVALID, f"{field}: not base64") from error
    if not content or len(content) % 4 or (dim is not None and len(content) != 4 * dim):
        raise ServiceError(
            Kind.INVALID, f"{field}: {len(content)} bytes are not a vector of {dim or 'any number of'} float32"
        )
    vector: Vectors = np.frombuffer(content, "<f4")
    # Also false for NaN.
    if not abs(float(np.linalg.norm(vector)) - 1) < UNIT:
        raise ServiceError(Kind.INVALID, f"{field}: not a unit vector")
    return vector


def read_vectors(encoded: Sequence[str], dim: int, field: str) -> list[bytes]:
    """Decode base64 unit vectors to little-endian float32 bytes, and check dimension and length in one pass.

    Args:
        encoded: base64 of little-endian float32.
        dim: the dimension that each must have.
        field: the name of the field for the error message; {} in it stands for the index of the invalid vector.

    Raises:
        ServiceError: as `read_vector`.
    """
    contents: list[bytes] = []
    for i, one in enumerate(encoded):
        try:
            contents.append(base64.b64decode(one, validate=True))
        except ValueError as error:
            raise ServiceError(Kind.INVALID, f"{field.format(i)}: not base64") from error
        if len(contents[-1]) != 4 * dim:
            raise ServiceError(
                Kind.INVALID, f"{field.format(i)}: {len(contents[-1])} bytes are not a vector of {dim} float32"
            )
    lengths = np.linalg.norm(np.frombuffer(b"".join(contents), "<f4").reshape(-1, dim), axis=1)
    if len(wrong := np.flatnonzero(~(np.abs(lengths - 1) < UNIT))):
        raise ServiceError(Kind.INVALID, f"{field.format(wrong[0])}: not a unit vector")
    return contents


def digest_of(query: QueryRequest) -> str:
    """A digest of a query without its page size and cursor: the same for all pages of a query."""
    return hashlib.sha256(query.model_dump_json(exclude={"k", "cursor", "explain"}).encode()).hexdigest()[:16]


def write_cursor(last: ScoredId, depth: int, order: str, digest: str) -> str:
    """The opaque pagination cursor of the page that follows a hit.

    Args:
        last: the last hit of the page before; the cursor holds its sort key (keyset pagination).
        depth: how many hits all pages so far have held.
        order: the sort order that the key belongs to; see `Moment.order`.
        digest: the query; see `digest_of`.
    """
    return base64.urlsafe_b64encode(json.dumps([order, digest, depth, *last.key]).encode()).decode()


def read_cursor(cursor: str, order: str, digest: str) -> tuple[Key, int]:
    """Decode a cursor to the sort key of the last hit of the page before, and the number of hits so far.

    Args:
        cursor: as `write_cursor` returned it.
        order: the current sort order; see `Moment.order`.
        digest: the query; see `digest_of`.

    Raises:
        ServiceError: the cursor is malformed (400), belongs to another query (400), or to a sort order that no longer
            exists (410).
    """
    try:
        made_for, query, depth, layer, score, picture_id = json.loads(base64.urlsafe_b64decode(cursor))
        if not (isinstance(made_for, str) and isinstance(picture_id, str)):
            raise TypeError
        key = (int(layer), float(score), picture_id)
        depth = min(max(0, int(depth)), 10**6)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ServiceError(Kind.INVALID, "cursor: not one that a search has returned") from error
    if made_for != order:
        raise ServiceError(Kind.GONE, "cursor: the order that it belongs to is gone; search again from the start")
    if query != digest:
        raise ServiceError(Kind.INVALID, "cursor: it belongs to another query")
    return key, depth
