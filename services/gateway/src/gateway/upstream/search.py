"""Client of the search service, which finds pictures by vector and stores their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Unpack

from servicekit.clients.service import Service
from servicekit.records import (
    CollectionStats,
    FacetCounts,
    ModelFacts,
    NewVectorRecord,
    Page,
    QueryBody,
    Reading,
    ReadText,
    Record,
    Suggestions,
    VectorRecord,
)

# Queries per request to the search service; its limit is 64.
BATCH_QUERIES = 32


class Unread(NamedTuple):
    """Pictures that were not read: some ids, and how many they are."""

    ids: list[str]
    total: int


class SearchClient(Service):
    """Client of the search service."""

    def stats(self) -> CollectionStats:
        """The state of the collection."""
        stats: CollectionStats = self.call("GET", "/v1/stats")
        return stats

    def captions(self) -> list[str]:
        """Some short captions of the collection."""
        captions: list[str] = self.call("GET", "/v1/examples")["captions"]
        return captions

    def suggest(self, text: str, limit: int) -> Suggestions:
        """Captions and tags that complete a text, at most `limit` of each."""
        suggestions: Suggestions = self.call("POST", "/v1/suggest", json={"text": text, "limit": limit})
        return suggestions

    def facets(self) -> FacetCounts:
        """The values that filters can take, with counts."""
        counts: FacetCounts = self.call("GET", "/v1/facets")
        return counts

    def query(self, **query: Unpack[QueryBody]) -> Page:
        """One page of results; fields that are None are left out."""
        page: Page = self.call("POST", "/v1/query", json={k: v for k, v in query.items() if v is not None})
        return page

    def best_scores(self, model_id: str, vectors: Sequence[str]) -> list[float]:
        """The score of the best picture of each query vector; an empty list while the collection is empty."""
        best: list[float] = []
        for first in range(0, len(vectors), BATCH_QUERIES):
            part = vectors[first : first + BATCH_QUERIES]
            queries: list[QueryBody] = [{"model_id": model_id, "terms": [{"vector": v}], "k": 1} for v in part]
            pages: list[Page] = self.call("POST", "/v1/queries", json={"queries": queries})["answers"]
            best += [page["results"][0]["score"] for page in pages if page["results"]]
        return best

    def lookup(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of those ids that exist, by id."""
        if not ids:
            return {}
        records: list[Record] = self.call("POST", "/v1/lookup", json={"ids": list(ids)})["pictures"]
        return {record["id"]: record for record in records}

    def present(self, ids: Sequence[str]) -> set[str]:
        """Those of some ids that exist."""
        return set(self.call("POST", "/v1/present", json={"ids": list(ids)})["ids"]) if ids else set()

    def add(self, model_id: str, dim: int, pictures: Sequence[NewVectorRecord]) -> set[str]:
        """Add pictures and return the ids that are new; existing pictures are not changed."""
        body = {"model_id": model_id, "dim": dim, "pictures": list(pictures), "keep_existing": True}
        return set(self.call("POST", "/v1/pictures", json=body)["created"])

    def put(self, model_id: str, dim: int, pictures: Sequence[VectorRecord]) -> int:
        """Add pictures, replacing existing ones, and return how many are new."""
        body = {"model_id": model_id, "dim": dim, "pictures": list(pictures)}
        return len(self.call("POST", "/v1/pictures", json=body)["created"])

    def export(self, after: str, limit: int) -> tuple[str | None, int, list[VectorRecord]]:
        """The vectors' model and dimension, and the next `limit` pictures after the id `after`, ordered by id."""
        body = self.call("POST", "/v1/export", json={"after": after, "limit": limit})
        return body["model_id"], body["dim"] or 0, body["pictures"]

    def export_of(self, ids: Sequence[str]) -> tuple[str | None, list[VectorRecord]]:
        """The model that searches use, and those of some pictures that exist, with vectors of that model."""
        body = self.call("POST", "/v1/export", json={"ids": list(ids)})
        return body["model_id"], body["pictures"]

    def models(self) -> list[ModelFacts]:
        """The models that the collection has vectors of."""
        models: list[ModelFacts] = self.call("GET", "/v1/models")["models"]
        return models

    def missing(self, model_id: str, limit: int) -> list[str]:
        """Ids of pictures without a vector of a model, at most `limit`."""
        ids: list[str] = self.call("POST", "/v1/models/missing", json={"model_id": model_id, "limit": limit})["ids"]
        return ids

    def unread(self, reader: str, limit: int) -> Unread:
        """The pictures that a reader has not read: the ids of the newest, at most `limit`, and how many they are."""
        answer = self.call("POST", "/v1/readings/missing", json={"reader": reader, "limit": limit})
        return Unread(answer["ids"], answer["count"])

    def put_readings(self, found: Mapping[str, Reading]) -> None:
        """Store what is written in pictures, by id."""
        if found:
            sent = [{"id": picture_id, **reading} for picture_id, reading in found.items()]
            self.call("POST", "/v1/readings", json={"readings": sent})

    def readings(self, ids: Sequence[str]) -> dict[str, ReadText]:
        """What is written in those pictures that exist and were read, by id."""
        readings: dict[str, ReadText] = self.call("POST", "/v1/readings/lookup", json={"ids": list(ids)})["readings"]
        return readings

    def fill(self, model_id: str, dim: int, vectors: dict[str, str]) -> None:
        """Store vectors, by picture id, of a model that searches do not use yet."""
        sent = [{"id": i, "vector": v} for i, v in vectors.items()]
        self.call("POST", "/v1/vectors", json={"model_id": model_id, "dim": dim, "vectors": sent})

    def serve(self, model_id: str) -> None:
        """Switch searches to a model that has a vector of every picture."""
        self.call("POST", "/v1/models/serve", json={"model_id": model_id})

    def edit(self, picture_id: str, changes: dict[str, Any]) -> Record:
        """Change fields of a picture's record, and return the new record."""
        record: Record = self.call("PATCH", f"/v1/pictures/{picture_id}", repeat=False, json=changes)["picture"]
        return record

    def delete(self, picture_id: str) -> None:
        """Remove a picture's record."""
        self.call("DELETE", f"/v1/pictures/{picture_id}", repeat=False)

    def delete_all(self, ids: Sequence[str]) -> None:
        """Remove the records of those of some pictures that exist."""
        self.call("POST", "/v1/delete", json={"ids": list(ids)})
