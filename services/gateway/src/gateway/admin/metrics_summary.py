"""A summary of this process's own Prometheus metrics for the status page."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

SEARCH = "/api/v1/search"


class MetricsSummary:
    """Summarises the metrics registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry, self._started = registry, time.monotonic()

    def facts(self) -> dict[str, Any]:
        """`uptime_s`; `stages`, how long each took, the whole search under `request`; `caches`, with their look-ups."""
        stages: list[dict[str, Any]] = []
        caches: dict[str, dict[str, int]] = defaultdict(lambda: {"hit": 0, "miss": 0, "shared": 0})
        for metric in self._registry.collect():
            if metric.name == "stage_seconds":
                stages += [{"stage": name, **spread} for name, spread in spreads(metric, "stage").items()]
            elif metric.name == "http_request_seconds":
                stages += [
                    {"stage": "request", **spread}
                    for route, spread in spreads(metric, "route").items()
                    if route == SEARCH
                ]
            elif metric.name == "cache_lookups":
                for sample in metric.samples:
                    if sample.name.endswith("_total"):
                        caches[sample.labels["cache"]][sample.labels["result"]] = int(sample.value)
        return {
            "uptime_s": round(time.monotonic() - self._started),
            "stages": sorted(stages, key=lambda s: s["stage"]),
            "caches": [{"cache": name, **counts} for name, counts in sorted(caches.items())],
        }


def spreads(metric: Metric, label: str) -> dict[str, dict[str, Any]]:
    """Count, mean, quantiles and buckets of a histogram in milliseconds, for each value of a label."""
    series: dict[str, list[tuple[float, float]]] = defaultdict(list)
    sums: dict[str, float] = {}
    for sample in metric.samples:
        if sample.name.endswith("_bucket"):
            series[sample.labels[label]].append((float(sample.labels["le"]), sample.value))
        elif sample.name.endswith("_sum"):
            sums[sample.labels[label]] = sample.value
    found = {}
    for name, buckets in series.items():
        count = int(buckets[-1][1])
        if count:
            before = [0.0, *(upto for _, upto in buckets)]
            found[name] = {
                "count": count,
                "mean_ms": round(1000 * sums[name] / count, 2),
                "p50_ms": round(1000 * quantile(buckets, 0.5), 2),
                "p95_ms": round(1000 * quantile(buckets, 0.95), 2),
                # The last bucket has no end, and JSON no infinity.
                "buckets": [
                    {"most_ms": round(1000 * end, 2) if end != float("inf") else None, "count": int(upto - before[i])}
                    for i, (end, upto) in enumerate(buckets)
                ],
            }
    return found


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
