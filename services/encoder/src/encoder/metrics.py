"""Prometheus metrics of the batches, by what is computed: texts or pictures."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Histogram
from servicekit.app import BUCKETS


class BatchMetrics:
    """Waiting times, sizes and computing times of batches."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._waited = Histogram(
            "encoder_queue_seconds",
            "Time that an item waits for its batch",
            ["kind"],
            registry=registry,
            buckets=BUCKETS,
        )
        self._items = Histogram(
            "encoder_batch_items", "Items in a batch", ["kind"], registry=registry, buckets=(1, 2, 4, 8, 16, 32)
        )
        self._size = Histogram(
            "encoder_batch_size",
            "Size of a batch: its tokens with padding, or its pictures",
            ["kind"],
            registry=registry,
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
        )
        self._seconds = Histogram(
            "encoder_batch_seconds", "Time to compute a batch", ["kind"], registry=registry, buckets=BUCKETS
        )

    def batch(self, kind: str, waited: Sequence[float], size: int, seconds: float) -> None:
        """Count a batch.

        Args:
            kind: what was computed.
            waited: for each of its items, the seconds in the queue.
            size: the tokens with padding, or the number of pictures.
            seconds: to compute it.
        """
        for one in waited:
            self._waited.labels(kind).observe(one)
        self._items.labels(kind).observe(len(waited))
        self._size.labels(kind).observe(size)
        self._seconds.labels(kind).observe(seconds)
