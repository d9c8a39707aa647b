"""Base class of HTTP clients: deadline, retry of idempotent requests, and errors that keep their kind."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import httpx
import orjson
from flask import g, has_request_context

from servicekit.deadline import HEADER, check_deadline, time_left
from servicekit.errors import ItemError, Kind, ServiceError
from servicekit.tracing import trace_headers

# Seconds: the connect timeout, and the pause before a retry.
CONNECT_S = 2.0
PAUSE_S = 0.05
Files = Sequence[tuple[str, tuple[str, bytes]]]


class NotReachedError(ServiceError):
    """No answer: the request may or may not have been executed, so it is retried only if it is idempotent."""

    def __init__(self, detail: str, part: str) -> None:
        super().__init__(Kind.UNAVAILABLE, detail, part=part)


class Service:
    """HTTP client of one service. Errors of the service are raised as ServiceError with the same kind and detail."""

    def __init__(self, name: str, url: str, transport: httpx.BaseTransport, timeout_s: float = 60) -> None:
        """Use an httpx transport directly, without `httpx.Client`.

        Its cookies, redirects and proxies are not needed between our services and cost 0.2 ms per request.

        Args:
            name: the service's name in error messages.
            url: the service's base URL.
            transport: sends the requests.
            timeout_s: read and write timeout of a request that has no deadline.
        """
        self._name, self._transport, self._timeout_s = name, transport, timeout_s
        # As problem documents name it, for clients that decide by it: encoder, former-encoder, search.
        self._part = name.removeprefix("the ").removesuffix(" service").replace(" ", "-")
        self._url = lru_cache(256)(lambda path: httpx.URL(url.rstrip("/") + path))

    def call(self, method: str, path: str, repeat: bool = True, json: Any = None, files: Files | None = None) -> Any:
        """Make one request and return the decoded answer, a JSON object; the caller annotates its type.

        Args:
            method: the HTTP method.
            path: the path at the service.
            repeat: whether the request is idempotent and may be retried once: if a replica dies, the retry reaches
                another.
            json: a JSON body.
            files: a multipart body: (field, (name, content)) for each file.

        Raises:
            ServiceError: the service refused the request, or does not answer (503).
        """
        try:
            return self._once(method, path, json, files)
        except NotReachedError:
            if not repeat:
                raise
        # Long enough for the load balancer to notice that a replica is down.
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
            raise NotReachedError(f"{self._name} cannot be reached", self._part) from error
        except httpx.TimeoutException as error:
            detail = f"{self._name} did not answer in time"
            raise ServiceError(Kind.UNAVAILABLE, detail, part=self._part) from error
        except httpx.TransportError as error:
            raise NotReachedError(f"{self._name} cannot be reached", self._part) from error
        try:
            body: dict[str, Any] = orjson.loads(answer.content)
        except ValueError as error:  # not JSON: the reverse proxy's own error page, sent when it reaches no replica
            raise NotReachedError(f"{self._name} cannot be reached ({answer.status_code})", self._part) from error
        if answer.is_success:
            return body
        kind = read_kind(body)
        if kind in (Kind.INTERNAL, Kind.UNAVAILABLE):
            detail = f"{self._name} failed: {body.get('detail', answer.status_code)}"
            raise ServiceError(Kind.UNAVAILABLE, detail, part=self._part)
        extra = {"items": body["items"]} if "items" in body else {}
        raise ServiceError(kind, str(body.get("detail", "")), **extra)

    def _send(self, method: str, path: str, left: float | None, **content: Any) -> httpx.Response:
        """Send one request and read the whole answer; `left` seconds is the timeout of each step, or `timeout_s`."""
        most = self._timeout_s if left is None else left
        timeout = {"connect": min(most, CONNECT_S), "read": most, "write": most, "pool": most}
        request = httpx.Request(method, self._url(path), extensions={"timeout": timeout}, **content)
        answer = self._transport.handle_request(request)
        answer.read()
        return answer

    def check(self) -> str:
        """The status text of the service's `/readyz`.

        Raises:
            ServiceError: the service does not answer, or is not ready.
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
    """The kind of a problem document; INTERNAL for an unknown one."""
    try:
        return Kind(str(body.get("type", "")).rpartition(":")[2])
    except ValueError:
        return Kind.INTERNAL


def of_item(item: ItemError) -> ServiceError:
    """The error of one item, inside an answer about several items."""
    error = ServiceError(read_kind(item), item["detail"])
    error.extra = {name: value for name, value in item.items() if name in ("limit", "unit")}
    return error
