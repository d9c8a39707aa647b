"""Routes of the public API, version 1: kept searches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from servicekit.errors import Kind, ServiceError
from werkzeug.datastructures import MultiDict

from gateway.api.routing import Api, read_params
from gateway.auth.keys import Scope
from gateway.search.kept import KeptSearch, KeptSearches
from gateway.search.schemas import KeptAnswer, KeptListAnswer, NewKept, SearchParams


def add_kept_routes(api: Api, kept: KeptSearches) -> None:
    """Register the routes of kept searches with the API."""

    @api.route("GET", "/searches", {200: KeptListAnswer})
    def list_searches() -> dict[str, Any]:
        """List the kept searches, by name."""
        return {"searches": [shown(one) for one in kept.all()]}

    @api.route("POST", "/searches", {200: KeptAnswer}, body=NewKept, errors=(Kind.NO_SPACE,), scope=Scope.WRITE)
    def keep_search(body: NewKept) -> dict[str, Any]:
        """Keep a search under a name. A search that is kept already gets the new name."""
        made = kept.keep(" ".join(body.name.split()), checked(body.search))
        api.access.did("search-kept", search=made.id)
        return shown(made)

    @api.route("DELETE", "/searches/<search_id>", {204: None}, errors=(Kind.NOT_FOUND,), scope=Scope.WRITE)
    def remove_search(search_id: str) -> tuple[str, int]:
        """Remove a kept search."""
        kept.remove(search_id)
        api.access.did("search-removed", search=search_id)
        return "", 204


def checked(search: str) -> str:
    """The query string of a search, if GET /api/v1/search would take it.

    Raises:
        ServiceError: it would not; or it names a page of results, which is not kept.
    """
    given = MultiDict(parse_qsl(search, keep_blank_values=True))
    if paging := sorted(given.keys() & {"k", "cursor", "explain"}):
        raise ServiceError(Kind.INVALID, f"search: {', '.join(paging)}: a page of results cannot be kept")
    try:
        read_params(SearchParams, given).request()
    except ServiceError as error:
        raise ServiceError(error.kind, f"search: {error.detail}") from error
    return search


def shown(kept: KeptSearch) -> dict[str, Any]:
    """A kept search in the API's form."""
    at = datetime.fromtimestamp(kept.kept_at, UTC).isoformat(timespec="seconds")
    return {**kept._asdict(), "kept_at": at}
