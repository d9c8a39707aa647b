"""The public API, version 1: administration of the collection."""

from __future__ import annotations

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

# Pictures of one page of an export.
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
    """Add the routes of administration to the API, over the collaborators that are handed in."""

    @api.route("GET", "/stats", {200: Stats})
    def stats() -> dict[str, Any]:
        """Say what the collection holds, what the model is, and how long the stages of a request took."""
        return {**search.stats(), "captions": search.captions(), "model": collection_facts.model(), **metrics.facts()}

    @api.route("GET", "/export", {200: ("application/x-ndjson",)}, params=ExportParams, limit=api.limits.streams)
    def export(params: ExportParams) -> Response:
        """Fetch what is known of every picture.

        A JSON document a line, in the order of ids.
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
        """Forget a file that could not be added."""
        if not quarantine.release(picture_id):
            raise ServiceError(Kind.NOT_FOUND, f"there is no file {picture_id} in the quarantine")
        api.access.did("quarantine-released", file=picture_id)
        return "", 204

    @api.route("POST", "/reindex", {200: ("text/event-stream",)}, scope=Scope.ADMIN, limit=api.limits.streams)
    def reindex() -> Response:
        """Encode every picture with the encoder's present model, and let that model serve.

        The model before serves until the new one has every picture. The answer are events named progress, with the
        model, how many pictures have its vectors, and which could not be encoded; one named problem ends it where it
        fails. Asked for again it goes on where it was.
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

        The answer are events named progress, with how many files there are and what became of them; one named problem
        ends it where it fails. Asked for again it goes on where it was.
        """
        api.access.did("scan-began", remove=str(params.remove).lower())
        return progress_events(scan(library, ingest, search, media, params.remove))

    def progress_events(steps: Iterable[Progress | Scan]) -> Response:
        """A response in server-sent events, one for each step as it is done."""

        def stream() -> Iterator[str]:
            try:
                for step in steps:
                    yield event("progress", step.document())
            except ServiceError as error:
                yield event("problem", error.body(g.request_id))
            finally:
                collection.changed()

        return events(stream())
