"""Models of search requests and answers: they validate requests and define the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field
from servicekit.errors import Kind, ServiceError
from servicekit.records import Conditions, Filter, Sort, TextField
from servicekit.wire import Params, Wire, parse

from gateway.api.schemas import Answer, Flag
from gateway.pictures.schemas import Picture
from gateway.reading.schemas import Line
from gateway.search.terms import Term, read_conditions, read_term, read_words

Mode = Literal["vector", "text", "hybrid", "auto"]
ResolvedMode = Literal["vector", "text", "hybrid", "list"]
MODE: Any = Field(
    default="vector",
    description="rank by looks (vector), by words in captions, tags, file names and pictures (text), by both (hybrid), "
    "or by both where the search has words and the collection has captions or pictures with text, else by looks (auto)",
)
SORT = Field(
    default=None,
    description="the order of a search without a term, newest first: by when pictures were added (the default), or by "
    "when they were taken, those of unknown time last",
)
COLLAPSE = Field(
    default=None,
    ge=0.5,
    le=1,
    strict=False,
    description="pass over a picture whose cosine with one before it is at least this; 0.94 is a near-duplicate",
)
K = Field(default=24, ge=1, description="how many results")
CURSOR = Field(
    default=None, max_length=2000, pattern=r"^~?[A-Za-z0-9_=-]+$", description="`next_cursor` of the page before"
)
EXPLAIN = Field(default=False, description="tell how the answer came about")
MAX_TERMS = 16


class SearchRequest(Wire):
    """A search for the pictures nearest to the weighted sum of the terms; without a term, for the newest pictures."""

    terms: list[Term] = Field(default=[], max_length=MAX_TERMS)
    mode: Mode = MODE
    sort: Sort | None = SORT
    where: Filter | None = Field(default=None, description="conditions on the pictures, all of which must hold")
    collapse: float | None = COLLAPSE
    k: int = K
    cursor: str | None = CURSOR
    explain: bool = EXPLAIN


class PageParams(Params):
    """Pagination parameters."""

    k: int = K
    cursor: str | None = CURSOR


class SearchParams(PageParams, Conditions):
    """A search as a query string."""

    q: str | None = Field(
        default=None,
        description="words that a picture is to fit: short for term=text:…; a minus before a word or a quoted phrase "
        "leads away from it, and leaves its pictures out of a search for words: `apple -red`; `has:text` and "
        "`text:word` are the conditions has_text and text",
    )
    term: list[str] = Field(
        default=[],
        max_length=MAX_TERMS,
        description="`text:words`, `like:id` or `vector:token`, with a weight in front where it is not 1: "
        "`-0.5*text:people` leads away from people",
    )
    mode: Mode = MODE
    sort: Sort | None = SORT
    attributes: list[str] = Field(
        default=[], max_length=20, description="`name=value`, or a range of numbers: `iso=100..400`"
    )
    collapse: float | None = COLLAPSE
    explain: Flag = EXPLAIN

    def names(self) -> list[str]:
        """Names of the terms of `request`, for error messages."""
        return [*("q" for _ in self._typed()), *(f"term {i}" for i in range(len(self.term)))]

    def _typed(self) -> list[Term]:
        if self.q is None:
            return []
        rest, conditions = read_conditions(self.q)
        return [] if conditions and not rest.strip() else read_words(rest)

    def request(self) -> SearchRequest:
        """The same search as a request body.

        Raises:
            ServiceError: there are too many terms, or a term or an attribute is malformed.
        """
        terms = self._typed()
        terms += [read_term(written, f"term {i}") for i, written in enumerate(self.term)]
        if len(terms) > MAX_TERMS:
            raise ServiceError(Kind.INVALID, f"q, term: {len(terms)} terms; the limit is {MAX_TERMS}")
        given = {name for name in Conditions.model_fields if name in self.model_fields_set}
        typed = read_conditions(self.q or "")[1]
        if both := sorted(given & typed.keys()):
            raise ServiceError(Kind.INVALID, f"q, {both[0]}: the same condition twice; leave one of the two out")
        conditions = {**self.model_dump(include=given), **typed}
        if self.attributes:
            wanted = [read_attribute(written) for written in self.attributes]
            conditions["attributes"] = dict(wanted)
            if len(conditions["attributes"]) < len(wanted):
                raise ServiceError(Kind.INVALID, "attributes: a name comes twice; write a range as name=least..most")
        where = parse(Filter, conditions) if conditions else None
        return SearchRequest(
            terms=terms,
            mode=self.mode,
            sort=self.sort,
            where=where,
            collapse=self.collapse,
            k=self.k,
            cursor=self.cursor,
            explain=self.explain,
        )


def read_attribute(written: str) -> tuple[str, Any]:
    """Parse a condition name=value: the value is a range (least..most), a number, true, false, or else a text.

    Raises:
        ServiceError: the name or the value is missing.
    """
    name, equals, value = written.partition("=")
    if not (name and equals and value):
        raise ServiceError(Kind.INVALID, f"attributes: {written[:40]!r} is not name=value")
    if value in ("true", "false"):
        return name, value == "true"
    least, dots, most = value.partition("..")
    ends = [read_number(end) if end else None for end in (least, most)]
    if (
        dots
        and ends != [None, None]
        and all(end is not None or not text for end, text in zip(ends, (least, most), strict=True))
    ):
        return name, {"min": ends[0], "max": ends[1]}
    number = read_number(value)
    return name, value if number is None else number


def read_number(text: str) -> int | float | None:
    """Parse a decimal number; None if the text is something else."""
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text):
        return None
    return float(text) if "." in text else int(text)


class NewKept(Wire):
    """A search to keep."""

    name: str = Field(min_length=1, max_length=200, pattern=r"\S")
    search: str = Field(max_length=8000, description="the query string of GET /api/v1/search: q=dog&tags=sea")


class KeptAnswer(Answer):
    """A kept search."""

    id: str
    name: str
    search: str = Field(description="the query string of GET /api/v1/search")
    kept_at: str


class KeptListAnswer(Answer):
    """All kept searches, by name."""

    searches: list[KeptAnswer]


class SuggestParams(Params):
    """The text typed so far."""

    q: str = Field(max_length=500)
    k: int = Field(default=8, ge=1, le=50, description="how many of each at most")


class Hit(Picture):
    """A search result: a picture with its score."""

    score: float = Field(
        description="the cosine with the sum of the terms; of another mode, its own measure, which of a search without "
        "a term is the time that it is sorted by, as YYYYMMDDhhmmss"
    )
    confidence: float | None = Field(
        description="how sure the system is that it fits the words, 0 to 1; null for searches by pictures alone"
    )
    fields: list[TextField] = Field(
        description="where words of the search were found: caption, tags, file_name, or text, which is what is written "
        "in the picture"
    )
    lines: list[Line] = Field(description="the lines in the picture that have words of the search")


class Removed(Answer):
    """How many pictures were left out of the results, by reason."""

    by_filters: int
    near_duplicates: int = Field(description="up to this page")
    terms_themselves: int


class Explanation(Answer):
    """How an answer was computed."""

    stages_ms: dict[str, float]
    cached: bool
    collection: int = Field(description="how many pictures there are")
    removed: Removed


class SearchAnswer(Answer):
    """A page of results, best first."""

    results: list[Hit]
    mode: ResolvedMode = Field(description="what the results are ranked by")
    terms: list[str] = Field(description="the terms as they are written in a URL, uploaded pictures as tokens")
    model_id: str | None
    generation: str = Field(description="names the state of the collection")
    next_cursor: str | None
    collapsed: int = Field(description="how many near-duplicates were passed over up to this page")
    confident: bool | None = Field(
        description="whether any result of the first page fits; null where that is not known, and on later pages"
    )
    truncated: bool = Field(description="whether a text was longer than the model reads")
    took_ms: float
    explain: Explanation | None = None


class TagCount(Answer):
    """A tag, and how many pictures have it."""

    tag: str
    count: int


class Orientations(Answer):
    """How many pictures have each orientation."""

    landscape: int
    portrait: int
    square: int


class FolderCount(Answer):
    """A folder of the library, and how many pictures lie in it or below it."""

    folder: str
    count: int


class YearCount(Answer):
    """A year, and how many pictures were taken in it."""

    year: str
    count: int


class Facets(Answer):
    """What a collection holds: example captions, tags, and the values that filters can take."""

    count: int
    captioned: bool = Field(description="whether any picture has a caption")
    written: bool = Field(description="whether anything is written in any picture, as far as they were read")
    captions: list[str] = Field(description="some short captions, to start from")
    tags: list[TagCount] = Field(description="the most frequent ones, up to 200")
    folders: list[FolderCount] = Field(description="folders of the library, the 500 with most pictures")
    orientations: Orientations
    taken: list[str] | None = Field(description="when the first and the last picture was taken, where that is known")
    years: list[YearCount] = Field(description="those in which pictures were taken, the latest first")
    added: list[str] | None = Field(description="when the first and the last picture was added")
    widest: int = Field(description="width of the widest picture in pixels")
    sampled: bool = Field(description="whether only a part of a large collection was counted")


class Suggestions(Answer):
    """Completions of a text."""

    captions: list[str] = Field(description="those that hold all of its words, the last of which may go on")
    tags: list[str] = Field(description="those that begin with it")
    written: list[str] = Field(description="frequent words in pictures that begin like its last word")
