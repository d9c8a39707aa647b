"""Searches go on while the composed system changes: replicas come and go, are killed or hang, and are replaced."""

import time
from typing import Any

import pytest

from tests.compose.conftest import Load, run, wait_until

REPLICAS = {"gateway": "SIGHTLINE_GATEWAYS", "encoder": "SIGHTLINE_ENCODERS", "search": "SIGHTLINE_SEARCHES"}


@pytest.mark.parametrize("service", REPLICAS)
def test_a_service_is_scaled_up_and_down(system: Any, service: str) -> None:
    with Load(system.url) as load:
        system.up(**{REPLICAS[service]: "3"})
        assert len(system.containers(service)) == 3
        load.reach(200)
        system.up(**{REPLICAS[service]: "1"})
        assert len(system.containers(service)) == 1
        load.reach(100)
    assert load.failures == []


@pytest.mark.parametrize("service", REPLICAS)
def test_one_service_is_upgraded(system: Any, service: str) -> None:
    with Load(system.url) as load:
        system.up("--no-deps", "--force-recreate", service)
        load.reach(100)
    assert load.failures == []


def test_everything_is_upgraded(system: Any) -> None:
    """All but the edge, whose image does not change with a release, and Redis, whose image is not ours."""
    for name in ("page", "gateway", "worker", "encoder", "search"):
        run("docker", "tag", f"sightline-{name}:test", f"sightline-{name}:next")
    with Load(system.url) as load:
        system.upgrade(SIGHTLINE_VERSION="next")
        load.reach(300)
    assert load.failures == []
    assert [system.inspect(system.containers(name)[0])["Config"]["Image"] for name in REPLICAS] == [
        f"sightline-{name}:next" for name in REPLICAS
    ]
    system.up()


@pytest.mark.parametrize("service", REPLICAS)
def test_a_replica_is_killed(system: Any, service: str) -> None:
    system.up(**{REPLICAS[service]: "2"})
    with Load(system.url) as load:
        system.kill(system.containers(service)[0])
        load.reach(100)
    assert load.failures == []
    system.up(**{REPLICAS[service]: "1"})


@pytest.mark.parametrize("service", [*REPLICAS, "redis", "worker", "page"])
def test_the_only_replica_is_killed(system: Any, service: str) -> None:
    with Load(system.url) as load:
        killed = time.monotonic()
        system.kill(system.containers(service)[0])
        load.reach(100)
    # Those that were under way, one of each client.
    assert len(load.failures) <= load.clients
    assert all(answer.began < killed + 1 for answer in load.failures)


@pytest.mark.parametrize("service", REPLICAS)
def test_a_replica_hangs(system: Any, service: str) -> None:
    system.up(**{REPLICAS[service]: "2"})
    container = system.containers(service)[0]
    with Load(system.url) as load:
        system.pause(container)
        load.last(30)
        system.unpause(container)
    assert load.failures == []
    # What has gone to it waits until it is given up.
    assert sorted(answer.seconds for answer in load.answers)[int(0.97 * len(load.answers))] < 1
    wait_until(lambda: system.inspect(container)["State"]["Health"]["Status"] == "healthy")
    system.up(**{REPLICAS[service]: "1"})
