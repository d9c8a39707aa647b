"""The public API, version 1."""

from __future__ import annotations

import hashlib
import json
import re
import time
import unicodedata
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Blueprint, Response, request, send_file
from pydantic import Field, TypeAdapter, ValidationError
from servicekit.errors import Kind, ServiceError
from servicekit.wire import Params, parse, problems

from gateway.adding import Adder, Details, Outcome, Upload
from gateway.cache import Cache
from gateway.clients import Encoded, EncoderClient, SearchClient
from gateway.confidence import CONFIDENT, Confidence, Scale
from gateway.media import MIMETYPES, MediaStore
from gateway.settings import Settings

ID = re.compile(r"[0-9a-f]{32}")
# A file's name is its content, so what was fetched once is right for ever.
FOREVER_S = 31_536_000
MAX_IDS = 100


class SearchParams(Params):
    """The parameters of GET /api/v1/search."""

    q: str
    k: int = Field(default=24, ge=1)
    cursor: str | None = None


class SimilarParams(Params):
    """The parameters of GET /api/v1/images/{id}/similar."""

    k: int = Field(default=24, ge=1)
    cursor: str | None = None


class LookupParams(Params):
    """The parameters of GET /api/v1/images."""

    ids: str


class ThumbnailParams(Params):
    """The parameters of GET /api/v1/images/{id}/thumbnail."""

    w: int = 480


class NoParams(Params):
    """No parameters at all."""


# The form field `details` of POST /api/v1/images: one entry a file, in order.
DETAILS = TypeAdapter(list[Details])


