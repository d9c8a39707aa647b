"""The Flask app factory of every service: request ids, problem+json errors, health and metrics."""

from __future__ import annotations

import errno
import logging
import re
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import orjson
from flask import Flask, Response, g, json, request
from flask.json.provider import DefaultJSONProvider
from gunicorn.http.errors import ParseException
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestedRangeNotSatisfiable, RequestEntityTooLarge

from servicekit.deadline import take_over_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.timing import server_timing, stages
from servicekit.tracing import trace_requests

# Request ids that are accepted from a caller. Others are replaced: a line break would forge a log line.
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

# Other methods are counted as `other`: otherwise a client could create any number of metric series.
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# Routes of health checks and of Prometheus.
WATCHED = frozenset({"/livez", "/readyz", "/metrics"})

# Limits of a multipart form: its parts, and the bytes of a field that is not a file. 64 captions of 10,000 characters
# are 2.5 MB at most.
MAX_PARTS = 1000
MAX_FIELD_BYTES = 4 * 2**20

# Upper bounds of the histogram buckets in seconds: a look-up takes 0.1 ms, a large upload 10 s.
BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

ReadyChecks = Mapping[str, Callable[[], str]]


class StrictJson(DefaultJSONProvider):
    """Parses requests with orjson: fast, and it refuses NaN, lone surrogates and very deep nesting."""

    def loads(self, s: str | bytes, **_: Any) -> Any:
        """Decode a document.

        Raises:
            ValueError: the document is not valid JSON.
        """
        return orjson.loads(s)


