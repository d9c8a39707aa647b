"""One service behind the gateway, over HTTP."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import httpx
import orjson
from flask import g, has_request_context

from servicekit.deadline import HEADER, check_deadline, time_left
from servicekit.errors import Kind, ServiceError
from servicekit.tracing import trace_headers

# Seconds for a connection, and between the two tries of a request.
CONNECT_S = 2.0
PAUSE_S = 0.05
Files = Sequence[tuple[str, tuple[str, bytes]]]


class NotReachedError(ServiceError):
    """No answer came: the request may or may not have been carried out, so only an idempotent one is sent again."""

    def __init__(self, detail: str) -> None:
        super().__init__(Kind.UNAVAILABLE, detail)


class Service:
    """HTTP client of one service. The service's errors are raised again with their kind and detail."""

    def __init__(self, name: str, url: str, transport: httpx.BaseTransport, timeout_s: float = 60) -> None:
        """By way of a transport.

        Without an `httpx.Client` around it: cookies, redirects and proxies, which no service of ours has, cost 0.2 ms a
        request.

        Args:
            name: what messages call it.
            url: where it is.
            transport: carries the requests.
            timeout_s: how long a part of an answer may take where no deadline says less.
        """
        self._name, self._transport, self._timeout_s = name, transport, timeout_s
        self._url = lru_cache(256)(lambda path: httpx.URL(url.rstrip("/") + path))

    def call(self, method: str, path: str, repeat: bool = True, json: Any = None, files: Files | None = None) -> Any:
        """Make one request and return the decoded answer, a JSON object; the caller gives it its type.

        Args:
            method: of HTTP.
            path: at the service.
            repeat: whether the request is idempotent and may be retried once: if a replica dies, the retry reaches
                another.
            json: the body, where it is JSON.
            files: the body, where it is a form: (field, (name, content)) of each file.

        Raises:
            ServiceError: the service refused the request, or does not answer (503).
        """
        try:
            return self._once(method, path, json, files)
        except NotReachedError:
            if not repeat:
                raise
        # Long enough for the load balancer to notice.
        time.sleep(PAUSE_S)
        return self._once(method, path, json, files)

    def _once(self, method: str, path: str, json: Any, files: Files | None) -> Any:
        check_deadline()
        headers = {"X-Request-Id": g.request_id, **trace_headers()} if has_request_context() else {}
        left = time_left()
        if left is not None:
            headers[HEADER] = str(max(1, int(left * 1000)))
        content = None
        if json is not None:
            content, headers["Content-Type"] = orjson.dumps(json), "application/json"
        try:
            answer = self._send(method, path, left, headers=headers, content=content, files=files)
        except httpx.ConnectTimeout as error:
            raise NotReachedError(f"{self._name} cannot be reached") from error
        except httpx.TimeoutException as error:
            raise ServiceError(Kind.UNAVAILABLE, f"{self._name} did not answer in time") from error
        except httpx.TransportError as error:
            raise NotReachedError(f"{self._name} cannot be reached") from error
        try:
            body: dict[str, Any] = orjson.loads(answer.content)
        except ValueError as error:  # the edge's own error page: it has no upstream
            raise NotReachedError(f"{self._name} cannot be reached ({answer.status_code})") from error
        if answer.is_success:
            return body
        kind = read_kind(body)
        if kind in (Kind.INTERNAL, Kind.UNAVAILABLE):
            raise ServiceError(Kind.UNAVAILABLE, f"{self._name} failed: {body.get('detail', answer.status_code)}")
        extra = {"items": body["items"]} if "items" in body else {}
        raise ServiceError(kind, str(body.get("detail", "")), **extra)

    def _send(self, method: str, path: str, left: float | None, **content: Any) -> httpx.Response:
        """The whole answer to one request, in at most so many seconds."""
        most = self._timeout_s if left is None else left
        timeout = {"connect": min(most, CONNECT_S), "read": most, "write": most, "pool": most}
        request = httpx.Request(method, self._url(path), extensions={"timeout": timeout}, **content)
        answer = self._transport.handle_request(request)
        answer.read()
        return answer

    def check(self) -> str:
        """What the service says about its own readiness.

        Raises:
            ServiceError: it does not answer, or is not ready.
        """
        try:
            answer = self._send("GET", "/readyz", None)
            checks: dict[str, dict[str, str]] = answer.json()["checks"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise ServiceError(Kind.UNAVAILABLE, f"{self._name} cannot be reached") from error
        failed = [f"{part}: {c['detail']}" for part, c in checks.items() if c["status"] != "ok"]
        if failed:
            raise ServiceError(Kind.UNAVAILABLE, "; ".join(failed))
        return "; ".join(c["detail"] for c in checks.values())


def read_kind(body: Mapping[str, Any]) -> Kind:
    """The kind of a problem document; one that is not on the list counts as internal."""
    try:
        return Kind(str(body.get("type", "")).rpartition(":")[2])
    except ValueError:
        return Kind.INTERNAL
