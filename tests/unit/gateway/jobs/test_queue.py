"""The job queue on SQLite and PostgreSQL: order, one running job of a kind, takeover, cancel, what is kept."""

import pytest
from gateway.database import Database
from gateway.jobs.queue import KEPT, LOST_S, MOST_WAITING, JobKind, JobQueue, Status
from servicekit.errors import Kind, ServiceError

SCAN, REINDEX = JobKind.SCAN, JobKind.REINDEX


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(database: Database, clock: Clock) -> JobQueue:
    return JobQueue(database, clock)


def test_jobs_run_in_the_order_in_which_they_were_submitted_one_of_a_kind_at_a_time(queue: JobQueue) -> None:
    first, second = queue.submit(SCAN, {"remove": False}), queue.submit(SCAN, {"remove": True})
    other = queue.submit(REINDEX, {})
    taken = queue.claim(SCAN, "a")
    assert taken is not None
    assert (taken.id, taken.status, taken.params) == (first.id, Status.RUNNING, {"remove": False})
    assert queue.claim(SCAN, "b") is None
    reindex = queue.claim(REINDEX, "b")
    assert reindex is not None and reindex.id == other.id
    queue.end(first.id, "a", Status.DONE, {"done": 3})
    taken = queue.claim(SCAN, "b")
    assert taken is not None and taken.id == second.id
    assert [(job.id, job.status) for job in queue.all()] == [
        (other.id, Status.RUNNING),
        (second.id, Status.RUNNING),
        (first.id, Status.DONE),
    ]
    assert queue.get(first.id).progress == {"done": 3}


def test_an_equal_job_is_queued_once_and_joined_only_if_asked(queue: JobQueue) -> None:
    first = queue.submit(SCAN, {"remove": False})
    assert queue.submit(SCAN, {"remove": False}).id == first.id
    queue.claim(SCAN, "a")
    assert queue.submit(SCAN, {"remove": False}, join=True).id == first.id
    assert queue.submit(SCAN, {"remove": True}, join=True).id != first.id
    assert queue.submit(SCAN, {"remove": False}).id != first.id


def test_a_job_whose_worker_is_lost_is_taken_over_and_the_lost_worker_cannot_write(
    queue: JobQueue, clock: Clock
) -> None:
    job = queue.submit(SCAN, {})
    queue.claim(SCAN, "a")
    clock.now += LOST_S - 1
    assert queue.report(job.id, "a", {"done": 1})
    clock.now += LOST_S - 1
    assert queue.claim(SCAN, "b") is None
    clock.now += 2
    taken = queue.claim(SCAN, "b")
    assert taken is not None and taken.progress == {"done": 1}
    # The first worker was only slow: it learns that the job is not its own, and its end is not written.
    assert not queue.report(job.id, "a", {"done": 2})
    queue.end(job.id, "a", Status.DONE, {"done": 2})
    assert queue.get(job.id).status == Status.RUNNING
    queue.end(job.id, "b", Status.FAILED, {"done": 1}, {"detail": "why"})
    assert (queue.get(job.id).status, queue.get(job.id).problem) == (Status.FAILED, {"detail": "why"})


def test_a_job_that_is_given_back_is_taken_over_at_once(queue: JobQueue) -> None:
    job = queue.submit(SCAN, {})
    queue.claim(SCAN, "a")
    queue.release(job.id, "a")
    taken = queue.claim(SCAN, "b")
    assert taken is not None and taken.id == job.id


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_at_its_next_report(queue: JobQueue) -> None:
    running, waiting = queue.submit(SCAN, {"remove": False}), queue.submit(SCAN, {"remove": True})
    queue.claim(SCAN, "a")
    assert queue.cancel(waiting.id).status == Status.CANCELLED
    assert queue.cancel(running.id).status == Status.RUNNING
    assert not queue.report(running.id, "a", {"done": 1})
    queue.end(running.id, "a", Status.CANCELLED, {"done": 1})
    assert queue.cancel(running.id).status == Status.CANCELLED
    # A job that is being cancelled is not joined.
    again = queue.submit(SCAN, {"remove": False})
    queue.claim(SCAN, "a")
    queue.cancel(again.id)
    assert queue.submit(SCAN, {"remove": False}, join=True).id != again.id


def test_the_last_jobs_of_a_kind_are_kept(queue: JobQueue) -> None:
    kept = queue.submit(REINDEX, {})
    queue.claim(REINDEX, "a")
    queue.end(kept.id, "a", Status.DONE, None)
    ids = []
    for _ in range(KEPT + 3):
        ids.append(queue.submit(SCAN, {}).id)
        queue.claim(SCAN, "a")
        queue.end(ids[-1], "a", Status.DONE, None)
    assert [job.id for job in queue.all()] == [*ids[: -KEPT - 1 : -1], kept.id]


def test_too_many_waiting_jobs_and_unknown_jobs_are_refused(queue: JobQueue) -> None:
    for number in range(MOST_WAITING):
        queue.submit(SCAN, {"paths": [str(number)]})
    with pytest.raises(ServiceError, match="100 jobs of kind scan wait") as error:
        queue.submit(SCAN, {"paths": ["one more"]})
    assert (error.value.kind, error.value.retry_after) == (Kind.TOO_MANY_REQUESTS, 60)
    for ask in (queue.get, queue.cancel):
        with pytest.raises(ServiceError, match="there is no job unknown"):
            ask("unknown")