def create_routes(
    encoder: EncoderClient,
    search: SearchClient,
    cache: Cache,
    media: MediaStore,
    confidence: Confidence,
    settings: Settings,
) -> Blueprint:
    """The routes, over the collaborators that are handed in."""
    routes = Blueprint("api", __name__, url_prefix="/api/v1")
    adder = Adder(encoder, search, media, settings.max_file_bytes)

    def encode(text: str, model_id: str) -> Encoded:
        """The text's vector in the collection's model, from the cache where it is there."""
        key = f"text:{model_id}:{digest(text)}"
        if kept := cache.get(key):
            return Encoded(*json.loads(kept))
        encoded = encoder.text(text)
        if encoded.model_id == model_id:
            cache.set(key, json.dumps(encoded).encode())
        return encoded

    def ranked(generation: str, what: list[Any], query: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A page of hits, from the cache where this very generation's is there."""
        key = f"hits:{generation}:{digest(json.dumps(what))}"
        if kept := cache.get(key):
            page: dict[str, Any] = json.loads(kept)
            return page
        page = query()
        # Written to in between? Then the page belongs to the newer generation.
        if page["generation"] == generation:
            cache.set(key, json.dumps(page).encode())
        return page

    def answer(page: dict[str, Any], started: float, scale: Scale | None = None, **more: Any) -> dict[str, Any]:
        return {
            **page,
            "results": [
                {
                    "score": round(r["score"], 6),
                    "confidence": scale and round(scale.confidence(r["score"]), 4),
                    **public(r),
                }
                for r in page["results"]
            ],
            **more,
            "took_ms": round((time.perf_counter() - started) * 1000, 1),
        }

    def record(picture_id: str) -> dict[str, Any]:
        found = search.lookup([picture_id]).get(picture_id)
        if found is None:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        return found

    @routes.before_request
    def check_id() -> None:
        if (given := (request.view_args or {}).get("picture_id")) is not None and not ID.fullmatch(given):
            raise ServiceError(Kind.NOT_FOUND, "there is no such picture; an id is 32 hex digits")

    @routes.get("/search")
    def text_search() -> dict[str, Any]:
        started = time.perf_counter()
        params = read_params(SearchParams)
        check_k(params.k, settings.max_k)
        text = normalise(params.q)
        if not text:
            raise ServiceError(Kind.INVALID, "q: empty; say what the picture shows")
        if len(text) > settings.max_query_characters:
            raise ServiceError(Kind.INVALID, f"q: {len(text)} characters; the limit is {settings.max_query_characters}")
        stats = search.stats()
        if stats["model_id"] is None:
            nothing = {"results": [], "model_id": None, "generation": stats["generation"], "next_cursor": None}
            return answer(nothing, started, confident=None, truncated=False)
        encoded = encode(text, stats["model_id"])
        page = ranked(
            stats["generation"],
            ["text", encoded.model_id, text, params.k, params.cursor],
            lambda: search.query(
                model_id=encoded.model_id, terms=[{"vector": encoded.vector}], k=params.k, cursor=params.cursor
            ),
        )
        scale = confidence.scale(stats)
        # The verdict is on the best result of all, which later pages do not hold.
        best = page["results"][0]["score"] if page["results"] and params.cursor is None else None
        confident = None if scale is None or best is None else scale.confidence(best) > CONFIDENT
        return answer(page, started, scale, confident=confident, truncated=encoded.truncated)

    @routes.get("/images/<picture_id>/similar")
    def similar(picture_id: str) -> dict[str, Any]:
        started = time.perf_counter()
        params = read_params(SimilarParams)
        check_k(params.k, settings.max_k)
        page = ranked(
            search.stats()["generation"],
            ["like", picture_id, params.k, params.cursor],
            lambda: search.query(terms=[{"like": picture_id}], k=params.k, cursor=params.cursor),
        )
        return answer(page, started)

    @routes.get("/images")
    def lookup() -> dict[str, Any]:
        ids = read_params(LookupParams).ids.split(",")
        if wrong := [i for i in ids if not ID.fullmatch(i)]:
            raise ServiceError(Kind.INVALID, f"ids: {wrong[0][:40]!r} is not one; an id is 32 hex digits")
        if len(ids) > MAX_IDS:
            raise ServiceError(Kind.INVALID, f"ids: {len(ids)} ids; a request holds 1 to {MAX_IDS}")
        found = search.lookup(ids)
        return {"images": [public(found[i]) for i in ids if i in found]}

    @routes.post("/images")
    def add() -> tuple[dict[str, Any], int]:
        read_params(NoParams)
        outcomes = adder.add(read_uploads(settings.max_images))
        items = [outcome_item(o) for o in outcomes]
        failures = [o.error for o in outcomes if o.error]
        if len(failures) == len(items):
            raise ServiceError(failures[0].kind, f"no picture was added; file 0: {failures[0].detail}", items=items)
        return {"items": items}, 201 if any(o.status == "added" for o in outcomes) else 200

    @routes.get("/images/<picture_id>")
    def image(picture_id: str) -> dict[str, Any]:
        read_params(NoParams)
        return public(record(picture_id))

    @routes.delete("/images/<picture_id>")
    def delete(picture_id: str) -> tuple[str, int]:
        read_params(NoParams)
        # The files first: cut off in between, the picture is still on record, and deleting it can be tried again.
        media.delete(record(picture_id)["media_key"])
        search.delete(picture_id)
        return "", 204

    @routes.get("/images/<picture_id>/file")
    def file(picture_id: str) -> Response:
        read_params(NoParams)
        kept = record(picture_id)
        path = media.original(kept["media_key"])
        response = send_file(
            path.resolve(),
            mimetype=MIMETYPES[path.suffix[1:]],
            download_name=kept["file_name"] or path.name,
            etag=picture_id,
            max_age=FOREVER_S,
        )
        return harmless(response)

    @routes.get("/images/<picture_id>/thumbnail")
    def thumbnail(picture_id: str) -> Response:
        width = read_params(ThumbnailParams).w
        path = media.thumbnail(record(picture_id)["media_key"], width)
        response = send_file(path.resolve(), mimetype="image/webp", etag=f"{picture_id}-{width}", max_age=FOREVER_S)
        return harmless(response)

    @routes.get("/stats")
    def stats() -> dict[str, Any]:
        read_params(NoParams)
        return {**search.stats(), "captions": search.captions()}

    return routes


P = TypeVar("P", bound=Params)


def read_params(model: type[P]) -> P:
    """The query string, strictly: an unknown parameter, and one that is given twice, is refused."""
    if twice := [name for name, values in request.args.lists() if len(values) > 1]:
        raise ServiceError(Kind.INVALID, f"{', '.join(twice)}: given more than once")
    return parse(model, request.args.to_dict())


def read_uploads(max_images: int) -> list[Upload]:
    """The files of an upload with what is said about each.

    Raises:
        ServiceError: an unknown field, no file or too many, or details that do not match the files.
    """
    fields = (set(request.files) - {"images"}) | (set(request.form) - {"details"})
    if unknown := sorted(name or "(a part without a name)" for name in fields):
        raise ServiceError(
            Kind.INVALID, f"{', '.join(unknown)}: unknown field; send files as images, and captions in details"
        )
    files = request.files.getlist("images")
    if not 1 <= len(files) <= max_images:
        raise ServiceError(Kind.INVALID, f"images: {len(files)} files; a request holds 1 to {max_images}")
    details = [Details() for _ in files]
    if given := request.form.getlist("details"):
        try:
            details = DETAILS.validate_json(given[0])
        except ValidationError as error:
            raise ServiceError(Kind.INVALID, problems(error, "details")) from error
        if len(given) > 1 or len(details) != len(files):
            raise ServiceError(Kind.INVALID, f"details: {len(details)} entries for {len(files)} files")
    return [Upload(file_name(f.filename or ""), f.stream.read(), d) for f, d in zip(files, details, strict=True)]


def file_name(given: str) -> str:
    """The last part of a name that a client sent, for people to read; it is never used as a path."""
    name = given.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable())[:255]


def normalise(text: str) -> str:
    """One spelling for texts that mean the same to the model: composed Unicode, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def check_k(k: int, limit: int) -> None:
    """Refuse more results than the limit."""
    if k > limit:
        raise ServiceError(Kind.INVALID, f"k: {k} is more than the limit of {limit}")


def public(record: dict[str, Any]) -> dict[str, Any]:
    """A picture's record as the API shows it."""
    base = f"/api/v1/images/{record['id']}"
    shown = {k: record[k] for k in ("id", "caption", "tags", "file_name", "width", "height", "added_at")}
    return {**shown, "file_url": f"{base}/file", "thumbnail_url": f"{base}/thumbnail"}


def outcome_item(outcome: Outcome) -> dict[str, Any]:
    """One file's entry in the answer to an upload."""
    item: dict[str, Any] = {"status": outcome.status, "id": outcome.id}
    return {**item, "error": outcome.error.item()} if outcome.error else item


def harmless(response: Response) -> Response:
    """Serve a stranger's file as nothing but the picture it was checked to be."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def digest(text: str) -> str:
    """A key for a text of any length."""
    return hashlib.sha256(text.encode()).hexdigest()
