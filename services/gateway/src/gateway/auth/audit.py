"""The audit log: a line for each write, each change of a key and each refused key; never a query or a key.

The files can be read by people and by fail2ban (`deploy/fail2ban`). Their size is bounded by rotation. Refused keys
have a file of their own: unauthenticated clients can make it grow, and must not push out the other entries.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

log = logging.getLogger("gateway.audit")

# At this size a log file is renamed to NAME.1, which replaces the previous NAME.1.
MOST_BYTES = 16 * 2**20
PLAIN = re.compile(r"[\w.,:/@+-]+", re.ASCII)
# The address of changes made by the command line on the gateway's machine.
TERMINAL = "terminal"
REFUSED = "key-refused"


def audit_log(state: Path) -> Path:
    """The path of the audit log: beside the state database's SQLite file."""
    return state.with_name("audit.log")


class Audit:
    """Appends to the audit log; safe for several processes at once."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        """Use a log file.

        Args:
            path: the file; refused keys go to `refused.log` beside it.
            most_bytes: the size at which a file is rotated.
        """
        self._path, self._most_bytes = path, most_bytes

    def write(self, event: str, address: str, **facts: str | int | Sequence[str]) -> None:
        """Append an event.

        Args:
            event: its name, such as `key-refused`.
            address: the client's address, or TERMINAL.
            facts: further fields. Values with unusual characters are quoted, so that a value cannot forge another
                field or another line (log injection).
        """
        fields = " ".join(f"{name}={quoted(value)}" for name, value in {"address": address, **facts}.items())
        refused = event == REFUSED
        path = self._path.with_name("refused.log") if refused else self._path
        log.log(logging.WARNING if refused else logging.INFO, "%s %s", event, fields)
        line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {event} {fields}\n"
        try:
            # Opened for each line, so that the file can be rotated at any time; a single O_APPEND write stays whole.
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line.encode())
                if os.fstat(file).st_size >= self._most_bytes:
                    # One process rotates the file; the others get the lock later, see another inode and do nothing.
                    fcntl.flock(file, fcntl.LOCK_EX)
                    if os.fstat(file).st_ino == path.stat().st_ino:
                        path.replace(path.with_name(f"{path.name}.1"))
            finally:
                os.close(file)
        except OSError as error:  # the change is done already: a full disk must not turn it into an error
            log.error("the audit log %s cannot be written: %s", path, error)


def quoted(value: str | int | Sequence[str]) -> str:
    """A value as written in a line: lists joined by commas, quoted as JSON if it has unusual characters."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ",".join(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text)
