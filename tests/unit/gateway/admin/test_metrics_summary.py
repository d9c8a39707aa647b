"""The status page's metrics: quantiles of a histogram, and sums over all running gateways."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gateway.admin.metrics_summary import EVERY_S, GATEWAYS, GONE_S, MetricsSummary, quantile
from gateway.database import Database
from prometheus_client import CollectorRegistry, Counter, Histogram
from sqlalchemy import select

from tests.unit.gateway.conftest import RED, body, get, picture, upload


class Gateway:
    """The metrics of one gateway, with a clock that the test sets."""

    def __init__(self, database: Database, started_at: float) -> None:
        self.now = started_at
        registry = CollectorRegistry()
        self.stage = Histogram("stage_seconds", "x", ["stage"], registry=registry, buckets=(1, 2))
        self.searches = Histogram("http_request_seconds", "x", ["route"], registry=registry, buckets=(1, 2))
        self.lookups = Counter("cache_lookups", "x", ["cache", "result"], registry=registry)
        self.summary = MetricsSummary(registry, database, lambda: self.now)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.in_file(tmp_path / "state.sqlite")) as opened:
        yield opened


def test_counts_of_all_gateways_are_added_up(database: Database) -> None:
    first, second = Gateway(database, 1000), Gateway(database, 1030)
    for seconds in (0.5, 1.5, 1.5):
        first.stage.labels("encode").observe(seconds)
    second.stage.labels("encode").observe(4.5)
    second.searches.labels("/api/v1/search").observe(0.5)
    second.searches.labels("/api/v1/stats").observe(0.5)
    first.lookups.labels("page", "hit").inc(3)
    second.lookups.labels("page", "hit").inc(4)
    second.lookups.labels("vector", "miss").inc()
    first.now = 1030
    first.summary.write()
    facts = second.summary.facts()
    assert facts["uptime_s"] == 30  # of the oldest
    encode, request = facts["stages"]
    assert (encode["stage"], encode["count"], encode["mean_ms"]) == ("encode", 4, 2000)
    assert encode["buckets"] == [
        {"most_ms": 1000, "count": 1},
        {"most_ms": 2000, "count": 2},
        {"most_ms": None, "count": 1},
    ]
    assert (request["stage"], request["count"]) == ("request", 1)
    assert facts["caches"] == [
        {"cache": "page", "hit": 7, "miss": 0, "shared": 0},
        {"cache": "vector", "hit": 0, "miss": 1, "shared": 0},
    ]


def test_a_gateway_that_is_gone_is_not_counted_and_its_row_goes(database: Database) -> None:
    first, second = Gateway(database, 1000), Gateway(database, 1000)
    first.lookups.labels("page", "hit").inc()
    first.summary.write()
    second.now = 1000 + GONE_S
    assert second.summary.facts()["caches"] == [{"cache": "page", "hit": 1, "miss": 0, "shared": 0}]
    second.now += 1
    assert second.summary.facts()["caches"] == []
    second.summary.write()
    assert len(database.rows(select(GATEWAYS))) == 1


def test_counts_are_written_after_requests_and_not_after_each(database: Database) -> None:
    gateway = Gateway(database, 1000)

    def written() -> list[float]:
        return [row.seen_at for row in database.rows(select(GATEWAYS))]

    for now, seen in ((1000, 1000), (1000 + EVERY_S - 1, 1000), (1000 + EVERY_S, 1000 + EVERY_S)):
        gateway.now = now
        gateway.summary.write()
        assert written() == [seen]


def test_the_api_shows_what_another_gateway_counted(make_stack: Any) -> None:
    stack, other = make_stack(), make_stack()
    upload(stack, picture(RED))
    get(other, "/api/v1/search?q=red")
    shown = body(get(stack, "/api/v1/stats"))
    # The other gateway wrote its counts after its first request, so that request is counted.
    assert [s["count"] for s in shown["stages"] if s["stage"] == "request"] == [1]


def test_a_quantile_lies_within_its_bucket() -> None:
    # Ten values up to 1, ten more up to 3, none above.
    buckets = [(1.0, 10.0), (3.0, 20.0), (float("inf"), 20.0)]
    assert quantile(buckets, 0.25) == 0.5
    assert quantile(buckets, 0.75) == 2.0
    assert quantile([(1.0, 0.0), (float("inf"), 4.0)], 0.5) == 1.0
