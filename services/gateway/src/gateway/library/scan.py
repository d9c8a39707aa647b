"""Scan of the library: brings the collection up to date with its folders. docs/library.md has the table of states."""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from servicekit.errors import Kind, ServiceError

from gateway.database import ROWS_AT_ONCE, batched
from gateway.library.adding import BATCH as HIDDEN_AT_ONCE
from gateway.library.adding import Adding, Change
from gateway.library.faults import Fault
from gateway.library.folders import Seen, read, shown, time_of, with_pictures
from gateway.library.index import AWAITED, Library
from gateway.pictures.hidden import HiddenPictures
from gateway.pictures.ingest import Ingest
from gateway.upstream.search import SearchClient

# Files in one batch; progress is reported after each batch. Parts of it are ingested at the same time: one is decoded
# while another one is encoded.
BATCH = 32
# Ids in one question to the search service.
IDS_AT_ONCE = 1000
# Files that could not be read that are listed; all are counted.
MOST_LISTED = 500
RESULTS = ("unchanged", "added", "exists", "back", "deleted", "failed", "gone", "forgotten")


@dataclass
class Scan:
    """Progress of a scan."""

    total: int = 0
    done: int = 0
    # Files by result; `deleted` are those of pictures that the user deleted, which stay out.
    counts: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(RESULTS, 0)))
    failed: list[dict[str, str]] = field(default_factory=list)
    # Files and folders that are not looked at, by kind: see `LeftOut`.
    left_out: Counter[str] = field(default_factory=Counter)
    # Whether the content of every file is known: what seems to be gone may be a file that cannot be read.
    complete: bool = True
    # What has a picture's name and is no regular file: a picture that it held before is gone.
    irregular: set[Path] = field(default_factory=set)

    def count(self, result: str) -> None:
        """Count a file that is done."""
        self.counts[result] += 1
        self.done += 1

    def fail(self, path: Path, fault: Fault | Kind, why: str) -> None:
        """Count and list a file that cannot be added, or a folder that cannot be read."""
        self.count("failed")
        self.note(path, fault, why)

    def fail_to_read(self, path: Path, error: OSError) -> None:
        """Count and list a file whose content is not known."""
        self.complete = False
        self.fail(path, Fault.UNREADABLE, error.strerror or str(error))

    def note(self, path: Path, fault: Fault | Kind, why: str) -> None:
        """List what is wrong with a file that is counted already."""
        if len(self.failed) < MOST_LISTED:
            self.failed.append({"file": shown(path), "fault": fault, "reason": why})

    def document(self) -> dict[str, Any]:
        """The progress as JSON."""
        return {
            "total": self.total,
            "done": self.done,
            **self.counts,
            "failures": self.failed,
            "left_out": dict(self.left_out),
        }


