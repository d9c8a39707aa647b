"""The encoder and the search service, as the gateway calls them."""

from __future__ import annotations

import base64
import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import httpx
import orjson
from flask import g, has_request_context
from servicekit.deadline import HEADER, check_deadline, time_left
from servicekit.errors import Kind, ServiceError
from servicekit.tracing import trace_headers

# A request to the encoder holds at most this much: more gains no speed, and every picture is decoded in its memory.
BATCH_IMAGES = 16
BATCH_BYTES = 32 * 2**20
# Queries in one request to the search service, which takes up to 64.
BATCH_QUERIES = 32
# Seconds for a connection, and between the two tries of a request.
CONNECT_S = 2.0
PAUSE_S = 0.05


Files = Sequence[tuple[str, tuple[str, bytes]]]


class Encoded(NamedTuple):
    """A unit vector as base64 of little-endian float32, the model it belongs to, and whether the text was cut."""

    vector: str
    model_id: str
    dim: int
    truncated: bool


class NotReachedError(ServiceError):
    """Nobody has answered the request: it may be made again."""

    def __init__(self, detail: str) -> None:
        super().__init__(Kind.UNAVAILABLE, detail)


class Service:
    """One service behind the gateway. Its errors become the gateway's own: same kind, same sentence."""

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

    def call(
        self, method: str, path: str, repeat: bool = True, json: Any = None, files: Files | None = None
    ) -> dict[str, Any]:
        """Make one request and return the decoded answer.

        Args:
            method: of HTTP.
            path: at the service.
            repeat: whether the request may be made twice: a replica that dies under it is no reason to fail, since the
                next try reaches another.
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
        # Long enough for a balancer to notice.
        time.sleep(PAUSE_S)
        return self._once(method, path, json, files)

    def _once(self, method: str, path: str, json: Any, files: Files | None) -> dict[str, Any]:
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
        except ValueError as error:  # an edge between here and there says in its own words that nobody is behind it
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


class EncoderClient(Service):
    """Text or picture to vector."""

    def model(self) -> dict[str, Any]:
        """What its model is: `model_id`, `dim`, `name`, `towers`, `evaluation`."""
        return self.call("GET", "/v1/model")

    def text(self, text: str) -> Encoded:
        """The vector of one text."""
        return self.texts([text])[0]

    def texts(self, texts: Sequence[str]) -> list[Encoded]:
        """The vector of each text, in order."""
        body = self.call("POST", "/v1/text", json={"texts": list(texts)})
        vectors, size = base64.b64decode(body["vectors"]), 4 * body["dim"]
        rows = [base64.b64encode(vectors[i * size : (i + 1) * size]).decode() for i in range(len(texts))]
        return [
            Encoded(row, body["model_id"], body["dim"], item["truncated"])
            for row, item in zip(rows, body["items"], strict=True)
        ]

    def images(self, contents: Sequence[bytes]) -> list[Encoded | ServiceError]:
        """For each picture file its vector, or what is wrong with it.

        Raises:
            ServiceError: the encoder does not answer.
        """
        results: list[Encoded | ServiceError] = []
        for batch in batches(contents):
            files = [("images", ("picture", content)) for content in batch]
            try:
                body = self.call("POST", "/v1/images", files=files)
            except ServiceError as error:
                if "items" not in error.extra:
                    raise
                body = {"vectors": "", "dim": 0, "model_id": "", **error.extra}
            vectors, size = base64.b64decode(body["vectors"]), 4 * body["dim"]
            for item in body["items"]:
                if item["row"] is None:
                    results.append(ServiceError(read_kind(item["error"]), item["error"]["detail"]))
                else:
                    row = vectors[item["row"] * size : (item["row"] + 1) * size]
                    results.append(Encoded(base64.b64encode(row).decode(), body["model_id"], body["dim"], False))
        return results


class SearchClient(Service):
    """Vector to picture records, and the records themselves."""

    def stats(self) -> dict[str, Any]:
        """`count`, `model_id` (None while there is no picture) and `generation`."""
        return self.call("GET", "/v1/stats")

    def captions(self) -> list[str]:
        """Some short captions of the collection."""
        captions: list[str] = self.call("GET", "/v1/examples")["captions"]
        return captions

    def suggest(self, text: str, limit: int) -> dict[str, list[str]]:
        """`captions` and `tags` that go on as a text does."""
        return self.call("POST", "/v1/suggest", json={"text": text, "limit": limit})

    def facets(self) -> dict[str, Any]:
        """What the pictures can be told apart by."""
        return self.call("GET", "/v1/facets")

    def query(self, **query: Any) -> dict[str, Any]:
        """One page of hits; fields that are None are left out."""
        return self.call("POST", "/v1/query", json={k: v for k, v in query.items() if v is not None})

    def best_scores(self, model_id: str, vectors: Sequence[str]) -> list[float]:
        """For each query vector the score of its best picture; none while the collection is empty."""
        best: list[float] = []
        for first in range(0, len(vectors), BATCH_QUERIES):
            part = vectors[first : first + BATCH_QUERIES]
            queries = [{"model_id": model_id, "terms": [{"vector": v}], "k": 1} for v in part]
            answers = self.call("POST", "/v1/queries", json={"queries": queries})["answers"]
            best += [a["results"][0]["score"] for a in answers if a["results"]]
        return best

    def lookup(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The records of those ids that exist, by id."""
        if not ids:
            return {}
        return {p["id"]: p for p in self.call("POST", "/v1/lookup", json={"ids": list(ids)})["pictures"]}

    def add(self, model_id: str, dim: int, pictures: Sequence[dict[str, Any]]) -> set[str]:
        """Put pictures on record; return the ids that are new. One that is there already is left as it is."""
        body = {"model_id": model_id, "dim": dim, "pictures": list(pictures), "keep_existing": True}
        return set(self.call("POST", "/v1/pictures", json=body)["created"])

    def put(self, model_id: str, dim: int, pictures: Sequence[dict[str, Any]]) -> int:
        """Put pictures on record, in place of those that are there already; how many are new."""
        body = {"model_id": model_id, "dim": dim, "pictures": list(pictures)}
        return len(self.call("POST", "/v1/pictures", json=body)["created"])

    def export(self, after: str, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """The vectors' dimension, and the pictures whose ids follow one with their vectors, in the order of ids."""
        body = self.call("POST", "/v1/export", json={"after": after, "limit": limit})
        return body["dim"] or 0, body["pictures"]

    def models(self) -> list[dict[str, Any]]:
        """Each model whose vectors are there: `model_id`, `serves`, `vectors`."""
        models: list[dict[str, Any]] = self.call("GET", "/v1/models")["models"]
        return models

    def missing(self, model_id: str, limit: int) -> list[str]:
        """Ids of pictures that a model has no vector of."""
        ids: list[str] = self.call("POST", "/v1/models/missing", json={"model_id": model_id, "limit": limit})["ids"]
        return ids

    def fill(self, model_id: str, dim: int, vectors: dict[str, str]) -> None:
        """Keep vectors of a model that does not serve yet, by picture id."""
        sent = [{"id": i, "vector": v} for i, v in vectors.items()]
        self.call("POST", "/v1/vectors", json={"model_id": model_id, "dim": dim, "vectors": sent})

    def serve(self, model_id: str) -> None:
        """Let a model serve that has a vector of every picture."""
        self.call("POST", "/v1/models/serve", json={"model_id": model_id})

    def edit(self, picture_id: str, changes: dict[str, Any]) -> dict[str, Any]:
        """Change a picture's record; the new one."""
        record: dict[str, Any] = self.call("PATCH", f"/v1/pictures/{picture_id}", repeat=False, json=changes)["picture"]
        return record

    def delete(self, picture_id: str) -> None:
        """Remove a picture's record."""
        self.call("DELETE", f"/v1/pictures/{picture_id}", repeat=False)


def read_kind(body: dict[str, Any]) -> Kind:
    """The kind of a problem document; one that is not on the list counts as internal."""
    try:
        return Kind(str(body.get("type", "")).rpartition(":")[2])
    except ValueError:
        return Kind.INTERNAL


def batches(contents: Sequence[bytes]) -> list[list[bytes]]:
    """Consecutive parts of a list of files, each within the limits of one request; one huge file goes alone."""
    parts: list[list[bytes]] = []
    size = 0
    for content in contents:
        if not parts or len(parts[-1]) == BATCH_IMAGES or size + len(content) > BATCH_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(content)
        size += len(content)
    return parts
