"""How sure the system is that a result fits a search: from the calibration, and from the words that it has."""

from __future__ import annotations

from collections.abc import Sequence

from servicekit.records import FoundRecord

from gateway.search.calibration import CONFIDENT, Calibration
from gateway.search.terms import Term

# The confidence of a result of the mode text that has some of the words, and of one that has them all.
SOME_WORDS, ALL_WORDS = 0.5, 1.0


class Verdict:
    """Judges the results of one search.

    The calibration was measured with single texts. So each text of a search is judged by its own cosine with a picture:
    a picture fits if it fits every text with a positive weight, and none that leads away. A picture as a term is not
    judged: how near another one must be to be called alike depends on what is looked for.
    """

    def __init__(self, terms: Sequence[Term], calibration: Calibration | None) -> None:
        """Judge by the calibration of the collection; None: only the words count.

        Args:
            terms: those of the search, in the order of `FoundRecord.cosines`.
            calibration: the calibration.
        """
        self._calibration = calibration
        texts = [(i, t.weight) for i, t in enumerate(terms) if t.text is not None]
        self._wanted = [i for i, weight in texts if weight > 0]
        self._unwanted = [i for i, weight in texts if weight < 0]

    def confidence(self, hit: FoundRecord) -> float | None:
        """The confidence, 0 to 1, that a result fits; None where that cannot be told."""
        if not self._wanted:
            return None
        by_looks = self._by_looks(hit)
        if "has_words" not in hit:
            return by_looks
        if hit["has_words"]:
            return ALL_WORDS
        return by_looks if "cosines" in hit else SOME_WORDS

    def _by_looks(self, hit: FoundRecord) -> float | None:
        if self._calibration is None:
            return None
        # A search of one term has its cosine as the score.
        of = [self._calibration.confidence(cosine) for cosine in hit.get("cosines", [hit["score"]])]
        confidence = min(of[i] for i in self._wanted)
        # What leads away counts where a picture clearly shows it: the background of a word is not zero.
        shown = max((of[i] for i in self._unwanted), default=0.0)
        return min(confidence, 1 - shown) if shown > CONFIDENT else confidence
