"""Sightline's gateway: the only service the browser sees, and the `sightline` command line."""

from __future__ import annotations

from importlib.metadata import version

from flask import Blueprint, Flask, Response, request
from servicekit.app import create_service
from servicekit.server.memory import memory_left
from servicekit.settings import load_settings
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.admin.routes import add_admin_routes
from gateway.admin.session_routes import add_session_routes
from gateway.api.base_path import BasePath
from gateway.api.docs import create_docs
from gateway.api.forms import spooling_in
from gateway.api.page import create_page
from gateway.api.routing import Api
from gateway.bin.routes import add_bin_routes
from gateway.dependencies import Clients, Dependencies, build, clients_of
from gateway.jobs.queue import JobKind
from gateway.jobs.routes import add_job_routes
from gateway.library.routes import add_library_routes
from gateway.pictures.routes import add_picture_routes
from gateway.reading.routes import add_reading_routes
from gateway.search.kept_routes import add_kept_routes
from gateway.search.routes import add_search_routes
from gateway.search.term_vectors import other_model
from gateway.selection.routes import add_selection_routes
from gateway.settings import Settings

# Memory of the gateway, in bytes: 110 MB, and what the files of two batches take.
OWN_BYTES = 192 * 2**20


def create_app(settings: Settings | None = None, clients: Clients | None = None) -> Flask:
    """Create the gateway's app: settings come from the environment, and clients from the settings, unless given."""
    settings = settings or load_settings(Settings)
    clients = clients or clients_of(settings)
    encoders, search, database = clients.encoders, clients.search, clients.database

    deps: Dependencies  # built below, since it needs the metrics registry of the app

    def one_search() -> str:
        serves = deps.collection.state()["model_id"]
        canary = encoders.of(serves).text("a photo")
        if serves not in (None, canary.model_id):
            raise other_model(serves, canary.model_id)
        search.query(model_id=canary.model_id, terms=[{"vector": canary.vector}], k=1)
        return f"a search by {canary.model_id} went through"

    checks = {
        "encoder": encoders.current.check,
        "search": search.check,
        "query": one_search,
        "media": lambda: deps.media.check(),
        "cache": clients.cache.state,
        "database": database.check,
    }
    app = create_service("gateway", checks, settings.max_body_bytes, settings.otlp_endpoint, trusting=False)
    app.request_class = spooling_in(settings.state.with_name("spool"))
    decode_bytes = settings.decode_bytes or memory_left(OWN_BYTES)
    deps = build(settings, clients, app.extensions["metrics_registry"], decode_bytes)
    app.extensions["database"] = database

    api = Api(Blueprint("api", __name__, url_prefix="/api/v1"), deps.access, deps.limits)
    add_reading_routes(api, search)
    add_search_routes(api, deps.searcher, search, deps.collection_facts, settings.max_file_bytes)
    add_picture_routes(
        api,
        search,
        deps.collection,
        deps.media,
        deps.library,
        deps.ingest,
        deps.bin.records,
        settings.max_images,
        settings.max_body_bytes,
    )
    add_bin_routes(api, deps.bin, deps.collection, sweep=lambda: deps.jobs.submit(JobKind.SWEEP, {}))
    add_selection_routes(api, search, deps.collection, deps.media)
    add_kept_routes(api, deps.kept)
    add_session_routes(api, deps.access)
    add_admin_routes(
        api,
        search=search,
        collection_facts=deps.collection_facts,
        quarantine=deps.quarantine,
        metrics=deps.metrics,
    )
    add_library_routes(api, deps.library)
    add_job_routes(api, deps.jobs, deps.collection)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(create_docs(api.description("Sightline", version("sightline-gateway"))))
    if settings.page:
        app.register_blueprint(create_page(settings.page, deps.limits.downloads))
    if settings.base_path:
        based = BasePath(app.wsgi_app, settings.base_path)
        app.wsgi_app = based  # type: ignore[method-assign]
    if settings.trusted_proxies:
        # Each proxy appends an address; only the outermost, which terminates TLS, sets the protocol.
        proxied = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1)
        app.wsgi_app = proxied  # type: ignore[method-assign]

    @app.before_request
    def protect() -> None:
        if request.endpoint in ("metrics", "readyz"):
            deps.access.admit_from_here()

    @app.after_request
    def count(response: Response) -> Response:
        # After the response has been sent, since the database write may wait for a disk.
        response.call_on_close(deps.metrics.write)
        return response

    app.after_request(harden)
    return app


def harden(response: Response) -> Response:
    """Set security headers on a response; a header that the route has set is kept."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    return response
