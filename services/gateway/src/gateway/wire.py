"""What the public API takes and gives: these models check requests, and the API's description is made of them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from servicekit.errors import Kind, ServiceError
from servicekit.records import Attributes, Caption, Conditions, Filter, Number, TagList, TakenAt, Value, Whole
from servicekit.wire import Params, Wire, parse

from gateway.terms import Term, read_term

Mode = Literal["vector", "text", "hybrid"]
MODE: Any = Field(
    default="vector",
    description="rank by looks (vector), by words in captions, tags and file names (text), or by both (hybrid)",
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
    default=None, max_length=2000, pattern=r"^[A-Za-z0-9_=-]+$", description="`next_cursor` of the page before"
)
EXPLAIN = Field(default=False, description="tell how the answer came about")
MAX_TERMS = 16


def read_flag(given: Any) -> Any:
    """A flag of a URL; pydantic would also take yes, on, 1 and t."""
    return {"true": True, "false": False}.get(given, given if isinstance(given, bool) else None)


Flag = Annotated[bool, BeforeValidator(read_flag)]


class SearchRequest(Wire):
    """A search: the pictures nearest to a sum of terms."""

    terms: list[Term] = Field(min_length=1, max_length=MAX_TERMS)
    mode: Mode = MODE
    where: Filter | None = Field(default=None, description="conditions on the pictures, all of which must hold")
    collapse: float | None = COLLAPSE
    k: int = K
    cursor: str | None = CURSOR
    explain: bool = EXPLAIN


class PageParams(Params):
    """Which page of the answer."""

    k: int = K
    cursor: str | None = CURSOR


class SearchParams(PageParams, Conditions):
    """A search in a URL."""

    q: str | None = Field(default=None, description="words that a picture is to fit: short for term=text:…")
    term: list[str] = Field(
        default=[],
        max_length=MAX_TERMS,
        description="`text:words`, `like:id` or `vector:token`, with a weight in front where it is not 1: "
        "`-0.5*text:people` leads away from people",
    )
    mode: Mode = MODE
    attributes: list[str] = Field(
        default=[], max_length=20, description="`name=value`, or a range of numbers: `iso=100..400`"
    )
    collapse: float | None = COLLAPSE
    explain: Flag = EXPLAIN

    def names(self) -> list[str]:
        """What messages call the terms of `request`."""
        return [*(["q"] if self.q is not None else []), *(f"term {i}" for i in range(len(self.term)))]

    def request(self) -> SearchRequest:
        """The same search as a body would ask for it.

        Raises:
            ServiceError: there is no term, or one is not written as a term.
        """
        terms = [Term(text=self.q)] if self.q is not None else []
        terms += [read_term(written, f"term {i}") for i, written in enumerate(self.term)]
        if not terms:
            raise ServiceError(Kind.INVALID, "q, term: neither is given; say what the picture shows")
        if len(terms) > MAX_TERMS:
            raise ServiceError(Kind.INVALID, f"q, term: {len(terms)} terms; the limit is {MAX_TERMS}")
        given = {name for name in Conditions.model_fields if name in self.model_fields_set}
        conditions = self.model_dump(include=given)
        if self.attributes:
            wanted = [read_attribute(written) for written in self.attributes]
            conditions["attributes"] = dict(wanted)
            if len(conditions["attributes"]) < len(wanted):
                raise ServiceError(Kind.INVALID, "attributes: a name comes twice; write a range as name=least..most")
        where = parse(Filter, conditions) if conditions else None
        return SearchRequest(
            terms=terms,
            mode=self.mode,
            where=where,
            collapse=self.collapse,
            k=self.k,
            cursor=self.cursor,
            explain=self.explain,
        )


def read_attribute(written: str) -> tuple[str, Any]:
    """A condition on an attribute as it is written in a URL: a range, a number, true, false, or else a text.

    Raises:
        ServiceError: it has no name, or names no value.
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
    """A number as people write it; None where it is something else."""
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", text):
        return None
    return float(text) if "." in text else int(text)


class LookupParams(Params):
    """Which pictures."""

    ids: str = Field(description="up to 100 ids, with commas between them")


class ThumbnailParams(Params):
    """How large."""

    w: int = Field(default=480, description="the greatest width: 240, 480, 960 or 1920 pixels")


class ScanParams(Params):
    """What a scan of the library may do."""

    remove: Flag = Field(default=False, description="whether to delete pictures whose files are gone, with their tags")


class ExportParams(Params):
    """What of each picture."""

    vectors: Flag = Field(default=False, description="whether with its vector, base64 of little-endian float32")


class Details(Wire):
    """What a client says about one picture of an upload."""

    caption: Caption = ""
    tags: TagList = Field(default=[])
    attributes: Attributes = Field(default={}, description="beside those that are read from the file's EXIF")
    taken_at: TakenAt | None = Field(default=None, description="in place of what the file's EXIF says")


class Answer(BaseModel):
    """An answer's document: all fields are there."""

    model_config = ConfigDict(extra="forbid")


