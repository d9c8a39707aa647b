"""A summary of the Prometheus metrics of all gateways, for the status page.

Each gateway writes its counts into the state database from time to time; the one that is asked adds up those of the
others and its own.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from prometheus_client import CollectorRegistry
from servicekit.errors import ServiceError
from sqlalchemy import JSON, Column, Double, Table, Text, delete, select

from gateway.database import METADATA, Database

log = logging.getLogger(__name__)

SEARCH = "/api/v1/search"
# How often a gateway writes its counts, while it answers requests; health checks are requests too.
EVERY_S = 5
# A gateway that has not written for so long is not counted; its row is deleted when another is written.
GONE_S = 60

GATEWAYS = Table(
    "gateways",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("seen_at", Double, nullable=False),  # seconds since 1970
    Column("counts", JSON, nullable=False),
)


class Counts(TypedDict):
    """What a gateway has counted since it started."""

    started_at: float
    # By stage: seconds in sum, and by the end of each bucket how many took at most so long; the last end is +Inf.
    sums: dict[str, float]
    buckets: dict[str, dict[str, int]]
    # By cache and result: look-ups.
    caches: dict[str, dict[str, int]]


class MetricsSummary:
    """Writes this gateway's counts, and adds up those of all."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Over a metrics registry and the state database.

        Args:
            clock: seconds since 1970.
        """
        self._registry, self._database, self._clock = registry, database, clock
        self._id, self._started_at, self._written_at = uuid.uuid4().hex, clock(), 0.0
        self._writing = threading.Lock()

    def write(self) -> None:
        """Write this gateway's counts, where that was long enough ago; called after each request."""
        if self._clock() - self._written_at < EVERY_S or not self._writing.acquire(blocking=False):
            return
        try:
            now = self._written_at = self._clock()
            self._database.put(GATEWAYS, {"id": self._id, "seen_at": now, "counts": self._own()})
            self._database.change(delete(GATEWAYS).where(GATEWAYS.c.seen_at < now - GONE_S))
        except ServiceError as error:
            log.warning("the counts of this gateway could not be written: %s", error.detail)
        finally:
            self._writing.release()

    def facts(self) -> dict[str, Any]:
        """Of all gateways: `uptime_s` of the oldest; `stages`, how long each took, the whole search under `request`;
        `caches`, with their look-ups."""
        alive = select(GATEWAYS.c.counts).where(GATEWAYS.c.id != self._id, GATEWAYS.c.seen_at >= self._clock() - GONE_S)
        every: list[Counts] = [self._own(), *(row.counts for row in self._database.rows(alive))]
        sums = added(counts["sums"] for counts in every)
        stages = {name: spread(sums[name], added(c["buckets"].get(name, {}) for c in every)) for name in sorted(sums)}
        caches = sorted({name for counts in every for name in counts["caches"]})
        return {
            "uptime_s": round(self._clock() - min(counts["started_at"] for counts in every)),
            "stages": [{"stage": name, **facts} for name, facts in stages.items() if facts["count"]],
            "caches": [
                {"cache": name, "hit": 0, "miss": 0, "shared": 0, **added(c["caches"].get(name, {}) for c in every)}
                for name in caches
            ],
        }

    def _own(self) -> Counts:
        sums: dict[str, float] = {}
        buckets: dict[str, dict[str, int]] = defaultdict(dict)
        caches: dict[str, dict[str, int]] = defaultdict(dict)
        for metric in self._registry.collect():
            for sample in metric.samples:
                if sample.name == "cache_lookups_total":
                    caches[sample.labels["cache"]][sample.labels["result"]] = int(sample.value)
                elif metric.name == "stage_seconds" or sample.labels.get("route") == SEARCH:
                    name = sample.labels.get("stage", "request")
                    if sample.name in ("stage_seconds_sum", "http_request_seconds_sum"):
                        sums[name] = sample.value
                    elif sample.name in ("stage_seconds_bucket", "http_request_seconds_bucket"):
                        buckets[name][sample.labels["le"]] = int(sample.value)
        return {"started_at": self._started_at, "sums": sums, "buckets": buckets, "caches": caches}


def added(parts: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    """The sum of numbers by name."""
    total: dict[str, Any] = defaultdict(int)
    for part in parts:
        for name, value in part.items():
            total[name] += value
    return total


def spread(sum_s: float, upto: Mapping[str, int]) -> dict[str, Any]:
    """Count, mean, quantiles and buckets of a histogram, in milliseconds.

    Args:
        sum_s: of all values, in seconds.
        upto: by the end of each bucket in seconds, how many values lie up to it; the last end is infinite.
    """
    buckets = sorted((float(end), float(count)) for end, count in upto.items())
    count = int(buckets[-1][1]) if buckets else 0
    if not count:
        return {"count": 0}
    before = [0.0, *(upto for _, upto in buckets)]
    return {
        "count": count,
        "mean_ms": round(1000 * sum_s / count, 2),
        "p50_ms": round(1000 * quantile(buckets, 0.5), 2),
        "p95_ms": round(1000 * quantile(buckets, 0.95), 2),
        # The last bucket has no end, and JSON no infinity.
        "buckets": [
            {"most_ms": round(1000 * end, 2) if end != float("inf") else None, "count": int(upto - before[i])}
            for i, (end, upto) in enumerate(buckets)
        ],
    }


def quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """The value below which a share of a histogram lies, evenly spread within a bucket, as PromQL's histogram_quantile.

    Args:
        buckets: (end, how many lie up to it), ascending, the last end infinite.
        share: 0 to 1.
    """
    wanted = share * buckets[-1][1]
    start, below = 0.0, 0.0
    for end, upto in buckets:
        if upto >= wanted and upto > below:
            return start if end == float("inf") else start + (end - start) * (wanted - below) / (upto - below)
        start, below = end, upto
    return start
