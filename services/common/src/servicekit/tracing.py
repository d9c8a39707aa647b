"""Distributed tracing across the services, exported by OTLP if a collector is configured.

Without an endpoint, only the caller's `traceparent` header is passed on (W3C Trace Context).

Why not OpenTelemetry's instrumentation of Flask and httpx (0.66b1 was tried): it puts the query string, and so what
people search for, into span attributes; it names spans of unknown routes by their path, so their number is unbounded;
and each of its releases is pinned to an older release of the SDK. The workarounds were longer than this module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flask import Flask, Response, g, has_request_context, request

from servicekit.settings import SettingsError

TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer


def trace_requests(app: Flask, service: str, endpoint: str) -> None:
    """Record a span for each request, as a child of the caller's span if it sent one.

    Args:
        app: the app whose requests are traced.
        service: the service's name in the traces.
        endpoint: the collector's address, http://collector:4318.

    Raises:
        SettingsError: the OpenTelemetry packages are not installed.
    """
    try:
        from opentelemetry import propagate, trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            "OTEL_EXPORTER_OTLP_ENDPOINT needs more packages: pip install 'sightline-common[otlp]'"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": f"sightline-{service}"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    tracer = provider.get_tracer("servicekit")

    @app.before_request
    def begin() -> None:
        route = request.url_rule.rule if request.url_rule else "unmatched"
        context = propagate.extract({name.lower(): value for name, value in request.headers.items()})
        g.tracer = tracer
        g.span = tracer.start_span(f"{request.method} {route}", context=context, kind=trace.SpanKind.SERVER)
        g.span.set_attributes({"http.route": route, "sightline.request_id": g.request_id})

    @app.after_request
    def finish(response: Response) -> Response:
        if span := g.pop("span", None):
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(trace.StatusCode.ERROR)
            span.end()
        return response


@contextmanager
def span(name: str) -> Iterator[None]:
    """Record a span for a part of the current request; does nothing without tracing."""
    parent = g.get("span") if has_request_context() else None
    if parent is None:
        yield
        return
    from opentelemetry.trace import set_span_in_context

    tracer: Tracer = g.tracer
    with tracer.start_as_current_span(name, context=set_span_in_context(parent)):
        yield


def trace_headers() -> dict[str, str]:
    """Headers for a request to another service, so that its spans join the current trace."""
    if not has_request_context():
        return {}
    if g.get("span") is None:
        given = request.headers.get("traceparent", "")
        return {"traceparent": given} if TRACEPARENT.fullmatch(given) else {}
    from opentelemetry import propagate

    headers: dict[str, str] = {}
    propagate.inject(headers)
    return headers
