"""Routes of the public API, version 1: administration of the collection."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import orjson
from flask import Response, stream_with_context
from servicekit.errors import Kind, ServiceError

from gateway.admin.metrics_summary import MetricsSummary
from gateway.admin.schemas import ExportParams, Stats
from gateway.api.routing import Api
from gateway.auth.keys import Scope
from gateway.pictures.quarantine import Quarantine
from gateway.pictures.schemas import QuarantineAnswer, public
from gateway.search.facets import CollectionFacts
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

# Pictures per page that an export reads from the search service.
PAGE = 500


def add_admin_routes(
    api: Api,
    *,
    search: SearchClient,
    collection_facts: CollectionFacts,
    quarantine: Quarantine,
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
            while pictures := search.export(after, PAGE)[2]:
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
