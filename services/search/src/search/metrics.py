"""Prometheus metrics of the collection, read from the store when they are asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from search.store import Store

log = logging.getLogger(__name__)


class CollectionMetrics(Collector):
    """How many pictures there are, and the state of the index."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """The metrics; see `Store.stats`. While the back end does not answer there are only the others."""
        try:
            stats = self._store.stats()
        except Exception as error:
            log.warning("the collection could not be counted: %s", error)
            return
        yield GaugeMetricFamily("collection_pictures", "Pictures in the collection", value=stats["count"])
        index = stats["index"]
        yield GaugeMetricFamily(
            "index_changes", "Pictures added after the index was written, searched one by one", value=index["after"]
        )
        yield GaugeMetricFamily("index_failed", "Whether the index could not be written", value=bool(index["problem"]))
