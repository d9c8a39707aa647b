"""Sightline's gateway: the only service the browser sees, and the `sightline` command line."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path

import httpx
import limits
from flask import Flask, Response, request
from prometheus_client import Counter
from servicekit.app import create_service
from servicekit.settings import load_settings
from werkzeug.middleware.proxy_fix import ProxyFix

from gateway.adding import Adder
from gateway.auth.audit import Audit, audit_log
from gateway.auth.guard import Guard
from gateway.auth.keys import KeyFile
from gateway.auth.rate_limit import RateLimiter
from gateway.auth.remote import Remote
from gateway.auth.routes import add_session_routes
from gateway.auth.sessions import Sessions
from gateway.browsing import Browser
from gateway.cache import Cache, MemoryCache, RedisCache
from gateway.clients import EncoderClient, SearchClient
from gateway.confidence import Confidence
from gateway.docs import create_docs
from gateway.files import files_at
from gateway.gate import Gate, Turns
from gateway.in_place import Library
from gateway.media import MediaStore
from gateway.memo import Collection, Memo
from gateway.observed import Observed
from gateway.page import create_page
from gateway.picture_routes import add_picture_routes
from gateway.quarantine import Quarantine
from gateway.routes import create_api
from gateway.searching import Searcher, other_model
from gateway.settings import Settings
from gateway.upkeep_routes import add_upkeep_routes
from gateway.uploads import spooling_in


def create_app(
    settings: Settings | None = None,
    encoder: EncoderClient | None = None,
    search: SearchClient | None = None,
    cache: Cache | None = None,
    confidence: Confidence | None = None,
) -> Flask:
    """Return the gateway's app; settings come from the environment, and clients from them, unless handed in."""
    settings = settings or load_settings(Settings)
    encoder = encoder or EncoderClient("the encoder", settings.encoder_url, connections(settings), settings.timeout_s)
    search = search or SearchClient(
        "the search service", settings.search_url, connections(settings), settings.timeout_s
    )
    cache = cache or create_cache(settings)
    confidence = confidence or Confidence(encoder, search)
    thumbnails = Gate("thumbnails", working=2, waiting=settings.http_threads // 2, patience_s=10)
    library = Library([Path(p) for p in settings.folders.split(os.pathsep) if p], settings.state)
    files = files_at(settings.media)
    media = MediaStore(files, library, settings.max_pixels, thumbnails)

    def one_search() -> str:
        canary = encoder.text("a photo")
        serves = collection.state()["model_id"]
        if serves not in (None, canary.model_id):
            raise other_model(serves, canary.model_id)
        search.query(model_id=canary.model_id, terms=[{"vector": canary.vector}], k=1)
        return f"a search by {canary.model_id} went through"

    checks = {
        "encoder": encoder.check,
        "search": search.check,
        "query": one_search,
        "media": media.check,
        "cache": cache.state,
    }
    app = create_service("gateway", checks, settings.max_body_bytes, settings.otlp_endpoint, trusting=False)
    app.request_class = spooling_in(settings.state.with_name("spool"))
    lookups = Counter("cache_lookups", "Look-ups", ["cache", "result"], registry=app.extensions["metrics_registry"])
    collection = Collection(search, cache)
    memo = Memo(cache, lookups)
    searcher = Searcher(
        encoder,
        search,
        memo,
        collection,
        confidence,
        Gate("searches", settings.max_searches, settings.http_threads // 4, patience_s=0.5),
        settings,
    )
    keys, sessions = KeyFile(settings.state), Sessions(settings.state)
    app.extensions["state"] = [library, keys, sessions]
    guard = Guard(
        settings.asked,
        keys,
        sessions,
        Remote(settings.edges),
        RateLimiter(limits.parse(settings.rate_limit), settings.redis_url),
        Audit(audit_log(settings.state)),
    )
    turns = Turns.of(settings.http_threads, settings.max_uploads)
    api = create_api(
        searcher,
        search,
        Browser(encoder, search, memo, collection),
        Observed(app.extensions["metrics_registry"]),
        guard,
        turns,
        settings.max_file_bytes,
    )
    # Uploads have had a turn; a scan of the library comes between them. Half of them are decoded and encoded at a time,
    # since each may take hundreds of megabytes; the others are still on their way in.
    adding = Gate(
        "pictures that are being added", max(1, settings.max_uploads // 2), settings.max_uploads, patience_s=60
    )
    quarantine = Quarantine(files)
    adder = Adder(encoder, search, media, quarantine, adding, settings.max_file_bytes)
    add_picture_routes(api, search, collection, media, adder, settings.max_images, settings.max_body_bytes)
    add_session_routes(api, guard)
    add_upkeep_routes(api, encoder, search, collection, media, library, quarantine, adder)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(create_docs(api.description("Sightline", version("sightline-gateway"))))
    if settings.page:
        app.register_blueprint(create_page(settings.page, turns.downloads))
    if settings.trusted_proxies:
        # Each proxy adds an address; the protocol is told by the outermost alone, which has the certificate.
        proxied = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1)
        app.wsgi_app = proxied  # type: ignore[method-assign]

    @app.before_request
    def protect() -> None:
        if request.endpoint in ("metrics", "readyz"):
            guard.admit_from_here()

    app.after_request(harden)
    return app


def harden(response: Response) -> Response:
    """What browsers are told of every answer that does not say it itself."""
    headers = response.headers
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
    headers.setdefault("Referrer-Policy", "no-referrer")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Cache-Control", "no-store")
    return response


def connections(settings: Settings) -> httpx.HTTPTransport:
    """As many connections as there are threads to use them."""
    return httpx.HTTPTransport(limits=httpx.Limits(max_connections=settings.http_threads, keepalive_expiry=30))


def create_cache(settings: Settings) -> Cache:
    """Redis where a URL is set; otherwise this process's memory."""
    if settings.redis_url:
        return RedisCache(settings.redis_url, settings.cache_ttl_s)
    return MemoryCache(settings.cache_bytes, settings.cache_ttl_s)
