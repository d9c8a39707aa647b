"""The Milvus back end: records and vectors in a Milvus cluster, and no state in this process.

Each model has one Milvus collection, in which an entity is a picture's record and vector. One more collection holds
key-value facts, such as the serving model. docs/milvus.md lists the differences from the local back end.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pymilvus import MilvusClient
from servicekit.errors import Kind, ServiceError
from servicekit.records import CollectionStats, FacetCounts, ModelFacts, Reading, Record, Suggestions

from search.catalogue.facets import facets_of
from search.catalogue.tables import Exported, ModelEntry, NewPicture, check_model, resolved, timestamp
from search.milvus.facets import facets, is_captioned, is_written, sample_captions, suggest, suggest_written
from search.milvus.schema import (
    KEPT,
    READING,
    create_facts,
    create_pictures,
    entity_of,
    hidden_of,
    reading_of,
    record_of,
    with_words,
)
from search.milvus.source import BATCH, MilvusSource, Nothing
from search.store import Moment


class MilvusStore:
    """A collection of pictures in Milvus; see `Store`."""

    def __init__(self, client: MilvusClient, prefix: str) -> None:
        """Open the store over a connected client.

        Args:
            client: the client.
            prefix: prefix of the names of all Milvus collections of this store; another prefix is another store.
        """
        self._client, self._prefix = client, prefix
        self._facts = f"{prefix}_facts"
        if not client.has_collection(self._facts):
            create_facts(client, self._facts)
        # Checked one by one: an earlier first start may have been interrupted between the two.
        known = self._all_facts()
        if "name" not in known:
            self._set("name", uuid.uuid4().hex[:8])
        if "generation" not in known:
            self._bump()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    # Facts

    def _all_facts(self) -> dict[str, str]:
        found = self._client.query(self._facts, filter='key != ""', output_fields=["key", "value"], limit=BATCH)
        return {f["key"]: f["value"] for f in found}

    def _set(self, key: str, value: str) -> None:
        # Milvus requires a vector field; this one is a dummy.
        self._client.upsert(self._facts, [{"key": key, "value": value, "vector": [0.0, 1.0]}])

    def _bump(self) -> str:
        """Set a new generation and return it.

        Called before and after a write, so that no answer that was cached during the write stays valid.
        """
        generation = uuid.uuid4().hex[:16]
        self._set("generation", generation)
        return generation

    def _models(self, facts: Mapping[str, str]) -> dict[str, ModelEntry]:
        named = {k.removeprefix("model:"): int(v) for k, v in facts.items() if k.startswith("model:")}
        return {model_id: ModelEntry(i, model_id, dim) for i, (model_id, dim) in enumerate(sorted(named.items()))}

    def _serving(self, facts: Mapping[str, str] | None = None) -> ModelEntry | None:
        facts = self._all_facts() if facts is None else facts
        return self._models(facts).get(facts.get("serving", ""))

    def _collection(self, model_id: str) -> str:
        return f"{self._prefix}_{hashlib.sha256(model_id.encode()).hexdigest()[:16]}"

    def _source(self, model: ModelEntry | None) -> MilvusSource | Nothing:
        return MilvusSource(self._client, self._collection(model.model_id)) if model else Nothing()

    def _create(self, model_id: str, dim: int) -> None:
        if not self._client.has_collection(self._collection(model_id)):
            create_pictures(self._client, self._collection(model_id), dim)
        self._set(f"model:{model_id}", str(dim))

    # Pictures

    def check(self) -> str:
        """Health check: count the pictures; return a sentence for the status page."""
        stats = self.stats()
        return f"{stats['count']} pictures in Milvus, generation {stats['generation']}"

    def upsert(
        self, model_id: str, dim: int, pictures: Sequence[NewPicture], keep_existing: bool = False
    ) -> tuple[list[str], str]:
        """Add or replace pictures; see `Store.upsert`."""
        facts = self._all_facts()
        model = self._serving(facts)
        check_model(model, model_id, dim)
        if model is None:
            self._create(model_id, dim)
            self._set("serving", model_id)
        collection = self._collection(model_id)
        distinct: dict[str, NewPicture] = {}
        for p in pictures:
            if not (keep_existing and p.id in distinct):
                distinct[p.id] = p
        source = MilvusSource(self._client, collection)
        known = {e["id"]: e for e in source.get(list(distinct), ["id", "added_at", "attributes"])}
        self._bump()
        now = timestamp()
        entities = [
            entity_of(
                # A replaced picture is the same file: what was read in it stays.
                replace(p, reading=p.reading or (p.id in known and reading_of(known[p.id])) or None),
                p.added_at or (p.id in known and known[p.id]["added_at"]) or now,
                now,
            )
            for p in distinct.values()
            if not (keep_existing and p.id in known)
        ]
        if entities:
            self._client.upsert(collection, entities)
        return [picture_id for picture_id in distinct if picture_id not in known], self._acknowledge(collection)

    def _entity(self, picture_id: str) -> tuple[str, dict[str, Any]]:
        """The name of the serving model's collection, and the picture's entity in it.

        Raises:
            ServiceError: there is no such picture.
        """
        source = self._source(self._serving())
        found = source.get([picture_id], [*KEPT, "vector"]) if isinstance(source, MilvusSource) else []
        if not found:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        assert isinstance(source, MilvusSource)
        return source.collection, found[0]

    def edit(self, picture_id: str, changes: Mapping[str, Any]) -> tuple[Record, str]:
        """Change fields of a record; return the record and the generation."""
        collection, entity = self._entity(picture_id)
        hidden = hidden_of(entity)
        entity |= {**resolved(record_of(entity), changes), "changed_at": timestamp()}
        entity["attributes"] = {**(entity["attributes"] or {}), **hidden}
        self._bump()
        self._client.upsert(collection, [with_words(entity)])
        return record_of(entity), self._acknowledge(collection)

    def delete(self, ids: Sequence[str]) -> tuple[dict[str, Record], str]:
        """Delete those of some pictures that exist; return their last records by id, and the generation."""
        facts = self._all_facts()
        source = self._source(self._serving(facts))
        records = {e["id"]: record_of(e) for e in source.get(ids, KEPT)} if isinstance(source, MilvusSource) else {}
        if not records or not isinstance(source, MilvusSource):
            return {}, self._generation(facts["generation"])
        self._bump()
        self._client.delete(source.collection, ids=list(records))
        return records, self._acknowledge(source.collection)

    def put_readings(self, found: Mapping[str, Reading]) -> tuple[int, str]:
        """Store what is written in pictures; see `Store.put_readings`."""
        facts = self._all_facts()
        source = self._source(self._serving(facts))
        if not isinstance(source, MilvusSource) or not (entities := source.get(list(found), [*KEPT, "vector"])):
            return 0, self._generation(facts["generation"])
        self._bump()
        read = [
            with_words({**e, "attributes": {**(e["attributes"] or {}), READING: dict(found[e["id"]])}})
            for e in entities
        ]
        self._client.upsert(source.collection, read)
        return len(read), self._acknowledge(source.collection)

    def readings(self, ids: Sequence[str]) -> dict[str, Reading]:
        """What is written in those pictures that exist and were read, by id."""
        source = self._source(self._serving())
        found = source.get(ids, ["id", "attributes"]) if isinstance(source, MilvusSource) else []
        return {e["id"]: reading for e in found if (reading := reading_of(e))}

    def unread(self, reader: str, limit: int) -> tuple[list[str], int]:
        """At most `limit` ids of pictures that a reader has not read, the newest first, and how many they are."""
        source = self._source(self._serving())
        return source.unread(reader, limit) if isinstance(source, MilvusSource) else ([], 0)

    def _acknowledge(self, collection: str) -> str:
        """Return the generation after a write to a collection.

        Raises:
            ServiceError: another model has taken over during the write, and its collection lacks the write.
        """
        serving = self._serving()
        if serving is None or self._collection(serving.model_id) != collection:
            raise ServiceError(Kind.UNAVAILABLE, "another model has begun to serve meanwhile; send it again")
        return self._generation(self._bump())

    def records(self, ids: Sequence[str]) -> dict[str, Record]:
        """The records of those ids that exist, by id."""
        source = self._source(self._serving())
        found = source.get(ids, KEPT) if isinstance(source, MilvusSource) else []
        return {e["id"]: record_of(e) for e in found}

    def present(self, ids: Sequence[str]) -> set[str]:
        """The ids that exist."""
        source = self._source(self._serving())
        return {e["id"] for e in source.get(ids, ["id"])} if isinstance(source, MilvusSource) else set()

    def sample_captions(self, limit: int) -> list[str]:
        """See `catalogue.facets.sample_captions`."""
        model = self._serving()
        return sample_captions(self._client, self._collection(model.model_id), limit) if model else []

    def suggest(self, text: str, words: Sequence[str], limit: int) -> Suggestions:
        """See `catalogue.facets.suggest`."""
        model = self._serving()
        if model is None or not words:
            return {"captions": [], "tags": [], "written": []}
        collection = self._collection(model.model_id)
        return {
            "captions": suggest(self._client, collection, text, limit),
            "tags": [],
            "written": suggest_written(self._client, collection, text, limit),
        }

    def facets(self) -> FacetCounts:
        """See `catalogue.facets.facets_of`."""
        model = self._serving()
        return facets(self._client, self._collection(model.model_id)) if model else facets_of([])

    def export(self, after: str, limit: int) -> tuple[ModelEntry | None, list[Exported]]:
        """See `Store.export`."""
        model = self._serving()
        if model is None:
            return None, []
        source = MilvusSource(self._client, self._collection(model.model_id))
        entities = source.following(after, limit, [*KEPT, "vector"])
        return model, [Exported(record_of(e), np.array(e["vector"], "<f4").tobytes(), reading_of(e)) for e in entities]

    def _generation(self, token: str) -> str:
        return f"{self._prefix}-{token}"

    def stats(self) -> CollectionStats:
        """See `Store.stats`."""
        facts = self._all_facts()
        model = self._serving(facts)
        return {
            "count": self._count(model) if model else 0,
            "model_id": model and model.model_id,
            "generation": self._generation(facts["generation"]),
            "captioned": bool(model and is_captioned(self._client, self._collection(model.model_id))),
            "written": bool(model and is_written(self._client, self._collection(model.model_id))),
            "index": {"generation": None, "kind": "Milvus FLAT", "after": 0, "problem": None},
        }

    def _count(self, model: ModelEntry) -> int:
        found = self._client.query(self._collection(model.model_id), filter="", output_fields=["count(*)"])
        return int(found[0]["count(*)"])

    def moment(self) -> Moment:
        """See `Store.moment`."""
        facts = self._all_facts()
        model = self._serving(facts)
        order = f"{facts['name']}/{model.model_id if model else ''}"
        return Moment(self._source(model), model, self._generation(facts["generation"]), order)

    # Models

    def models(self) -> list[ModelFacts]:
        """See `Store.models`."""
        facts = self._all_facts()
        serving = self._serving(facts)
        total = self._count(serving) if serving else 0
        answer: list[ModelFacts] = []
        for model in self._models(facts).values():
            missing = sum(len(part) for part in self._lacking(serving, model)) if serving else 0
            answer.append(
                {
                    "model_id": model.model_id,
                    "dim": model.dim,
                    "serves": model == serving,
                    "vectors": total - missing,
                    "missing": missing,
                }
            )
        return answer

    def _ids(self, model: ModelEntry) -> Iterator[list[str]]:
        """All ids of a model's collection, in batches."""
        source, last = MilvusSource(self._client, self._collection(model.model_id)), ""
        while part := [str(e["id"]) for e in source.following(last, BATCH, ["id"])]:
            yield part
            last = part[-1]

    def _lacking(self, serving: ModelEntry, model: ModelEntry) -> Iterator[list[str]]:
        """Ids that are in the serving model's collection and not in the other model's, in batches."""
        source = MilvusSource(self._client, self._collection(model.model_id))
        for part in self._ids(serving):
            there = {e["id"] for e in source.get(part, ["id"])}
            yield [picture_id for picture_id in part if picture_id not in there]

    def fill(self, model_id: str, dim: int, vectors: Mapping[str, bytes]) -> int:
        """Back-fill vectors of a model that does not serve yet; see `Store.fill`."""
        facts = self._all_facts()
        known, serving = self._models(facts).get(model_id), self._serving(facts)
        if serving and serving.model_id == model_id:
            raise ServiceError(Kind.INVALID, f"model_id: {model_id} serves; add its pictures with their records")
        if known and known.dim != dim:
            raise ServiceError(Kind.MODEL_MISMATCH, f"dim: the vectors of {model_id} here have {known.dim} numbers")
        if known is None:
            self._create(model_id, dim)
        source = self._source(serving)
        found = source.get(list(vectors), KEPT) if isinstance(source, MilvusSource) else []
        entities = [with_words({**e, "vector": np.frombuffer(vectors[e["id"]], "<f4").tolist()}) for e in found]
        if entities:
            self._client.upsert(self._collection(model_id), entities)
        return len(entities)

    def without(self, model_id: str, limit: int) -> list[str]:
        """Up to `limit` ids of pictures without a vector of the model."""
        facts = self._all_facts()
        serving, model = self._serving(facts), self._models(facts).get(model_id)
        if serving is None:
            return []
        parts = self._lacking(serving, model) if model else self._ids(serving)
        ids: list[str] = []
        for part in parts:
            ids += part
            if len(ids) >= limit:
                break
        return ids[:limit]

    def serve(self, model_id: str) -> str:
        """Switch to a model that has a vector of every picture; return the generation."""
        facts = self._all_facts()
        serving, model = self._serving(facts), self._models(facts).get(model_id)
        if model is None or serving is None:
            raise ServiceError(Kind.NOT_FOUND, f"there are no vectors of a model {model_id}")
        self._check_whole(serving, model)
        if model != serving:
            self._bring_records(serving, model)
            self._set("serving", model_id)
            # Race: writes acknowledged until now went to the old collection, some of them to ids that the first pass
            # had already compared. So compare again. From now on `_acknowledge` refuses writes to the old collection.
            try:
                self._check_whole(serving, model)
                self._bring_records(serving, model)
            except BaseException:
                self._set("serving", serving.model_id)
                raise
        return self._generation(self._bump())

    def _check_whole(self, serving: ModelEntry, model: ModelEntry) -> None:
        """Refuse a model that lacks vectors of some pictures of the serving model."""
        missing = sum(len(part) for part in self._lacking(serving, model))
        if missing:
            raise ServiceError(
                Kind.MODEL_MISMATCH,
                f"{missing} pictures have no vector of {model.model_id} yet, and could not be found; add those first",
            )

    def _bring_records(self, serving: ModelEntry, model: ModelEntry) -> None:
        """Copy the current records into the collection of a model whose vectors were back-filled earlier.

        Records may have changed since the back-fill, and pictures may have been deleted.
        """
        before = MilvusSource(self._client, self._collection(serving.model_id))
        after = MilvusSource(self._client, self._collection(model.model_id))
        for part in self._ids(model):
            now = {e["id"]: e for e in before.get(part, KEPT)}
            then = after.get(part, [*KEPT, "vector"])
            gone = [e["id"] for e in then if e["id"] not in now]
            if gone:
                self._client.delete(self._collection(model.model_id), ids=gone)
            changed = [
                with_words({**now[e["id"]], "vector": e["vector"]})
                for e in then
                if e["id"] in now and told_of(now[e["id"]]) != told_of(e)
            ]
            if changed:
                self._client.upsert(self._collection(model.model_id), changed)

    def drop(self, model_id: str) -> None:
        """Drop the vectors of a model that does not serve."""
        facts = self._all_facts()
        if model_id not in self._models(facts):
            raise ServiceError(Kind.NOT_FOUND, f"there are no vectors of a model {model_id}")
        if facts.get("serving") == model_id:
            raise ServiceError(Kind.INVALID, f"{model_id} serves; let another model serve first")
        self._client.delete(self._facts, ids=[f"model:{model_id}"])
        self._client.drop_collection(self._collection(model_id))


def told_of(entity: Mapping[str, Any]) -> tuple[Record, Reading | None]:
    """All that is stored of a picture but its vector."""
    return record_of(entity), reading_of(entity)
