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

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from statistics import NormalDist, median
from typing import Any

from servicekit.errors import ServiceError

from gateway.upstream.encoder import EncoderClient
from gateway.upstream.search import SearchClient

log = logging.getLogger(__name__)

# A query whose best result is surer than this has a match.
CONFIDENT = 0.95
# The median of absolute deviations times this is a normal distribution's standard deviation.
MAD_TO_DEVIATION = 1.4826
# In cosine; a collection of one colour must not turn rounding into certainty.
LEAST_SPREAD = 0.01
# The background is measured again when the collection has grown or shrunk by this share since.
DRIFT = 0.1


@dataclass(frozen=True)
class Calibration:
    """What the background reaches in a collection, in cosine."""

    model_id: str
    count: int
    middle: float
    spread: float

    def fits(self, stats: dict[str, Any]) -> bool:
        """Whether it still describes the collection of these stats."""
        drift = abs(int(stats["count"]) - self.count)
        return self.model_id == str(stats["model_id"]) and drift <= DRIFT * self.count

    def confidence(self, cosine: float) -> float:
        """How sure it is that a picture of this cosine fits, 0 to 1."""
        return NormalDist(self.middle, self.spread).cdf(cosine)


def calibrate(model_id: str, count: int, best: list[float]) -> Calibration:
    """The calibration by the best cosine of each background phrase; robust, since a few may fit a picture after all."""
    middle = median(best)
    deviation = MAD_TO_DEVIATION * median(abs(b - middle) for b in best)
    return Calibration(model_id, count, middle, max(deviation, LEAST_SPREAD))


class Calibrator:
    """Measures the calibration of a collection in the background."""

    def __init__(
        self, encoder: EncoderClient, search: SearchClient, start: Callable[[Callable[[], None]], None] | None = None
    ) -> None:
        """Over the clients of the two services.

        Args:
            start: runs what it is given, by default on a thread of its own.
        """
        self._encoder, self._search = encoder, search
        self._start = start or (lambda work: threading.Thread(target=work, name="background", daemon=True).start())
        self._lock = threading.Lock()
        self._phrases = files("gateway.search").joinpath("background.txt").read_text(encoding="utf-8").splitlines()
        self._vectors: tuple[str, list[str]] | None = None
        self._calibration: Calibration | None = None

    def calibration(self, stats: dict[str, Any]) -> Calibration | None:
        """The calibration of a collection with these stats; None until it has been measured for its model.

        A calibration that no longer fits is used until the next is measured.
        """
        known = self._calibration
        if stats["model_id"] is None or not stats["count"]:
            return None
        if (known is None or not known.fits(stats)) and self._lock.acquire(blocking=False):
            self._start(lambda: self._measure(stats))
        known = self._calibration
        return known if known and known.model_id == stats["model_id"] else None

    def _measure(self, stats: dict[str, Any]) -> None:
        try:
            model_id = stats["model_id"]
            if self._vectors is None or self._vectors[0] != model_id:
                encoded = self._encoder.texts(self._phrases)
                self._vectors = (encoded[0].model_id, [e.vector for e in encoded])
            made_by, vectors = self._vectors
            best = self._search.best_scores(made_by, vectors)
            if best:
                self._calibration = calibrate(made_by, stats["count"], best)
        except ServiceError as error:  # the next search tries again
            log.warning("the background could not be measured: %s", error.detail)
        finally:
            self._lock.release()
