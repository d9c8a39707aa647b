"""What a back end is to the routes. The local one keeps everything in a SQLite file and an index beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from servicekit.records import FacetCounts, ModelFacts, Record, Stats, Suggestions

from search.catalogue import facets
from search.catalogue.catalogue import Catalogue
from search.catalogue.models import Models
from search.catalogue.tables import Model, Picture
from search.index.index import Index
from search.ranking import Source


class Moment(NamedTuple):
    """A collection as it is now, to rank in."""

    source: Source
    model: Model | None
    # Changes with every write: what an answer was made from.
    generation: str
    # Names the order of answers; a cursor of another order is gone.
    order: str


class Store(Protocol):
    """Pictures, their records and their vectors."""

    def close(self) -> None:
        """Let go of files and connections."""

    def check(self) -> str:
        """Do what a query does; a sentence about it."""

    def upsert(
        self, model_id: str, dim: int, pictures: Sequence[Picture], keep_existing: bool = False
    ) -> tuple[list[str], str]:
        """Keep pictures; the ids that are new, and the generation."""

    def edit(self, picture_id: str, changes: Mapping[str, Any]) -> tuple[Record, str]:
        """Change fields of a record; the record, and the generation."""

    def delete(self, picture_id: str) -> tuple[Record, str]:
        """Remove a picture; its last record, and the generation."""

    def records(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of those ids that exist, by id."""

    def sample_captions(self, limit: int) -> list[str]:
        """Some short captions of the collection."""

    def suggest(self, text: str, words: Sequence[str], limit: int) -> Suggestions:
        """Captions and tags that go on as a text does; see `catalogue.facets.suggest`."""

    def facets(self) -> FacetCounts:
        """What the pictures can be told apart by; see `catalogue.facets.facets_of`."""

    def export(self, after: str, limit: int) -> list[tuple[Record, bytes]]:
        """Records and vectors of the pictures whose ids follow one, in the order of ids."""

    def stats(self) -> Stats:
        """Facts about the collection and its index."""

    def models(self) -> list[ModelFacts]:
        """Each model whose vectors are here: `model_id`, `dim`, `serves`, `vectors`, and `missing` pictures."""

    def fill(self, model_id: str, dim: int, vectors: Mapping[str, bytes]) -> int:
        """Keep vectors of a model that does not serve yet, by picture id; how many pictures they were of."""

    def without(self, model_id: str, limit: int) -> list[str]:
        """Ids of pictures that a model has no vector of."""

    def serve(self, model_id: str) -> str:
        """Let a model serve that has a vector of every picture; the generation."""

    def drop(self, model_id: str) -> None:
        """Forget the vectors of a model that does not serve."""

    def moment(self) -> Moment:
        """The collection as it is now: everything that was acknowledged before is in it."""


class LocalStore:
    """A catalogue and its index."""

    def __init__(self, catalogue: Catalogue, index: Index) -> None:
        self.catalogue, self.index = catalogue, index
        self._models = Models(catalogue.database)
        self.models, self.fill, self.without = self._models.all, self._models.fill, self._models.without
        self.records = catalogue.records
        self.export = catalogue.export

    def close(self) -> None:
        """Wait for what goes on in the background, and close the file."""
        self.index.close()
        self.catalogue.close()

    def check(self) -> str:
        """Bring the index up to date; a sentence about it."""
        view = self.index.view()
        problem = f"; {self.index.problem}" if self.index.problem else ""
        return f"{view.count} pictures, generation {self._generation(view.state.seq)}{problem}"

    def _generation(self, seq: int) -> str:
        return f"{self.catalogue.name}-{seq}"

    def upsert(
        self, model_id: str, dim: int, pictures: Sequence[Picture], keep_existing: bool = False
    ) -> tuple[list[str], str]:
        """See `Catalogue.upsert`."""
        created, seq = self.catalogue.upsert(model_id, dim, pictures, keep_existing)
        return created, self._generation(seq)

    def edit(self, picture_id: str, changes: Mapping[str, Any]) -> tuple[Record, str]:
        """See `Catalogue.edit`."""
        record, seq = self.catalogue.edit(picture_id, changes)
        return record, self._generation(seq)

    def delete(self, picture_id: str) -> tuple[Record, str]:
        """See `Catalogue.delete`."""
        record, seq = self.catalogue.delete(picture_id)
        return record, self._generation(seq)

    def sample_captions(self, limit: int) -> list[str]:
        """See `catalogue.facets.sample_captions`."""
        return facets.sample_captions(self.catalogue.database.reader, limit)

    def suggest(self, text: str, words: Sequence[str], limit: int) -> Suggestions:
        """See `catalogue.facets.suggest`."""
        return facets.suggest(self.catalogue.database.reader, text, words, limit)

    def facets(self) -> FacetCounts:
        """See `catalogue.facets.facets`."""
        return facets.facets(self.catalogue.database.reader)

    def stats(self) -> Stats:
        """Facts about the collection and its index."""
        view = self.index.view()
        model = view.state.model
        # The index knows the count; SQLite would walk a million rows for it, and every search asks.
        return {
            "count": view.count,
            "model_id": model and model.model_id,
            "generation": self._generation(view.state.seq),
            "index": {
                "generation": model and model.snapshot,
                "kind": self.index.kind,
                "after": sum(len(part.rows) for part in view.parts[-1:]),
                "problem": self.index.problem,
            },
        }

    def serve(self, model_id: str) -> str:
        """Let a model serve; its index is written first, while the one before answers."""
        model = self._models.get(model_id)
        self._models.check(model)
        self.index.prepare(model)
        return self._generation(self._models.serve(model))

    def drop(self, model_id: str) -> None:
        """See `Models.drop`."""
        self._models.drop(self._models.get(model_id))

    def moment(self) -> Moment:
        """The collection as it is now."""
        view = self.index.view()
        order = f"{self.catalogue.name}/{view.state.model.number if view.state.model else 0}/{view.order}"
        return Moment(view, view.state.model, self._generation(view.state.seq), order)
