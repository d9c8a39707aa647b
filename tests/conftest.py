"""Fixtures that start real processes: services under gunicorn, PostgreSQL, and the whole local stack."""

import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

ROOT = Path(__file__).parent.parent


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run if a test was skipped, because its check did not happen."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@dataclass
class Process:
    """A running process group, its URL, and its log."""

    url: str
    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """Kill the process group (SIGKILL), as in a crash."""
        if self.popen.poll() is None:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def stop(self) -> None:
        """Terminate it gracefully (SIGTERM), so that it can stop its children, which are outside its group."""
        if self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


Start = Callable[..., AbstractContextManager[Process]]


def find_free_ports(count: int) -> int:
    """The first of `count` consecutive ports without a listener.

    Below the range that the kernel takes for outgoing connections (32768 on Linux), and at random: what is chosen now
    is bound some seconds later, and other tests choose at the same time.
    """
    while True:
        port = random.SystemRandom().randrange(10_240, 32_768 - count)
        sockets = [socket.socket() for _ in range(count)]
        try:
            for i, s in enumerate(sockets):
                s.bind(("127.0.0.1", port + i))
            return port
        except OSError:
            continue
        finally:
            for s in sockets:
                s.close()


def answers(url: str) -> bool:
    """Whether a URL answers with a successful status."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@contextmanager
def running(command: list[str], env: dict[str, str], url: str, ready: str, log: Path) -> Iterator[Process]:
    """Run a process in its own group: from when the path `ready` answers until the end of the block."""
    with log.open("wb") as output:
        popen = subprocess.Popen(
            command, env={**os.environ, **env}, stdout=output, stderr=output, start_new_session=True, cwd=ROOT
        )
    process = Process(url, popen, log)
    try:
        deadline = time.monotonic() + 120
        while not answers(url + ready):
            if popen.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{command} did not become ready:\n{log.read_text()}")
            time.sleep(0.05)
        yield process
    finally:
        process.stop()


@pytest.fixture(scope="session")
def free_ports() -> Callable[[int], int]:
    """A function that returns the first of `count` consecutive free ports."""
    return find_free_ports


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    """A function that runs one service under gunicorn: `with start("search", SEARCH_CATALOGUE=...) as search: ...`."""

    def start_service(service: str, ready: str = "/readyz", port: int | None = None, **settings: str) -> object:
        port = port or find_free_ports(1)
        # The worker is a process of the gateway's package, with the gateway's settings.
        conf, bind = f"{service}.gunicorn_conf", f"{service.upper()}_BIND"
        if service == "worker":
            conf, bind = "gateway.worker_conf", "GATEWAY_WORKER_BIND"
        folder = tmp_path_factory.mktemp(service, numbered=True)
        given = {name: value.replace("{port}", str(port)) for name, value in settings.items()}
        env = {bind: f"127.0.0.1:{port}", **given}
        if service in ("gateway", "worker"):
            env.setdefault("GATEWAY_STATE", str(folder / "state.sqlite"))
            # The reader takes memory and a core: tests of it turn it on.
            env.setdefault("GATEWAY_READING", "off")
        command = [sys.executable, "-m", "gunicorn", "-c", f"python:{conf}"]
        return running(command, env, f"http://127.0.0.1:{port}", ready, folder / "log")

    return start_service  # type: ignore[return-value]


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """A PostgreSQL server; each call makes a database and returns its URL."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    # PostgreSQL refuses to run as root; Debian's package creates an account for it.
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as place:
        if user:
            shutil.chown(place, user)
        data, port = Path(place, "data"), find_free_ports(1)
        options = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
        silent = subprocess.DEVNULL
        subprocess.run([programs / "initdb", "-D", data, *options], check=True, stdout=silent, cwd=place, user=user)
        command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", place, "-F"]
        server = subprocess.Popen(command, stdout=silent, stderr=silent, cwd=place, user=user)
        count = itertools.count()

        def new_database() -> str:
            name = f"state{next(count)}"
            with psycopg.connect(host="127.0.0.1", port=port, user="postgres", autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return f"postgresql://postgres@127.0.0.1:{port}/{name}"

        try:
            deadline = time.monotonic() + 60
            while subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
                assert server.poll() is None and time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.05)
            yield new_database
        finally:
            # SIGINT closes open connections; SIGTERM would wait for them.
            server.send_signal(signal.SIGINT)
            server.wait(20)


@dataclass
class Services:
    """The processes of a running system."""

    encoder: Process
    search: Process
    gateway: Process
    worker: Process | None


@pytest.fixture(scope="session")
def start_all(start: Start) -> Callable[..., AbstractContextManager[Services]]:
    """Start the services: `with start_all(folder, GATEWAY_AUTH="on") as services: services.gateway.url`.

    Their data are in the folder. A setting goes to the service whose name is its prefix. The worker is started if
    `worker` is true.
    """

    @contextmanager
    def started(folder: Path, worker: bool = False, **settings: str) -> Iterator[Services]:
        catalogue, media = {"SEARCH_CATALOGUE": str(folder / "c.sqlite")}, {"GATEWAY_MEDIA": str(folder / "media")}
        if worker:  # which shares the gateway's state
            settings.setdefault("GATEWAY_STATE", str(folder / "state.sqlite"))
        with start("encoder", **settings) as encoder, start("search", **catalogue, **settings) as search:
            where = {"GATEWAY_ENCODER_URL": encoder.url, "GATEWAY_SEARCH_URL": search.url}
            with start("gateway", **where, **media, **settings) as gateway, ExitStack() as stack:
                jobs = stack.enter_context(start("worker", **where, **media, **settings)) if worker else None
                yield Services(encoder, search, gateway, jobs)

    return started


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The stack that `make up` starts, after the sample gallery has been added."""
    folder = tmp_path_factory.mktemp("stack")
    port = find_free_ports(4)
    command = [sys.executable, "deploy/local.py", "run", "--port", str(port), "--data", str(folder / "data")]
    url = f"http://127.0.0.1:{port}"
    # Reading would take a core from the tests for half a minute.
    with running(command, {"GATEWAY_READING": "off"}, url, "/readyz", folder / "log") as process:
        deadline = time.monotonic() + 240
        while f"Open {url}" not in (folder / "log").read_text():
            if process.popen.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the gallery was not added:\n{(folder / 'log').read_text()}")
            time.sleep(0.2)
        yield process
