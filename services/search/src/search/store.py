"""The interface of a back end, and the local back end: a SQLite file with a Faiss index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from servicekit.records import CollectionStats, FacetCounts, ModelFacts, Reading, Record, Suggestions

from search.catalogue import facets, readings
from search.catalogue.catalogue import Catalogue
from search.catalogue.models import Models
from search.catalogue.tables import Exported, ModelEntry, NewPicture
from search.index.index import Index
from search.ranking import Source


class Moment(NamedTuple):
    """A consistent view of a collection, to rank in."""

    source: Source
    model: ModelEntry | None
    # The state of the collection; changes with every write.
    generation: str
    # Identifies the sort order; a cursor of another order is rejected (410).
    order: str


class Store(Protocol):
    """Pictures, their records and their vectors."""

    def close(self) -> None:
        """Close files and connections."""

    def check(self) -> str:
        """Health check: do the first steps of a query; return a sentence for the status page."""

    def upsert(
        self, model_id: str, dim: int, pictures: Sequence[NewPicture], keep_existing: bool = False
    ) -> tuple[list[str], str]:
        """Add or replace pictures; return the ids that are new, and the generation.

        Args:
            model_id: the model that computed the vectors.
            dim: the dimension of the vectors.
            pictures: the pictures. Of two with the same id, the later wins, or the earlier with `keep_existing`.
            keep_existing: leave existing pictures unchanged instead of replacing them.
        """

    def edit(self, picture_id: str, changes: Mapping[str, Any]) -> tuple[Record, str]:
        """Change fields of a record; return the record and the generation."""

    def delete(self, ids: Sequence[str]) -> tuple[dict[str, Record], str]:
        """Delete those of some pictures that exist; return their last records by id, and the generation."""

    def records(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of the ids that exist, by id."""

    def present(self, ids: Sequence[str]) -> set[str]:
        """The ids that exist."""

    def put_readings(self, found: Mapping[str, Reading]) -> tuple[int, str]:
        """Store what is written in pictures, by id; return of how many, without unknown ones, and the generation."""

    def readings(self, ids: Sequence[str]) -> dict[str, Reading]:
        """What is written in those pictures that exist and were read, by id."""

    def unread(self, reader: str, limit: int) -> tuple[list[str], int]:
        """At most `limit` ids of pictures that a reader has not read, the newest first, and how many they are."""

    def sample_captions(self, limit: int) -> list[str]:
        """Some short captions of the collection."""

    def suggest(self, text: str, words: Sequence[str], limit: int) -> Suggestions:
        """Autocomplete: captions and tags for a typed text; see `catalogue.facets.suggest`."""

    def facets(self) -> FacetCounts:
        """Facet counts of the collection; see `catalogue.facets.facets_of`."""

    def export(self, after: str, limit: int) -> tuple[ModelEntry | None, list[Exported]]:
        """The serving model, and one page of pictures with its vectors, by ids greater than `after`, in their order."""

    def stats(self) -> CollectionStats:
        """Size, model and generation of the collection, and the state of its index."""

    def models(self) -> list[ModelFacts]:
        """Each model of the collection: `model_id`, `dim`, `serves`, and how many `vectors` it has and is `missing`."""

    def fill(self, model_id: str, dim: int, vectors: Mapping[str, bytes]) -> int:
        """Back-fill vectors of a model that does not serve yet; return how many were stored.

        Args:
            model_id: the model; it is registered if it is new.
            dim: the dimension of its vectors.
            vectors: little-endian float32 vectors by picture id; ids of unknown pictures are ignored.
        """

    def without(self, model_id: str, limit: int) -> list[str]:
        """At most `limit` ids of pictures without a vector of the model."""

    def serve(self, model_id: str) -> str:
        """Switch to a model that has a vector of every picture; return the generation."""

    def drop(self, model_id: str) -> None:
        """Drop the vectors of a model that does not serve."""

    def moment(self) -> Moment:
        """The current state of the collection, with every write that was acknowledged before the call."""