class Picture(Answer):
    """A picture of the collection."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$", description="the first 32 hex digits of the sha256 of its file")
    caption: str
    tags: list[str]
    attributes: dict[str, Value | Whole | Number]
    file_name: str
    width: int
    height: int
    bytes: int | None
    taken_at: str | None = Field(description="by the clock where it was taken")
    added_at: str
    placeholder: str = Field(description="ThumbHash in base64, to be shown until the picture is there; may be empty")
    file_url: str
    thumbnail_url: str


class Hit(Picture):
    """A picture that was found."""

    score: float = Field(description="the cosine with the sum of the terms; of another mode, its own measure")
    confidence: float | None = Field(description="how sure the system is that it fits, 0 to 1, where that is known")


class Removed(Answer):
    """Pictures that are no results, and why."""

    by_filters: int
    near_duplicates: int = Field(description="up to this page")
    terms_themselves: int


class Explanation(Answer):
    """How an answer came about."""

    stages_ms: dict[str, float]
    cached: bool
    collection: int = Field(description="how many pictures there are")
    removed: Removed


class SearchAnswer(Answer):
    """A page of results, best first."""

    results: list[Hit]
    terms: list[str] = Field(description="the terms as they are written in a URL, uploaded pictures as tokens")
    model_id: str | None
    generation: str = Field(description="names the state of the collection")
    next_cursor: str | None
    collapsed: int = Field(description="how many near-duplicates were passed over up to this page")
    confident: bool | None = Field(description="whether the best result fits at all; null where that is not known")
    truncated: bool = Field(description="whether a text was longer than the model reads")
    took_ms: float
    explain: Explanation | None = None


class Problem(BaseModel):
    """What every error looks like (RFC 9457)."""

    type: str = Field(description="urn:sightline:error: and the kind")
    title: str
    detail: str = Field(description="what is wrong, with the field and the limit")
    status: int
    request_id: str


class ItemError(Answer):
    """What is wrong with one file."""

    type: str
    title: str
    detail: str


class UploadItem(Answer):
    """What became of one file."""

    status: Literal["added", "exists", "failed"]
    id: str | None
    error: ItemError | None = None


class UploadAnswer(Answer):
    """What became of each file, in order."""

    items: list[UploadItem]


class QuarantinedFile(Answer):
    """A file that could not be added, and why."""

    id: str
    file_name: str
    bytes: int | None = Field(default=None, description="of a file that is kept; one that is too large is not")
    at: str
    error: ItemError


class QuarantineAnswer(Answer):
    """The latest files that could not be added, the last one first."""

    files: list[QuarantinedFile]


class LookupAnswer(Answer):
    """Those of the pictures that are there, in the order of their ids in the question."""

    images: list[Picture]


class TagCount(Answer):
    """A tag, and how many pictures have it."""

    tag: str
    count: int


class Orientations(Answer):
    """How many pictures are of each shape."""

    landscape: int
    portrait: int
    square: int


class Facets(Answer):
    """What a collection offers to somebody who does not know it."""

    count: int
    captions: list[str] = Field(description="some short captions, to start from")
    tags: list[TagCount] = Field(description="the most frequent ones, up to 200")
    orientations: Orientations
    taken: list[str] | None = Field(description="when the first and the last picture was taken, where that is known")
    added: list[str] | None = Field(description="when the first and the last picture was added")
    widest: int = Field(description="width of the widest picture in pixels")
    sampled: bool = Field(description="whether only a part of a large collection was counted")


class SuggestParams(Params):
    """What was typed so far."""

    q: str = Field(max_length=500)
    k: int = Field(default=8, ge=1, le=50, description="how many of each at most")


class Suggestions(Answer):
    """How a text may go on."""

    captions: list[str] = Field(description="those that hold all of its words, the last of which may go on")
    tags: list[str] = Field(description="those that begin with it")


class Figure(Answer):
    """A measured figure of the model, in percent, with the interval that it lies in."""

    name: str
    value: float
    low: float | None
    high: float | None


class Model(Answer):
    """The encoder's model."""

    model_id: str
    name: str
    dim: int
    towers: dict[str, str]
    figures: list[Figure]


class Bucket(Answer):
    """How many values lie up to an end; None: above all others."""

    most_ms: float | None
    count: int


class StageSpread(Answer):
    """How long a stage of a request took; `request` is a search as a whole."""

    stage: str
    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float
    buckets: list[Bucket]


class CacheCounts(Answer):
    """A cache's look-ups: found, not found, or shared with an equal request in flight."""

    cache: str
    hit: int
    miss: int
    shared: int


class IndexFacts(Answer):
    """The index of the vectors."""

    generation: str | None
    kind: str
    after: int = Field(description="pictures that came after the index was written, and are searched beside it")
    problem: str | None


class Stats(Answer):
    """Facts about the collection, and what this gateway has seen since it started."""

    count: int
    model_id: str | None
    generation: str
    index: IndexFacts
    captions: list[str] = Field(description="some short captions, to start from")
    model: Model | None = Field(description="None where the encoder does not answer")
    uptime_s: int
    stages: list[StageSpread]
    caches: list[CacheCounts]


class Login(Wire):
    """A key that the browser is to keep."""

    key: str = Field(max_length=200)


class Session(Answer):
    """Whether a key is needed, and what the client's own allows."""

    required: bool
    scope: Literal["read", "write", "admin"] | None
