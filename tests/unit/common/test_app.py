"""What all services share: error format (problem JSON), size limits, request ids, readiness checks, metrics."""

import logging
from collections.abc import Iterator

import pytest
from flask import Flask, Response, stream_with_context
from flask.testing import FlaskClient
from servicekit.app import create_service
from servicekit.errors import STATUS, Kind, ServiceError
from servicekit.timing import stage


def broken() -> str:
    raise RuntimeError("the disk is full")


@pytest.fixture
def app() -> Flask:
    app = create_service("demo", {"disk": lambda: "9 GB free"}, max_body_bytes=100)

    @app.post("/echo")
    def echo() -> dict[str, str]:
        from flask import request

        return {"body": request.get_data(as_text=True)}

    @app.get("/gone")
    def gone() -> str:
        raise ServiceError(Kind.GONE, "that cursor has expired")

    @app.get("/stream")
    def stream() -> Response:
        def parts() -> Iterator[str]:
            for part in ("a", "b"):
                with stage("part"):
                    yield part

        with stage("before"):
            return Response(stream_with_context(parts()))

    @app.get("/bug")
    def bug() -> str:
        raise KeyError("secret")

    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", b"", 404),
        ("DELETE", "/livez", b"", 405),
        ("POST", "/echo", b"x" * 101, 413),
        ("GET", "/gone", b"", 410),
        ("GET", "/bug", b"", 500),
    ],
)
def test_every_failure_has_the_same_shape(
    client: FlaskClient, method: str, path: str, body: bytes, status: int
) -> None:
    answer = client.open(path, method=method, data=body, headers={"X-Request-Id": "abc-1"})
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    document = answer.get_json(force=True)
    assert set(document) == {"type", "title", "status", "detail", "request_id"}
    assert document["status"] == status
    assert document["request_id"] == answer.headers["X-Request-Id"] == "abc-1"
    assert "secret" not in document["detail"]


def test_too_large_names_the_limit(client: FlaskClient) -> None:
    assert "100 bytes" in client.post("/echo", data=b"x" * 101).get_json(force=True)["detail"]


def test_a_hostile_request_id_is_replaced(client: FlaskClient) -> None:
    answer = client.get("/livez", headers={"X-Request-Id": "a b"})
    assert len(answer.headers["X-Request-Id"]) == 32


def test_ready_tells_which_part_fails() -> None:
    client = create_service("demo", {"good": lambda: "fine", "disk": broken}, 100).test_client()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"] == {
        "good": {"status": "ok", "detail": "fine"},
        "disk": {"status": "failed", "detail": "the disk is full"},
    }


def test_metrics_count_by_route(client: FlaskClient) -> None:
    client.get("/livez")
    client.get("/livez")
    text = client.get("/metrics").get_data(as_text=True)
    assert 'http_requests_total{method="GET",route="/livez",status="200"} 2.0' in text


def test_health_checks_are_logged_and_measured_where_they_fail(caplog: pytest.LogCaptureFixture) -> None:
    parts = {"disk": lambda: "fine"}
    client = create_service("demo", parts, 100).test_client()
    with caplog.at_level(logging.INFO, "demo"):
        for path in ("/livez", "/readyz", "/metrics", "/nowhere"):
            client.get(path)
        assert 'ready{part="disk"} 1.0' in client.get("/metrics").text
        parts["disk"] = broken
        client.get("/readyz")
    assert 'ready{part="disk"} 0.0' in client.get("/metrics").text
    lines = [record.getMessage() for record in caplog.records if record.levelname == "INFO"]
    assert [line.split()[1:3] for line in lines] == [["'/nowhere'", "404"], ["'/readyz'", "503"]]


def test_a_made_up_method_makes_no_series_of_its_own(client: FlaskClient) -> None:
    client.open("/livez", method="AAA1")
    text = client.get("/metrics").get_data(as_text=True)
    assert "AAA1" not in text
    assert 'method="other"' in text


def test_every_kind_has_a_status() -> None:
    assert set(STATUS) == set(Kind)


def test_the_stages_of_a_streamed_answer_are_counted_to_its_end(client: FlaskClient) -> None:
    answer = client.get("/stream")
    assert answer.text == "ab"
    answer.close()
    metrics = client.get("/metrics").text
    assert 'stage_seconds_count{stage="before"} 1.0' in metrics
    assert 'stage_seconds_count{stage="part"} 1.0' in metrics
