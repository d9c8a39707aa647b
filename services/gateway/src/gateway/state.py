"""The file of what the gateway itself knows: API keys, and which file of the library is which picture."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def open_state(path: Path, schema: str) -> sqlite3.Connection:
    """Open the file, with the tables of its reader, for several threads and processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Nobody else on this machine needs to know who has keys.
    path.touch(mode=0o600)
    path.chmod(0o600)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(schema)
    return database
