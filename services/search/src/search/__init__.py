"""Sightline's search: vector to picture ids and records, by a SQLite catalogue and a Faiss index derived from it."""

from __future__ import annotations

from flask import Flask
from servicekit.app import create_service
from servicekit.settings import load_settings

from search.catalogue import Catalogue
from search.index import Index
from search.routes import create_routes
from search.settings import Settings


def create_app(settings: Settings | None = None) -> Flask:
    """Return the search service's app; settings come from the environment unless handed in."""
    settings = settings or load_settings(Settings)
    catalogue = Catalogue(settings.catalogue)
    index = Index(catalogue)

    def check() -> str:
        count, seq = index.size()
        return f"{count} pictures, generation {catalogue.name}-{seq}"

    app = create_service("search", {"index": check}, settings.max_body_bytes)
    app.register_blueprint(create_routes(catalogue, index, settings))
    app.extensions["catalogue"] = catalogue
    return app
