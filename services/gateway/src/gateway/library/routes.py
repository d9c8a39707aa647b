"""Routes of the public API, version 1: the library."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gateway.api.routing import Api
from gateway.api.schemas import Answer
from gateway.auth.keys import Scope
from gateway.library.index import Library


class FolderAnswer(Answer):
    """A folder of the library."""

    name: str
    path: str
    files: int = Field(description="files of it that are in the collection")
    available: bool = Field(description="whether the folder is there now")


class LibraryAnswer(Answer):
    """The folders whose pictures are indexed where they lie; none if there is no library."""

    folders: list[FolderAnswer]


def add_library_routes(api: Api, library: Library) -> None:
    """Register the routes of the library with the API.

    Args:
        api: receives the routes.
        library: the folders in place.
    """

    @api.route("GET", "/library", {200: LibraryAnswer}, scope=Scope.ADMIN)
    def get_library() -> dict[str, Any]:
        """Get the folders of the library. The jobs of kind `scan` tell when and how they were scanned."""
        return {"folders": library.status()}
