"""What each container of the composed system may do, and what it takes."""

import time
from typing import Any

from tests.compose.conftest import SERVICES, Composed

MIB = 2**20


def processor_seconds(system: Composed) -> float:
    """Seconds of processor time that all containers have taken."""
    total = 0.0
    for service in SERVICES:
        said = control_group(system, service, "cpu.stat", "cpuacct/cpuacct.usage")
        # The first line of version 2: usage_usec, in microseconds; of version 1 the only one, in nanoseconds.
        name, _, value = said.splitlines()[0].rpartition(" ")
        total += int(value) / (1e6 if name else 1e9)
    return total


def control_group(system: Composed, service: str, version_2: str, version_1: str) -> str:
    """A file of a container's control group, whose name depends on the version that the machine has."""
    read = f"cd /sys/fs/cgroup; cat {version_2} 2>/dev/null || cat {version_1}"
    return system.compose("exec", "-T", service, "sh", "-c", read)


def test_a_container_is_closed_and_unprivileged(system: Any) -> None:
    for service in SERVICES:
        for container in system.containers(service):
            facts = system.inspect(container)
            host = facts["HostConfig"]
            assert host["ReadonlyRootfs"], service
            assert host["CapDrop"] == ["ALL"], service
            assert not host["Privileged"], service
            user = system.compose("exec", "-T", service, "cat", "/proc/1/status")
            assert "\nUid:\t0\t" not in user, service
            assert "\nCapEff:\t0000000000000000" in user or service in ("edge", "page"), service


def test_the_limits_of_memory_are_one_and_a_half_gigabytes_together_and_nothing_was_ended_by_them(system: Any) -> None:
    total = 0
    for service in SERVICES:
        for container in system.containers(service):
            facts = system.inspect(container)
            total += facts["HostConfig"]["Memory"]
            assert not facts["State"]["OOMKilled"], service
            events = control_group(system, service, "memory.events", "memory/memory.oom_control")
            assert "oom_kill 0\n" in events, service
    assert total <= 1536 * MIB


def test_an_idle_system_takes_less_than_three_hundredths_of_a_core(system: Any) -> None:
    before, began = processor_seconds(system), time.monotonic()
    # Longer than the time between two health checks, whose share is counted too.
    time.sleep(30)
    share = (processor_seconds(system) - before) / (time.monotonic() - began)
    assert share < 0.03
