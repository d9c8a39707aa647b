"""Batches across requests: what requests that wait together ask for is computed together, by one worker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from servicekit.deadline import time_left
from servicekit.errors import Kind, ServiceError
from servicekit.server.child import ChildDiedError

from encoder.metrics import BatchMetrics

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)

# Items of one request lie this far apart in the order of the queue, in seconds: a single query that arrives after a
# request of 256 texts waits for a few of them, not for all.
SPREAD_S = 0.002
# How often an idle worker is looked at, and the longest pause between attempts to start it again, in seconds.
LOOK_S, LONGEST_PAUSE_S = 0.5, 30.0


class Worker(Protocol[In, Out]):
    """Computes batches, one at a time."""

    def compute(self, items: Sequence[In]) -> Sequence[Out]:
        """The result of each item; raises ChildDiedError if the worker has ended, another error for a bad batch."""
        ...

    def alive(self) -> bool:
        """Whether it can compute."""
        ...

    def restart(self) -> None:
        """Start it again; raises ChildDiedError if that fails."""
        ...


class Limits(NamedTuple):
    """The limits of a queue and its batches."""

    # Items in a batch, and the sum of their sizes as padded: what a request waits for at most before its own batch.
    items: int
    size: int
    # Items that may wait; a request beyond them is refused.
    waiting: int


@dataclass(eq=False)
class Entry(Generic[Item, Result]):
    """An item that waits, or is computed."""

    item: Item
    size: int
    key: Hashable
    rank: float
    arrived: float
    until: float
    result: Future[Result] = field(default_factory=Future)


class Batcher(Generic[Item, Result]):
    """A queue, and the thread that computes it in batches of items of one size.

    A lone item waits for nothing. While a batch is computed, others wait, and are the next batches. Their numbers of
    items are powers of two, since a runtime keeps code and memory for each shape.
    """

    def __init__(
        self,
        name: str,
        worker: Worker[Item, Result],
        limits: Limits,
        size: Callable[[Item], int],
        key: Callable[[Item], Hashable] | None = None,
        metrics: BatchMetrics | None = None,
    ) -> None:
        """Start the thread.

        Args:
            name: what is computed, in errors and metrics.
            worker: computes the batches.
            limits: of the queue and its batches.
            size: of an item, as padded; only items of one size are computed together.
            key: items of one key that wait or are computed at once are computed once; None if none are alike.
            metrics: receive the sizes and times of batches.
        """
        self._name, self._worker, self._limits, self._size, self._key = name, worker, limits, size, key
        self._metrics = metrics
        self._waiting: list[Entry[Item, Result]] = []
        self._by_key: dict[Hashable, Entry[Item, Result]] = {}
        self._changed = threading.Condition()
        self._down: str | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def run(self, items: Sequence[Item]) -> list[Result]:
        """The result of each item, in order.

        Raises:
            ServiceError: too many items wait (429), the worker has ended, or the request's deadline has passed (503).
        """
        left = time_left()
        until = float("inf") if left is None else time.monotonic() + left
        entries = self._add(items, until)
        return [self._result(entry, until) for entry in entries]

    def _result(self, entry: Entry[Item, Result], until: float) -> Result:
        try:
            return entry.result.result(None if until == float("inf") else max(0.0, until - time.monotonic()))
        except FutureTimeoutError:
            raise late() from None

    def _add(self, items: Sequence[Item], until: float) -> list[Entry[Item, Result]]:
        now = time.monotonic()
        with self._changed:
            if self._down is not None:
                raise self._unavailable()
            if self._waiting and len(self._waiting) + len(items) > self._limits.waiting:
                detail = f"{len(self._waiting)} {self._name} wait already; at most {self._limits.waiting} may"
                raise ServiceError(Kind.TOO_MANY_REQUESTS, detail, retry_after=1)
            entries = []
            for number, item in enumerate(items):
                key = self._key(item) if self._key else object()
                rank = now + number * SPREAD_S
                entry = self._by_key.get(key)
                if entry is None:
                    entry = Entry(item, self._size(item), key, rank, arrived=now, until=until)
                    self._by_key[key] = entry
                    self._waiting.append(entry)
                entry.rank, entry.until = min(entry.rank, rank), max(entry.until, until)
                entries.append(entry)
            self._changed.notify()
        return entries

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    self._changed.wait(LOOK_S)
                if self._closed:
                    return
                batch = self._take()
            if batch:
                self._compute(batch)
            elif not self._worker.alive():
                self._recover(f"the process that computes {self._name} has ended")

    def _take(self) -> list[Entry[Item, Result]]:
        """Take the next batch from the queue: the first item and others of its size."""
        now = time.monotonic()
        for entry in [entry for entry in self._waiting if entry.until <= now]:
            self._waiting.remove(entry)
            self._settle(entry, error=late())
        if not self._waiting:
            return []
        self._waiting.sort(key=lambda entry: entry.rank)
        size = self._waiting[0].size
        alike = [entry for entry in self._waiting if entry.size == size]
        most = min(len(alike), self._limits.items, max(1, self._limits.size // size))
        batch = alike[: 1 << (most.bit_length() - 1)]
        taken = set(map(id, batch))
        self._waiting = [entry for entry in self._waiting if id(entry) not in taken]
        return batch

    def _compute(self, batch: list[Entry[Item, Result]]) -> None:
        began = time.monotonic()
        try:
            results = self._worker.compute([entry.item for entry in batch])
        except ChildDiedError as error:
            self._recover(str(error), batch)
            return
        except Exception as error:  # of the item at fault, which is found by computing each one alone
            if len(batch) == 1:
                log.exception("%s: an item cannot be computed", self._name, exc_info=error)
                self._fail(batch, ServiceError(Kind.INTERNAL, f"this item of {self._name} cannot be computed"))
            else:
                for entry in batch:
                    self._compute([entry])
            return
        if self._metrics:
            waited = [began - entry.arrived for entry in batch]
            self._metrics.batch(self._name, waited, len(batch) * batch[0].size, time.monotonic() - began)
        with self._changed:
            for entry, result in zip(batch, results, strict=True):
                self._settle(entry, result)

    def _settle(
        self, entry: Entry[Item, Result], result: Result | None = None, error: ServiceError | None = None
    ) -> None:
        """Give an entry its result. The lock is held, so that no further request joins it."""
        self._by_key.pop(entry.key, None)
        if error is not None:
            entry.result.set_exception(error)
        else:
            answer: Any = result
            entry.result.set_result(answer)

    def _fail(self, entries: Sequence[Entry[Item, Result]], error: ServiceError) -> None:
        with self._changed:
            for entry in entries:
                self._settle(entry, error=error)

    def _recover(self, why: str, batch: Sequence[Entry[Item, Result]] = ()) -> None:
        """Answer everything that waits, and start the worker again."""
        log.error("%s; it is started again", why)
        with self._changed:
            self._down = why
            waiting, self._waiting = self._waiting, []
        self._fail([*batch, *waiting], self._unavailable())
        pause = LOOK_S
        while not self._closed:
            try:
                self._worker.restart()
            except ChildDiedError as error:
                log.error("%s: %s; the next attempt is in %.1f s", self._name, error, pause)
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
            else:
                with self._changed:
                    self._down = None
                return

    def _unavailable(self) -> ServiceError:
        return ServiceError(Kind.UNAVAILABLE, f"no {self._name} at the moment: {self._down}", retry_after=1)

    @property
    def waiting(self) -> int:
        """The number of items that wait."""
        return len(self._waiting)

    @property
    def up(self) -> bool:
        """Whether requests are taken."""
        return self._down is None

    def check(self) -> None:
        """Raise a ServiceError while the worker is down."""
        if self._down is None and not self._worker.alive():
            raise ServiceError(Kind.UNAVAILABLE, f"the process that computes {self._name} has ended", retry_after=1)
        if self._down is not None:
            raise self._unavailable()

    def close(self) -> None:
        """End the thread, after the batch that is being computed."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()


def late() -> ServiceError:
    """The error of a request whose deadline has passed."""
    return ServiceError(Kind.UNAVAILABLE, "the time for this request is over", retry_after=1)
