"""Batches across requests: what is computed together, limits, deadlines, faults, and a worker that dies."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from encoder.batching import Batcher, Limits
from encoder.metrics import BatchMetrics
from flask import Flask
from prometheus_client import CollectorRegistry
from servicekit.deadline import set_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.server.child import ChildDiedError

Words = Batcher[str, int]
LIMITS = Limits(items=4, size=40, waiting=8)


class Counting:
    """Computes the length of a word; it can be held, and killed."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(1000)
        self.dead, self.starts = False, 0
        self.may_start = threading.Event()
        self.may_start.set()

    def hold(self) -> None:
        """Hold the next batches until `release`."""
        self.begun, self.go_on = threading.Semaphore(0), threading.Semaphore(0)

    def release(self) -> None:
        self.go_on.release(1000)

    def compute(self, items: Sequence[str]) -> list[int]:
        self.batches.append(list(items))
        self.begun.release()
        assert self.go_on.acquire(timeout=10)
        if self.dead:
            raise ChildDiedError("it was killed")
        if "bad" in items:
            raise ValueError("bad is not a word")
        return [len(item) for item in items]

    def alive(self) -> bool:
        return not self.dead

    def restart(self) -> None:
        assert self.may_start.wait(10)
        self.starts += 1
        self.dead = False


@pytest.fixture
def worker(ask: "Ask") -> Iterator[Counting]:
    # Set up after `ask`, so released before its threads are waited for: a test that fails does not hang.
    worker = Counting()
    yield worker
    worker.release()


@pytest.fixture
def words(worker: Counting) -> Iterator[Words]:
    batcher: Words = Batcher("words", worker, LIMITS, size=len, key=lambda word: word)
    yield batcher
    worker.release()
    batcher.close()


@pytest.fixture
def ask() -> Iterator[Callable[[Callable[[], list[int]]], "Future[list[int]]"]]:
    with ThreadPoolExecutor(32) as pool:
        yield pool.submit


Ask = Callable[..., "Future[list[int]]"]


