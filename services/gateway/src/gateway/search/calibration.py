"""Score calibration: the confidence that a picture matches a text, from the cosine and a null distribution.

A cosine alone says little: its scale depends on the model and on the collection. The background is 98 phrases that no
photograph shows (background.txt). Each phrase still has a best picture in the collection; the cosines of these best
pictures are the null distribution, "nothing matches". A result's score is standardised against it, z = (cosine -
median) / spread, and its confidence is the normal distribution function of z: at 0.95, the best picture of 5 % of the
background phrases would score higher.

The more usual way, standardising by the cosines of the same query over a sample of the pictures, cannot detect that
nothing matches: a query without a match has a small spread, and its best picture stands out as much as that of any
other query. docs/confidence.md has measurements of both.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.resources import files
from statistics import NormalDist, median

from servicekit.errors import ServiceError
from servicekit.records import CollectionStats
from sqlalchemy import BigInteger, Column, Double, Table, Text, bindparam, select

from gateway.database import METADATA, Database
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

# A query has a match if its best result's confidence is above this.
CONFIDENT = 0.95
# For a normal distribution, the median absolute deviation (MAD) times this is the standard deviation.
MAD_TO_DEVIATION = 1.4826
# Least spread, in cosine: in a collection of near-identical pictures the measured spread is only rounding error.
LEAST_SPREAD = 0.01
# The background is measured again when the number of pictures has changed by this share, or when the collection has
# changed at all and the calibration is older than this many seconds: the same number may be different pictures.
DRIFT = 0.1
MOST_AGE_S = 86_400

CALIBRATIONS = Table(
    "calibrations",
    METADATA,
    Column("model_id", Text, primary_key=True),
    # A digest of the phrases: a release with other phrases measures again.
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
    """The null distribution of a collection: mean and standard deviation of the background's best cosines."""

    model_id: str
    # The state of the collection that it was measured on, and when, in seconds since 1970.
    generation: str
    pictures: int
    middle: float
    spread: float
    measured_at: float

    def fits(self, stats: CollectionStats, now: float) -> bool:
        """Whether the calibration is still valid for a collection with these stats."""
        if self.model_id != stats["model_id"]:
            return False
        same = self.generation == stats["generation"]
        drift = abs(int(stats["count"]) - self.pictures)
        return same or (drift <= DRIFT * self.pictures and now - self.measured_at <= MOST_AGE_S)

    def confidence(self, cosine: float) -> float:
        """The confidence, 0 to 1, that a picture with this cosine matches."""
        return NormalDist(self.middle, self.spread).cdf(cosine)


def null_distribution(best: list[float]) -> NormalDist:
    """The null distribution, from each phrase's best cosine; by median and MAD, since a few phrases may match."""
    middle = median(best)
    deviation = MAD_TO_DEVIATION * median(abs(b - middle) for b in best)
    return NormalDist(middle, max(deviation, LEAST_SPREAD))


class Calibrator:
    """Measures the calibration of a collection, and stores it in the state database for all gateways."""

    def __init__(
        self,
        encoders: Encoders,
        search: SearchClient,
        database: Database,
        start: Callable[[Callable[[], None]], None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Use the clients of the two services, and the state database.

        Args:
            encoders: encode the background phrases.
            search: finds their best pictures.
            database: stores the calibration.
            start: runs a function in the background; by default on a new thread.
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
        # Measured, and not stored yet.
        self._unstored: Calibration | None = None

    def calibration(self, stats: CollectionStats) -> Calibration | None:
        """The calibration of a collection with these stats; None until one has been measured for its model.

        An outdated calibration is returned until the next one has been measured in the background.
        """
        if stats["model_id"] is None or not stats["count"]:
            return None
        try:
            stored = self._read(stats["model_id"])
            unstored = self._unstored if self._unstored and self._unstored.model_id == stats["model_id"] else None
            known = self._last = unstored or stored
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
            # Read the current state: with a cached state, this gateway could overwrite a newer calibration.
            stats = self._search.stats()
            model_id = stats["model_id"]
            if self._vectors is None or self._vectors[0] != model_id:
                encoder = self._encoders.of(model_id)
                if encoder.model()["model_id"] != model_id:  # searches are refused meanwhile
                    return
                encoded = encoder.texts(self._phrases)
                self._vectors = (encoded[0].model_id, [e.vector for e in encoded])
            made_by, vectors = self._vectors
            best = self._search.best_scores(made_by, vectors)
            if best:
                null = null_distribution(best)
                made = Calibration(made_by, stats["generation"], stats["count"], null.mean, null.stdev, self._clock())
                # If it cannot be stored (a full disk), this gateway uses it, and does not measure with every search.
                self._unstored = made
                self._database.put(CALIBRATIONS, {**asdict(made), "background": self._background})
                self._unstored = None
        except ServiceError as error:  # the next search tries again
            log.warning("the background could not be measured: %s", error.detail)
        finally:
            self._measuring.release()
