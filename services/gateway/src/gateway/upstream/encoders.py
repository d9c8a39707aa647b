"""Chooses the encoder whose model the collection uses.

There is one encoder, except during a change of model: `sightline reindex` then encodes every picture with the current
encoder's model, and until it is done, searches and uploads are encoded by the former encoder.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from servicekit.clients.encoder import EncoderClient
from servicekit.errors import Kind, ServiceError

# Seconds for which the models of the two encoders are cached; an encoder restarted with another bundle is seen after.
REMEMBERED_S = 5.0


class Encoders:
    """The current encoder, and the former one if the settings name it."""

    def __init__(
        self, current: EncoderClient, former: EncoderClient | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.current, self.former, self._clock = current, former, clock
        self._asked_at = float("-inf")
        self._known: dict[str | None, EncoderClient] = {}
        self._asking = threading.Lock()

    def of(self, model_id: str | None) -> EncoderClient:
        """The encoder of a model.

        Args:
            model_id: the collection's model; None while it is empty.

        Returns:
            The former encoder if it has this model and the current one does not, else the current one, even if it has
            another model: the caller must check the model of the vectors that it gets.
        """
        if self.former is None or model_id is None:
            return self.current
        # One request asks both; the others go on with what was known, except at the very first.
        if self._clock() - self._asked_at >= REMEMBERED_S and self._asking.acquire(blocking=not self._known):
            try:
                if self._clock() - self._asked_at >= REMEMBERED_S:
                    known = {model_of(self.current): self.current}
                    # When the collection uses the current encoder's model, the former encoder may have been removed.
                    if model_id not in known:
                        known[model_of(self.former)] = self.former
                    # An encoder that did not answer just now most likely has the model that it had.
                    self._known = {**self._known, **known} if None in known else known
                    self._asked_at = self._clock()
            finally:
                self._asking.release()
        return self._known.get(model_id, self.current)


def model_of(encoder: EncoderClient) -> str | None:
    """The id of an encoder's model; None if the encoder does not answer."""
    try:
        return encoder.model()["model_id"]
    except ServiceError as error:
        if error.kind is Kind.UNAVAILABLE:
            return None
        raise
