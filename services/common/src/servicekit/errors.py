"""Errors of all services: a closed list of kinds, the HTTP status of each, and problem+json documents (RFC 9457)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, NotRequired, TypedDict


class Kind(StrEnum):
    """The kind of an error; clients may switch on it."""

    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    UNSUPPORTED_PICTURE = "unsupported-picture"
    TOO_LARGE = "too-large"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    TOO_SLOW = "too-slow"
    RANGE = "range-not-satisfiable"
    MODEL_MISMATCH = "model-mismatch"
    GONE = "gone"
    TOO_MANY_REQUESTS = "too-many-requests"
    NO_SPACE = "no-space"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


STATUS: dict[Kind, int] = {
    Kind.INVALID: 400,
    Kind.UNAUTHORIZED: 401,
    Kind.FORBIDDEN: 403,
    Kind.UNSUPPORTED_PICTURE: 422,
    Kind.TOO_LARGE: 413,
    Kind.NOT_FOUND: 404,
    Kind.METHOD_NOT_ALLOWED: 405,
    Kind.TOO_SLOW: 408,
    Kind.RANGE: 416,
    Kind.MODEL_MISMATCH: 409,
    Kind.GONE: 410,
    Kind.TOO_MANY_REQUESTS: 429,
    Kind.NO_SPACE: 507,
    Kind.UNAVAILABLE: 503,
    Kind.INTERNAL: 500,
}


Unit = Literal["bytes", "bytes-of-memory", "pixels", "pixels-per-side", "characters"]


class ItemError(TypedDict):
    """The error of one item, inside an answer about several items."""

    type: str
    title: str
    detail: str
    limit: NotRequired[int]
    unit: NotRequired[Unit]


class ServiceError(Exception):
    """An error that becomes the answer: `kind` determines the status, `detail` names the field and the limit."""

    def __init__(self, kind: Kind, detail: str, retry_after: int | None = None, **extra: Any) -> None:
        """Create an error.

        Args:
            kind: determines the HTTP status.
            detail: a readable sentence.
            retry_after: value of the Retry-After header, in seconds.
            extra: further fields of the problem document, such as a `limit` with its `unit`: data for clients that say
                it in another language.
        """
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after
        self.extra = extra

    @property
    def status(self) -> int:
        """The HTTP status of this kind."""
        return STATUS[self.kind]

    def item(self) -> ItemError:
        """The short form, for one item inside an answer about several items."""
        item = ItemError(type=f"urn:sightline:error:{self.kind}", title=self.kind.replace("-", " "), detail=self.detail)
        if "limit" in self.extra:
            item |= {"limit": self.extra["limit"], "unit": self.extra["unit"]}
        return item

    def body(self, request_id: str) -> dict[str, Any]:
        """The problem+json document."""
        return {
            **self.item(),
            "status": self.status,
            "request_id": request_id,
            **self.extra,
        }
