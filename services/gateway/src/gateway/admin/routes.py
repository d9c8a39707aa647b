"""Routes of the public API, version 1: administration of the collection."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from flask import Response, g, stream_with_context
from servicekit.clients.encoder import EncoderClient
from servicekit.errors import Kind, ServiceError

from gateway.admin.metrics_summary import MetricsSummary
from gateway.admin.reindex import Progress
from gateway.admin.reindex import reindex as run
from gateway.admin.schemas import ExportParams, ScanParams, Stats
from gateway.api.routing import Api, event, events
from gateway.auth.keys import Scope
from gateway.library.index import Library, Scan
from gateway.library.scan import scan
from gateway.pictures.ingest import Ingest
from gateway.pictures.quarantine import Quarantine
from gateway.pictures.schemas import QuarantineAnswer, public
from gateway.pictures.storage import MediaStore
from gateway.search.facets import CollectionFacts
from gateway.upstream.collection import Collection
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

# Pictures per page that an export reads from the search service.
PAGE = 500


def add_admin_routes(
    api: Api,
    *,
    encoder: EncoderClient,
    search: SearchClient,
    collection: Collection,
    collection_facts: CollectionFacts,
    media: MediaStore,
    library: Library,
    quarantine: Quarantine,
    ingest: Ingest,
    metrics: MetricsSummary,
) -> None:
    """Register the administration routes with the API."""

    @api.route("GET", "/stats", {200: Stats})
    def stats() -> dict[str, Any]:
        """Get facts about the collection and the model, and how long the stages of a request took."""
        return {**search.stats(), "captions": search.captions(), "model": collection_facts.model(), **metrics.facts()}

    @api.route("GET", "/export", {200: ("application/x-ndjson",)}, params=ExportParams, limit=api.limits.streams)
    def export(params: ExportParams) -> Response:
        """Fetch the record of every picture.

        One JSON document per line, ordered by id.
        """
        model_id = search.stats()["model_id"]

        def lines() -> Iterator[bytes]:
            after = ""
            while pictures := search.export(after, PAGE)[1]:
                for picture in pictures:
                    vector = {"model_id": model_id, "vector": picture["vector"]} if params.vectors else {}
                    yield orjson.dumps({**public(picture), **vector}, option=orjson.OPT_APPEND_NEWLINE)
                after = pictures[-1]["id"]

        return Response(stream_with_context(lines()), content_type="application/x-ndjson")

    @api.route("GET", "/quarantine", {200: QuarantineAnswer}, scope=Scope.ADMIN)
    def list_quarantine() -> dict[str, Any]:
        """List the files that could not be added, and why."""
        return {"files": list(quarantine.all())}

    @api.route("DELETE", "/quarantine/<picture_id>", {204: None}, errors=(Kind.NOT_FOUND,), scope=Scope.ADMIN)
    def release(picture_id: str) -> tuple[str, int]:
        """Delete a file that could not be added from the quarantine."""
        if not quarantine.release(picture_id):
            raise ServiceError(Kind.NOT_FOUND, f"there is no file {picture_id} in the quarantine")
        api.access.did("quarantine-released", file=picture_id)
        return "", 204

    @api.route("POST", "/reindex", {200: ("text/event-stream",)}, scope=Scope.ADMIN, limit=api.limits.streams)
    def reindex() -> Response:
        """Encode every picture with the encoder's current model, and switch searches to that model.

        Searches use the previous model until every picture is encoded. The answer is a stream of server-sent events
        named progress, with the model, how many pictures have its vectors, and which could not be encoded; if the
        re-index fails, the last event is named problem. A repeated request resumes where the last one stopped.
        """
        api.access.did("reindex-began")
        return progress_events(run(encoder, search, media))

    @api.route(
        "POST",
        "/library/scan",
        {200: ("text/event-stream",)},
        params=ScanParams,
        scope=Scope.ADMIN,
        limit=api.limits.streams,
    )
    def scan_library(params: ScanParams) -> Response:
        """Bring the collection up to date with the folders of the library.

        The answer is a stream of server-sent events named progress, with the number of files and the results so far; if
        the scan fails, the last event is named problem. A repeated request resumes where the last one stopped.
        """
        api.access.did("scan-began", remove=str(params.remove).lower())
        return progress_events(scan(library, ingest, search, media, params.remove))

    def progress_events(steps: Iterable[Progress | Scan]) -> Response:
        """A response of server-sent events, one for each step when it is done."""

        def stream() -> Iterator[str]:
            try:
                for step in steps:
                    yield event("progress", step.document())
            except ServiceError as error:
                yield event("problem", error.body(g.request_id))
            except Exception:
                # The status was sent long ago: without an event the client would see a broken connection.
                log.exception("unexpected error %s", g.request_id)
                unexpected = ServiceError(Kind.INTERNAL, "an unexpected error; the log has it under this request id")
                yield event("problem", unexpected.body(g.request_id))
            finally:
                collection.changed()

        return events(stream())
