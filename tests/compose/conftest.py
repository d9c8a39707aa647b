"""The composed system on a real Docker engine: built, started under a name of its own, loaded, and removed again."""

import contextlib
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

ROOT = Path(__file__).parents[2]
# Containers that the system consists of.
SERVICES = ("edge", "page", "gateway", "worker", "encoder", "search", "redis")
# The small machine of docs/deploying.md: 1.5 GB together.
MEMORY = {
    "SIGHTLINE_EDGE_MEMORY": "48m",
    "SIGHTLINE_PAGE_MEMORY": "24m",
    "SIGHTLINE_GATEWAY_MEMORY": "352m",
    "SIGHTLINE_WORKER_MEMORY": "320m",
    "SIGHTLINE_ENCODER_MEMORY": "600m",
    "SIGHTLINE_SEARCH_MEMORY": "128m",
    "SIGHTLINE_REDIS_MEMORY": "64m",
    "GATEWAY_READING": "off",
}


class Answer(NamedTuple):
    """The answer to a request of a load: when it was asked for, how long that took, and its status or error."""

    began: float
    seconds: float
    status: int | str

    @property
    def failed(self) -> bool:
        """Whether the client got no answer, or an error of the server."""
        return not isinstance(self.status, int) or self.status >= 500


@dataclass
class Load:
    """Searches that no cache can answer, from some clients at once, until the block ends."""

    url: str
    clients: int = 4
    pause_s: float = 0.05
    answers: list[Answer] = field(default_factory=list)

    def __enter__(self) -> "Load":
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(self.clients)]
        for thread in self._threads:
            thread.start()
        self.reach(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        # Times, so that no run asks what another has asked.
        start = time.time_ns()
        with httpx.Client(base_url=self.url, timeout=30) as http:
            for number in itertools.count():
                if self._stop.wait(self.pause_s):
                    return
                began = time.monotonic()
                try:
                    query = f"a dog beside {client} of {start} boats {number}"
                    status: int | str = http.get("/api/v1/search", params={"q": query}).status_code
                except httpx.HTTPError as error:
                    status = repr(error)
                self.answers.append(Answer(began, time.monotonic() - began, status))

    def reach(self, more: int) -> None:
        """Wait until so many more requests were answered."""
        seen, until = len(self.answers), time.monotonic() + 60
        while len(self.answers) < seen + more:
            assert time.monotonic() < until, self.answers[-5:]
            time.sleep(0.02)

    def last(self, seconds: float) -> None:
        """Go on for so long."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(0.02)

    @property
    def failures(self) -> list[Answer]:
        """The requests that failed."""
        return [answer for answer in self.answers if answer.failed]


class Composed:
    """The composed system, driven by docker compose as an operator does."""

    def __init__(self, port: int, extra: Sequence[Path] = (), project: str = "sightline-test") -> None:
        self.url, self.project = f"http://127.0.0.1:{port}", project
        self.environment = {
            **os.environ,
            **MEMORY,
            "COMPOSE_PROJECT_NAME": project,
            "COMPOSE_FILE": ":".join(map(str, [ROOT / "docker-compose.yml", *extra])),
            "SIGHTLINE_PUBLISH": f"127.0.0.1:{port}",
            "SIGHTLINE_VERSION": "test",
        }

    def compose(self, *arguments: str, **more: str) -> str:
        """Run docker compose; return its output.

        Args:
            arguments: of the command.
            more: variables as an operator sets them in .env.
        """
        return run("docker", "compose", *arguments, env={**self.environment, **more})

    def up(self, *arguments: str, **more: str) -> None:
        """Start, or change, what is named, and wait until it is healthy."""
        self.compose("up", "-d", "--wait", "--wait-timeout", "120", *arguments, **more)

    def upgrade(self, **more: str) -> None:
        """Replace everything by another version, as the guide says."""
        run(str(ROOT / "deploy" / "upgrade.sh"), env={**self.environment, **more})

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers."""
        return self.compose("ps", "-q", service).split()

    def inspect(self, container: str) -> dict[str, Any]:
        """What the engine knows of a container."""
        found: list[dict[str, Any]] = json.loads(run("docker", "inspect", container))
        return found[0]

    def kill(self, container: str) -> None:
        """Kill a container's first process from outside (SIGKILL), and wait until it runs again and is healthy."""
        before = self.inspect(container)
        os.kill(int(before["State"]["Pid"]), signal.SIGKILL)

        def again() -> bool:
            now = self.inspect(container)
            restarted: bool = now["RestartCount"] > before["RestartCount"]
            return restarted and now["State"]["Health"]["Status"] == "healthy"

        wait_until(again)

    def pause(self, container: str) -> None:
        """Stop all processes of a container, whose connections stay open: it hangs."""
        run("docker", "pause", container)

    def unpause(self, container: str) -> None:
        """Let a paused container go on."""
        run("docker", "unpause", container)


def run(*command: str, env: dict[str, str] | None = None) -> str:
    """Run a command; return what it prints, and fail with what it says."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.1)


def free_port() -> int:
    """A port that is free on this machine."""
    with contextlib.closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def system() -> Iterator[Composed]:
    """The system with the sample gallery in it; its volumes are removed at the end."""
    composed = Composed(free_port())
    composed.compose("--profile", "add", "down", "-v", "--remove-orphans")
    composed.compose("build")
    try:
        composed.up()
        composed.compose("run", "--rm", "gallery")
        yield composed
    finally:
        composed.compose("--profile", "add", "down", "-v", "--remove-orphans")
