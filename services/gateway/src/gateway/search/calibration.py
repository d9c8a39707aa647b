"""How sure the system is that a picture fits a text: its cosine beside what phrases reach that no picture fits.

A cosine alone says little: how high one is depends on the model and on the collection. The background is 98
phrases about nothing that is photographed (background.txt). Each has a best picture in the collection all the same, and
the cosines of these best pictures are what "nothing fits" looks like here. A result's score is standardised against
them, z = (cosine - median) / spread, and its confidence is the share of a normal distribution below z: at 0.95, five of
a hundred phrases that nothing fits would find something better.

Standardising by the cosines of one query over a sample of the pictures, the more usual way, does not tell "nothing here
matches": a query that fits nothing has a small spread, and its best picture stands out as far as that of any other.
docs/confidence.md has both measured.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from statistics import NormalDist, median

from servicekit.errors import ServiceError
from servicekit.records import Stats
from sqlalchemy import BigInteger, Column, Double, Table, Text, bindparam, select

from gateway.database import METADATA, Database
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

# A query whose best result is surer than this has a match.
CONFIDENT = 0.95
# The median of absolute deviations times this is a normal distribution's standard deviation.
MAD_TO_DEVIATION = 1.4826
# In cosine. In a collection of near-identical pictures the measured spread is rounding error.
LEAST_SPREAD = 0.01
# The background is measured again when the collection has grown or shrunk by this share since, or has changed at all
# and the calibration is older than this, in seconds: as many pictures may be other pictures.
DRIFT = 0.1
MOST_AGE_S = 86_400

CALIBRATIONS = Table(
    "calibrations",
    METADATA,
    Column("model_id", Text, primary_key=True),
    # A digest of the phrases: a release with others measures again.
    Column("background", Text, primary_key=True),
    Column("generation", Text, nullable=False),
    Column("pictures", BigInteger, nullable=False),
    Column("middle", Double, nullable=False),
    Column("spread", Double, nullable=False),
    Column("measured_at", Double, nullable=False),  # seconds since 1970
)
ONE_CALIBRATION = select(CALIBRATIONS).where(
    CALIBRATIONS.c.model_id == bindparam("model_id"), CALIBRATIONS.c.background == bindparam("background")
)


@dataclass(frozen=True)
class Calibration:
    """What the background reaches in a collection, in cosine."""

    model_id: str
    # The state of the collection that it was measured on, and when, in seconds since 1970.
    generation: str
    pictures: int
    middle: float
    spread: float
    measured_at: float

    def fits(self, stats: Stats, now: float) -> bool:
        """Whether it still describes the collection of these stats."""
        if self.model_id != stats["model_id"]:
            return False
        same = self.generation == stats["generation"]
        drift = abs(int(stats["count"]) - self.pictures)
        return same or (drift <= DRIFT * self.pictures and now - self.measured_at <= MOST_AGE_S)

    def confidence(self, cosine: float) -> float:
        """How sure it is that a picture of this cosine fits, 0 to 1."""
        return NormalDist(self.middle, self.spread).cdf(cosine)


def null_distribution(best: list[float]) -> NormalDist:
    """What "nothing fits" looks like, by the best cosine of each background phrase; robust, since a few may fit."""
    middle = median(best)
    deviation = MAD_TO_DEVIATION * median(abs(b - middle) for b in best)
    return NormalDist(middle, max(deviation, LEAST_SPREAD))


class Calibrator:
    """Measures the calibration of a collection, and keeps it in the state database, so that all gateways agree."""

    def __init__(
        self,
        encoders: Encoders,
        search: SearchClient,
        database: Database,
        start: Callable[[Callable[[], None]], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Over the clients of the two services, and the state database.

        Args:
            start: runs what it is given, by default on a thread of its own.
            clock: seconds since 1970.
        """
        self._encoders, self._search, self._database, self._clock = encoders, search, database, clock
        self._start = start or (lambda work: threading.Thread(target=work, name="background", daemon=True).start())
        self._measuring = threading.Lock()
        background = files("gateway.search").joinpath("background.txt").read_text(encoding="utf-8")
        self._phrases = background.splitlines()
        self._background = hashlib.sha256(background.encode()).hexdigest()[:16]
        self._vectors: tuple[str, list[str]] | None = None
        # The last calibration that was read; used while the database does not answer.
        self._last: Calibration | None = None

    def calibration(self, stats: Stats) -> Calibration | None:
        """The calibration of a collection with these stats; None until one has been measured for its model.

        One that no longer fits is used until the next is measured.
        """
        if stats["model_id"] is None or not stats["count"]:
            return None
        try:
            known = self._last = self._read(stats["model_id"])
        except ServiceError as error:
            log.warning("the calibration of before is used: %s", error.detail)
            known = self._last
            return known if known and known.model_id == stats["model_id"] else None
        if (known is None or not known.fits(stats, self._clock())) and self._measuring.acquire(blocking=False):
            self._start(self._measure)
        return known

    def _read(self, model_id: str) -> Calibration | None:
        for r in self._database.rows(ONE_CALIBRATION, model_id=model_id, background=self._background):
            return Calibration(r.model_id, r.generation, r.pictures, r.middle, r.spread, r.measured_at)
        return None

    def _measure(self) -> None:
        try:
            # Read the current state: with a cached one this gateway could overwrite a newer calibration.
            stats = self._search.stats()
            model_id = stats["model_id"]
            if self._vectors is None or self._vectors[0] != model_id:
                encoded = self._encoders.of(model_id).texts(self._phrases)
                self._vectors = (encoded[0].model_id, [e.vector for e in encoded])
            made_by, vectors = self._vectors
            best = self._search.best_scores(made_by, vectors)
            if best:
                null = null_distribution(best)
                row = {
                    "model_id": made_by,
                    "background": self._background,
                    "generation": stats["generation"],
                    "pictures": stats["count"],
                    "middle": null.mean,
                    "spread": null.stdev,
                    "measured_at": self._clock(),
                }
                self._database.put(CALIBRATIONS, row)
        except ServiceError as error:  # the next search tries again
            log.warning("the background could not be measured: %s", error.detail)
        finally:
            self._measuring.release()
