"""Dependency injection: builds every object that the routes and the worker need, once, from the settings."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import httpx
import limits
from prometheus_client import CollectorRegistry, Counter
from servicekit.clients.encoder import EncoderClient
from servicekit.server.memory import DecodeMemory

from gateway.admin.metrics_summary import MetricsSummary
from gateway.admin.system_metrics import SystemMetrics
from gateway.auth.access_control import AccessControl
from gateway.auth.audit import Audit, audit_log
from gateway.auth.keys import KeyStore
from gateway.auth.rate_limit import RateLimiter
from gateway.auth.remote import Remote
from gateway.auth.sessions import Sessions
from gateway.bin.service import Bin
from gateway.concurrency import ConcurrencyLimit, RequestLimits
from gateway.database import Database
from gateway.jobs.queue import JobQueue
from gateway.jobs.sweep import Sweeper
from gateway.library.folders import Folders
from gateway.library.index import Library
from gateway.library.scan import Scanner
from gateway.pictures.hidden import BIN, HIDDEN, HiddenPictures
from gateway.pictures.ingest import Ingest
from gateway.pictures.object_store import store_at
from gateway.pictures.quarantine import Quarantine
from gateway.pictures.storage import MediaStore
from gateway.search.cache import Cache, MemoryCache, RedisCache
from gateway.search.calibration import Calibrator
from gateway.search.facets import CollectionFacts
from gateway.search.kept import KeptSearches
from gateway.search.service import Searcher
from gateway.search.single_flight import SingleFlightCache
from gateway.settings import Settings
from gateway.upstream.collection import Collection
from gateway.upstream.encoders import Encoders
from gateway.upstream.redis_server import RedisServer
from gateway.upstream.search import SearchClient

DAY_S = 86_400


@dataclass(frozen=True)
class Clients:
    """Clients of the services behind the gateway; all other objects are built on them."""

    encoders: Encoders
    search: SearchClient
    # None without a Redis URL in the settings; the rate limit is counted in it.
    redis: RedisServer | None
    cache: Cache
    database: Database
    calibrator: Calibrator


@dataclass(frozen=True)
class Dependencies:
    """The objects that the routes use."""

    encoders: Encoders
    search: SearchClient
    collection: Collection
    collection_facts: CollectionFacts
    searcher: Searcher
    media: MediaStore
    quarantine: Quarantine
    ingest: Ingest
    library: Library
    bin: Bin
    scanner: Scanner
    sweeper: Sweeper
    access: AccessControl
    limits: RequestLimits
    metrics: MetricsSummary
    jobs: JobQueue
    kept: KeptSearches


def build(settings: Settings, clients: Clients, registry: CollectorRegistry, decode_bytes: int) -> Dependencies:
    """Build the objects that the routes use.

    Args:
        settings: the gateway's settings.
        clients: clients of the services behind it.
        registry: where metrics are registered, and read for the status page.
        decode_bytes: the memory that pictures may take while they are decoded.
    """
    encoders, search = clients.encoders, clients.search
    store = store_at(settings.media)
    own = [settings.state.parent, *([] if "://" in settings.media else [Path(settings.media)])]
    paths = [Path(p) for p in parts_of(settings.folders)]
    folders = Folders(paths, settings.follow_links, parts_of(settings.ignore), own)
    library = Library(folders, clients.database)
    thumbnails = ConcurrencyLimit("thumbnails", working=2, waiting=settings.http_threads // 2, patience_s=10)
    media = MediaStore(store, library, settings.max_pixels, thumbnails, DecodeMemory(decode_bytes))
    quarantine = Quarantine(store)
    hidden = HiddenPictures(HIDDEN, clients.database, encoders, search, media)
    binned = HiddenPictures(BIN, clients.database, encoders, search, media)

    jobs = JobQueue(clients.database)
    registry.register(SystemMetrics(store, jobs, clients.database))
    collection = Collection(search, clients.cache)
    lookups = Counter("cache_lookups", "Look-ups", ["cache", "result"], registry=registry)
    results = SingleFlightCache(clients.cache, lookups)
    # Two thirds of the threads may compute or wait; cached searches and all other requests have the rest.
    queue = max(settings.http_threads * 2 // 3 - settings.max_searches, settings.http_threads // 4)
    answers = Counter("search_answers", "First pages by whether a result clearly matches", ["sure"], registry=registry)
    searches = ConcurrencyLimit("searches", settings.max_searches, queue, patience_s=settings.deadline_s)
    # Uploads hold a slot of `limits.uploads` already; this limit also covers library scans. Half of the uploads are
    # decoded and encoded at a time, since each may take hundreds of megabytes; the others are still being received.
    adding = ConcurrencyLimit(
        "pictures that are being added", max(1, settings.max_uploads // 2), settings.max_uploads, patience_s=60
    )

    access = AccessControl(
        settings.asked,
        KeyStore(clients.database),
        Sessions(clients.database),
        Remote(settings.edges),
        RateLimiter(limits.parse(settings.rate_limit), clients.redis),
        Audit(audit_log(settings.state)),
    )
    ingest = Ingest(encoders, search, collection, media, (hidden, binned), quarantine, adding, settings.max_file_bytes)
    bin_ = Bin(binned, search, library, media, ingest, settings.keep_deleted_days * DAY_S)
    return Dependencies(
        encoders=encoders,
        search=search,
        collection=collection,
        collection_facts=CollectionFacts(encoders, search, results, collection),
        searcher=Searcher(
            encoders, search, media, results, collection, clients.calibrator, searches, answers, settings
        ),
        media=media,
        quarantine=quarantine,
        ingest=ingest,
        library=library,
        bin=bin_,
        sweeper=Sweeper(store, search, hidden, bin_, library, ingest),
        scanner=Scanner(library, ingest, search, hidden, settings.keep_gone_days * DAY_S),
        access=access,
        limits=RequestLimits.of(settings.http_threads, settings.max_uploads),
        metrics=MetricsSummary(registry, clients.database),
        jobs=jobs,
        kept=KeptSearches(clients.database),
    )


def clients_of(settings: Settings) -> Clients:
    """The clients that the settings name.

    Raises:
        ServiceError: the state database does not answer.
    """
    encoders, search, database = encoders_at(settings), search_at(settings), database_at(settings)
    redis = RedisServer(settings.redis_url, settings.http_threads + 4) if settings.redis_url else None
    calibrator = Calibrator(encoders, search, database)
    return Clients(encoders, search, redis, cache_in(redis, settings), database, calibrator)


def parts_of(written: str) -> list[str]:
    """The parts of a setting that holds several values."""
    return [part for part in written.split(os.pathsep) if part]


def encoders_at(settings: Settings) -> Encoders:
    """The encoders that the settings name."""

    def client(name: str, url: str) -> EncoderClient:
        return EncoderClient(name, url, connections(settings), settings.timeout_s)

    former = settings.former_encoder_url
    return Encoders(
        client("the encoder", settings.encoder_url), client("the former encoder", former) if former else None
    )


def search_at(settings: Settings) -> SearchClient:
    """The search service that the settings name."""
    return SearchClient("the search service", settings.search_url, connections(settings), settings.timeout_s)


def database_at(settings: Settings) -> Database:
    """The state database that the settings name."""
    return Database(settings.database_url) if settings.database_url else Database.in_file(settings.state)


def connections(settings: Settings) -> httpx.HTTPTransport:
    """A transport with as many connections as the gateway has threads."""
    return httpx.HTTPTransport(limits=httpx.Limits(max_connections=settings.http_threads, keepalive_expiry=30))


def cache_in(redis: RedisServer | None, settings: Settings) -> Cache:
    """The cache in Redis; without Redis, in this process's memory."""
    if redis:
        return RedisCache(redis, settings.cache_ttl_s)
    return MemoryCache(settings.cache_bytes, settings.cache_ttl_s)
