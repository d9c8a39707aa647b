"""The connection to Milvus: calls that end in time, and errors that say that it is Milvus which failed."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from flask import Flask, Response
from pymilvus import MilvusClient, MilvusException
from servicekit.app import problem
from servicekit.errors import Kind, ServiceError

# pymilvus tries a call again for minutes unless it is told how long it may take; the gateway waits for one.
TIMEOUT_S = 15
# These build a schema and make no call.
LOCAL = frozenset({"create_schema", "prepare_index_params", "close"})


class Timed:
    """A client that gives each call its time."""

    def __init__(self, client: MilvusClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        return call if name in LOCAL else partial(call, timeout=TIMEOUT_S)


def connect(uri: str, token: str) -> MilvusClient:
    """A client of the Milvus at an address, or of Milvus Lite over a file.

    Raises:
        MilvusException: no server answers in time, or the token is refused.
    """
    return cast("MilvusClient", Timed(MilvusClient(uri, token=token, timeout=TIMEOUT_S)))


def answer_failures(app: Flask) -> None:
    """Let requests that Milvus fails be answered 503, naming it."""

    @app.errorhandler(MilvusException)
    def failed(error: MilvusException) -> Response:
        app.logger.warning("Milvus failed: %s", error.message)
        return problem(ServiceError(Kind.UNAVAILABLE, f"Milvus failed: {error.message}"))
