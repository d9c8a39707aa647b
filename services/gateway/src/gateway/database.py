"""The gateway's own SQLite database: API keys, sessions, and the library's map of files."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any


class StateFile:
    """The tables of one reader in that file, for several threads and processes."""

    def __init__(self, path: Path, schema: str) -> None:
        self._lock = threading.Lock()
        self._database = open_state(path, schema)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _rows(self, sql: str, *values: object) -> list[Any]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()


def open_state(path: Path, schema: str) -> sqlite3.Connection:
    """Open the file, with the tables of its reader, for several threads and processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Other users of this machine have no need to read the keys' names.
    path.touch(mode=0o600)
    path.chmod(0o600)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(schema)
    return database
