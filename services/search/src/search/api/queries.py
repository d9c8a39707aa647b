"""Answers queries: validates a query, ranks it, and adds the records and what tells how well each hit fits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import numpy as np
from servicekit.deadline import check_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.records import FoundRecord, Line, Page, Reading, Record, TextField
from servicekit.timing import stage

from search.api.schemas import QueryRequest, check_limit, digest_of, read_cursor, read_vector, write_cursor
from search.catalogue.readings import joined, line_of, parts_of, skeleton, text_of
from search.catalogue.tables import check_model
from search.catalogue.words import has_all, words_of
from search.index.exact import Vectors
from search.index.view import ScoredId, StaleViewError
from search.ranking import Query, combine, rank
from search.settings import Settings
from search.store import Moment, Store

# The sort order of listings, in their cursors: a place in it is a time and an id, whatever the index is.
LISTING = "list"


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
        query, vectors = read_query(body, moment)
        order = LISTING if body.mode == "list" else moment.order
        # A write does not change the cosines of other pictures. BM25 and fused scores depend on the whole collection: a
        # cursor goes on at about the same place then.
        after, depth = (None, 0) if body.cursor is None else read_cursor(body.cursor, order, digest)
        try:
            check_deadline()
            with stage("rank"):
                page = rank(moment.source, query, body.k, after, depth)
            with stage("records"):
                records = store.records([h.id for h in page.hits])
                wanted = [*query.words, *words_of(body.where.text or "" if body.where else "")]
                read = store.readings(list(records)) if wanted else {}
        except StaleViewError:
            moment = store.moment()
            continue
        # A picture was deleted after the view was taken: rank again, or the page would be short.
        if len(records) == len(page.hits) or (later := store.moment()).generation == moment.generation:
            break
        moment = later
    hits = [h for h in page.hits if h.id in records]
    answered: Page = {
        "results": list(found(query, vectors, moment, hits, records, Showing(wanted, read))),
        "model_id": moment.model and moment.model.model_id,
        "generation": moment.generation,
        "next_cursor": write_cursor(page.hits[-1], depth + body.k, order, digest) if page.more else None,
        "collapsed": page.collapsed,
    }
    if body.explain:
        answered["matching"] = moment.source.matching(body.where)
    return answered


class Showing(NamedTuple):
    """Which words are looked for, and what is written in the pictures that were found."""

    words: Sequence[str]
    read: Mapping[str, Reading]

    def places(self, record: Record) -> tuple[list[TextField], list[Line]]:
        """The texts of a picture that have any of the words, and the lines that show them."""
        texts: dict[TextField, str] = {
            "caption": record["caption"],
            "tags": " ".join(record["tags"]),
            "file_name": record["file_name"],
        }
        fields = [field for field, text in texts.items() if any(has_all([word], text) for word in self.words)]
        reading = self.read.get(record["id"])
        lines = [line for line in reading["lines"] if self._shows(line["text"])] if reading else []
        return [*fields, "text"] if lines else fields, lines

    def has_all(self, query: Query, record: Record) -> bool:
        """Whether a picture's texts have all words of a query; what is written in it where that counts."""
        told = [record["caption"], *record["tags"], record["file_name"]]
        reading = self.read.get(record["id"])
        text = joined(text_of(reading["lines"])) if reading else ""
        plain = skeleton(text)
        if query.line and query.line in plain:
            return True
        if not (query.mode == "text" or query.written):
            text = plain = ""
        return all(has_all([word], *told, text) or in_parts(word, plain) for word in query.words)

    def _shows(self, text: str) -> bool:
        # A phrase may go on in the next line: each of its words marks one.
        single = [piece for word in self.words for piece in word.split()]
        return any(has_all([word], text) or in_parts(word, skeleton(text)) for word in single)


def in_parts(word: str, plain: str) -> bool:
    """Whether a word is a part of what is written, in the form of `skeleton`."""
    return any(part in plain for part in parts_of([word]))


def found(
    query: Query,
    vectors: Sequence[Vectors],
    moment: Moment,
    hits: Sequence[ScoredId],
    records: Mapping[str, Record],
    showing: Showing,
) -> Iterator[FoundRecord]:
    """The records of hits, with what tells how well each fits the query.

    Args:
        query: the query.
        vectors: those of its terms, each (dim,).
        moment: the view of the collection.
        hits: the hits.
        records: the records of the hits by id.
        showing: what is written in them.
    """
    # The score of the mode vector with a single term is its cosine.
    several = query.mode == "hybrid" or len(vectors) > 1
    known = moment.source.vectors([h.id for h in hits]) if several else {}
    terms = np.array(vectors)
    for hit in hits:
        record = records[hit.id]
        answered = cast(FoundRecord, {**record, "score": hit.score})
        if (vector := known.get(hit.id)) is not None:
            answered["cosines"] = (terms @ vector).tolist()
        if query.words:
            answered["has_words"] = showing.has_all(query, record)
        if showing.words:
            answered["fields"], answered["lines"] = showing.places(record)
        yield answered


def read_query(body: QueryRequest, moment: Moment) -> tuple[Query, list[Vectors]]:
    """Validate a query's terms and text, and combine the terms into one query vector.

    Returns:
        The query, and the vectors of its terms, each (dim,).

    Raises:
        ServiceError: the mode needs terms or text that is missing, or ignores one that is given; or a term is invalid,
            unknown, or of another model.
    """
    if body.mode == "list":
        if body.terms or body.text or body.without:
            raise ServiceError(Kind.INVALID, "terms, text, without: mode list has none")
        return Query("list", sort=body.sort or "added", where=body.where, collapse=body.collapse), []
    if body.sort:
        raise ServiceError(Kind.INVALID, f"sort: mode {body.mode} has none; its order is how well a picture fits")
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
    words = words_of(body.text)
    query = Query(
        body.mode,
        vector=unit,
        words=words,
        line=line_of(body.text),
        written=body.written == "as told" or asks_text(words),
        without=words_of(body.without),
        where=body.where,
        exclude=frozenset(liked),
        collapse=body.collapse,
    )
    return query, [vector for _, vector in terms]


def asks_text(words: Sequence[str]) -> bool:
    """Whether a query asks for what is written: it has a phrase in quotes, or a digit, as prices and plates have.

    Pairs of characters of scripts without spaces are phrases too, but not what people quote.
    """
    return any(any(c.isdigit() for c in word) or (" " in word and len(word) > 3) for word in words)
