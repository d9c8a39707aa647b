"""The connection to Milvus: a timeout on every call, and errors that name Milvus as the part that failed."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from flask import Flask, Response
from pymilvus import MilvusClient, MilvusException
from servicekit.app import problem
from servicekit.errors import Kind, ServiceError

# Without a timeout pymilvus retries a failed call for minutes; the gateway waits for one minute at most.
TIMEOUT_S = 15
# These methods make no network call, and take no timeout.
LOCAL = frozenset({"create_schema", "prepare_index_params", "close"})


class Timed:
    """A Milvus client that passes a timeout to every network call."""

    def __init__(self, client: MilvusClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return call if name in LOCAL else partial(call, timeout=TIMEOUT_S)


def connect(uri: str, token: str) -> MilvusClient:
    """Connect to a Milvus server by its URL, or open a Milvus Lite file.

    Raises:
        MilvusException: no server answers before the timeout, or it rejects the token.
    """
    return cast("MilvusClient", Timed(MilvusClient(uri, token=token, timeout=TIMEOUT_S)))


def answer_failures(app: Flask) -> None:
    """Answer a request with 503 and a message that names Milvus when a call to Milvus fails."""

    @app.errorhandler(MilvusException)
    def failed(error: MilvusException) -> Response:
        app.logger.warning("Milvus failed: %s", error.message)
        return problem(ServiceError(Kind.UNAVAILABLE, f"Milvus failed: {error.message}"))
