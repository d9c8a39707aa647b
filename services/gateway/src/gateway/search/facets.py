"""Facts that the page shows before a search: facets, example captions, and the encoder's model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from servicekit.deadline import set_deadline
from servicekit.errors import Kind, ServiceError

from gateway.search.single_flight import SingleFlightCache
from gateway.upstream.collection import Collection
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient

# The longest wait for facts about the model, in seconds.
MODEL_S = 1.5


class CollectionFacts:
    """Facets, cached by the generation of the collection, and facts about the model."""

    def __init__(
        self, encoders: Encoders, search: SearchClient, results: SingleFlightCache, collection: Collection
    ) -> None:
        self._encoders, self._search, self._results, self._collection = encoders, search, results, collection

    def facets(self) -> dict[str, Any]:
        """The number of pictures, example captions, and the values of filters; counted once per generation.

        Raises:
            ServiceError: the search service does not answer.
        """
        state = self._collection.state()
        kept: dict[str, Any] | None = self._results.find("facets", state["generation"])
        if kept is None:
            kept = self._results.once("facets", state["generation"], self._count)
            if self._collection.state()["generation"] == state["generation"]:
                self._results.keep("facets", state["generation"], kept)
        return {"count": state["count"], "captioned": state["captioned"], "written": state["written"], **kept}

    def _count(self) -> dict[str, Any]:
        return {"captions": self._search.captions(), **self._search.facets()}

    def model(self) -> dict[str, Any] | None:
        """The model that searches use, with its figures; None if its encoder does not answer."""
        model_id = self._collection.state()["model_id"]
        # The status page tells within two seconds that an encoder hangs.
        set_deadline(MODEL_S)
        try:
            facts = self._encoders.of(model_id).model()
        except ServiceError as error:
            if error.kind is Kind.UNAVAILABLE:
                return None
            raise
        shown = {name: value for name, value in facts.items() if name != "evaluation"}
        return {**shown, "figures": list(figures(facts["evaluation"]))}


def figures(evaluation: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """Flatten a manifest's nested evaluation; a figure is a number, or a number and the ends of its interval."""
    for name, value in evaluation.items():
        here = (*path, name.replace("_", " "))
        if isinstance(value, dict):
            yield from figures(value, here)
        else:
            numbers = value if isinstance(value, list) else [value]
            if len(numbers) in (1, 3) and all(isinstance(n, int | float) for n in numbers):
                low, high = numbers[1:] or (None, None)
                yield {"name": " ".join(here), "value": numbers[0], "low": low, "high": high}
