"""The queue of jobs, a table of the state database: what is to be done, by which worker, how far it is, how it ended.

Why a table and not huey (3.5.4 was tried, on SQLite): huey takes a task off its queue before it runs, so that a scan is
lost with a killed worker; a running task cannot be cancelled; it has no heartbeat and no progress, for which a table
would be needed beside it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from servicekit.errors import Kind, ServiceError
from sqlalchemy import JSON, Boolean, Column, Double, Row, Table, Text, delete, func, insert, or_, select, update

from gateway.database import METADATA, Database

# A worker reports each second. A job without a report for this many seconds is taken over by another worker, or by the
# same one after a restart.
LOST_S = 6
# Ended jobs that are kept, by kind; a watched folder makes many short scans.
KEPT = 50
# Jobs of a kind that may wait.
MOST_WAITING = 100


class JobKind(StrEnum):
    """What a job does."""

    SCAN = "scan"
    REINDEX = "reindex"
    SWEEP = "sweep"
    READ = "read"


class Status(StrEnum):
    """The state of a job; the last three are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


JOBS = Table(
    "jobs",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("params", JSON, nullable=False),
    Column("status", Text, nullable=False),
    # The kind of a running job, else NULL. Unique, so that one job of a kind runs at a time.
    Column("slot", Text, unique=True),
    Column("progress", JSON),
    Column("problem", JSON),
    Column("cancelling", Boolean, nullable=False),
    Column("worker", Text),
    # Seconds since 1970.
    Column("created_at", Double, nullable=False),
    Column("started_at", Double),
    Column("seen_at", Double),
    Column("ended_at", Double),
)


class Job(NamedTuple):
    """A job as stored; times are in seconds since 1970."""

    id: str
    kind: JobKind
    params: dict[str, Any]
    status: Status
    progress: dict[str, Any] | None
    problem: dict[str, Any] | None
    created_at: float
    started_at: float | None
    seen_at: float | None
    ended_at: float | None


