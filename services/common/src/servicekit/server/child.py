"""A child process that computes what it is sent; its death is noticed at once.

The parent starts `python -m MODULE FILE_DESCRIPTOR NICE ARGUMENT...`, whose main function calls `serve`. The child ends
with the connection, so also when its parent is killed.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any

# Longest time for an answer, and for getting ready: a child that takes longer hangs.
ANSWER_S, READY_S = 60.0, 120.0


class ChildDiedError(Exception):
    """The child has ended, hangs, or could not be started."""


class ChildError(Exception):
    """One request cannot be computed; the child goes on."""


class ChildProcess:
    """A child, seen from its parent. One thread uses it at a time."""

    def __init__(self, module: str, arguments: Sequence[str], name: str, nice: int = 0) -> None:
        """Start the child, without waiting until it is ready.

        Args:
            module: the module that it runs.
            arguments: those of the module.
            name: what it is called in errors.
            nice: how much lower its priority is.
        """
        self.name = name
        self._command = [module, nice, *arguments]
        self._begin()

    def _begin(self) -> None:
        ours, theirs = socket.socketpair()
        module, *arguments = map(str, self._command)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(theirs.fileno()), *arguments],
                stdin=subprocess.DEVNULL,
                # numpy starts threads of its own, which only take memory: the runtime computes everything.
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
                pass_fds=[theirs.fileno()],
            )
        self._connection = Connection(ours.detach())

    def wait(self) -> Any:
        """Wait until it is ready, and return what it says then.

        Raises:
            ChildDiedError: it cannot start.
        """
        try:
            return self._answer(READY_S)
        except ChildError as error:
            self.close()
            raise ChildDiedError(str(error)) from error

    def ask(self, request: Any) -> Any:
        """The answer to a request.

        Raises:
            ChildError: this request cannot be computed.
            ChildDiedError: the child has ended, or hangs.
        """
        try:
            self._connection.send(request)
        except OSError as error:
            raise self._ended() from error
        return self._answer(ANSWER_S)

    def _answer(self, seconds: float) -> Any:
        try:
            if not self._connection.poll(seconds):
                self.close()
                raise ChildDiedError(f"{self.name} has not answered for {seconds:.0f} s")
            succeeded, answer = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._ended() from error
        if not succeeded:
            raise ChildError(str(answer))
        return answer

    def _ended(self) -> ChildDiedError:
        self.close()
        return ChildDiedError(f"the process of {self.name} has ended (status {self._process.returncode})")

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def restart(self) -> Any:
        """Replace the process, and wait until it is ready.

        Raises:
            ChildDiedError: it cannot start.
        """
        self.close()
        self._begin()
        return self.wait()

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()


# Gets ready with the module's arguments: returns what to say then, and what answers requests.
Start = Callable[[list[str]], tuple[Any, Callable[[Any], Any]]]


def serve(name: str, start: Start) -> None:
    """The main function of a child: answer requests until the connection is closed.

    Args:
        name: what it is called in errors.
        start: gets ready.
    """
    descriptor, nice, *arguments = sys.argv[1:]
    # A signal to the whole group ends the parent first, which still needs this process; it ends with the connection.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.nice(int(nice))
    with Connection(int(descriptor)) as connection:
        try:
            said, answer = start(arguments)
        except Exception as error:  # of any library
            connection.send((False, f"{name} cannot be loaded: {error}"))
            return
        connection.send((True, said))
        while True:
            try:
                request = connection.recv()
            except EOFError:
                return
            try:
                connection.send((True, answer(request)))
            except Exception as error:  # as above
                connection.send((False, f"{name}: {error}"))
