"""The state database, which gateways share: API keys, sessions, the library's map of files, score calibrations.

A SQLite file by default; PostgreSQL where gateways run on several machines. Each package defines its tables on
`METADATA`, beside the code that reads them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from servicekit.errors import Kind, ServiceError
from sqlalchemy import (
    URL,
    Connection,
    Delete,
    Insert,
    MetaData,
    Row,
    Select,
    Table,
    Update,
    create_engine,
    event,
    inspect,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

log = logging.getLogger(__name__)

METADATA = MetaData()
T = TypeVar("T")

# Timeout in seconds, for a connection and for each statement; the gateway's statements take milliseconds.
TIMEOUT_S = 5
# Rows and values in one statement; SQLite allows 32,766 parameters.
ROWS_AT_ONCE = 1000
# Seconds for which a server that did not answer is not asked again.
PAUSE_S = 2.0
DOWN = "the state database does not answer; the gateway's log says why"
# The driver of each kind of database, and its connection arguments.
DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
CONNECT_ARGS: dict[str, dict[str, Any]] = {
    "sqlite": {"timeout": TIMEOUT_S},
    "postgresql": {
        "connect_timeout": TIMEOUT_S,
        "options": f"-c statement_timeout={TIMEOUT_S}s",
        # Detects a server that disappeared without closing the connection.
        "tcp_user_timeout": TIMEOUT_S * 1000,
    },
}
# Serialises the gateways that create tables at the same time; any number that no other program uses.
CREATE_LOCK = 0x51_6774


class Database:
    """Executes statements, each in its own transaction; safe for several threads and processes."""

    def __init__(self, url: str | URL) -> None:
        """Connect, and create missing tables; while a server does not answer, the first statement after does that.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

        Raises:
            ServiceError: the file cannot be used.
            ValueError: the URL is not of one of these forms.
        """
        place = read_url(str(url) if isinstance(url, str) else url.render_as_string(hide_password=False))
        self._name = place.get_backend_name()
        if self._name == "sqlite":
            file = Path(place.database or "")
            file.parent.mkdir(parents=True, exist_ok=True)
            # Readable only by its owner: it holds the names of keys, and addresses of clients.
            file.touch(mode=0o600)
            file.chmod(0o600)
        self._engine = create_engine(
            place,
            # Every statement is its own transaction; BEGIN, COMMIT and ROLLBACK would only add round trips.
            isolation_level="AUTOCOMMIT",
            pool_reset_on_return=None,
            connect_args=CONNECT_ARGS[self._name],
            # Replaces a connection that the server has closed before it is used; not needed for a file.
            pool_pre_ping=self._name != "sqlite",
            pool_timeout=TIMEOUT_S,
            max_overflow=-1,
        )
        if self._name == "sqlite":
            event.listen(self._engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode = WAL"))
        self._closed_until = 0.0
        self._has_tables = False
        try:
            self._create_tables()
        except ServiceError:
            if self._name == "sqlite":
                raise

    @classmethod
    def in_file(cls, path: Path) -> Database:
        """The SQLite database in a file."""
        return cls(URL.create("sqlite", database=str(path)))

    def _create_tables(self) -> None:
        # SQLite reports a lock without waiting to the second of two processes that switch a new file to WAL.
        for wait_s in (0.1, 0.2, 0.4, 0.8, 1.6, None):
            try:
                self._create_missing_tables()
                self._has_tables = True
                return
            except DBAPIError as error:
                if wait_s is None or "database is locked" not in str(error.orig):
                    raise self._failed(error) from error
            time.sleep(wait_s)

    def _create_missing_tables(self) -> None:
        # In PostgreSQL, a stricter level takes its snapshot before it gets the lock, and so misses tables that another
        # gateway has just created.
        level = "SERIALIZABLE" if self._name == "sqlite" else "READ COMMITTED"
        with self._engine.connect().execution_options(isolation_level=level) as connection, connection.begin():
            # Lock: two gateways that start at once would both find a table missing and create it.
            if self._name == "sqlite":
                connection.execute(text("BEGIN IMMEDIATE"))
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": CREATE_LOCK})
            METADATA.create_all(connection)
            # Columns that are newer than the table; they allow NULL.
            for table in METADATA.tables.values():
                there = {column["name"] for column in inspect(connection).get_columns(table.name)}
                for column in table.columns:
                    if column.name not in there:
                        kind = column.type.compile(connection.dialect)
                        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}"))

    def rows(self, statement: Select[Any], **values: Any) -> Sequence[Row[Any]]:
        """Execute a query and return its rows.

        Args:
            statement: the query. Build a query of every request once, with `bindparam`: building takes longer than the
                look-up (150 against 65 µs).
            values: values of its parameters.

        Raises:
            ServiceError: the database does not answer.
        """
        with self._connection() as connection:
            rows: Sequence[Row[Any]] = connection.execute(statement, values).all()
        return rows

    def change(self, statement: Insert | Update | Delete) -> int:
        """Execute a change and return the number of affected rows: 0 if it would violate a unique constraint.

        Raises:
            ServiceError: the database does not answer, or has no space.
        """
        with self._connection() as connection:
            try:
                count: int = connection.execute(statement).rowcount
            except IntegrityError as error:
                # PostgreSQL's SQLSTATE, and SQLite's words.
                if getattr(error.orig, "sqlstate", None) == "23505" or "UNIQUE constraint" in str(error.orig):
                    return 0
                raise
        return count

    def put(self, table: Table, *rows: Mapping[str, Any]) -> None:
        """Insert rows, or replace those with the same primary keys (upsert), in one transaction.

        Args:
            table: the table.
            rows: at most ROWS_AT_ONCE rows with the same columns and different primary keys.

        Raises:
            ServiceError: the database does not answer, or has no space.
        """
        if not rows:
            return
        keys = [column.name for column in table.primary_key]
        made = (sqlite.insert if self._name == "sqlite" else postgresql.insert)(table).values(list(rows))
        others = {name: made.excluded[name] for name in rows[0] if name not in keys}
        self.change(made.on_conflict_do_update(index_elements=keys, set_=others))

    def check(self) -> str:
        """Test the connection; the status text for `/readyz`.

        Raises:
            ServiceError: the database does not answer.
        """
        with self._connection() as connection:
            connection.execute(text("SELECT 1"))
        return f"{self._engine.dialect.name} answers"

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A connection; the driver's errors are raised as `ServiceError`.

        A circuit breaker: after a server did not answer, it is not asked for a while, since each request would wait
        for TIMEOUT_S.
        """
        if time.monotonic() < self._closed_until:
            raise ServiceError(Kind.UNAVAILABLE, DOWN)
        if not self._has_tables:
            self._create_tables()
        try:
            with self._engine.connect() as connection:
                yield connection
        except (DBAPIError, PoolTimeoutError) as error:
            raise self._failed(error) from error

    def _failed(self, error: DBAPIError | PoolTimeoutError) -> ServiceError:
        # Only the driver's message, without the statement: its values may hold the digest of a key. It names the host
        # and the account, so it is for the log and not for clients.
        reason = str(error.orig) if isinstance(error, DBAPIError) else "no connection is free"
        log.warning("the state database: %s", " ".join(reason.split()))
        # SQLite's words, and PostgreSQL's for its own disk (SQLSTATE 53100).
        if "disk is full" in reason or "No space left on device" in reason:
            return ServiceError(Kind.NO_SPACE, "no space is left for the state database")
        if self._name != "sqlite" and isinstance(error, OperationalError | PoolTimeoutError):
            self._closed_until = time.monotonic() + PAUSE_S
        return ServiceError(Kind.UNAVAILABLE, DOWN)


def batched(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The rows in parts of `size`, as many as one statement or one request takes."""
    return (rows[start : start + size] for start in range(0, len(rows), size))


def read_url(written: str) -> URL:
    """Parse the URL of a state database, and set the driver.

    Raises:
        ValueError: the URL is not supported. The message does not repeat the URL, which may hold a password.
    """
    try:
        url = make_url(written)
        driver = DRIVERS[url.drivername]
        if url.database in (None, "", ":memory:"):
            raise ValueError("no file and no name")
    except Exception as error:
        raise ValueError("write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME") from error
    return url.set(drivername=driver)
