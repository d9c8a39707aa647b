"""A gunicorn worker in which a slow client holds no thread.

gunicorn's threaded worker gives a connection to a thread as soon as a byte has arrived, and the thread waits for the
rest: as many slow clients as there are threads stop the service (Slowloris). Here the event loop buffers the head of
each request, and a small body, before a thread gets it. Large bodies and answers must keep up a least transfer rate.
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
from typing import Any

from gunicorn import http
from gunicorn.http.errors import ExpectationFailed, LimitRequestHeaders, LimitRequestLine, ParseException
from gunicorn.workers.gthread import TConn, ThreadWorker

from servicekit.deadline import arrived_at
from servicekit.server.pace import PacedSocket

# Bodies up to this size, in bytes, are buffered before a thread handles the request; larger ones need a slot.
MOST_COLLECTED = 32 * 1024
# Size of the kernel's send buffer: most answers are longer than its default of 16 KiB, and a client that reads slowly
# would hold a thread until it has read the rest.
SEND_BUFFER = 256 * 1024
# Lingering close: after an early answer, the rest of the body is read and discarded for this many seconds; otherwise
# the client would get a reset and not see the answer.
LINGER_S = 30.0
PAUSE_S = 0.05
END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
TOO_SLOW = (
    b'{"type":"urn:sightline:error:too-slow","title":"too slow","status":408,'
    b'"detail":"the head of the request did not come in time"}'
)
REFUSED, FAILED = b"400 Bad Request", b"500 Internal Server Error"
STATUSES: dict[type[BaseException], bytes] = {
    LimitRequestLine: b"414 URI Too Long",
    LimitRequestHeaders: b"431 Request Header Fields Too Large",
    ExpectationFailed: b"417 Expectation Failed",
}
LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
LATE = (
    b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/problem+json\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(TOO_SLOW), TOO_SLOW)
)


class Waiting:
    """A connection whose next request is being buffered, or whose unread body is being discarded before it closes."""

    def __init__(self, conn: TConn, until: float) -> None:
        self.conn, self.until = conn, until
        self.collected = bytearray()
        # Set when the connection was closed; its read event may still follow in the same iteration of the event loop.
        self.closed = False
        self.invited = False
        self.refused = False
        # When the first byte of the request arrived.
        self.began: float | None = None

    @property
    def complete(self) -> bool:
        """Whether enough has arrived for a thread to answer or refuse the request without waiting for the client."""
        end = self.collected.find(END)
        if end < 0:
            return False
        length = LENGTH.search(self.collected, 0, end + 2)
        # A large body, or one of unknown length, is read by the thread once it has a slot (`arrives_slowly`).
        body = int(length[1]) if length else 0
        return body > MOST_COLLECTED or len(self.collected) >= end + len(END) + body


class CollectingWorker(ThreadWorker):
    """Gives a request to a thread only when its head and a small body have arrived."""

    # Set by `gunicorn_settings`; gunicorn has no such settings.
    head_s = 10.0
    least_rate = 16384.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: dict[TConn, Waiting] = {}

    def accept(self, listener: socket.socket) -> None:
        """See `ThreadWorker.accept`; at the connection limit, the longest waiting connection is closed first."""
        if self.nr_conns >= self.worker_connections - 1:
            self._make_room()
        try:
            super().accept(listener)
        except OSError as error:
            # gunicorn treats an exception here as a worker failure and exits.
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.log.warning("no file is left for a connection: %s", error)
            self._make_room()
            # Without a pause the loop would spin: accept fails again at once while no file descriptor is free.
            time.sleep(PAUSE_S)

    def _make_room(self) -> None:
        if self._waiting:
            self._drop(next(iter(self._waiting.values())))
        elif self.keepalived_conns:
            self.keepalived_conns[0].timeout = 0.0
            self.murder_keepalived()

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """See `ThreadWorker.on_client_socket_readable`; ignores connections closed in this iteration of the loop."""
        if conn in self.keepalived_conns:
            super().on_client_socket_readable(conn, client)

    def enqueue_req(self, conn: TConn) -> None:
        """Buffer the connection's next request, then give it to a thread."""
        if not isinstance(conn.sock, PacedSocket):
            conn.sock = PacedSocket.over(conn.sock)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        waiting = Waiting(conn, time.monotonic() + self.cfg.keepalive)
        parser: Any = conn.parser
        if parser is not None:
            waiting.collected += parser.unreader.take_buffered()
        # Usually the whole request has arrived already.
        here = self._collect(waiting)
        if here is None:
            self._watch(waiting, self._go_on)
        else:
            self._settle(waiting, here)

    def _go_on(self, waiting: Waiting, _: object) -> None:
        """Continue to buffer a request when more data has arrived."""
        if waiting.closed:
            return
        here = self._collect(waiting)
        if here is not None:
            # Unregister first: afterwards a thread owns the connection, or its file descriptor may be reused.
            self._forget(waiting)
            self._settle(waiting, here)

    def _collect(self, waiting: Waiting) -> bool | None:
        """Read what has arrived, without blocking.

        Returns:
            True when the request is complete; False when the connection must be closed, because the client has gone or
            the head is too large; None when more data is needed.
        """
        while not waiting.complete:
            if len(waiting.collected) >= MOST_COLLECTED and END not in waiting.collected:
                with suppress(OSError):
                    socket.socket.send(waiting.conn.sock, LARGE)
                waiting.refused = True
                return False
            came = received(waiting.conn.sock, MOST_COLLECTED)
            if came is None:
                self._invite(waiting)
                return None
            if not came:
                return False
            waiting.collected += came
            if waiting.began is None:
                waiting.began = time.monotonic()
                waiting.until = waiting.began + self.head_s
        return True

    def _invite(self, waiting: Waiting) -> None:
        """Send `100 Continue`, once, to a client that waits for it before it sends the body."""
        if not waiting.invited and END in waiting.collected and EXPECTS.search(waiting.collected):
            waiting.invited = True
            with suppress(OSError):
                socket.socket.send(waiting.conn.sock, CONTINUE)

    def _settle(self, waiting: Waiting, here: bool) -> None:
        if here:
            self._dispatch(waiting)
        elif waiting.refused:
            self._linger(waiting.conn)
        else:
            self._close(waiting.conn)

    def _dispatch(self, waiting: Waiting) -> None:
        conn = waiting.conn
        sock: Any = conn.sock
        sock.restart(self.head_s, self.least_rate)
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        parser: Any = conn.parser
        parser.unreader.unread(bytes(waiting.collected))
        conn.data_ready = True
        conn.arrived = waiting.began  # type: ignore[attr-defined]
        super().enqueue_req(conn)

    def load_wsgi(self) -> None:
        """See `base.Worker.load_wsgi`; an answer sent before the body was read carries `Connection: close`."""
        super().load_wsgi()
        app: Any = self.wsgi

        def answer(environ: Any, start_response: Any) -> Any:
            def start(*given: Any) -> Any:
                if is_unread(environ["wsgi.input"]):
                    # gunicorn drops a Connection header that the application sets.
                    start_response.__self__.force_close()
                return start_response(*given)

            return app(environ, start)

        closing: Any = answer
        self.wsgi = closing

    def handle(self, conn: TConn) -> bool:
        """See `ThreadWorker.handle`; deadlines count from the request's first byte."""
        arrived_at.set(conn.arrived)  # type: ignore[attr-defined]
        return super().handle(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that is not valid HTTP.

        The log gets neither the request line nor a header: they may hold a query or a key.
        """
        address = addr[0] if addr else ""
        if isinstance(exc, ParseException):
            self.log.warning("a request of %s is refused: %s", address, type(exc).__name__)
        else:
            self.log.error("a request of %s failed", address, exc_info=exc)
        status = STATUSES.get(type(exc), REFUSED if isinstance(exc, ParseException) else FAILED)
        with suppress(OSError):
            client.sendall(b"HTTP/1.1 %b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status)

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Whether to keep the connection alive: not with an unread body, since the server would have to wait for it."""
        parser: Any = conn.parser
        if is_unread(parser.mesg.body):
            return False
        again: bool = super()._keepalive_after(conn, keepalive)  # type: ignore[misc]
        return again

    def finish_request(self, conn: TConn, fs: Future[bool]) -> None:
        """See `ThreadWorker.finish_request`; the lingering close of a connection is done without a thread."""
        failed = fs.cancelled() or fs.exception() is not None
        if failed or fs.result():
            super().finish_request(conn, fs)
        else:
            self._linger(conn)

    def _linger(self, conn: TConn) -> None:
        """Lingering close: discard incoming data until the client closes, at most for LINGER_S."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
            self._watch(Waiting(conn, time.monotonic() + LINGER_S), self._throw_away)
        except OSError:  # already closed, by the client or after a failed request
            self._close(conn)

    def _throw_away(self, waiting: Waiting, _: object) -> None:
        """Discard what the client still sends, until it has read the answer and closes."""
        # 1 MiB per event, so that other connections are served in between.
        if not waiting.closed and received(waiting.conn.sock, 2**20) == b"":
            self._drop(waiting)

    def murder_pending(self) -> None:
        """Close connections whose time is over, and the oldest one when the connection limit is reached."""
        super().murder_pending()
        now = time.monotonic()
        if self.alive and self.nr_conns >= self.worker_connections:
            self._make_room()
        for waiting in list(self._waiting.values()):
            # On shutdown, connections without a started request are closed.
            if now >= waiting.until or (not self.alive and not waiting.collected):
                if waiting.collected:
                    with suppress(OSError):
                        waiting.conn.sock.send(LATE)
                self._drop(waiting)

    def _watch(self, waiting: Waiting, then: Callable[[Waiting, object], None]) -> None:
        self.poller.register(waiting.conn.sock, selectors.EVENT_READ, partial(then, waiting))
        self._waiting[waiting.conn] = waiting

    def _forget(self, waiting: Waiting) -> None:
        del self._waiting[waiting.conn]
        self.poller.unregister(waiting.conn.sock)

    def _drop(self, waiting: Waiting) -> None:
        waiting.closed = True
        self._forget(waiting)
        self._close(waiting.conn)

    def _close(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()


def is_unread(body: Any) -> bool:
    """Whether a part of the request's body has neither been read nor arrived in the buffer."""
    reader = body.reader
    if getattr(reader, "length", 0) > 0:
        return bool(reader.length > len(reader.unreader.buf.getvalue()))
    return getattr(reader, "parser", None) is not None


def received(connection: socket.socket, size: int) -> bytes | None:
    """The data that has arrived on a non-blocking connection: None if there is none yet, b"" if it is closed."""
    try:
        return socket.socket.recv(connection, size)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