def until(true: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def queue(words: Words, ask: Ask, *items: str) -> list["Future[list[int]]"]:
    """Requests of one word each, which wait in this order."""
    asked = []
    for item in items:
        before = words.waiting
        asked.append(ask(words.run, [item]))
        until(lambda before=before: words.waiting > before)  # type: ignore[misc]
    return asked


def busy(worker: Counting, words: Words, ask: Ask) -> "Future[list[int]]":
    """A request that the worker computes until it is released."""
    worker.hold()
    asked = ask(words.run, ["first"])
    assert worker.begun.acquire(timeout=10)
    return asked


def test_the_results_are_in_order_and_a_lone_item_is_a_batch(words: Words, worker: Counting) -> None:
    assert words.run(["one"]) == [3]
    assert words.run(["three", "a", "bb", "four"]) == [5, 1, 2, 4]
    assert worker.batches[0] == ["one"]


def test_requests_that_wait_together_are_computed_together_by_size(words: Words, worker: Counting, ask: Ask) -> None:
    first = busy(worker, words, ask)
    asked = queue(words, ask, "aaa", "longer", "bbb", "ccc", "ddd", "others")
    worker.release()
    assert [f.result(10) for f in (first, *asked)] == [[5], [3], [6], [3], [3], [3], [6]]
    assert worker.batches == [["first"], ["aaa", "bbb", "ccc", "ddd"], ["longer", "others"]]


def test_batches_have_powers_of_two_items_and_no_more_than_the_size(words: Words, worker: Counting, ask: Ask) -> None:
    first = busy(worker, words, ask)
    long = ["a" * 20, "b" * 20, "c" * 20]  # two of them have 40, the largest size of a batch
    asked = queue(words, ask, "aaa", "bbb", "ccc", *long)
    worker.release()
    for future in (first, *asked):
        future.result(10)
    assert [len(batch) for batch in worker.batches] == [1, 2, 1, 2, 1]


def test_equal_items_are_computed_once_also_while_they_are_computed(words: Words, worker: Counting, ask: Ask) -> None:
    first = busy(worker, words, ask)
    again = ask(words.run, ["first", "other", "other"])
    until(lambda: words.waiting == 1)
    worker.release()
    assert (first.result(10), again.result(10)) == ([5], [5, 5, 5])
    assert worker.batches == [["first"], ["other"]]


def test_a_single_item_does_not_wait_for_all_items_of_a_large_request(worker: Counting, ask: Ask) -> None:
    words: Words = Batcher("words", worker, LIMITS._replace(waiting=2000), size=len)
    first = busy(worker, words, ask)
    many = ask(words.run, [f"{i:04}" for i in range(1000)])
    until(lambda: words.waiting == 1000)
    (single,) = queue(words, ask, "solo")
    worker.release()
    for future in (first, many, single):
        future.result(10)
    words.close()
    # It comes after those items whose 2 ms each have passed since the large request came.
    assert [item for batch in worker.batches for item in batch].index("solo") < 900


def test_an_item_that_a_large_request_holds_far_behind_comes_forward(worker: Counting, ask: Ask) -> None:
    words: Words = Batcher("words", worker, LIMITS._replace(waiting=2000), size=len, key=lambda word: word)
    first = busy(worker, words, ask)
    # Items of one request are 2 ms apart: the last one is ranked two seconds after the first.
    many = ask(words.run, [f"{i:04}" for i in range(1000)])
    until(lambda: words.waiting == 1000)
    last = words._by_key["0999"]
    before = last.rank
    single = ask(words.run, ["0999"])
    until(lambda: last.rank < before)
    worker.release()
    for future in (first, many, single):
        future.result(10)
    words.close()
    assert words.waiting == 0
    assert [item for batch in worker.batches for item in batch].index("0999") < 900


def test_too_many_items_are_refused_and_one_large_request_is_not(words: Words, worker: Counting, ask: Ask) -> None:
    assert words.run([f"{i}" for i in range(20)]) == [1] * 10 + [2] * 10
    first = busy(worker, words, ask)
    asked = ask(words.run, [f"w{i}" for i in range(8)])
    until(lambda: words.waiting == 8)
    with pytest.raises(ServiceError, match="8 words wait already; at most 8 may") as refused:
        words.run(["more"])
    assert (refused.value.kind, refused.value.retry_after) == (Kind.TOO_MANY_REQUESTS, 1)
    worker.release()
    assert (first.result(10), asked.result(10)) == ([5], [2] * 8)


def test_an_item_whose_deadline_has_passed_is_not_computed(words: Words, worker: Counting, ask: Ask) -> None:
    first = busy(worker, words, ask)
    with Flask("test").test_request_context():
        set_deadline(0.05)
        with pytest.raises(ServiceError, match="the time for this request is over"):
            words.run(["late"])
    worker.release()
    assert first.result(10) == [5]
    assert words.run(["next"]) == [4]
    assert worker.batches == [["first"], ["next"]]


def test_a_faulty_item_fails_alone(words: Words, worker: Counting, ask: Ask) -> None:
    first = busy(worker, words, ask)
    good, bad, other = queue(words, ask, "abc", "bad", "def")
    (also,) = queue(words, ask, "ghi")
    worker.release()
    assert [f.result(10) for f in (first, good, other, also)] == [[5], [3], [3], [3]]
    with pytest.raises(ServiceError, match="this item of words cannot be computed") as failed:
        bad.result(10)
    assert failed.value.kind is Kind.INTERNAL


def test_when_the_worker_dies_all_that_waits_is_answered_and_it_is_started_again(
    words: Words, worker: Counting, ask: Ask
) -> None:
    first = busy(worker, words, ask)
    asked = queue(words, ask, "abc", "longer")
    worker.may_start.clear()
    worker.dead = True
    worker.release()
    for future in (first, *asked):
        with pytest.raises(ServiceError, match="no words at the moment: it was killed") as failed:
            future.result(10)
        assert (failed.value.kind, failed.value.retry_after) == (Kind.UNAVAILABLE, 1)
    with pytest.raises(ServiceError, match="it was killed"):
        words.check()
    with pytest.raises(ServiceError, match="it was killed"):
        words.run(["refused at once"])
    worker.may_start.set()
    until(lambda: worker.starts == 1 and words.up)
    words.check()
    assert words.run(["word"]) == [4]


def test_a_worker_that_dies_while_it_is_idle_is_started_again(words: Words, worker: Counting) -> None:
    worker.dead = True
    with pytest.raises(ServiceError, match="the process that computes words has ended"):
        words.check()
    until(lambda: worker.starts == 1 and words.up)
    assert words.run(["word"]) == [4]


def test_metrics_tell_how_items_waited_and_what_batches_hold(worker: Counting) -> None:
    registry = CollectorRegistry()
    batcher: Words = Batcher("words", worker, LIMITS, size=len, metrics=BatchMetrics(registry))
    batcher.run(["one"])
    batcher.run(["six"])
    batcher.close()
    kind = {"kind": "words"}
    assert registry.get_sample_value("encoder_queue_seconds_count", kind) == 2
    assert registry.get_sample_value("encoder_batch_items_sum", kind) == 2
    assert registry.get_sample_value("encoder_batch_size_sum", kind) == 6
    assert registry.get_sample_value("encoder_batch_seconds_count", kind) == 2
