"""Which encoder makes a vector: the one whose model serves the collection.

There is one encoder, except while another model takes over: then `sightline reindex` gives every picture a vector of
the current encoder's model, and until it is done searches and uploads are encoded by the former one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from servicekit.clients.encoder import EncoderClient
from servicekit.errors import Kind, ServiceError

# How long the models of the two encoders are remembered, in seconds; a restart with another bundle is seen after it.
REMEMBERED_S = 5.0


class Encoders:
    """The current encoder, and the former one where the settings name it."""

    def __init__(
        self, current: EncoderClient, former: EncoderClient | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.current, self.former, self._clock = current, former, clock
        self._asked_at = float("-inf")
        self._known: dict[str | None, EncoderClient] = {}

    def of(self, model_id: str | None) -> EncoderClient:
        """The encoder of a model.

        Args:
            model_id: of the collection; None while it holds no picture.

        Returns:
            The former encoder where it has this model, else the current one. The caller compares the model of the
            vector that it gets.
        """
        if self.former is None or model_id is None:
            return self.current
        if self._clock() - self._asked_at >= REMEMBERED_S:
            # Set first: an encoder that does not answer must not be asked by every request.
            self._asked_at = self._clock()
            self._known = {model_of(self.current): self.current}
            # Once the current one serves the collection, the former one may be gone.
            if model_id not in self._known:
                self._known[model_of(self.former)] = self.former
        return self._known.get(model_id, self.current)


def model_of(encoder: EncoderClient) -> str | None:
    """The id of an encoder's model; None where it does not answer."""
    try:
        return encoder.model()["model_id"]
    except ServiceError as error:
        if error.kind is Kind.UNAVAILABLE:
            return None
        raise
