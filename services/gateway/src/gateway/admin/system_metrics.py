"""Prometheus metrics of what all gateways share, read when they are asked for: disk, jobs, the last backup."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import product

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from servicekit.errors import ServiceError

from gateway.backup.record import latest_backup
from gateway.database import Database
from gateway.jobs.queue import JobKind, JobQueue, Status
from gateway.pictures.object_store import ObjectStore

log = logging.getLogger(__name__)


class SystemMetrics(Collector):
    """Room for pictures, jobs by kind and status, and when the last backup was made."""

    def __init__(self, media: ObjectStore, jobs: JobQueue, database: Database) -> None:
        self._media, self._jobs, self._database = media, jobs, database

    def collect(self) -> Iterator[Metric]:
        """The metrics; those of the state database are left out while it does not answer."""
        if (free := self._media.free_bytes()) is not None:
            yield GaugeMetricFamily("media_free_bytes", "Room on the disk that holds the pictures", value=free)
        try:
            jobs = self._jobs.counts()
            backup = latest_backup(self._database)
        except ServiceError as error:
            log.warning("jobs and backups could not be read: %s", error.detail)
            return
        counts = GaugeMetricFamily("jobs", "Jobs that are kept", labels=["kind", "status"])
        for kind, status in product(JobKind, Status):
            counts.add_metric([kind, status], jobs.get((kind, status), 0))
        yield counts
        if backup is not None:
            yield GaugeMetricFamily("backup_timestamp_seconds", "When the last complete backup began", value=backup)
