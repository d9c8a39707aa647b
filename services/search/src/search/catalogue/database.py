"""The SQLite file: a connection a thread for reading, one for writing, and what its failures mean to a client."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from servicekit.errors import Kind, ServiceError

from search.catalogue.schema import migrate

# How long a writer waits for another process's, and anything for a checkpoint.
BUSY_S = 30
# Larger pages than SQLite's own 4,096 hold five vectors of 384 numbers in place of two.
PAGE_BYTES = 8192


class Database:
    """One file in WAL mode: readers never wait for a writer, in this process or another."""

    def __init__(self, path: Path) -> None:
        """Open the file, creating it or bringing its schema up to date.

        Raises:
            CatalogueError: the file was written by a newer version.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._local = threading.local()
        self._lock = threading.Lock()
        # Not the writer's: a thread's first read must not wait for a write.
        self._opening = threading.Lock()
        self._opened: list[sqlite3.Connection] = []
        self._writer = self._open()
        # Only where it is not so yet: setting it again writes, and on a full disk a catalogue must still open.
        if self._writer.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            self._writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
            self._writer.execute("PRAGMA journal_mode = WAL")
        with self.writing() as db:
            migrate(db, path)

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None, timeout=BUSY_S)
        # An acknowledged write is on disk: it survives the process and the power.
        db.execute("PRAGMA synchronous = FULL")
        self._opened.append(db)
        return db

    def close(self) -> None:
        """Close every thread's connection."""
        for db in self._opened:
            db.close()
        self._opened.clear()

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's own connection."""
        if not hasattr(self._local, "db"):
            with self._opening:
                self._local.db = self._open()
        db: sqlite3.Connection = self._local.db
        return db

    def close_reader(self) -> None:
        """Close this thread's connection: a thread that ends does not do it by itself."""
        db: sqlite3.Connection | None = self._local.__dict__.pop("db", None)
        if db is not None:
            with self._opening:
                self._opened.remove(db)
            db.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Several reads of one moment."""
        db = self.reader
        db.execute("BEGIN")
        try:
            yield db
        finally:
            db.execute("COMMIT")

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it is acknowledged, or none of it happened.

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
                    # SQLite has ended the transaction by itself after some failures, a full disk among them.
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise
            except sqlite3.OperationalError as error:
                raise failure(error) from error


def failure(error: sqlite3.OperationalError) -> Exception:
    """What a failed write means to the client; an error that is none of the disk's stays as it is."""
    # An extended code holds the plain one in its last byte.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return ServiceError(
            Kind.NO_SPACE,
            f"the catalogue's disk takes no more ({error}); nothing of this request was kept: make room, send it again",
        )
    if code == sqlite3.SQLITE_BUSY:
        return ServiceError(Kind.UNAVAILABLE, f"another process has been writing for {BUSY_S} s; send it again")
    return error