class JobQueue:
    """Jobs in the state database, for gateways and workers in any number of processes."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database, self._clock = database, clock

    def submit(self, kind: JobKind, params: Mapping[str, Any], join: bool = False) -> Job:
        """Queue a job.

        Args:
            kind: what it does.
            params: arguments of its task.
            join: whether a running job with the same arguments is enough.

        Returns:
            The new job, or one with the same arguments that waits already.

        Raises:
            ServiceError: too many jobs wait (429), or the database does not answer.
        """
        enough = (Status.QUEUED, Status.RUNNING) if join else (Status.QUEUED,)
        active = self._find(JOBS.c.kind == kind, JOBS.c.status.in_(enough), JOBS.c.cancelling.is_(False))
        same = next((job for job in active if job.params == params), None)
        if same:
            return same
        if len(self.waiting(kind)) >= MOST_WAITING:
            raise ServiceError(Kind.TOO_MANY_REQUESTS, f"{MOST_WAITING} jobs of kind {kind} wait", retry_after=60)
        job_id, times = uuid.uuid4().hex, {"created_at": self._clock(), "cancelling": False}
        row = {"id": job_id, "kind": kind, "params": dict(params), "status": Status.QUEUED}
        self._database.change(insert(JOBS).values(**row, **times))
        return self.get(job_id)

    def submit_if_due(self, kind: JobKind, every_s: float) -> None:
        """Queue a job without arguments, unless there was one in the last `every_s` seconds."""
        latest = max((job.created_at for job in self._find(JOBS.c.kind == kind)), default=0.0)
        if latest <= self._clock() - every_s:
            self.submit(kind, {})

    def waiting(self, kind: JobKind) -> list[Job]:
        """The jobs of a kind that wait, the oldest first."""
        return self._find(JOBS.c.kind == kind, JOBS.c.status == Status.QUEUED)

    def get(self, job_id: str) -> Job:
        """A job.

        Raises:
            ServiceError: there is no such job (404), or the database does not answer.
        """
        found = self._find(JOBS.c.id == job_id)
        if not found:
            raise ServiceError(Kind.NOT_FOUND, f"there is no job {job_id}")
        return found[0]

    def all(self) -> list[Job]:
        """Every job that is kept, the newest first."""
        return self._find()[::-1]

    def counts(self) -> dict[tuple[JobKind, Status], int]:
        """How many jobs are kept, by kind and status; those of which there are none are left out."""
        counted = select(JOBS.c.kind, JOBS.c.status, func.count().label("kept")).group_by(JOBS.c.kind, JOBS.c.status)
        return {(JobKind(row.kind), Status(row.status)): row.kept for row in self._database.rows(counted)}

    def cancel(self, job_id: str) -> Job:
        """Cancel a job: one that waits at once, one that runs at its next step; an ended job stays as it is.

        Raises:
            ServiceError: there is no such job (404), or the database does not answer.
        """
        ended = {"status": Status.CANCELLED, "ended_at": self._clock()}
        if not self._change(job_id, JOBS.c.status == Status.QUEUED, **ended):
            self._change(job_id, JOBS.c.status == Status.RUNNING, cancelling=True)
        return self.get(job_id)

    def claim(self, kind: JobKind, worker: str) -> Job | None:
        """The next job of a kind, which is this worker's from now on; None if there is none.

        Args:
            kind: what the worker is free to do.
            worker: the worker's id.
        """
        now = self._clock()
        running = self._find(JOBS.c.kind == kind, JOBS.c.status == Status.RUNNING)
        if running:
            stale = or_(JOBS.c.seen_at.is_(None), JOBS.c.seen_at < now - LOST_S)
            took = self._change(running[0].id, stale, JOBS.c.status == Status.RUNNING, worker=worker, seen_at=now)
            return self.get(running[0].id) if took else None
        for job in self.waiting(kind)[:1]:
            changes = {"status": Status.RUNNING, "slot": kind, "worker": worker, "started_at": now, "seen_at": now}
            # Nothing changes if another worker has begun a job of this kind in between.
            if self._change(job.id, JOBS.c.status == Status.QUEUED, **changes):
                return self.get(job.id)
        return None

    def report(self, job_id: str, worker: str, progress: Mapping[str, Any] | None) -> bool:
        """Write a job's heartbeat and progress; whether it goes on: not cancelled, and not another worker's by now."""
        mine = JOBS.c.worker == worker, JOBS.c.status == Status.RUNNING
        if not self._change(job_id, *mine, seen_at=self._clock(), progress=progress):
            return False
        return not self._database.rows(select(JOBS.c.id).where(JOBS.c.id == job_id, JOBS.c.cancelling.is_(True)))

    def release(self, job_id: str, worker: str) -> None:
        """Give a job back, because its worker stops: the next worker takes it over at once."""
        self._change(job_id, JOBS.c.worker == worker, JOBS.c.status == Status.RUNNING, seen_at=None)

    def end(
        self,
        job_id: str,
        worker: str,
        status: Status,
        progress: Mapping[str, Any] | None,
        problem: Mapping[str, Any] | None = None,
    ) -> None:
        """Write how this worker's job ended, and delete the oldest of those that ended before.

        Args:
            job_id: the job.
            worker: the worker's id; nothing is written if another worker has taken the job over.
            status: done, failed or cancelled.
            progress: its last progress.
            problem: the problem document, if it failed.
        """
        mine = JOBS.c.worker == worker, JOBS.c.status == Status.RUNNING
        changes = {"status": status, "progress": progress, "problem": problem}
        if self._change(job_id, *mine, **changes, slot=None, ended_at=self._clock()):
            ended = select(JOBS.c.id).where(JOBS.c.kind == self.get(job_id).kind, JOBS.c.ended_at.is_not(None))
            old = self._database.rows(ended.order_by(JOBS.c.ended_at.desc()).offset(KEPT))
            self._database.change(delete(JOBS).where(JOBS.c.id.in_([row.id for row in old])))

    def _change(self, job_id: str, *conditions: Any, **values: Any) -> int:
        return self._database.change(update(JOBS).where(JOBS.c.id == job_id, *conditions).values(**values))

    def _find(self, *conditions: Any) -> list[Job]:
        """Jobs, the oldest first."""
        ordered = select(JOBS).where(*conditions).order_by(JOBS.c.created_at, JOBS.c.id)
        return [as_job(row) for row in self._database.rows(ordered)]


def as_job(row: Row[Any]) -> Job:
    """A row as a job."""
    job = Job(*(getattr(row, name) for name in Job._fields))
    return job._replace(kind=JobKind(job.kind), status=Status(job.status))
