"""The search service's HTTP routes: upserts, edits, deletes and exports of pictures, back-fill of models, queries."""

from __future__ import annotations

import base64
from typing import Any

from flask import Blueprint, request
from servicekit.deadline import check_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.records import CollectionStats, FacetCounts, Page, Suggestions
from servicekit.timing import stage
from servicekit.wire import parse

from search.api.schemas import (
    BatchRequest,
    EditRequest,
    ExportRequest,
    FillRequest,
    IdsRequest,
    MissingRequest,
    QueryRequest,
    ServeRequest,
    SuggestRequest,
    UpsertRequest,
    check_limit,
    digest_of,
    read_cursor,
    read_vector,
    read_vectors,
    write_cursor,
)
from search.catalogue.tables import NewPicture, check_model
from search.catalogue.words import words_of
from search.index.exact import Vectors
from search.index.view import StaleViewError
from search.ranking import Query, combine, rank
from search.settings import Settings
from search.store import Moment, Store


def create_routes(store: Store, settings: Settings) -> Blueprint:
    """The routes of the service, as a blueprint over a store."""
    routes = Blueprint("search", __name__)

    @routes.post("/v1/pictures")
    def upsert() -> dict[str, Any]:
        body = parse(UpsertRequest, request.get_json())
        check_limit("pictures", len(body.pictures), settings.max_pictures)
        vectors = read_vectors([p.vector for p in body.pictures], body.dim, "pictures.{}.vector")
        # Both classes have the same fields. `vars` is shallow; `model_dump` would deep-copy up to a thousand pictures.
        pictures = [NewPicture(**{**vars(p), "vector": v}) for p, v in zip(body.pictures, vectors, strict=True)]
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
            found = [(record, vectors[i].astype("<f4").tobytes()) for i, record in records.items()]
        pictures = [
            {**{k: v for k, v in record.items() if k != "changed_at"}, "vector": base64.b64encode(vector).decode()}
            for record, vector in found
        ]
        return {"model_id": model and model.model_id, "dim": model and model.dim, "pictures": pictures}

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


def answer(store: Store, body: QueryRequest, settings: Settings) -> Page:
    """Answer a query with one page of results.

    Args:
        store: the back end.
        body: the request, with the cursor of the page if it is not the first.
        settings: the limits.

    Raises:
        ServiceError: the query is invalid, or its model or its cursor does not match the collection.
    """
    check_limit("k", body.k, settings.max_k)
    digest = digest_of(body)
    moment = store.moment()
    while True:
        query = read_query(body, moment)
        # A write does not change the cosines of other pictures. BM25 and fused scores depend on the whole collection: a
        # cursor goes on at about the same place then.
        after, depth = (None, 0) if body.cursor is None else read_cursor(body.cursor, moment.order, digest)
        try:
            check_deadline()
            with stage("rank"):
                page = rank(moment.source, query, body.k, after, depth)
            with stage("records"):
                records = store.records([h.id for h in page.hits])
        except StaleViewError:
            moment = store.moment()
            continue
        # A picture was deleted after the view was taken: rank again, or the page would be short.
        if len(records) == len(page.hits) or (later := store.moment()).generation == moment.generation:
            break
        moment = later
    answered: Page = {
        "results": [{**records[h.id], "score": h.score} for h in page.hits if h.id in records],
        "model_id": moment.model and moment.model.model_id,
        "generation": moment.generation,
        "next_cursor": write_cursor(page.hits[-1], depth + body.k, moment.order, digest) if page.more else None,
        "collapsed": page.collapsed,
    }
    if body.explain:
        answered["matching"] = moment.source.matching(body.where)
    return answered


def read_query(body: QueryRequest, moment: Moment) -> Query:
    """Validate a query's terms and text, and combine the terms into one query vector.

    Raises:
        ServiceError: the mode needs terms or text that is missing, or ignores one that is given; or a term is invalid,
            unknown, or of another model.
    """
    if (body.mode == "text") == bool(body.terms):
        raise ServiceError(
            Kind.INVALID, f"terms: mode {body.mode} {'has none' if body.terms else 'needs at least one'}"
        )
    if (body.mode == "vector") == bool(body.text.strip()):
        raise ServiceError(Kind.INVALID, f"text: mode {body.mode} {'has none' if body.text else 'needs it'}")
    if body.mode == "vector" and body.without:
        raise ServiceError(Kind.INVALID, "without: mode vector has none")
    terms: list[tuple[float, Vectors]] = []
    liked = {t.like for t in body.terms if t.like is not None}
    known = moment.source.vectors(sorted(liked))
    for i, term in enumerate(body.terms):
        if (term.vector is None) == (term.like is None):
            raise ServiceError(Kind.INVALID, f"terms.{i}: vector, like: a term has one of the two")
        if term.weight == 0:
            raise ServiceError(Kind.INVALID, f"terms.{i}.weight: 0 asks for nothing; leave the term out")
        if term.vector is not None:
            if body.model_id is None:
                raise ServiceError(Kind.INVALID, "model_id: a vector without its model cannot be compared")
            vector = read_vector(term.vector, None, f"terms.{i}.vector")
            check_model(moment.model, body.model_id, len(vector))
        elif (found := known.get(term.like or "")) is None:
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {term.like}")
        else:
            vector = found
        if terms and len(vector) != len(terms[0][1]):
            raise ServiceError(Kind.INVALID, f"terms.{i}.vector: {len(vector)} numbers, not {len(terms[0][1])}")
        terms.append((term.weight, vector))
    unit = combine(terms) if terms else None
    if terms and unit is None:
        raise ServiceError(Kind.INVALID, "terms: they cancel each other out")
    without = words_of(body.without)
    return Query(body.mode, unit, words_of(body.text), without, body.where, frozenset(liked), body.collapse)
