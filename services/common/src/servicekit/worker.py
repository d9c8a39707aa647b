"""A gunicorn worker in which a slow client holds no thread.

gunicorn's threaded worker gives a connection to a thread as soon as a byte has come, and the thread waits for the rest:
as many slow clients as there are threads stop the service. Here the event loop collects the head of each request, and
a small body with it, before a thread sees it; a large body, and the answer, have to keep up a pace.
"""

from __future__ import annotations

import errno
import re
import selectors
import socket
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from gunicorn import http
from gunicorn.workers.gthread import TConn, ThreadWorker

from servicekit.deadline import arrived_at

T = TypeVar("T")

# What is collected before a thread takes the request up: a search in JSON, and nothing that needs a slot of its own.
MOST_COLLECTED = 32 * 1024
# What the kernel takes of an answer at once: most answers are longer than its own first choice of 16 KiB, and a client
# that reads slowly would hold a thread until it has read the rest.
SEND_BUFFER = 128 * 1024
# How long what follows an answer is read and thrown away, so that a client that is still sending sees the answer.
LINGER_S = 30.0
END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
TOO_SLOW = (
    b'{"type":"urn:sightline:error:too-slow","title":"too slow","status":408,'
    b'"detail":"the head of the request did not come in time"}'
)
LATE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(TOO_SLOW), TOO_SLOW)
)


class PacedSocket(socket.socket):
    """A connection whose other end has to keep up a pace; only the time spent on waiting for it counts."""

    grace_s = 0.0
    least_rate = 1.0

    def restart(self, grace_s: float, least_rate: float) -> None:
        """Begin to count anew, as for a request.

        Args:
            grace_s: seconds that may be waited in any case.
            least_rate: bytes a second that have to come, or to be taken, on the average after that.
        """
        self.grace_s, self.least_rate = grace_s, least_rate
        self._waited = {"recv": 0.0, "send": 0.0}
        self._moved = {"recv": 0, "send": 0}

    def _move(self, way: str, step: Callable[[], T], size: Callable[[T], int]) -> T:
        """Do one step of a transfer in the time that is left for it."""
        left = self.grace_s + self._moved[way] / self.least_rate - self._waited[way]
        began = time.monotonic()
        try:
            self.settimeout(max(left, 0.001))
            done = step()
        except TimeoutError as error:
            # The kind of error that gunicorn and werkzeug take for a client that has gone.
            slow = f"the other end is slower than {self.least_rate:.0f} bytes a second"
            raise BrokenPipeError(errno.EPIPE, slow) from error
        finally:
            self._waited[way] += time.monotonic() - began
        self._moved[way] += size(done)
        return done

    def recv(self, size: int, flags: int = 0) -> bytes:
        """See `socket.socket.recv`.

        Raises:
            BrokenPipeError: the other end is too slow.
        """
        return self._move("recv", lambda: socket.socket.recv(self, size, flags), len)

    def sendall(self, data: Any, flags: int = 0) -> None:
        """See `socket.socket.sendall`.

        Raises:
            BrokenPipeError: the other end is too slow.
        """
        rest = memoryview(data).cast("B")
        while rest:
            rest = rest[self._move("send", partial(socket.socket.send, self, rest, flags), int) :]


class Waiting:
    """A connection whose next request is being collected, or whose last is being thrown away."""

    def __init__(self, conn: TConn, until: float) -> None:
        self.conn, self.until = conn, until
        self.collected = bytearray()
        # When the first byte of the request came.
        self.began: float | None = None

    @property
    def complete(self) -> bool:
        """Whether a thread can answer the request, or refuse it, without waiting for the client."""
        end = self.collected.find(END)
        if end < 0:
            return len(self.collected) >= MOST_COLLECTED
        length = LENGTH.search(self.collected, 0, end + 2)
        whole = end + len(END) + int(length[1]) if length else 0
        # A large body, or one of unknown length, is read by the thread that has a slot for it.
        return len(self.collected) >= whole or whole > MOST_COLLECTED


