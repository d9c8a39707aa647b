"""Models of administration requests and answers: they validate requests and define the OpenAPI document."""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from servicekit.wire import Params, Wire

from gateway.api.schemas import Answer, Flag


class ExportParams(Params):
    """Parameters of an export."""

    vectors: Flag = Field(default=False, description="whether with its vector, base64 of little-endian float32")


class Login(Wire):
    """The API key that a browser logs in with."""

    key: str = Field(max_length=200)


class Session(Answer):
    """Whether this client needs a key, and the scope of the key that it uses."""

    required: bool
    scope: Literal["read", "write", "admin"] | None
    key_name: str | None
    id: str | None = Field(description="the session's, where the client is a browser that has one")


class KnownSession(Answer):
    """A session of a browser that logged in with a key."""

    id: str
    key_name: str = Field(description="of the key that it showed")
    created_at: str
    seen_at: str = Field(description="when it was last used, to five minutes")
    address: str
    client: str = Field(description="what the browser calls itself")


class Sessions(Answer):
    """Sessions that have not ended or expired."""

    sessions: list[KnownSession]


class Figure(Answer):
    """A measured figure of the model, in percent, with its confidence interval."""

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
    runtime: str = Field(description="what computes the towers, and in which precision, like openvino-bf16")
    figures: list[Figure]


class Bucket(Answer):
    """A histogram bucket: its upper bound, None for the last bucket, and the number of values in it."""

    most_ms: float | None
    count: int


class StageSpread(Answer):
    """How long a stage of a request took; the stage `request` is a search as a whole."""

    stage: str
    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    buckets: list[Bucket]


class CacheCounts(Answer):
    """A cache's look-ups: hits, misses, and those that shared the result of an equal request in flight."""

    cache: str
    hit: int
    miss: int
    shared: int


class IndexFacts(Answer):
    """The vector index."""

    generation: str | None
    kind: str
    after: int = Field(description="pictures that came after the index was written, and are searched beside it")
    problem: str | None


class Stats(Answer):
    """Facts about the collection, and the counts of all gateways together since the oldest one started."""

    count: int
    model_id: str | None
    generation: str
    captioned: bool = Field(description="whether any picture has a caption")
    written: bool = Field(description="whether anything is written in any picture, as far as they were read")
    index: IndexFacts
    captions: list[str] = Field(description="some short captions, to start from")
    model: Model | None = Field(description="None where the encoder does not answer")
    uptime_s: int
    stages: list[StageSpread]
    caches: list[CacheCounts]
