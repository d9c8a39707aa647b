"""The state database (SQLite, PostgreSQL): migrations, concurrent start-up, file permissions, outages."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from gateway.auth.keys import KEYS, KeyStore, Scope, digest
from gateway.auth.sessions import Sessions
from gateway.database import Database, read_url
from gateway.library.folders import Folders, Seen
from gateway.library.index import Library
from servicekit.errors import Kind, ServiceError
from sqlalchemy import select

# The schema of releases before the setting GATEWAY_DATABASE_URL.
OLD_SCHEMA = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, digest BLOB NOT NULL, created_at TEXT NOT NULL
) STRICT;
CREATE TABLE sessions (
    id TEXT PRIMARY KEY, key_id TEXT NOT NULL, digest BLOB NOT NULL, created_at TEXT NOT NULL, seen_at TEXT NOT NULL,
    address TEXT NOT NULL, client TEXT NOT NULL
) STRICT;
CREATE TABLE library (path BLOB PRIMARY KEY, id TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) STRICT;
CREATE INDEX library_by_id ON library (id);
"""


def test_keys_sessions_and_files_are_shared_by_all_who_open_it(database: Database, url: str, tmp_path: Path) -> None:
    written = KeyStore(database).create("laptop", Scope.WRITE)
    with closing(Database(url)) as second:
        key = KeyStore(second).find(written)
        assert key is not None
        assert (key.name, key.scope) == ("laptop", Scope.WRITE)
        cookie = Sessions(second).begin(key, "203.0.113.9", "Firefox")
        found = Sessions(database).find(cookie)
        assert found is not None
        assert (found.key, found.address) == (key, "203.0.113.9")
        assert KeyStore(database).revoke(key.id)
        assert Sessions(second).find(cookie) is None
        # A file name that is not valid UTF-8, and values that need more than 32 bits.
        seen = Seen(tmp_path / "caf\udce9.png", "0" * 32, 3 * 2**31, 1_764_000_000_000_000_001)
        library = Library(Folders([tmp_path]), database)
        library.remember(seen._replace(size=1))
        library.remember(seen)
        assert Library(Folders([tmp_path]), second).entries() == {seen.path: seen}
        assert library.entries([tmp_path]) == library.entries([seen.path]) == {seen.path: seen}
        assert library.entries([tmp_path / "caf"]) == {}
        assert library.held([seen.id], except_for=[]) == {seen.id}
        assert library.held([seen.id], except_for=[seen.path]) == set()


def test_gateways_that_start_at_once_create_the_tables_once(url: str) -> None:
    errors: list[Exception] = []
    together = threading.Barrier(4)

    def open_one() -> None:
        together.wait()
        try:
            with closing(Database(url)) as opened:
                KeyStore(opened).create("one", Scope.READ)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=open_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with closing(Database(url)) as opened:
        assert len(opened.rows(select(KEYS))) == 4


def test_a_file_of_an_earlier_release_still_opens(tmp_path: Path) -> None:
    file, secret = tmp_path / "gateway.sqlite", "s" * 43
    with closing(sqlite3.connect(file)) as old, old:
        old.executescript(OLD_SCHEMA)
        old.execute(
            "INSERT INTO keys VALUES ('00000000000a', 'old', 'admin', ?, '2026-01-01T00:00:00+00:00')",
            (digest(secret),),
        )
        old.execute("INSERT INTO library VALUES (?, ?, 5, 7)", (b"/photos/caf\xe9.png", "1" * 32))
    with closing(Database.in_file(file)) as database:
        key = KeyStore(database).find(f"sl_00000000000a_{secret}")
        assert key is not None
        assert (key.name, key.scope) == ("old", Scope.ADMIN)
        assert Sessions(database).find(Sessions(database).begin(key, "", "")) is not None
        assert list(Library(Folders([]), database).entries()) == [Path("/photos/caf\udce9.png")]


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    with closing(Database.in_file(tmp_path / "new" / "state.sqlite")):
        assert (tmp_path / "new" / "state.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_database_that_does_not_answer_is_an_outage_and_no_crash(
    free_ports: Callable[[int], int], caplog: pytest.LogCaptureFixture
) -> None:
    with (
        closing(Database(f"postgresql://me:secret@127.0.0.1:{free_ports(1)}/state")) as database,
        pytest.raises(ServiceError, match="the state database does not answer") as error,
    ):
        database.check()
    assert error.value.kind is Kind.UNAVAILABLE
    # The reason, with host and account, is for the log alone.
    assert "127.0.0.1" not in error.value.detail and "secret" not in error.value.detail
    assert "127.0.0.1" in caplog.text and "secret" not in caplog.text


def test_a_server_that_starts_after_the_gateway_gets_the_tables(
    postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.database.PAUSE_S", 0)
    url = postgresql()
    with closing(Database(f"{url}_late")) as database:
        with pytest.raises(ServiceError, match="does not answer"):
            database.check()
        with psycopg.connect(url, autocommit=True) as administrator:
            administrator.execute(f"CREATE DATABASE {url.rpartition('/')[2]}_late")
        assert KeyStore(database).find(KeyStore(database).create("laptop", Scope.READ)) is not None


def test_connections_that_the_server_closed_are_replaced(postgresql: Callable[[], str]) -> None:
    url = postgresql()
    with closing(Database(url)) as database, psycopg.connect(url, autocommit=True) as administrator:
        store = KeyStore(database)
        written = store.create("laptop", Scope.READ)
        administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert store.find(written) is not None


@pytest.mark.parametrize("wrong", ["mysql://x/y", "state.sqlite", "postgresql+pg8000://x/y", ""])
def test_a_url_of_another_kind_is_refused_without_being_repeated(wrong: str) -> None:
    with pytest.raises(ValueError, match="write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME") as error:
        read_url(wrong)
    assert not wrong or wrong not in str(error.value)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host"])
def test_a_url_without_a_file_or_a_name_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="write sqlite:///FILE"):
        read_url(url)
