"""What each kind of job does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from servicekit.clients.encoder import EncoderClient
from servicekit.errors import Kind, ServiceError

from gateway.jobs.queue import JobKind
from gateway.jobs.reindex import Progress, reindex
from gateway.jobs.sweep import Progress as Swept
from gateway.jobs.sweep import Sweeper
from gateway.jobs.worker import Task
from gateway.library.scan import Scan, Scanner
from gateway.pictures.storage import MediaStore
from gateway.reading.job import NamedReader, read_pictures
from gateway.reading.job import Progress as Read
from gateway.reading.reader import MISSING
from gateway.upstream.search import SearchClient


def tasks_of(
    encoder: EncoderClient,
    search: SearchClient,
    media: MediaStore,
    scanner: Scanner,
    sweeper: Sweeper,
    reader: NamedReader | None,
) -> dict[JobKind, Task]:
    """The task of each kind of job.

    Args:
        encoder: the encoder of the model that pictures get vectors of.
        search: the collection.
        media: the picture files.
        scanner: scans the library.
        sweeper: sweeps the store of the picture files.
        reader: reads what is written in pictures; None where nothing is to be read.
    """

    def scan_task(params: Mapping[str, Any]) -> Iterator[Scan]:
        paths = params.get("paths")
        scope = None if paths is None else [Path(path) for path in paths]
        return scanner.scan(params["remove"], scope)

    def reindex_task(_: Mapping[str, Any]) -> Iterator[Progress]:
        return reindex(encoder, search, media)

    def sweep_task(_: Mapping[str, Any]) -> Iterator[Swept]:
        return sweeper.sweep()

    def read_task(_: Mapping[str, Any]) -> Iterator[Read]:
        if reader is None:
            raise ServiceError(Kind.INVALID, f"nothing is read here: GATEWAY_READING is off, or {MISSING}")
        return read_pictures(reader, search, media)

    return {
        JobKind.SCAN: scan_task,
        JobKind.REINDEX: reindex_task,
        JobKind.SWEEP: sweep_task,
        JobKind.READ: read_task,
    }
