"""Serves the built single-page application where no reverse proxy does: in the local stack."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from flask import Blueprint, Response, abort, request, send_from_directory

from gateway.api.routing import held
from gateway.concurrency import ConcurrencyLimit

# Content Security Policy: the page loads nothing from other hosts and has no inline scripts.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


def create_page(folder: Path, downloads: ConcurrencyLimit) -> Blueprint:
    """Routes of the page: the application's URLs, its assets, and the other files of the build.

    Args:
        folder: the built page.
        downloads: limits how many assets are sent at once, since a client may read slowly.

    Raises:
        FileNotFoundError: the folder holds no built page.
    """
    folder = folder.resolve()
    if not (folder / "index.html").is_file():
        raise FileNotFoundError(f"{folder} holds no built page; build it with: npm run build")
    page = Blueprint("page", __name__)

    @page.get("/")
    @page.get("/bin")
    @page.get("/library")
    @page.get("/status")
    def index() -> Response:
        response = send_from_directory(folder, "index.html")
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-cache"
        # `gateway.auth.remote` needs the Referer to see the host name that the page was opened under; other sites get
        # none.
        response.headers["Referrer-Policy"] = "same-origin"
        return response

    @page.get("/<name>")
    def unknown(name: str) -> Response:
        # The page itself answers, in the reader's language. A file that is missing is no page.
        if "." in name:
            abort(404)
        response = index()
        response.status_code = 404
        return response

    @page.get("/assets/<path:name>")
    def asset(name: str) -> Response:
        with ExitStack() as slot:
            slot.enter_context(downloads.slot())
            # Vite puts a content hash into each file name, so assets can be cached for a year.
            return held(send_from_directory(folder / "assets", name, max_age=31_536_000), slot)

    def beside() -> Response:
        return send_from_directory(folder, request.path[1:])

    # Icons and the manifest: one route per existing file, so no path from the URL is used (path traversal).
    for file in folder.iterdir():
        if file.is_file() and file.name != "index.html":
            page.add_url_rule(f"/{file.name}", file.name.replace(".", "_"), beside)

    return page
