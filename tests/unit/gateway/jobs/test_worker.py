"""The worker: results of jobs, retries while a service is away, cancel, restart, and two workers on one queue."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gateway.database import Database
from gateway.jobs.queue import JobKind, JobQueue, Status
from gateway.jobs.worker import Worker
from servicekit.errors import Kind, ServiceError

SCAN = JobKind.SCAN


class Counted:
    """A progress of `done` steps of three."""

    def __init__(self, done: int) -> None:
        self.done = done

    def document(self) -> dict[str, Any]:
        return {"done": self.done, "total": 3}


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[JobQueue]:
    with closing(Database.in_file(tmp_path / "state.sqlite")) as database:
        yield JobQueue(database)


def worker(queue: JobQueue, steps: Callable[[Mapping[str, Any]], Iterator[Counted]], patience_s: float = 60) -> Worker:
    return Worker(queue, {SCAN: steps}, lambda: None, patience_s)


def three(_: Mapping[str, Any]) -> Iterator[Counted]:
    yield from map(Counted, (1, 2, 3))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_that_is_due_is_done_without_being_asked_for(
    queue: JobQueue, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.jobs.worker.LOOK_S", 0.05)
    monkeypatch.setattr("gateway.jobs.worker.POLL_S", 0.01)
    answers: Iterator[bool | ServiceError] = iter([ServiceError(Kind.UNAVAILABLE, "it is away"), False, True])

    def due() -> bool:
        answer = next(answers, False)
        if isinstance(answer, ServiceError):
            raise answer
        return answer

    one = Worker(queue, {SCAN: three}, lambda: None, due={SCAN: due})
    one.start()
    until(lambda: bool(queue.all()) and queue.all()[0].status == Status.DONE)
    one.stop()
    assert len(queue.all()) == 1
    assert [r.getMessage() for r in caplog.records if r.levelname == "WARNING"] == [
        "no job can be taken or looked for: it is away"
    ]


def test_a_job_ends_with_its_last_progress(queue: JobQueue) -> None:
    changes: list[int] = []
    one = Worker(queue, {SCAN: three}, lambda: changes.append(1))
    assert not one.run_next(SCAN)
    job = queue.submit(SCAN, {})
    assert one.run_next(SCAN)
    ended = queue.get(job.id)
    assert (ended.status, ended.progress, ended.problem) == (Status.DONE, {"done": 3, "total": 3}, None)
    assert ended.ended_at is not None
    assert changes == [1]


def test_a_job_goes_on_after_a_service_was_away(queue: JobQueue) -> None:
    calls: list[int] = []

    def steps(_: Mapping[str, Any]) -> Iterator[Counted]:
        calls.append(1)
        yield Counted(len(calls))
        if len(calls) < 2:
            raise ServiceError(Kind.UNAVAILABLE, "the encoder cannot be reached")

    job = queue.submit(SCAN, {})
    worker(queue, steps).run_next(SCAN)
    assert (queue.get(job.id).status, queue.get(job.id).progress) == (Status.DONE, {"done": 2, "total": 3})


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (ServiceError(Kind.UNAVAILABLE, "the encoder cannot be reached"), 503, "the encoder cannot be reached"),
        (ServiceError(Kind.NOT_FOUND, "there is no library"), 404, "there is no library"),
        (RuntimeError("a fault of our own"), 500, "an unexpected error; the worker's log has it under the job's id, "),
    ],
)
def test_a_job_that_cannot_go_on_fails_with_the_problem(
    queue: JobQueue, error: Exception, status: int, detail: str, caplog: pytest.LogCaptureFixture
) -> None:
    def steps(_: Mapping[str, Any]) -> Iterator[Counted]:
        yield Counted(1)
        raise error

    job = queue.submit(SCAN, {})
    # Patience 0 for a service, any patience for what no waiting mends.
    patience_s = 0 if error.args == ("the encoder cannot be reached",) else 1000
    worker(queue, steps, patience_s).run_next(SCAN)
    ended = queue.get(job.id)
    assert ended.problem is not None
    assert (ended.status, ended.progress, ended.problem["status"]) == (Status.FAILED, {"done": 1, "total": 3}, status)
    assert ended.problem["detail"].startswith(detail)
    assert ("a fault of our own" in caplog.text) == (status == 500)


def test_a_running_job_is_cancelled_and_keeps_its_progress(queue: JobQueue) -> None:
    job = queue.submit(SCAN, {})

    def steps(_: Mapping[str, Any]) -> Iterator[Counted]:
        done = 0
        while True:
            done += 1
            yield Counted(done)
            if done == 5:
                queue.cancel(job.id)
            time.sleep(0.01)

    worker(queue, steps).run_next(SCAN)
    ended = queue.get(job.id)
    assert ended.status == Status.CANCELLED
    assert ended.progress is not None and ended.progress["done"] >= 5


def test_a_worker_that_stops_gives_its_job_to_the_next_one(queue: JobQueue) -> None:
    begun = threading.Event()

    def endless(_: Mapping[str, Any]) -> Iterator[Counted]:
        while True:
            begun.set()
            yield Counted(1)

    job = queue.submit(SCAN, {})
    first = worker(queue, endless)
    first.start()
    assert begun.wait(20)
    assert first.check() == "1 threads wait for jobs"
    first.stop()
    assert queue.get(job.id).status == Status.RUNNING
    with pytest.raises(ServiceError, match="these threads have ended: job scan"):
        first.check()
    second = worker(queue, three)
    second.start()
    until(lambda: queue.get(job.id).status == Status.DONE)
    second.stop()


def test_two_workers_do_each_job_once(tmp_path: Path) -> None:
    done: list[str] = []

    def steps(params: Mapping[str, Any]) -> Iterator[Counted]:
        done.append(params["name"])
        yield Counted(1)

    file = tmp_path / "state.sqlite"
    with closing(Database.in_file(file)) as a, closing(Database.in_file(file)) as b:
        workers = [worker(JobQueue(database), steps) for database in (a, b)]
        names = [f"job {number}" for number in range(10)]
        for name in names:
            JobQueue(a).submit(SCAN, {"name": name})
        for one in workers:
            one.start()
        until(lambda: all(job.status == Status.DONE for job in JobQueue(a).all()))
        for one in workers:
            one.stop()
    assert sorted(done) == sorted(names)
