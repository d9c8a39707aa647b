"""Routes of the public API, version 1: what is written in pictures."""

from __future__ import annotations

from typing import Any

from servicekit.errors import Kind, ServiceError

from gateway.api.routing import Api
from gateway.reading.schemas import TextAnswer
from gateway.upstream.search import SearchClient


def add_reading_routes(api: Api, search: SearchClient) -> None:
    """Register the route with the API."""

    @api.route("GET", "/images/<picture_id>/text", {200: TextAnswer}, errors=(Kind.NOT_FOUND,))
    def get_text(picture_id: str) -> dict[str, Any]:
        """Get what is written in a picture."""
        reading = search.readings([picture_id]).get(picture_id)
        if reading is not None:
            return {"read": True, **reading}
        if not search.present([picture_id]):
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        return {"read": False, "reader": None, "text": "", "lines": []}
