"""A socket that enforces a least transfer rate on its peer, in both directions (against slow-client attacks)."""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import Any


class PacedSocket(socket.socket):
    """A socket whose peer must keep up a least transfer rate; only the time spent waiting for the peer counts.

    The underlying socket is non-blocking, so a transfer that need not wait is one system call. gunicorn's calls of
    `setblocking` and `settimeout` are ignored: they would replace the limits set by `restart`.
    """

    grace_s = 0.0
    least_rate = 1.0

    @classmethod
    def over(cls, plain: socket.socket) -> PacedSocket:
        """Take over a connection; the original socket object is detached."""
        paced = cls(plain.family, plain.type, plain.proto, plain.detach())
        socket.socket.setblocking(paced, False)
        return paced

    def setblocking(self, flag: bool) -> None:
        """Change nothing."""

    def settimeout(self, value: float | None) -> None:
        """Change nothing."""

    def restart(self, grace_s: float, least_rate: float) -> None:
        """Reset the time accounts, at the start of a request.

        Args:
            grace_s: the longest total wait in a direction without any transfer, in seconds.
            least_rate: the least rate in bytes per second: this many bytes earn back one second of waiting.
        """
        self.grace_s, self.least_rate = grace_s, least_rate
        self._left = {select.POLLIN: grace_s, select.POLLOUT: grace_s}
        self._moved = {select.POLLIN: 0, select.POLLOUT: 0}

    def _wait(self, way: int) -> None:
        """Wait until the peer has sent (POLLIN) or received (POLLOUT) data, at most for the time left in the account.

        Raises:
            BrokenPipeError: the peer is too slow.
        """
        # A fast transfer builds up no credit: the account never exceeds the grace period.
        left = min(self.grace_s, self._left[way] + self._moved[way] / self.least_rate)
        self._moved[way] = 0
        poll = select.poll()
        poll.register(self, way)
        began = time.monotonic()
        came = poll.poll(max(0.0, left) * 1000)
        self._left[way] = left - (time.monotonic() - began)
        if not came:
            # gunicorn and werkzeug treat this exception as a disconnected client.
            raise BrokenPipeError(errno.EPIPE, f"the other end is slower than {self.least_rate:.0f} bytes a second")

    def recv(self, size: int, flags: int = 0) -> bytes:
        """See `socket.socket.recv`.

        Raises:
            BrokenPipeError: the other end is too slow.
        """
        while True:
            try:
                received = super().recv(size, flags)
            except BlockingIOError:
                self._wait(select.POLLIN)
            else:
                self._moved[select.POLLIN] += len(received)
                return received

    def sendall(self, data: Any, flags: int = 0) -> None:
        """See `socket.socket.sendall`.

        Raises:
            BrokenPipeError: the other end is too slow.
        """
        rest = memoryview(data).cast("B")
        while rest:
            try:
                sent = super().send(rest, flags)
            except BlockingIOError:
                self._wait(select.POLLOUT)
            else:
                self._moved[select.POLLOUT] += sent
                rest = rest[sent:]
