"""What can be wrong with a file or folder of the library, for clients that say it in their own words."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple


class Fault(StrEnum):
    """The kind of a fault; that of a picture which cannot be added is the kind of the error (`Kind`)."""

    UNREADABLE = "unreadable"
    IRREGULAR = "not-a-file"
    UNMOUNTED = "unmounted"
    PATTERNS = "patterns"
    SIDECAR = "sidecar"


class Unread(NamedTuple):
    """A folder that was not read, or a link that leads nowhere."""

    path: Path
    fault: Fault
    why: str
