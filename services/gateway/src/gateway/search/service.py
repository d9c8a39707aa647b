"""Computes a page of results: vectors from the encoder, hits from the search service, both cached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, Any, TypedDict

from prometheus_client import Counter
from servicekit.deadline import set_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.records import CollectionStats, FoundRecord, Page, QueryBody, QueryTerm
from servicekit.timing import stage, stages

from gateway.concurrency import ConcurrencyLimit
from gateway.pictures.schemas import public
from gateway.pictures.storage import MediaStore
from gateway.search.calibration import CONFIDENT, Calibration, Calibrator
from gateway.search.schemas import ResolvedMode, SearchRequest
from gateway.search.single_flight import SingleFlightCache
from gateway.search.term_vectors import TermVectors, digest, digest_of
from gateway.search.terms import Term, check_terms, unquoted, write_term
from gateway.search.verdict import Verdict
from gateway.settings import Settings
from gateway.upstream.collection import Collection
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient

# Begins the cursor of a search in which what is written in pictures counts as much as what is told of them.
AS_TOLD = "~"
# It is asked where no picture has a confidence above this. At 0.5 that is so for 33 to 35 of 40 names and words of
# papers and signs, and for 8 to 11 of 30 words for things, in two collections; at CONFIDENT for 39, and for 15 to 17.
LIKELY = 0.5


@dataclass(frozen=True)
class Question:
    """A validated search, bound to one state of the collection."""

    request: SearchRequest
    terms: list[Term]
    images: Sequence[IO[bytes]]
    # The filter as sent to the search service.
    where: dict[str, Any] | None
    state: CollectionStats
    mode: ResolvedMode
    calibration: Calibration | None
    # Cache key: a digest of everything that the results depend on, including the generation of the collection.
    key: str

    @property
    def tag(self) -> str:
        """The ETag of the answer."""
        calibration = self.calibration and (self.calibration.middle, self.calibration.spread)
        return digest([self.key, calibration, self.request.explain])[:32]


class Computed(TypedDict):
    """The cacheable part of a page of results: everything except confidence, timing and explanation."""

    results: list[FoundRecord]
    terms: list[str]  # as written in a URL
    model_id: str | None
    generation: str
    next_cursor: str | None
    collapsed: int
    truncated: bool
    matching: int  # pictures that match the filter; 0 unless the request has `explain`


# The label of the metric that counts answers, by `confident`.
SURE = {True: "yes", False: "no", None: "unknown"}


class Searcher:
    """Answers searches."""

    def __init__(
        self,
        encoders: Encoders,
        search: SearchClient,
        media: MediaStore,
        results: SingleFlightCache,
        collection: Collection,
        calibrator: Calibrator,
        limit: ConcurrencyLimit,
        answers: Counter,
        settings: Settings,
    ) -> None:
        self._vectors = TermVectors(encoders, media, results)
        self._search, self._results, self._collection = search, results, collection
        for sure in SURE.values():
            answers.labels(sure)
        self._calibrator, self._limit, self._answers, self._settings = calibrator, limit, answers, settings

    def question(
        self, request: SearchRequest, images: Sequence[IO[bytes]] = (), names: Sequence[str] | None = None
    ) -> Question:
        """Validate a search, and bind it to the current state of the collection.

        Args:
            request: the search.
            images: the uploaded files that its terms refer to.
            names: names of its terms for error messages; by default their paths in a JSON body.

        Raises:
            ServiceError: a field is wrong, or the search service does not answer.
        """
        set_deadline(self._settings.deadline_s)
        if request.k > self._settings.max_k:
            raise ServiceError(Kind.INVALID, f"k: {request.k} is more than the limit of {self._settings.max_k}")
        names = names or [f"terms.{i}" for i in range(len(request.terms))]
        terms = check_terms(request.terms, names, len(images), self._settings.max_query_characters)
        state = self._collection.state()
        mode = resolved_mode(request, terms, state)
        calibration = self._calibrator.calibration(state)
        files = [digest_of(stream) for stream in images]
        written = [write_term(t) for t in terms]
        where = request.where.model_dump(exclude_defaults=True) if request.where else None
        key = digest(
            [
                *(state["generation"], written, files, mode, request.sort, where, calibration is not None),
                *(request.collapse, request.k, request.cursor),
            ]
        )
        return Question(request, terms, images, where, state, mode, calibration, key)

    def answer(self, question: Question) -> dict[str, Any]:
        """A page of results.

        Raises:
            ServiceError: a service does not answer, or refuses a term or the cursor.
        """
        started = time.perf_counter()
        kept: Computed | None = self._results.find("page", question.key)
        # `explain` needs timings and counts of the whole computation, which cached pages lack.
        if kept is None or question.request.explain:
            # Single flight must not share a page with `explain` with requests without it.
            flight = f"{question.key}{'+' if question.request.explain else ''}"
            page: Computed = self._results.once("page", flight, lambda: self._in_slot(question))
            # After a concurrent write the page belongs to a newer generation, and this cache key would be wrong.
            if kept is None and page["generation"] == question.state["generation"]:
                self._results.keep("page", question.key, page)
        else:
            page = kept
        verdict = Verdict(question.terms, question.calibration)
        sure = [verdict.confidence(hit) for hit in page["results"]]
        # `confident` is about the best results, which are only on the first page.
        known = [] if question.request.cursor else [one for one in sure if one is not None]
        confident = max(known) > CONFIDENT if known else None
        if not question.request.cursor:
            self._answers.labels(SURE[confident]).inc()
        whole: dict[str, Any] = {
            "results": [result(hit, one) for hit, one in zip(page["results"], sure, strict=True)],
            "mode": question.mode,
            "terms": page["terms"],
            "model_id": page["model_id"],
            "generation": page["generation"],
            "next_cursor": page["next_cursor"],
            "collapsed": page["collapsed"],
            "confident": confident,
            "truncated": page["truncated"],
            "took_ms": round((time.perf_counter() - started) * 1000, 1),
        }
        if question.request.explain:
            whole["explain"] = explanation(question, page, kept is not None)
        return whole

    def _in_slot(self, question: Question) -> Computed:
        with self._limit.slot():
            return self._find(question)

    def _find(self, question: Question) -> Computed:
        """Compute the cacheable part of a page."""
        request, mode, model_id = question.request, question.mode, question.state["model_id"]
        if model_id is None:
            if missing := next((t.like for t in question.terms if t.like), None):
                raise ServiceError(Kind.NOT_FOUND, f"there is no picture {missing}")
            written = [write_term(t) for t in question.terms if t.image is None]
            return {
                "results": [],
                "terms": written,
                "model_id": None,
                "generation": question.state["generation"],
                "next_cursor": None,
                "collapsed": 0,
                "truncated": False,
                "matching": 0,
            }
        terms: list[QueryTerm] = []
        if mode == "text":
            written, truncated = [write_term(t) for t in question.terms], False
        else:
            terms, written, truncated = self._vectors.resolve(question.terms, question.images, model_id)
        words = " ".join(t.text for t in question.terms if t.text is not None and t.weight > 0)
        # In quotes: a phrase that is not wanted does not rule its words out.
        without = " ".join(f'"{unquoted(t.text)}"' for t in question.terms if t.text is not None and t.weight < 0)
        by_words = mode in ("text", "hybrid")
        if by_words and max(len(words), len(without)) > 1000:
            raise ServiceError(Kind.INVALID, "terms: texts of more than 1000 characters; that is the limit of words")
        query: QueryBody = {
            "model_id": model_id if terms else None,
            "terms": terms,
            "text": words if by_words else None,
            "without": without or None if by_words else None,
            "mode": mode,
            "sort": request.sort,
            "where": question.where,
            "collapse": request.collapse,
            "k": request.k,
            "cursor": request.cursor,
            "explain": request.explain,
        }
        with stage("search"):
            found = self._by_looks_or_text(question, query)
        return {
            "results": found["results"],
            "terms": written,
            "model_id": found["model_id"],
            "generation": found["generation"],
            "next_cursor": found["next_cursor"],
            "collapsed": found["collapsed"],
            "truncated": truncated,
            "matching": found.get("matching", 0),
        }

    def _by_looks_or_text(self, question: Question, query: QueryBody) -> Page:
        """Ask the search service; a second time where nothing looks like the query and it may be written somewhere.

        What is written in pictures counts little beside what they show: a shirt that says "dog" is no dog. Where
        probably no picture shows what is looked for, it counts as much as what people say of pictures.
        """
        if question.mode != "hybrid" or not question.state["written"]:
            return self._search.query(**query)
        cursor = query.get("cursor") or ""
        if cursor.startswith(AS_TOLD):
            query["cursor"] = cursor.removeprefix(AS_TOLD)
        else:
            found = self._search.query(**query)
            verdict = Verdict(question.terms, question.calibration)
            known = [one for hit in found["results"] if (one := verdict.confidence(hit)) is not None]
            if cursor or not known or max(known) > LIKELY:
                return found
        query["written"] = "as told"
        found = self._search.query(**query)
        further = found["next_cursor"]
        return {**found, "next_cursor": further and AS_TOLD + further}


def resolved_mode(request: SearchRequest, terms: Sequence[Term], state: CollectionStats) -> ResolvedMode:
    """How a search ranks: what `auto` stands for here, and `list` without a term.

    Raises:
        ServiceError: the mode does not go with the terms, or an order is given for a search that has one.
    """
    words = any(t.text and t.weight > 0 for t in terms)
    if not terms:
        if request.mode in ("text", "hybrid"):
            raise ServiceError(Kind.INVALID, f"mode: {request.mode} needs a term of text with a weight above 0")
        return "list"
    if request.sort:
        raise ServiceError(Kind.INVALID, "sort: a search with terms has its order; leave out one of the two")
    if request.mode == "auto":
        return "hybrid" if words and (state["captioned"] or state["written"]) else "vector"
    if request.mode != "vector" and not words:
        raise ServiceError(Kind.INVALID, f"mode: {request.mode} needs a term of text with a weight above 0")
    if request.mode == "text" and any(t.text is None for t in terms):
        raise ServiceError(Kind.INVALID, "mode: text looks for words alone; leave the other terms out")
    return request.mode


def result(hit: FoundRecord, confidence: float | None) -> dict[str, Any]:
    """A result in the API's form."""
    sure = None if confidence is None else round(confidence, 4)
    return {
        **public(hit),
        "score": round(hit["score"], 6),
        "confidence": sure,
        "fields": hit.get("fields", []),
        "lines": hit.get("lines", []),
    }


def explanation(question: Question, page: Computed, cached: bool) -> dict[str, Any]:
    """The `explain` part of an answer: the time of each stage, and the counts of pictures that were left out."""
    count = question.state["count"]
    return {
        "stages_ms": {name: round(seconds * 1000, 2) for name, seconds in stages().items()},
        "cached": cached,
        "collection": count,
        "removed": {
            "by_filters": max(0, count - page["matching"]),
            "near_duplicates": page["collapsed"],
            "terms_themselves": len({t.like for t in question.terms if t.like}),
        },
    }
