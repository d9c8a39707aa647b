"""Tracing and logging: one search gives one trace at an OTLP collector, and one request id in the three logs."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, Any]], threading.Condition]]:
    """An OTLP collector: its URL, the received spans with their services' names, and a condition for new ones."""
    spans: list[tuple[str, Any]] = []
    arrived = threading.Condition()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
            for resource in sent.resource_spans:
                names = {a.key: a.value.string_value for a in resource.resource.attributes}
                for scope in resource.scope_spans:
                    with arrived:
                        spans.extend((names["service.name"], span) for span in scope.spans)
                        arrived.notify_all()
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", spans, arrived
    server.shutdown()
    server.server_close()


def test_a_search_is_one_trace_and_one_request_id(start_all: Any, collector: Any, tmp_path: Path) -> None:
    endpoint, spans, arrived = collector
    seen = {f"{name}_LOG_FORMAT": "json" for name in ("GATEWAY", "ENCODER", "SEARCH")}
    seen |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with start_all(tmp_path, **seen) as services:
        # Add a picture first: a search in an empty collection does not call the encoder.
        picture = next((Path(__file__).parents[2] / "deploy" / "gallery" / "pictures").iterdir()).read_bytes()
        files = {"images": ("x.webp", picture)}
        assert httpx.post(f"{services.gateway.url}/api/v1/images", files=files).status_code == 201
        caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        headers = {"traceparent": caller, "X-Request-Id": "mine-1"}
        assert httpx.get(f"{services.gateway.url}/api/v1/search?q=a+boat", headers=headers).status_code == 200
        wanted = {
            ("sightline-gateway", "GET /api/v1/search"),
            ("sightline-gateway", "encode"),
            ("sightline-encoder", "POST /v1/text"),
            ("sightline-encoder", "model"),
            ("sightline-gateway", "search"),
            ("sightline-search", "POST /v1/query"),
            ("sightline-search", "rank"),
        }
        trace = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")

        def came() -> set[tuple[str, str]]:
            return {(service, span.name) for service, span in list(spans) if span.trace_id == trace}

        with arrived:
            assert arrived.wait_for(lambda: wanted <= came(), timeout=30), wanted - came()
        by_id = {span.span_id: span for _, span in spans}
        encoding = next(s for service, s in spans if s.name == "POST /v1/text" and s.trace_id == trace)
        assert by_id[encoding.parent_span_id].name == "encode"
        for process, path in (
            (services.gateway, "/api/v1/search"),
            (services.encoder, "/v1/text"),
            (services.search, "/v1/query"),
        ):
            lines = [json.loads(line) for line in process.log.read_text().splitlines()]
            (mine,) = [x for x in lines if x.get("request_id") == "mine-1" and x["path"] == path]
            assert (mine["status"], mine["level"]) == (200, "INFO")
