"""The worker: runs queued jobs, one of each kind at a time, in threads of a process of its own."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from servicekit.errors import Kind, ServiceError

from gateway.jobs.queue import Job, JobKind, JobQueue, Status

log = logging.getLogger(__name__)

# Seconds between looks for a new job, and between reports of a running one.
POLL_S = 0.5
REPORT_S = 1.0
# Seconds between looks whether a job is due that is done every so often.
DUE_S = 600
# Seconds between looks whether there is something to do.
LOOK_S = 5
# A job goes on after a service was away: it is tried again after 1, 2, 4 ... seconds, for this long without progress.
PATIENCE_S = 600
LONGEST_PAUSE_S = 30


class Progress(Protocol):
    """The state of a running job; its document has the numbers `done` and `total`."""

    def document(self) -> dict[str, Any]: ...


# Does a job in steps. It is called again after a failure or a crash, so it has to find what is done already.
Task = Callable[[Mapping[str, Any]], Iterator[Progress]]


class Worker:
    """Runs jobs until it is stopped."""

    def __init__(
        self,
        queue: JobQueue,
        tasks: Mapping[JobKind, Task],
        changed: Callable[[], None],
        patience_s: float = PATIENCE_S,
        every_s: Mapping[JobKind, float] = MappingProxyType({}),
        due: Mapping[JobKind, Callable[[], bool]] = MappingProxyType({}),
    ) -> None:
        """A worker with an id of its own.

        Args:
            queue: where jobs wait.
            tasks: does the jobs of each kind.
            changed: called after each job, which may have changed the collection.
            patience_s: for how long a job without progress waits for a service that does not answer.
            every_s: the kinds of jobs that are done without being asked for, with the seconds between two of them.
            due: the kinds that are done as soon as there is something to do, and what tells whether there is.
        """
        self._every_s, self._due = every_s, due
        self._queue, self.tasks, self._changed, self._patience_s = queue, tasks, changed, patience_s
        self.id = uuid.uuid4().hex
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Start a thread for each kind of job."""
        for kind in self.tasks:
            thread = threading.Thread(target=self._work, args=(kind,), name=f"job {kind}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self, wait_s: float = 20) -> None:
        """Stop after the current step of each job, and give the jobs back to the queue."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(wait_s)

    def check(self) -> str:
        """The status text for `/readyz`.

        Raises:
            ServiceError: a thread has ended.
        """
        dead = [thread.name for thread in self._threads if not thread.is_alive()]
        if dead:
            raise ServiceError(Kind.INTERNAL, f"these threads have ended: {', '.join(dead)}")
        return f"{len(self._threads)} threads wait for jobs"

    def run_next(self, kind: JobKind) -> bool:
        """Run the next job of a kind, if there is one; whether there was one."""
        job = self._queue.claim(kind, self.id)
        if job is None:
            return False
        log.info("job %s: %s %s", job.id, kind, job.params)
        _Run(self._queue, job, self.id, self._stopping, self._patience_s).run(self.tasks[kind])
        self._changed()
        return True

    def _work(self, kind: JobKind) -> None:
        look_at = time.monotonic()
        while not self._stopping.is_set():
            try:
                if kind in self._every_s and time.monotonic() >= look_at:
                    self._queue.submit_if_due(kind, self._every_s[kind])
                    look_at = time.monotonic() + DUE_S
                if self.run_next(kind):
                    continue
                if kind in self._due and time.monotonic() >= look_at:
                    look_at = time.monotonic() + LOOK_S
                    if self._due[kind]():
                        self._queue.submit(kind, {}, join=True)
            except ServiceError as error:
                log.warning("no job can be taken or looked for: %s", error.detail)
            except Exception:
                log.exception("unexpected error between jobs")
            self._stopping.wait(POLL_S)


class _Run:
    """One job in work: its steps in the caller's thread, its heartbeat in another one."""

    def __init__(self, queue: JobQueue, job: Job, worker: str, stopping: threading.Event, patience_s: float) -> None:
        self._queue, self._job, self._worker = queue, job, worker
        self._stopping, self._patience_s = stopping, patience_s
        self._progress: dict[str, Any] | None = job.progress
        # Set if the job was cancelled or belongs to another worker now.
        self._halted = threading.Event()
        self._ended = threading.Event()
        self._complete = False

    def run(self, task: Task) -> None:
        reporting = threading.Thread(target=self._report_always, name=f"heartbeat {self._job.id}", daemon=True)
        reporting.start()
        try:
            problem = self._steps(task)
        finally:
            self._ended.set()
            reporting.join()
        if problem is None and not self._complete and not self._halted.is_set():  # the worker stops
            self._queue.release(self._job.id, self._worker)
            return
        status = Status.FAILED if problem else Status.DONE if self._complete else Status.CANCELLED
        self._queue.end(self._job.id, self._worker, status, self._progress, problem)

    def _steps(self, task: Task) -> dict[str, Any] | None:
        """Run the task to its end; the problem document if it fails."""
        pause_s, since, most = 1.0, time.monotonic(), 0
        while True:
            try:
                for step in task(self._job.params):
                    self._progress = step.document()
                    if self._progress["done"] > most:
                        pause_s, since, most = 1.0, time.monotonic(), self._progress["done"]
                    if self._halted.is_set() or self._stopping.is_set():
                        return None
                self._complete = True
                return None
            except ServiceError as error:
                if error.kind is not Kind.UNAVAILABLE or time.monotonic() - since >= self._patience_s:
                    return error.body(self._job.id)
                log.warning("job %s waits: %s", self._job.id, error.detail)
            except Exception:
                log.exception("unexpected error of job %s", self._job.id)
                detail = f"an unexpected error; the worker's log has it under the job's id, {self._job.id}"
                return ServiceError(Kind.INTERNAL, detail).body(self._job.id)
            if self._wait(pause_s):
                return None
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _wait(self, seconds: float) -> bool:
        """Wait; whether the job is to stop."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self._halted.is_set() or self._stopping.wait(0.1):
                return True
        return False

    def _report_always(self) -> None:
        while not self._ended.wait(REPORT_S):
            try:
                if not self._queue.report(self._job.id, self._worker, self._progress):
                    self._halted.set()
                    return
            except ServiceError as error:
                log.warning("job %s: its progress cannot be written: %s", self._job.id, error.detail)
