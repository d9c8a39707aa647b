"""Requests and answers of administration: these models check them, and the API's description is made of them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from servicekit.wire import Params, Wire

from gateway.api.schemas import Answer, Flag


class ScanParams(Params):
    """What a scan of the library may do."""

    remove: Flag = Field(default=False, description="whether to delete pictures whose files are gone, with their tags")


class ExportParams(Params):
    """What of each picture."""

    vectors: Flag = Field(default=False, description="whether with its vector, base64 of little-endian float32")


class Login(Wire):
    """A key that the browser is to keep."""

    key: str = Field(max_length=200)


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
    """Facts about the collection, and what all gateways together have counted since the oldest started."""

    count: int
    model_id: str | None
    generation: str
    index: IndexFacts
    captions: list[str] = Field(description="some short captions, to start from")
    model: Model | None = Field(description="None where the encoder does not answer")
    uptime_s: int
    stages: list[StageSpread]
    caches: list[CacheCounts]
