"""One tower in a process of its own: it computes batches, and its death is noticed at once and mended by a new one.

    python -m encoder.tower FILE_DESCRIPTOR GRAPH RUNTIME THREADS NICE

is how `TowerProcess` starts it. Texts and pictures have a process each, so that the system can put texts first.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from encoder.runtime import Array, Inputs, Runtime, choose, load

# Longest time for a batch, and for loading the graph: a process that takes longer hangs, and is replaced.
BATCH_S, LOAD_S = 60.0, 120.0


class TowerDiedError(Exception):
    """The process of a tower has ended, hangs, or could not be started."""


class TowerError(Exception):
    """A batch cannot be computed; the process goes on."""


class TowerProcess:
    """The process of one tower, seen from the service. One thread uses it at a time."""

    def __init__(self, graph: Path, wanted: Runtime, threads: int, nice: int = 0) -> None:
        """Start the process, without waiting until it has loaded the graph.

        Args:
            graph: the ONNX file.
            wanted: the runtime, or AUTO.
            threads: the number of threads that compute it.
            nice: how much lower its priority is.
        """
        self.runtime = wanted
        self._graph, self._threads, self._nice = graph, threads, nice
        self._begin()

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        arguments = [str(theirs.fileno()), str(self._graph), self.runtime, str(self._threads), str(self._nice)]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "encoder.tower", *arguments],
                stdin=subprocess.DEVNULL,
                # numpy starts threads of its own, which only take memory: the runtime computes everything.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
            )
        self._connection = Connection(ours.detach())

    def wait(self) -> None:
        """Wait until the graph is loaded; afterwards, `runtime` is the one that was chosen.

        Raises:
            TowerDiedError: it cannot be loaded.
        """
        try:
            self.runtime = Runtime(self._answer(LOAD_S))
        except TowerError as error:
            self.close()
            raise TowerDiedError(str(error)) from error

    def run(self, inputs: Inputs) -> Array:
        """Compute a batch: the vectors (N, dim) of its N items.

        Raises:
            TowerError: this batch cannot be computed.
            TowerDiedError: the process has ended, or hangs.
        """
        try:
            self._connection.send(dict(inputs))
        except OSError as error:
            raise self._ended() from error
        vectors: Array = self._answer(BATCH_S)
        return vectors

    def _answer(self, seconds: float) -> Any:
        try:
            if not self._connection.poll(seconds):
                self.close()
                raise TowerDiedError(f"{self._graph.name} has not answered for {seconds:.0f} s")
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if not succeeded:
            raise TowerError(str(answer))
        return answer

    def _ended(self) -> TowerDiedError:
        self.close()
        return TowerDiedError(f"the process of {self._graph.name} has ended (status {self._process.returncode})")

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def restart(self) -> None:
        """Replace the process, and wait until the graph is loaded.

        Raises:
            TowerDiedError: it cannot be loaded.
        """
        self.close()
        self._begin()
        self.wait()

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


def serve(connection: Connection, graph: Path, wanted: Runtime, threads: int) -> None:
    """Load a graph, then compute batches until the connection is closed. Answers are (True, result) or (False, why)."""
    try:
        runtime = choose(wanted)
        run = load(graph, runtime, threads)
    except Exception as error:  # each runtime raises types of its own
        connection.send((False, f"{graph.name} cannot be loaded: {error}"))
        return
    connection.send((True, runtime.value))
    while True:
        try:
            inputs = connection.recv()
        except EOFError:
            return
        try:
            connection.send((True, run(inputs)))
        except Exception as error:  # as above
            connection.send((False, f"{graph.name}: {error}"))


def main() -> None:
    """The process."""
    descriptor, graph, runtime, threads, nice = sys.argv[1:]
    # A signal to the whole group ends the service first, which still needs this process; it ends with the connection.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(int(nice))
    with Connection(int(descriptor)) as connection:
        serve(connection, Path(graph), Runtime(runtime), int(threads))


if __name__ == "__main__":
    main()
