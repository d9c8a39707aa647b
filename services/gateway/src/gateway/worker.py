"""The worker's app: it does the jobs of the state database, and answers only for its own health and metrics."""

from __future__ import annotations

import os
from typing import Any

from flask import Flask
from gunicorn.workers.base import Worker as GunicornWorker
from servicekit.app import create_service
from servicekit.errors import Kind, ServiceError
from servicekit.server.memory import memory_left
from servicekit.settings import load_settings

from gateway.database import Database
from gateway.dependencies import DAY_S, Clients, build, clients_of
from gateway.jobs.queue import JobKind, JobQueue
from gateway.jobs.tasks import tasks_of
from gateway.jobs.watch import LibraryWatch
from gateway.jobs.worker import Worker
from gateway.reading.job import Due
from gateway.reading.reader import MISSING, Reader
from gateway.settings import Settings

# How much less than other processes it gets of a busy processor: searches come first.
NICE = 10
# Memory of the worker, and of the reader's process: 381 MB after 5,000 photographs.
OWN_BYTES, READER_BYTES = 160 * 2**20, 400 * 2**20


def create_app(settings: Settings | None = None, clients: Clients | None = None) -> Flask:
    """Create the worker's app: settings come from the environment, and clients from the settings, unless given.

    Its jobs run from `start` to `stop`.
    """
    settings = settings or load_settings(Settings)
    clients = clients or clients_of(settings)
    database: Database = clients.database
    queue = JobQueue(database)

    worker: Worker  # built below, since it needs the metrics registry of the app
    checks = {"database": database.check, "jobs": lambda: worker.check()}
    app = create_service("worker", checks, settings.max_body_bytes, settings.otlp_endpoint, trusting=False)
    reader = reader_of(settings)
    deps = build(settings, clients, app.extensions["metrics_registry"], decode_bytes(settings))
    tasks = tasks_of(clients.encoders.current, clients.search, deps.media, deps.scanner, deps.sweeper, reader)
    due = {JobKind.READ: Due(reader.name, clients.search)} if reader else {}
    worker = Worker(queue, tasks, deps.collection.changed, every_s={JobKind.SWEEP: DAY_S}, due=due)
    app.extensions["database"], app.extensions["worker"] = database, worker
    app.extensions["watch"] = LibraryWatch(
        deps.library.folders.paths,
        queue,
        settings.rescan_s,
        deps.scanner.has_files,
        deps.library.identities,
        deps.library.folders.is_never_searched,
    )
    return app


def reader_of(settings: Settings) -> Reader | None:
    """What reads the text in pictures, by the settings; None if nothing is to be read.

    Raises:
        ServiceError: it is to be read, and the reader is not installed.
    """
    reader = None if settings.reading == "off" else Reader.installed(settings.max_pixels, decode_bytes(settings))
    if reader is None and settings.reading == "on":
        raise ServiceError(Kind.INVALID, f"GATEWAY_READING is on, but {MISSING}")
    return reader


def decode_bytes(settings: Settings) -> int:
    """The memory of decoded pictures, in the worker or in the reader's process: only one has pictures at a time."""
    return settings.decode_bytes or memory_left(OWN_BYTES + (0 if settings.reading == "off" else READER_BYTES))


def start(process: GunicornWorker) -> None:
    """Start the jobs and the watch in the process that serves the app (gunicorn's `post_worker_init`)."""
    os.nice(NICE)
    extensions = extensions_of(process)
    extensions["worker"].start()
    extensions["watch"].start()


def stop(_: object, process: GunicornWorker) -> None:
    """Stop the watch, and the jobs after their current steps (gunicorn's `worker_exit`)."""
    extensions = extensions_of(process)
    if extensions.get("watch"):
        extensions["watch"].stop()
    if extensions.get("worker"):
        extensions["worker"].stop()


def extensions_of(process: GunicornWorker) -> dict[str, Any]:
    """The extensions of the app that a gunicorn worker serves; none if the app could not be created."""
    app = process.app.callable  # not process.wsgi, which our worker class wraps
    return app.extensions if isinstance(app, Flask) else {}
