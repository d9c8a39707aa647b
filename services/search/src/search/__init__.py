"""Sightline's search service: answers queries with picture ids and records, from a SQLite catalogue and a Faiss index.

The index is derived from the catalogue and can always be rebuilt from it.
"""

from __future__ import annotations

from flask import Flask
from servicekit.app import create_service
from servicekit.settings import SettingsError, load_settings

from search.api.routes import create_routes
from search.catalogue.catalogue import Catalogue
from search.index.index import Index
from search.metrics import CollectionMetrics
from search.settings import Settings
from search.store import LocalStore, Store


def create_app(settings: Settings | None = None, store: Store | None = None) -> Flask:
    """Return the search service's app; settings come from the environment unless handed in."""
    settings = settings or load_settings(Settings)
    store = store or open_store(settings)
    app = create_service("search", {"index": store.check}, settings.max_body_bytes, settings.otlp_endpoint)
    if settings.backend == "milvus":
        from search.milvus.client import answer_failures

        answer_failures(app)
    app.extensions["metrics_registry"].register(CollectionMetrics(store))
    app.register_blueprint(create_routes(store, settings))
    app.extensions["store"] = store
    return app


def open_store(settings: Settings) -> Store:
    """The back end that the settings name.

    Raises:
        SettingsError: the back end needs a setting or a package that is missing.
    """
    if settings.backend == "milvus":
        return open_milvus(settings)
    catalogue = Catalogue(settings.catalogue)
    return LocalStore(catalogue, Index(catalogue, settings.index_folder, settings.snapshot_rows))


def open_milvus(settings: Settings) -> Store:
    """The Milvus back end; its packages are an optional extra, so they are imported here only."""
    if not settings.milvus_uri:
        raise SettingsError("SEARCH_MILVUS_URI: SEARCH_BACKEND=milvus needs it")
    try:
        from search.milvus.client import connect
        from search.milvus.store import MilvusStore
    except ImportError as error:
        raise SettingsError(
            "SEARCH_BACKEND=milvus needs more packages: pip install 'sightline-search[milvus]'"
        ) from error
    return MilvusStore(connect(settings.milvus_uri, settings.milvus_token), settings.milvus_prefix)
