"""What the public API takes: these models check requests, and the API's description is made of them."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from servicekit.errors import Kind, ServiceError
from servicekit.records import Attributes, Caption, Conditions, Filter, TagList, TakenAt
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


class SuggestParams(Params):
    """What was typed so far."""

    q: str = Field(max_length=500)
    k: int = Field(default=8, ge=1, le=50, description="how many of each at most")


class Login(Wire):
    """A key that the browser is to keep."""

    key: str = Field(max_length=200)
