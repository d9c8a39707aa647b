"""Routes of the public API, version 1: search, similar pictures, suggestions and facets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

import orjson
from flask import Response, request
from pydantic import ValidationError
from servicekit.errors import Kind, ServiceError
from servicekit.wire import invalid, parse

from gateway.api.description import Multipart
from gateway.api.forms import FILES, read_files
from gateway.api.routing import Api
from gateway.search.facets import CollectionFacts
from gateway.search.schemas import (
    MAX_TERMS,
    Facets,
    PageParams,
    SearchAnswer,
    SearchParams,
    SearchRequest,
    Suggestions,
    SuggestParams,
)
from gateway.search.service import Question, Searcher
from gateway.search.terms import Term
from gateway.upstream.search import SearchClient

SEARCHING = (Kind.NOT_FOUND, Kind.MODEL_MISMATCH, Kind.GONE)
QUESTION = Multipart(
    fields={"query": {"$ref": "#/components/schemas/SearchRequest"}, "images": FILES},
    required=("images",),
    most=MAX_TERMS,
    json={"query": SearchRequest},
)


def add_search_routes(
    api: Api, searcher: Searcher, search: SearchClient, collection_facts: CollectionFacts, max_search_bytes: int
) -> None:
    """Register the search routes with the API."""

    @api.route("GET", "/search", {200: SearchAnswer, 304: None}, params=SearchParams, errors=SEARCHING)
    def search_by_url(params: SearchParams) -> Response:
        """Find the pictures that match terms; without a term, list the newest pictures.

        The answer has an ETag. A repeated request with it in If-None-Match is answered 304 while nothing has changed.
        """
        return tagged(searcher.question(params.request(), names=params.names()))

    @api.route(
        "POST",
        "/search",
        {200: SearchAnswer},
        body=SearchRequest,
        form=QUESTION,
        errors=(*SEARCHING, Kind.UNSUPPORTED_PICTURE),
        body_bytes=max_search_bytes,
    )
    def search_by_body(body: SearchRequest | None = None) -> Response:
        """Find the pictures that match terms, which may be uploaded pictures.

        Send JSON; or, with pictures, a multipart form: the files in `images`, and the JSON in `query`, in which
        `{"image": 0}` is the first file. Without `query` each file is a term.
        """
        images: list[IO[bytes]] = []
        if body is None:
            body, images = read_question()
        return answer(searcher.answer(searcher.question(body, images)))

    @api.route(
        "GET", "/images/<picture_id>/similar", {200: SearchAnswer, 304: None}, params=PageParams, errors=SEARCHING
    )
    def similar(picture_id: str, params: PageParams) -> Response:
        """Find the pictures that look like a given picture of the collection."""
        question = SearchRequest(terms=[Term(like=picture_id)], k=params.k, cursor=params.cursor)
        return tagged(searcher.question(question))

    @api.route("GET", "/suggest", {200: Suggestions}, params=SuggestParams)
    def suggest(params: SuggestParams) -> Mapping[str, Any]:
        """Complete a text from the captions and tags of the collection."""
        return search.suggest(params.q, params.k)

    @api.route("GET", "/facets", {200: Facets})
    def facets() -> dict[str, Any]:
        """Get example captions of the collection, and the values that filters can take."""
        return collection_facts.facets()

    def tagged(question: Question) -> Response:
        """The answer to a GET request with its ETag, or 304 if the client has it already."""
        if request.if_none_match.contains_weak(question.tag):
            response = Response(status=304)
        elif request.method == "HEAD":  # it asks for the ETag alone
            response = Response(content_type="application/json")
        else:
            response = answer(searcher.answer(question))
        response.set_etag(question.tag, weak=True)
        response.headers["Cache-Control"] = "private, no-cache"
        return response


def answer(document: dict[str, Any]) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(document), content_type="application/json")


def read_question() -> tuple[SearchRequest, list[IO[bytes]]]:
    """The search and the picture files of a multipart form.

    Raises:
        ServiceError: the form has an unknown field, no file, too many files, or an invalid `query`.
    """
    uploads = read_files("query", MAX_TERMS)
    images = [f.stream for f in uploads.files]
    if uploads.text is None:
        return SearchRequest(terms=[Term(image=i) for i in range(len(images))]), images
    try:
        return parse(SearchRequest, orjson.loads(uploads.text), within="query"), images
    except ValueError as error:
        if isinstance(error, ValidationError):
            raise invalid(error, "query") from error
        raise ServiceError(Kind.INVALID, "query: not JSON") from error
