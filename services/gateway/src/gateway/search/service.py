"""Computes a page of results from terms: vectors from the encoder, hits from the search service, both cached."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO, Any, TypedDict

import orjson
from servicekit.clients.encoder import Encoded
from servicekit.deadline import set_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.records import CollectionStats, QueryTerm
from servicekit.timing import stage, stages

from gateway.concurrency import ConcurrencyLimit
from gateway.pictures.schemas import public
from gateway.search.calibration import CONFIDENT, Calibration, Calibrator
from gateway.search.schemas import SearchRequest
from gateway.search.single_flight import SingleFlightCache
from gateway.search.terms import Term, check_terms, read_vector, unquoted, write_term, write_vector
from gateway.settings import Settings
from gateway.upstream.collection import Collection
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient


@dataclass(frozen=True)
class Question:
    """A validated search, bound to one state of the collection."""

    request: SearchRequest
    terms: list[Term]
    images: Sequence[IO[bytes]]
    # The filter as sent to the search service.
    where: dict[str, Any] | None
    state: CollectionStats
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

    results: list[dict[str, Any]]  # in the API's form, without confidence
    terms: list[str]  # as written in a URL
    model_id: str | None
    generation: str
    next_cursor: str | None
    collapsed: int
    truncated: bool
    matching: int  # pictures that match the filter; 0 unless the request has `explain`


class Searcher:
    """Answers searches."""

    def __init__(
        self,
        encoders: Encoders,
        search: SearchClient,
        results: SingleFlightCache,
        collection: Collection,
        calibrator: Calibrator,
        limit: ConcurrencyLimit,
        settings: Settings,
    ) -> None:
        self._encoders, self._search, self._results, self._collection = encoders, search, results, collection
        self._calibrator, self._limit, self._settings = calibrator, limit, settings

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
        if request.mode != "vector" and not any(t.text and t.weight > 0 for t in terms):
            raise ServiceError(Kind.INVALID, f"mode: {request.mode} needs a term of text with a weight above 0")
        if request.mode == "text" and any(t.text is None for t in terms):
            raise ServiceError(Kind.INVALID, "mode: text looks for words alone; leave the other terms out")
        state = self._collection.state()
        calibration = self._calibrator.calibration(state)
        files = [digest_of(stream) for stream in images]
        written = [write_term(t) for t in terms]
        where = request.where.model_dump(exclude_defaults=True) if request.where else None
        key = digest(
            [state["generation"], written, files, request.mode, where, request.collapse, request.k, request.cursor]
        )
        return Question(request, terms, images, where, state, calibration, key)

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
        calibration = question.calibration if self._judged(question) else None
        results = [
            {**hit, "confidence": calibration and round(calibration.confidence(hit["score"]), 4)}
            for hit in page["results"]
        ]
        # `confident` is about the best result, which is only on the first page.
        first = results[0]["confidence"] if results and question.request.cursor is None else None
        whole = {
            "results": results,
            "terms": page["terms"],
            "model_id": page["model_id"],
            "generation": page["generation"],
            "next_cursor": page["next_cursor"],
            "collapsed": page["collapsed"],
            "confident": None if first is None else first > CONFIDENT,
            "truncated": page["truncated"],
            "took_ms": round((time.perf_counter() - started) * 1000, 1),
        }
        if question.request.explain:
            whole["explain"] = explanation(question, page, kept is not None)
        return whole

    def _judged(self, question: Question) -> bool:
        """Whether the calibration applies to this search: it was measured with single texts."""
        alone = question.terms[0] if len(question.terms) == 1 else None
        return question.request.mode == "vector" and alone is not None and alone.text is not None and alone.weight > 0

    def _in_slot(self, question: Question) -> Computed:
        with self._limit.slot():
            return self._find(question)

    def _find(self, question: Question) -> Computed:
        """Compute the cacheable part of a page."""
        request, model_id = question.request, question.state["model_id"]
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
        terms, written, truncated = self._resolve(question, model_id)
        words = " ".join(t.text for t in question.terms if t.text is not None and t.weight > 0)
        # In quotes: a phrase that is not wanted does not rule its words out.
        without = " ".join(f'"{unquoted(t.text)}"' for t in question.terms if t.text is not None and t.weight < 0)
        if request.mode != "vector" and max(len(words), len(without)) > 1000:
            raise ServiceError(Kind.INVALID, "terms: texts of more than 1000 characters; that is the limit of words")
        with stage("search"):
            found = self._search.query(
                model_id=None if request.mode == "text" else model_id,
                terms=[] if request.mode == "text" else terms,
                text=None if request.mode == "vector" else words,
                without=None if request.mode == "vector" else without or None,
                mode=request.mode,
                where=question.where,
                collapse=request.collapse,
                k=request.k,
                cursor=request.cursor,
                explain=request.explain,
            )
        results = [{**public(record), "score": round(record["score"], 6)} for record in found["results"]]
        return {
            "results": results,
            "terms": written,
            "model_id": found["model_id"],
            "generation": found["generation"],
            "next_cursor": found["next_cursor"],
            "collapsed": found["collapsed"],
            "truncated": truncated,
            "matching": found.get("matching", 0),
        }

    def _resolve(self, question: Question, model_id: str) -> tuple[list[QueryTerm], list[str], bool]:
        """The terms for the search service, the terms as written in a URL, and whether a text was truncated."""
        if question.request.mode == "text":
            return [], [write_term(t) for t in question.terms], False
        encoded: dict[int, Encoded] = {}
        for i, term in enumerate(question.terms):
            if term.text is not None:
                encoded[i] = self._text(unquoted(term.text), model_id)
            elif term.image is not None:
                encoded[i] = self._image(question.images[term.image], term.image, model_id)
        terms: list[QueryTerm] = []
        written = []
        for i, term in enumerate(question.terms):
            if term.like is not None:
                terms.append({"like": term.like, "weight": term.weight})
            elif term.vector is not None:
                vector = read_vector(term.vector, model_id, f"terms.{i}.vector")
                terms.append({"vector": vector, "weight": term.weight})
            elif term.image is not None:
                # Use the token's vector (half precision): further pages are requested with the token and must have the
                # same scores.
                token = write_vector(encoded[i].vector, model_id)
                terms.append({"vector": read_vector(token, model_id, "image"), "weight": term.weight})
                term = Term(vector=token, weight=term.weight)
            else:
                terms.append({"vector": encoded[i].vector, "weight": term.weight})
            written.append(write_term(term))
        return terms, written, any(e.truncated for e in encoded.values())

    def _text(self, text: str, model_id: str) -> Encoded:
        return self._encoded(f"{model_id}:{digest(text)}", model_id, lambda: self._encoders.of(model_id).text(text))

    def _image(self, stream: IO[bytes], number: int, model_id: str) -> Encoded:
        def encode() -> Encoded:
            # Read inside the concurrency slot, which bounds the number of files in memory.
            stream.seek(0)
            (encoded,) = self._encoders.of(model_id).images([stream.read()])
            if isinstance(encoded, ServiceError):
                raise ServiceError(encoded.kind, f"images.{number}: {encoded.detail}")
            return encoded

        return self._encoded(f"{model_id}:image:{digest_of(stream)}", model_id, encode)

    def _encoded(self, key: str, model_id: str, encode: Callable[[], Encoded]) -> Encoded:
        """A vector of the collection's model, cached and with single flight.

        Args:
            key: the cache key.
            model_id: the collection's model.
            encode: computes the vector on a cache miss.

        Raises:
            ServiceError: the encoder has another model (409), or does not answer.
        """
        if kept := self._results.find("vector", key):
            return Encoded(*kept)
        with stage("encode"):
            encoded: Encoded = self._results.once("vector", key, encode)
        if encoded.model_id != model_id:
            raise other_model(model_id, encoded.model_id)
        self._results.keep("vector", key, list(encoded))
        return encoded


def other_model(serves: str, made: str) -> ServiceError:
    """The error for an encoder that has another model than the collection."""
    return ServiceError(
        Kind.MODEL_MISMATCH,
        f"the collection holds vectors of model {serves}, and the encoder makes those of {made}; "
        "`sightline reindex` gives every picture one of the latter",
    )


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


def digest_of(stream: IO[bytes]) -> str:
    """The SHA-256 digest of a file."""
    stream.seek(0)
    found = hashlib.sha256()
    while part := stream.read(2**20):
        found.update(part)
    return found.hexdigest()


def digest(what: Any) -> str:
    """The SHA-256 digest of a value that can be written as JSON."""
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).hexdigest()