def create_service(
    name: str, ready: ReadyChecks, max_body_bytes: int, otlp_endpoint: str | None = None, trusting: bool = True
) -> Flask:
    """Return an app with `/livez`, `/readyz`, `/metrics`, request ids and problem+json errors.

    Args:
        name: the service's name, in logs and metrics.
        ready: the readiness checks by name. A check exercises the part once, returns a short status text, and raises
            when the part cannot serve. All of them run on every `/readyz`.
        max_body_bytes: the largest request body; a larger one is answered 413.
        otlp_endpoint: address of the OTLP collector; None disables tracing.
        trusting: whether callers are services of this system, so that their deadline header is honoured.
    """
    app = Flask(name)
    app.json = StrictJson(app)
    app.config["MAX_CONTENT_LENGTH"] = max_body_bytes
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FIELD_BYTES
    app.config["MAX_FORM_PARTS"] = MAX_PARTS
    log = logging.getLogger(name)
    # One registry per app: a test may create several apps in one interpreter.
    registry = CollectorRegistry()
    requests = Counter("http_requests", "Requests answered", ["route", "method", "status"], registry=registry)
    seconds = Histogram("http_request_seconds", "Time to answer", ["route"], registry=registry, buckets=BUCKETS)
    stage_seconds = Histogram(
        "stage_seconds", "Time within a request by stage", ["stage"], registry=registry, buckets=BUCKETS
    )
    is_ready = Gauge("ready", "Whether a part was ready when it was last asked for", ["part"], registry=registry)
    # Memory, processor time and open files of the process that answers.
    ProcessCollector(registry=registry)
    app.extensions["metrics_registry"] = registry

    def observe(timed: Mapping[str, float]) -> None:
        for name, value in timed.items():
            stage_seconds.labels(name).observe(value)

    @app.before_request
    def begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        g.started = time.perf_counter()
        if trusting:
            take_over_deadline()

    @app.after_request
    def finish(response: Response) -> Response:
        # The route's rule, not the path: this bounds the number of metric series.
        route = request.url_rule.rule if request.url_rule else "unmatched"
        elapsed = time.perf_counter() - g.started
        method = request.method if request.method in METHODS else "other"
        requests.labels(route, method, response.status_code).inc()
        seconds.labels(route).observe(elapsed)
        if response.is_streamed:  # its stages go on while it is sent
            response.call_on_close(partial(observe, stages()))
        else:
            observe(stages())
        response.headers["Server-Timing"] = server_timing({**stages(), "total": elapsed})
        response.headers["X-Request-Id"] = g.request_id
        facts = {
            "request_id": g.request_id,
            "method": method,
            "path": request.path,
            "status": response.status_code,
            "ms": round(elapsed * 1000, 1),
            "client": request.remote_addr,
            # Set by the gateway after authentication.
            "key": g.get("caller_name"),
        }
        # Every few seconds somebody asks how the service is: that is logged where it is not well.
        level = logging.DEBUG if route in WATCHED and response.status_code < 400 else logging.INFO
        log.log(
            level, "%(method)s %(path)r %(status)s %(ms).1fms %(request_id)s %(client)s %(key)r", facts, extra=facts
        )
        return response

    if otlp_endpoint:
        trace_requests(app, name, otlp_endpoint)

    @app.errorhandler(ServiceError)
    def service_error(error: ServiceError) -> Response:
        return problem(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        if isinstance(error, RequestEntityTooLarge):
            return problem(
                ServiceError(
                    Kind.TOO_LARGE,
                    f"the body is over the limit of {request.max_content_length or max_body_bytes} bytes, or its form "
                    f"over those of {request.max_form_parts} parts and {MAX_FIELD_BYTES} bytes a field",
                )
            )
        if isinstance(error, ClientDisconnected):
            # The client disconnected, or sent too slowly; a slow client can still read this answer.
            response = problem(ServiceError(Kind.TOO_SLOW, "the rest of the request did not come in time"))
            response.headers["Connection"] = "close"
            return response
        kind = {404: Kind.NOT_FOUND, 405: Kind.METHOD_NOT_ALLOWED, 416: Kind.RANGE}.get(error.code or 500, Kind.INVALID)
        if (error.code or 500) >= 500:
            kind = Kind.INTERNAL
        response = problem(ServiceError(kind, error.description or error.name))
        if error.code == 405:
            response.headers["Allow"] = ", ".join(getattr(error, "valid_methods", None) or [])
        if isinstance(error, RequestedRangeNotSatisfiable) and error.length is not None:
            response.headers["Content-Range"] = f"bytes */{error.length}"
        return response

    @app.errorhandler(ParseException)
    def bad_body(error: ParseException) -> Response:
        return problem(ServiceError(Kind.INVALID, f"the body is not what its headers say: {type(error).__name__}"))

    @app.errorhandler(OSError)
    def system_error(error: OSError) -> Response:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return problem(ServiceError(Kind.NO_SPACE, "no space is left to take the request up"))
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return problem(ServiceError(Kind.UNAVAILABLE, "no file is left to take the request up"))
        return unexpected(error)

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("unexpected error %s", g.request_id, exc_info=error)
        return problem(ServiceError(Kind.INTERNAL, "an unexpected error; the log has it under this request id"))

    @app.get("/livez")
    def livez() -> dict[str, Any]:
        return {"status": "ok", "service": name}

    @app.get("/readyz")
    def readyz() -> tuple[dict[str, Any], int]:
        checks: dict[str, dict[str, str]] = {}
        for part, check in ready.items():
            try:
                checks[part] = {"status": "ok", "detail": check()}
            except Exception as error:
                log.warning("not ready: %s: %s", part, error)
                checks[part] = {"status": "failed", "detail": str(error)}
            is_ready.labels(part).set(checks[part]["status"] == "ok")
        ok = all(c["status"] == "ok" for c in checks.values())
        return {"status": "ok" if ok else "failed", "service": name, "checks": checks}, 200 if ok else 503

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)

    return app


def problem(error: ServiceError) -> Response:
    """Answer a request with a problem+json document."""
    body = json.dumps(error.body(g.request_id))
    response = Response(body, status=error.status, content_type="application/problem+json")
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    elif error.kind is Kind.UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    if error.kind is Kind.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
