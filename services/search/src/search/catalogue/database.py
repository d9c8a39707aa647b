"""The SQLite file: one read connection per thread, one shared write connection, and the mapping of its errors."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servicekit.errors import Kind, ServiceError

from search.catalogue.readings import skeleton, written
from search.catalogue.schema import migrate
from search.catalogue.words import searchable

# SQLite's busy timeout: how long a writer waits for another process's write, and any connection for a checkpoint.
BUSY_S = 30
# A page of 8,192 bytes holds five vectors of 384 numbers; SQLite's default of 4,096 holds two.
PAGE_BYTES = 8192


class Database:
    """One SQLite file in WAL mode: readers never wait for a writer, in this process or another."""

    def __init__(self, path: Path) -> None:
        """Open the file; create it or migrate its schema if necessary.

        Raises:
            CatalogueError: the file was written by a newer version.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        # A lock of its own: a thread's first read must not wait for a write.
        self._opening = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._writer = self._open()
        # Only if the file is not in WAL mode yet: setting it writes, and a catalogue must still open on a full disk.
        if self._writer.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            self._writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._writer.execute("PRAGMA journal_mode = WAL")
        with self.writing() as db:
            migrate(db, path)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=BUSY_S)
        # Durability: an acknowledged write survives a crash of the process and a power failure.
        db.execute("PRAGMA synchronous = FULL")
        # The triggers of the full-text indexes call them.
        for function in (searchable, written, skeleton):
            db.create_function(function.__name__, 1, function, deterministic=True)
        self._opened.append(db)
        return db

    def close(self) -> None:
        """Close every thread's connection."""
        for db in self._opened:
            db.close()
        self._opened.clear()

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's read connection."""
        if not hasattr(self._local, "db"):
            with self._opening:
                self._local.db = self._open()
        db: sqlite3.Connection = self._local.db
        return db

    def close_reader(self) -> None:
        """Close this thread's read connection: it is not closed when the thread ends."""
        db: sqlite3.Connection | None = self._local.__dict__.pop("db", None)
        if db is not None:
            with self._opening:
                self._opened.remove(db)
            db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A read transaction: all reads in the block see the same state."""
        db = self.reader
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: committed at the end of the block, rolled back on an exception.

        Raises:
            ServiceError: there is no room on the disk (507), or another process holds the file for too long (503).
        """
        with self._lock:
            db = self._writer
            try:
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    # After some errors, such as a full disk, SQLite has already rolled back by itself.
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:
                raise failure(error) from error


def failure(error: sqlite3.OperationalError) -> Exception:
    """The error to report for a failed write: 507 for a full or failing disk, 503 for a busy file, else unchanged."""
    # The low byte of an extended error code is the primary one.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return ServiceError(
            Kind.NO_SPACE,
            f"the catalogue's disk takes no more ({error}); nothing of this request was kept: make room, send it again",
        )
    if code == sqlite3.SQLITE_BUSY:
        return ServiceError(Kind.UNAVAILABLE, f"another process has been writing for {BUSY_S} s; send it again")
    return error
