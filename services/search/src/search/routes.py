"""The search service's HTTP interface: pictures in and out, vectors to hits."""

from __future__ import annotations

import base64
import json
from typing import Annotated, Any

import numpy as np
from flask import Blueprint, request
from pydantic import Field
from servicekit.errors import Kind, ServiceError
from servicekit.wire import Wire, parse

from search.catalogue import Catalogue, Picture
from search.index import Array, Hit, Index
from search.settings import Settings


class PictureIn(Wire):
    """One picture of an upsert; its vector is base64 of little-endian float32."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    media_key: str = Field(max_length=1000)
    file_name: str = Field(max_length=1000)
    width: int = Field(ge=1, le=65_535)
    height: int = Field(ge=1, le=65_535)
    caption: str = Field(max_length=10_000)
    tags: list[Annotated[str, Field(max_length=200)]] = Field(max_length=100)
    vector: str


class UpsertRequest(Wire):
    """The body of POST /v1/pictures."""

    model_id: str = Field(min_length=1, max_length=200)
    dim: int = Field(ge=1, le=65536)
    pictures: list[PictureIn] = Field(min_length=1)
    # Pictures that are here already are left as they are, instead of being replaced.
    keep_existing: bool = False


class QueryRequest(Wire):
    """The body of POST /v1/query: a vector with its model, or the id of a picture here."""

    model_id: str | None = None
    vector: str | None = None
    like: str | None = None
    k: int = Field(default=24, ge=1)
    cursor: str | None = None


class LookupRequest(Wire):
    """The body of POST /v1/lookup."""

    ids: list[str] = Field(min_length=1)


def create_routes(catalogue: Catalogue, index: Index, settings: Settings) -> Blueprint:
    """The routes, over the catalogue and the index that are handed in."""
    routes = Blueprint("search", __name__)

    def generation(seq: int) -> str:
        return f"{catalogue.name}-{seq}"

    @routes.post("/v1/pictures")
    def upsert() -> dict[str, Any]:
        body = parse(UpsertRequest, request.get_json())
        check_limit("pictures", len(body.pictures), settings.max_pictures)
        pictures = [
            Picture(
                **p.model_dump(exclude={"vector"}),
                vector=read_vector(p.vector, body.dim, f"pictures.{i}.vector").tobytes(),
            )
            for i, p in enumerate(body.pictures)
        ]
        created, seq = catalogue.upsert(body.model_id, body.dim, pictures, body.keep_existing)
        return {"created": created, "generation": generation(seq)}

    @routes.delete("/v1/pictures/<picture_id>")
    def delete(picture_id: str) -> dict[str, Any]:
        record, seq = catalogue.delete(picture_id)
        return {"deleted": record, "generation": generation(seq)}

    @routes.post("/v1/lookup")
    def lookup() -> dict[str, Any]:
        ids = parse(LookupRequest, request.get_json()).ids
        check_limit("ids", len(ids), settings.max_pictures)
        return {"pictures": list(catalogue.records(ids).values())}

    @routes.get("/v1/stats")
    def stats() -> dict[str, Any]:
        model = catalogue.model
        # The index knows the count; SQLite would walk a million rows for it, and every search asks.
        count, seq = index.size()
        return {"count": count, "model_id": model and model[0], "generation": generation(seq)}

    @routes.get("/v1/examples")
    def examples() -> dict[str, Any]:
        return {"captions": catalogue.sample_captions(limit=24)}

    @routes.post("/v1/query")
    def query() -> dict[str, Any]:
        body = parse(QueryRequest, request.get_json())
        check_limit("k", body.k, settings.max_k)
        if (body.vector is None) == (body.like is None):
            raise ServiceError(Kind.INVALID, "vector, like: a query has one of the two")
        after = read_cursor(body.cursor, catalogue.name) if body.cursor is not None else None
        if body.like is not None:
            vector = np.frombuffer(catalogue.vector(body.like), "<f4")
        elif body.model_id is None:
            raise ServiceError(Kind.INVALID, "model_id: a vector without its model cannot be compared")
        else:
            model = catalogue.model
            vector = read_vector(body.vector or "", None, "vector")
            if model is not None:
                catalogue.check_model(body.model_id, len(vector))
        ranking = index.search(vector, body.k, after, exclude=body.like)
        records = catalogue.records([h.id for h in ranking.hits])
        # A picture deleted between the ranking and here is gone for the reader too.
        results = [{**records[h.id], "score": h.score} for h in ranking.hits if h.id in records]
        cursor = write_cursor(ranking.hits[-1], catalogue.name) if ranking.more else None
        model = catalogue.model
        return {
            "results": results,
            "model_id": model and model[0],
            "generation": generation(ranking.seq),
            "next_cursor": cursor,
        }

    return routes


def check_limit(field: str, value: int, limit: int) -> None:
    """Refuse more than the limit, naming both."""
    if value > limit:
        raise ServiceError(Kind.INVALID, f"{field}: {value} is more than the limit of {limit}")


def read_vector(encoded: str, dim: int | None, field: str) -> Array:
    """Decode a base64 unit vector.

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
    vector = np.frombuffer(content, "<f4")
    # Also false for NaN. 1e-3 is far above float32's rounding and far below any forgotten normalisation.
    if not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
        raise ServiceError(Kind.INVALID, f"{field}: not a unit vector")
    return vector


def write_cursor(last: Hit, catalogue: str) -> str:
    """An opaque name for the place after a hit."""
    return base64.urlsafe_b64encode(json.dumps([catalogue, last.score, last.id]).encode()).decode()


def read_cursor(cursor: str, catalogue: str) -> Hit:
    """Read a cursor.

    Raises:
        ServiceError: it was not made here (invalid), or its catalogue is gone (410).
    """
    try:
        name, score, picture_id = json.loads(base64.urlsafe_b64decode(cursor))
        hit = Hit(float(score), str(picture_id))
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ServiceError(Kind.INVALID, "cursor: not one that a search has returned") from error
    if name != catalogue:
        raise ServiceError(Kind.GONE, "cursor: the collection it belongs to is gone; search again from the start")
    return hit