class LocalStore:
    """The local back end: a catalogue and its index."""

    def __init__(self, catalogue: Catalogue, index: Index) -> None:
        self.catalogue, self.index = catalogue, index
        self._models = Models(catalogue.database)
        self.models, self.fill, self.without = self._models.all, self._models.fill, self._models.without
        self.records, self.present = catalogue.records, catalogue.present
        self.export, self.readings, self.unread = catalogue.export, catalogue.readings, catalogue.unread

    def close(self) -> None:
        """Wait for background work, and close the file."""
        self.index.close()
        self.catalogue.close()

    def check(self) -> str:
        """Health check: bring the index up to date; return a sentence for the status page."""
        view = self.index.view()
        problem = f"; {self.index.problem}" if self.index.problem else ""
        return f"{view.count} pictures, generation {self._generation(view.state.seq)}{problem}"

    def _generation(self, seq: int) -> str:
        return f"{self.catalogue.name}-{seq}"

    def upsert(
        self, model_id: str, dim: int, pictures: Sequence[NewPicture], keep_existing: bool = False
    ) -> tuple[list[str], str]:
        """See `Catalogue.upsert`."""
        created, seq = self.catalogue.upsert(model_id, dim, pictures, keep_existing)
        return created, self._generation(seq)

    def edit(self, picture_id: str, changes: Mapping[str, Any]) -> tuple[Record, str]:
        """See `Catalogue.edit`."""
        record, seq = self.catalogue.edit(picture_id, changes)
        return record, self._generation(seq)

    def delete(self, ids: Sequence[str]) -> tuple[dict[str, Record], str]:
        """See `Catalogue.delete`."""
        records, seq = self.catalogue.delete(ids)
        return records, self._generation(seq)

    def put_readings(self, found: Mapping[str, Reading]) -> tuple[int, str]:
        """See `Catalogue.put_readings`."""
        count, seq = self.catalogue.put_readings(found)
        return count, self._generation(seq)

    def sample_captions(self, limit: int) -> list[str]:
        """See `catalogue.facets.sample_captions`."""
        return facets.sample_captions(self.catalogue.database.reader, limit)

    def suggest(self, text: str, words: Sequence[str], limit: int) -> Suggestions:
        """See `catalogue.facets.suggest`."""
        return facets.suggest(self.catalogue.database.reader, text, words, limit)

    def facets(self) -> FacetCounts:
        """See `catalogue.facets.facets`."""
        return facets.facets(self.catalogue.database.reader)

    def stats(self) -> CollectionStats:
        """See `Store.stats`."""
        view = self.index.view()
        model = view.state.model
        # The count comes from the index: SQLite would scan a million rows, and every search requests it.
        return {
            "count": view.count,
            "model_id": model and model.model_id,
            "generation": self._generation(view.state.seq),
            "captioned": facets.is_captioned(self.catalogue.database.reader),
            "written": readings.is_written(self.catalogue.database.reader),
            "index": {
                "generation": model and model.snapshot,
                "kind": self.index.kind,
                "after": sum(len(part.rows) for part in view.parts[-1:]),
                "problem": self.index.problem,
            },
        }

    def serve(self, model_id: str) -> str:
        """Switch to a model; its snapshot is built first, while the old model still answers."""
        model = self._models.get(model_id)
        self._models.check(model)
        self.index.prepare(model)
        return self._generation(self._models.serve(model))

    def drop(self, model_id: str) -> None:
        """See `Models.drop`."""
        self._models.drop(self._models.get(model_id))

    def moment(self) -> Moment:
        """See `Store.moment`."""
        view = self.index.view()
        order = f"{self.catalogue.name}/{view.state.model.number if view.state.model else 0}/{view.order}"
        return Moment(view, view.state.model, self._generation(view.state.seq), order)
