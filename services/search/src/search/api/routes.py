"""The search service's HTTP routes: upserts, edits, deletes and exports of pictures, back-fill of models, queries."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, request
from servicekit.errors import Kind, ServiceError
from servicekit.records import CollectionStats, FacetCounts, Page, Suggestions
from servicekit.wire import parse

from search.api.queries import answer
from search.api.schemas import (
    BatchRequest,
    EditRequest,
    ExportRequest,
    FillRequest,
    IdsRequest,
    MissingRequest,
    QueryRequest,
    ReadingsRequest,
    ServeRequest,
    SuggestRequest,
    UnreadRequest,
    UpsertRequest,
    check_limit,
    read_vectors,
)
from search.catalogue.readings import text_of
from search.catalogue.tables import Exported, NewPicture
from search.catalogue.words import words_of
from search.settings import Settings
from search.store import Store


def create_routes(store: Store, settings: Settings) -> Blueprint:
    """The routes of the service, as a blueprint over a store."""
    routes = Blueprint("search", __name__)

    @routes.post("/v1/pictures")
    def upsert() -> dict[str, Any]:
        body = parse(UpsertRequest, request.get_json())
        check_limit("pictures", len(body.pictures), settings.max_pictures)
        vectors = read_vectors([p.vector for p in body.pictures], body.dim, "pictures.{}.vector")
        # Both classes have the same fields. `vars` is shallow; `model_dump` would deep-copy up to a thousand pictures.
        pictures = [
            NewPicture(**{**vars(p), "vector": v, "reading": p.reading and p.reading.reading()})
            for p, v in zip(body.pictures, vectors, strict=True)
        ]
        created, generation = store.upsert(body.model_id, body.dim, pictures, body.keep_existing)
        return {"created": created, "generation": generation}

    @routes.patch("/v1/pictures/<picture_id>")
    def edit(picture_id: str) -> dict[str, Any]:
        changes = parse(EditRequest, request.get_json()).model_dump(exclude_unset=True)
        if not changes:
            raise ServiceError(
                Kind.INVALID,
                "body: it changes nothing; give caption, tags, add_tags, attributes or the like",
            )
        if any(changes[field] is None for field in changes if field != "taken_at"):
            raise ServiceError(Kind.INVALID, "caption, tags, attributes: null is no value; leave out what stays")
        record, generation = store.edit(picture_id, changes)
        return {"picture": record, "generation": generation}

    @routes.delete("/v1/pictures/<picture_id>")
    def delete(picture_id: str) -> dict[str, Any]:
        records, generation = store.delete([picture_id])
        if not records:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        return {"deleted": records[picture_id], "generation": generation}

    @routes.post("/v1/delete")
    def delete_all() -> dict[str, Any]:
        ids = parse(IdsRequest, request.get_json()).ids
        check_limit("ids", len(ids), settings.max_pictures)
        records, generation = store.delete(ids)
        return {"deleted": sorted(records), "generation": generation}

    @routes.post("/v1/lookup")
    def lookup() -> dict[str, Any]:
        ids = parse(IdsRequest, request.get_json()).ids
        check_limit("ids", len(ids), settings.max_pictures)
        return {"pictures": list(store.records(ids).values())}

    @routes.post("/v1/present")
    def present() -> dict[str, Any]:
        ids = parse(IdsRequest, request.get_json()).ids
        check_limit("ids", len(ids), settings.max_pictures)
        return {"ids": sorted(store.present(ids))}

    @routes.post("/v1/export")
    def export() -> dict[str, Any]:
        body = parse(ExportRequest, request.get_json())
        check_limit("limit", body.limit, settings.max_pictures)
        check_limit("ids", len(body.ids or ()), settings.max_pictures)
        if body.ids is None:
            model, found = store.export(body.after, body.limit)
        else:
            moment = store.moment()
            model, vectors = moment.model, moment.source.vectors(body.ids)
            records = store.records(list(vectors))
            read = store.readings(list(records))
            found = [Exported(r, vectors[i].astype("<f4").tobytes(), read.get(i)) for i, r in records.items()]
        pictures = [
            {
                **{k: v for k, v in record.items() if k != "changed_at"},
                "vector": base64.b64encode(vector).decode(),
                "reading": reading,
            }
            for record, vector, reading in found
        ]
        return {"model_id": model and model.model_id, "dim": model and model.dim, "pictures": pictures}

    @routes.post("/v1/readings")
    def put_readings() -> dict[str, Any]:
        body = parse(ReadingsRequest, request.get_json())
        check_limit("readings", len(body.readings), settings.max_pictures)
        kept, generation = store.put_readings({r.id: r.reading() for r in body.readings})
        return {"kept": kept, "generation": generation}

    @routes.post("/v1/readings/lookup")
    def readings() -> dict[str, Any]:
        ids = parse(IdsRequest, request.get_json()).ids
        check_limit("ids", len(ids), settings.max_pictures)
        return {"readings": {i: {**r, "text": text_of(r["lines"])} for i, r in store.readings(ids).items()}}

    @routes.post("/v1/readings/missing")
    def unread() -> dict[str, Any]:
        body = parse(UnreadRequest, request.get_json())
        check_limit("limit", body.limit, settings.max_pictures)
        ids, count = store.unread(body.reader, body.limit)
        return {"ids": ids, "count": count}

    @routes.get("/v1/stats")
    def stats() -> CollectionStats:
        return store.stats()

    @routes.get("/v1/examples")
    def examples() -> dict[str, Any]:
        return {"captions": store.sample_captions(limit=24)}

    @routes.post("/v1/suggest")
    def suggest() -> Suggestions:
        body = parse(SuggestRequest, request.get_json())
        return store.suggest(body.text, words_of(body.text), body.limit)

    @routes.get("/v1/facets")
    def facets() -> FacetCounts:
        return store.facets()

    @routes.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"models": store.models()}

    @routes.post("/v1/models/missing")
    def missing() -> dict[str, Any]:
        body = parse(MissingRequest, request.get_json())
        check_limit("limit", body.limit, settings.max_pictures)
        return {"ids": store.without(body.model_id, body.limit)}

    @routes.post("/v1/vectors")
    def fill() -> dict[str, Any]:
        body = parse(FillRequest, request.get_json())
        check_limit("vectors", len(body.vectors), settings.max_pictures)
        vectors = read_vectors([v.vector for v in body.vectors], body.dim, "vectors.{}.vector")
        by_id = {v.id: vector for v, vector in zip(body.vectors, vectors, strict=True)}
        return {"kept": store.fill(body.model_id, body.dim, by_id)}

    @routes.post("/v1/models/serve")
    def serve() -> dict[str, Any]:
        return {"generation": store.serve(parse(ServeRequest, request.get_json()).model_id)}

    @routes.post("/v1/models/drop")
    def drop() -> dict[str, Any]:
        store.drop(parse(ServeRequest, request.get_json()).model_id)
        return {}

    @routes.post("/v1/query")
    def query() -> Page:
        return answer(store, parse(QueryRequest, request.get_json()), settings)

    @routes.post("/v1/queries")
    def queries() -> dict[str, Any]:
        body = parse(BatchRequest, request.get_json())
        answers = []
        for i, one in enumerate(body.queries):
            try:
                answers.append(answer(store, one, settings))
            except ServiceError as error:
                raise ServiceError(error.kind, f"queries.{i}.{error.detail}") from error
        return {"answers": answers}

    return routes
