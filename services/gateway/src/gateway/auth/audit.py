"""Who did what: a line for each write, each change of a key and each key that was refused; never a query or a key.

The files are made for people and for fail2ban (`deploy/fail2ban`), and bounded, since a stranger can make one grow:
that of refused keys, which stands alone, so that nothing else is pushed out by it.
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

# At this size a log file is rotated to NAME.1, which it replaces.
MOST_BYTES = 16 * 2**20
PLAIN = re.compile(r"[\w.,:/@+-]+", re.ASCII)
# Stands for the address where the command line, and not a client, made the change.
TERMINAL = "terminal"
REFUSED = "key-refused"


def audit_log(state: Path) -> Path:
    """Where the log lies: beside the file of what the gateway knows."""
    return state.with_name("audit.log")


class Audit:
    """Appends to the log, for several processes at once."""

    def __init__(self, path: Path, most_bytes: int = MOST_BYTES) -> None:
        """A log.

        Args:
            path: its file; refused keys go to `refused.log` beside it.
            most_bytes: the size at which a file is set aside.
        """
        self._path, self._most_bytes = path, most_bytes

    def write(self, event: str, address: str, **facts: str | int | Sequence[str]) -> None:
        """Note an event.

        Args:
            event: what happened, as `key-refused`.
            address: the client's, or TERMINAL.
            facts: what else is to be known. Values of unusual characters are quoted, so that none can look like
                another fact or another line.
        """
        fields = " ".join(f"{name}={quoted(value)}" for name, value in {"address": address, **facts}.items())
        refused = event == REFUSED
        path = self._path.with_name("refused.log") if refused else self._path
        log.log(logging.WARNING if refused else logging.INFO, "%s %s", event, fields)
        line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {event} {fields}\n"
        try:
            # Opened for each line, so that the file can be rotated at any time; one write is never torn.
            file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(file, line.encode())
                if os.fstat(file).st_size >= self._most_bytes:
                    # One process rotates; the others, after the lock, see another inode and do nothing.
                    fcntl.flock(file, fcntl.LOCK_EX)
                    if os.fstat(file).st_ino == path.stat().st_ino:
                        path.replace(path.with_name(f"{path.name}.1"))
            finally:
                os.close(file)
        except OSError as error:  # a full disk is no reason to refuse what was done already
            log.error("the audit log %s cannot be written: %s", path, error)


def quoted(value: str | int | Sequence[str]) -> str:
    """A value as it stands in a line."""
    text = value if isinstance(value, str) else str(value) if isinstance(value, int) else ",".join(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text)
