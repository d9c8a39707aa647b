"""Serves the app under a path of a proxy's host, such as https://example.org/photos/."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.utils import redirect

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class BasePath:
    """An app whose URLs and cookies begin with a path (WSGI's SCRIPT_NAME, PEP 3333).

    The proxy may remove the path from a request or leave it.
    """

    def __init__(self, app: WSGIApplication, path: str) -> None:
        self._app, self._path = app, path

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """See PEP 3333."""
        asked: str = environ["PATH_INFO"]
        if asked == self._path:  # the page's relative URLs need the slash
            return redirect(f"{self._path}/", 308)(environ, start_response)
        environ["SCRIPT_NAME"] = self._path
        if asked.startswith(f"{self._path}/"):
            environ["PATH_INFO"] = asked.removeprefix(self._path)
        return self._app(environ, start_response)