@dataclass(frozen=True)
class Scanner:
    """Scans a library."""

    library: Library
    ingest: Ingest
    search: SearchClient
    hidden: HiddenPictures
    # For how long a picture is kept whose files are gone, in seconds.
    keep_gone_s: float
    clock: Callable[[], float] = time.time

    def scan(self, remove: bool, scope: Sequence[Path] | None = None) -> Iterator[Scan]:
        """Add new files, recognise moved files by their content, and hide pictures whose files are gone.

        Unchanged files are not read again. An edited file passes its caption and tags on to its new content, and the
        former content is hidden unless another file holds it. A picture that the user deleted stays deleted, by its
        content. A picture whose file was moved or renamed gets the new name. The files that changed last come first.

        Args:
            remove: whether to forget pictures whose files are gone now, and not only after `keep_gone_s`.
            scope: the files and folders to look at; None for everything.

        Raises:
            ServiceError: there is no library, or a service does not answer.
        """
        library, state = self.library, Scan()
        if not library.folders.paths and not self.has_files():
            raise ServiceError(Kind.NOT_FOUND, "there is no library; name its folders in GATEWAY_LIBRARY")
        yield state
        scope = None if scope is None else list(with_pictures(scope))
        files, left_out, _ = library.find(scope)
        state.total, state.left_out = len(files) + len(left_out.unread), left_out.counts
        for unread in left_out.unread:
            state.complete = False
            state.fail(*unread)
        entries = library.entries(scope)
        back, unchanged, changed = self._sorted(files, entries, state)
        lost = self._lost(unchanged) if scope is None else set()
        changed += [seen.path for seen in unchanged if seen.id in lost]
        for seen in unchanged:
            if seen.id not in lost:
                state.count("unchanged")
        yield state
        adding = Adding(library, self.ingest, self.search, self.hidden, state)
        for start in range(0, len(back), BATCH):
            adding.add(back[start : start + BATCH])
            yield state
        # Edited files come last: only then is it known whether another file holds their former content.
        fresh: list[Change] = []
        edited: list[Change] = []
        for path in changed:
            try:
                change = Change(read(path, files[path]), entries.get(path), files[path])
                (edited if change.former_id else fresh).append(change)
            except OSError as error:
                state.fail_to_read(path, error)
            if len(fresh) == BATCH:
                adding.add(fresh)
                fresh = []
                yield state
        adding.add(fresh)
        yield state
        gone = [
            seen
            for path, seen in entries.items()
            # Asked again for each: it may have been replaced during the search, as editors do.
            if seen.gone_at is None
            and (
                path in state.irregular
                or (path not in files and not left_out.covers(path) and not library.folders.finds(path))
            )
        ]
        changing = {change.now.path for change in edited} | {seen.path for seen in gone}
        former = {change.former_id for change in edited if change.former_id} | {seen.id for seen in gone}
        held = library.held(former, except_for=changing) | {change.now.id for change in edited}
        for start in range(0, len(edited), BATCH):
            adding.add(edited[start : start + BATCH], held)
            yield state
        now = int(self.clock())
        for part in batched(sorted({seen.id for seen in gone} - held), HIDDEN_AT_ONCE):
            adding.hide(part)
            yield state
        adding.rename(held, {seen.path for seen in gone})
        # After that, so that after a crash the next scan still takes the file for gone.
        library.mark_gone([seen.path for seen in gone], now)
        state.counts["gone"] = len(gone)
        yield state
        for folder in library.named_otherwise() if scope is None else ():
            ids = {seen.id for seen in library.entries([folder]).values() if seen.gone_at is None}
            for part in batched(sorted(ids), HIDDEN_AT_ONCE):
                adding.rename(frozenset(part))
                yield state
            library.note_name(folder)
        if scope is None and state.complete:
            yield from self._forget(now if remove else now - int(self.keep_gone_s), state)

    def has_files(self) -> bool:
        """Whether there is a picture of the library: in the collection, perhaps of former folders, or hidden."""
        return self.library.has_files() or self.hidden.has_any()

    def _sorted(
        self, files: dict[Path, Path | None], entries: dict[Path, Seen], state: Scan
    ) -> tuple[list[Change], list[Seen], list[Path]]:
        """The files that are back as they were, those that are unchanged, and those that are new or have changed.

        The last ones in the order of their times, the latest first.
        """
        back: list[Change] = []
        unchanged: list[Seen] = []
        changed: list[tuple[int, Path]] = []
        # Entries of earlier releases do not have it.
        without_ctime: list[Seen] = []
        for path, sidecar in files.items():
            try:
                facts = path.stat()
            except OSError as error:
                state.fail_to_read(path, error)
                continue
            before = entries.get(path)
            if not stat.S_ISREG(facts.st_mode):  # opening a named pipe would block forever
                state.irregular.add(path)
                state.fail(path, Fault.IRREGULAR, "not a regular file")
            elif not before or not before.is_as(facts, time_of(sidecar)):
                changed.append((facts.st_mtime_ns, path))
            elif not os.access(path, os.R_OK):
                state.fail(path, Fault.UNREADABLE, "Permission denied")
            elif before.gone_at is None:
                unchanged.append(before)
                if before.ctime_ns is None:
                    without_ctime.append(before._replace(ctime_ns=facts.st_ctime_ns))
            else:
                back.append(Change(before._replace(gone_at=None), None, sidecar))
        for part in batched(without_ctime, ROWS_AT_ONCE):
            self.library.remember(*part)
        return back, unchanged, [path for _, path in sorted(changed, reverse=True)]

    def _lost(self, unchanged: Sequence[Seen]) -> set[str]:
        """The pictures of unchanged files that the collection lacks, as after an older backup of it was restored."""
        lost: set[str] = set()
        for part in batched(sorted({seen.id for seen in unchanged}), IDS_AT_ONCE):
            if missing := set(part) - self.search.present(part):
                lost |= missing - self.library.deleted(missing)
        return lost

    def _forget(self, before: int, state: Scan) -> Iterator[Scan]:
        for ids in self.hidden.forget(before, AWAITED):
            state.counts["forgotten"] += len(ids)
            yield state
        self.library.forget_gone(before)
        yield state
