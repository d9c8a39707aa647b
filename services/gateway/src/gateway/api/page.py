"""The built single-page application, served by the gateway where no edge does it: in the local stack."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from flask import Blueprint, Response, request, send_from_directory

from gateway.api.routing import held
from gateway.concurrency import ConcurrencyLimit

# The page loads nothing from anywhere else, and no inline script.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


def create_page(folder: Path, downloads: ConcurrencyLimit) -> Blueprint:
    """Routes of the page: where the application can be entered, and the files that the build put beside it.

    Args:
        folder: of the built page.
        downloads: limits how many files are sent at once, since a client may read slowly.

    Raises:
        FileNotFoundError: the folder holds no built page.
    """
    folder = folder.resolve()
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"{folder} holds no built page; build it with: npm run build")
    page = Blueprint("page", __name__)

    @page.get("/")
    @page.get("/status")
    def index() -> Response:
        response = send_from_directory(folder, "index.html")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"
        # The gateway, and no other site, is told which name the page was opened under (`gateway.auth.remote`).
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @page.get("/assets/<path:name>")
    def asset(name: str) -> Response:
        with ExitStack() as slot:
            slot.enter_context(downloads.slot())
            # Vite puts a digest of the content into each name.
            return held(send_from_directory(folder / "assets", name, max_age=31_536_000), slot)

    def beside() -> Response:
        return send_from_directory(folder, request.path[1:])

    # Icons and the manifest: a list of existing files, never a path from the URL.
    for file in folder.iterdir():
        if file.is_file() and file.name != "index.html":
            page.add_url_rule(f"/{file.name}", file.name.replace(".", "_"), beside)

    return page
