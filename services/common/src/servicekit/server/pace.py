"""A connection whose other end has to keep up a pace, in sending as in reading."""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import Any


class PacedSocket(socket.socket):
    """A connection whose other end has to keep up a pace; only the time spent on waiting for it counts.

    Underneath it never blocks, so that a transfer that need not wait is one call of the system; how long it may wait is
    not for others to set.
    """

    grace_s = 0.0
    least_rate = 1.0

    @classmethod
    def over(cls, plain: socket.socket) -> PacedSocket:
        """Take a connection over; the socket that had it is closed."""
        paced = cls(plain.family, plain.type, plain.proto, plain.detach())
        socket.socket.setblocking(paced, False)
        return paced

    def setblocking(self, flag: bool) -> None:
        """Change nothing."""

    def settimeout(self, value: float | None) -> None:
        """Change nothing."""

    def restart(self, grace_s: float, least_rate: float) -> None:
        """Begin to count anew, as for a request.

        Args:
            grace_s: the longest that may be waited at any time, in seconds.
            least_rate: how many bytes make up for a second of waiting.
        """
        self.grace_s, self.least_rate = grace_s, least_rate
        self._left = {select.POLLIN: grace_s, select.POLLOUT: grace_s}
        self._moved = {select.POLLIN: 0, select.POLLOUT: 0}

    def _wait(self, way: int) -> None:
        """Wait until the other end has sent, or taken, something; in the time that is left for it."""
        # Fast progress earns no credit: at any time at most the grace period remains.
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