class CollectingWorker(ThreadWorker):
    """Gives a request to a thread when it is there."""

    # Set by `gunicorn_settings`, since gunicorn has no settings of these.
    head_s = 10.0
    least_rate = 16384.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[TConn, Waiting] = {}

    def accept(self, listener: socket.socket) -> None:
        """See `ThreadWorker.accept`; the connection that has been idle for longest makes room for a new one."""
        if self.nr_conns >= self.worker_connections - 1:
            if self._waiting:
                self._drop(next(iter(self._waiting.values())))
            elif self.keepalived_conns:
                self.keepalived_conns[0].timeout = 0.0
                self.murder_keepalived()
        super().accept(listener)

    def enqueue_req(self, conn: TConn) -> None:
        """Collect the connection's next request, and then give it to a thread."""
        if not isinstance(conn.sock, PacedSocket):
            plain = conn.sock
            conn.sock = PacedSocket(plain.family, plain.type, plain.proto, plain.detach())
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        conn.sock.setblocking(False)
        waiting = Waiting(conn, time.monotonic() + self.cfg.keepalive)
        parser: Any = conn.parser
        if parser is not None:
            waiting.collected += parser.unreader.take_buffered()
        self._waiting[conn] = waiting
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._collect, waiting))
        # What was accepted has been sent to, more often than not.
        self._collect(waiting, conn.sock)

    def _collect(self, waiting: Waiting, _: object) -> None:
        """Take what has come, without waiting."""
        while not waiting.complete:
            try:
                came = socket.socket.recv(waiting.conn.sock, MOST_COLLECTED)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                came = b""
            if not came:
                self._drop(waiting)
                return
            waiting.collected += came
        if waiting.collected and waiting.began is None:
            waiting.began = time.monotonic()
            waiting.until = waiting.began + self.head_s
        if waiting.complete:
            self._dispatch(waiting)

    def _dispatch(self, waiting: Waiting) -> None:
        conn = waiting.conn
        self._forget(waiting)
        sock: Any = conn.sock
        sock.restart(self.head_s, self.least_rate)
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        parser: Any = conn.parser
        parser.unreader.unread(bytes(waiting.collected))
        conn.data_ready = True
        conn.arrived = waiting.began  # type: ignore[attr-defined]
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> bool:
        """See `ThreadWorker.handle`; the request's time has run since its first byte came."""
        arrived_at.set(conn.arrived)  # type: ignore[attr-defined]
        return super().handle(conn)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether the connection can be used again: not where that means to wait for a body that was not wanted."""
        parser: Any = conn.parser
        reader = parser.mesg.body.reader
        missing = getattr(reader, "length", 0) > len(parser.unreader.buf.getvalue())
        if missing or getattr(reader, "parser", None) is not None:
            return False
        again: bool = super()._keepalive_after(conn, keepalive)  # type: ignore[misc]
        return again

    def finish_request(self, conn: TConn, fs: Future[bool]) -> None:
        """See `ThreadWorker.finish_request`; a connection that is to be closed lingers without a thread."""
        failed = fs.cancelled() or fs.exception() is not None
        if failed or fs.result() or not self.alive:
            super().finish_request(conn, fs)
            return
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            waiting = Waiting(conn, time.monotonic() + LINGER_S)
            self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._throw_away, waiting))
            self._waiting[conn] = waiting
        except (OSError, ValueError):  # closed at the other end, or here when the request failed
            self.nr_conns -= 1
            conn.close()

    def _throw_away(self, waiting: Waiting, _: object) -> None:
        """Read what a client goes on sending, until it has seen the answer and closes."""
        try:
            # A megabyte at a time: other connections have their turn in between.
            if socket.socket.recv(waiting.conn.sock, 2**20):
                return
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            pass
        self._drop(waiting)

    def murder_pending(self) -> None:
        """Let go of connections whose time is over."""
        super().murder_pending()
        now = time.monotonic()
        for waiting in list(self._waiting.values()):
            # A worker that stops waits for no request that has not begun.
            if now >= waiting.until or (not self.alive and not waiting.collected):
                if waiting.collected:
                    with suppress(OSError):
                        waiting.conn.sock.send(LATE)
                self._drop(waiting)

    def _forget(self, waiting: Waiting) -> None:
        self._waiting.pop(waiting.conn, None)
        self.poller.unregister(waiting.conn.sock)

    def _drop(self, waiting: Waiting) -> None:
        self._forget(waiting)
        self.nr_conns -= 1
        waiting.conn.close()
