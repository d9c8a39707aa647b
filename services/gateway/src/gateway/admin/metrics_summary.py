"""A summary of the Prometheus metrics of all gateways, for the status page.

Each gateway writes its counts into the state database every few seconds. The gateway that answers the request adds up
its own counts and those of the others.
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
# Seconds between writes of a gateway's counts while it answers requests; health checks are requests too.
EVERY_S = 5
# A gateway that has not written for this many seconds is not counted; the next write of any gateway deletes its row.
GONE_S = 60

GATEWAYS = Table(
    "gateways",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("seen_at", Double, nullable=False),  # seconds since 1970
    Column("counts", JSON, nullable=False),
)


class Counts(TypedDict):
    """The counts of a gateway since it started."""

    started_at: float
    # By stage: the sum of seconds, and the cumulative histogram: upper bound of a bucket to count, the last one +Inf.
    sums: dict[str, float]
    buckets: dict[str, dict[str, int]]
    # Number of look-ups by cache and result.
    caches: dict[str, dict[str, int]]


class MetricsSummary:
    """Writes this gateway's counts, and adds up the counts of all gateways."""

    def __init__(self, registry: CollectorRegistry, database: Database, clock: Callable[[], float] = time.time) -> None:
        """Read metrics from a registry and share them through the state database.

        Args:
            registry: of this gateway's app.
            database: the state database.
            clock: seconds since 1970.
        """
        self._registry, self._database, self._clock = registry, database, clock
        self._id, self._started_at, self._written_at = uuid.uuid4().hex, clock(), 0.0
        self._writing = threading.Lock()

    def write(self) -> None:
        """Write this gateway's counts if the last write is at least EVERY_S ago; called after each request."""
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
        """The summary of all gateways.

        `uptime_s` is that of the oldest; `stages` has the time of each stage, `request` being a search as a whole;
        `caches` has the look-ups of each cache.
        """
        alive = select(GATEWAYS.c.counts).where(GATEWAYS.c.id != self._id, GATEWAYS.c.seen_at >= self._clock() - GONE_S)
        every: list[Counts] = [self._own()]
        try:
            every += [row.counts for row in self._database.rows(alive)]
        except ServiceError as error:
            log.warning("the counts of the other gateways could not be read: %s", error.detail)
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
    """Add up several mappings of names to numbers."""
    total: dict[str, Any] = defaultdict(int)
    for part in parts:
        for name, value in part.items():
            total[name] += value
    return total


def spread(sum_s: float, upto: Mapping[str, int]) -> dict[str, Any]:
    """Count, mean, quantiles and buckets of a histogram, in milliseconds.

    Args:
        sum_s: the sum of all values, in seconds.
        upto: cumulative: the upper bound of each bucket in seconds to the number of values up to it; the last is +Inf.
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
        # The last bucket has no upper bound: None, since JSON has no infinity.
        "buckets": [
            {"most_ms": round(1000 * end, 2) if end != float("inf") else None, "count": int(upto - before[i])}
            for i, (end, upto) in enumerate(buckets)
        ],
    }


def quantile(buckets: list[tuple[float, float]], share: float) -> float:
    """A quantile of a histogram, with linear interpolation within a bucket, as PromQL's histogram_quantile.

    Args:
        buckets: (upper bound, cumulative count), ascending; the last bound is infinite.
        share: the quantile, 0 to 1.
    """
    wanted = share * buckets[-1][1]
    start, below = 0.0, 0.0
    for end, upto in buckets:
        if upto >= wanted and upto > below:
            return start if end == float("inf") else start + (end - start) * (wanted - below) / (upto - below)
        start, below = end, upto
    return start
