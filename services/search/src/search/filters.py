"""What a query can ask of a picture beside its looks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from servicekit.wire import Wire

# A moment, or the whole year, month, day or minute that its beginning names.
Moment = Annotated[str, Field(pattern=r"^\d{4}(-\d\d(-\d\d(T\d\d:\d\d(:\d\d)?)?)?)?$")]
Tag = Annotated[str, Field(min_length=1, max_length=200)]
Tags = Annotated[tuple[Tag, ...], Field(max_length=50, strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
MOST = 2**63 - 1
# What SQLite and Milvus hold; a larger whole number is read as a fraction.
Whole = Annotated[int, Field(ge=-(2**63), le=MOST)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Value = str | bool | Whole | Number


class Range(Wire):
    """An attribute between two numbers, or two texts in their alphabetical order; both ends belong to it."""

    min: Whole | Number | str | None = None
    max: Whole | Number | str | None = None


class Filter(Wire):
    """Every condition that is given must hold."""

    tags: Tags = ()
    any_tags: Tags = ()
    no_tags: Tags = ()
    orientation: Literal["landscape", "portrait", "square"] | None = None
    min_width: int | None = Field(default=None, ge=0, le=MOST)
    min_height: int | None = Field(default=None, ge=0, le=MOST)
    min_bytes: int | None = Field(default=None, ge=0, le=MOST)
    max_bytes: int | None = Field(default=None, ge=0, le=MOST)
    taken_from: Moment | None = None
    taken_to: Moment | None = None
    added_from: Moment | None = None
    added_to: Moment | None = None
    attributes: dict[Name, Value | Range] = Field(default_factory=dict, max_length=20)


ORIENTATIONS = {
    "landscape": "p.width > p.height",
    "portrait": "p.width < p.height",
    "square": "p.width = p.height",
}
# What each plain field asks of the table `pictures AS p`. A time is compared as far as the filter tells it, so that the
# last day of a range is in it.
CONDITIONS = {
    "min_width": "p.width >= ?1",
    "min_height": "p.height >= ?1",
    "min_bytes": "p.bytes >= ?1",
    "max_bytes": "p.bytes <= ?1",
    "taken_from": "substr(p.taken_at, 1, length(?1)) >= ?1",
    "taken_to": "substr(p.taken_at, 1, length(?1)) <= ?1",
    "added_from": "substr(p.added_at, 1, length(?1)) >= ?1",
    "added_to": "substr(p.added_at, 1, length(?1)) <= ?1",
}
HAS_TAG = "p.row IN (SELECT row FROM tags WHERE tag {})"


def to_sql(where: Filter | None) -> tuple[str, list[Any]]:
    """The conditions on `pictures AS p` as SQL, deleted ones excluded, and the values for its question marks."""
    sql = ["p.deleted_at IS NULL"]
    values: list[Any] = []
    if where is None:
        return sql[0], values
    for tag in where.tags:
        sql.append(HAS_TAG.format("= ?"))
        values.append(tag)
    for tags, negated in ((where.any_tags, ""), (where.no_tags, "NOT ")):
        if tags:
            sql.append(negated + HAS_TAG.format(f"IN ({', '.join('?' * len(tags))})"))
            values += tags
    if where.orientation:
        sql.append(ORIENTATIONS[where.orientation])
    for field, condition in CONDITIONS.items():
        value = getattr(where, field)
        if value is not None:
            sql.append(condition.replace("?1", "?"))
            values += [value] * condition.count("?1")
    for name, wanted in where.attributes.items():
        # A name has no character that JSON paths or SQL would read otherwise.
        path = f"json_extract(p.attributes, '$.{name}')"
        bounds = [(">=", wanted.min), ("<=", wanted.max)] if isinstance(wanted, Range) else [("=", wanted)]
        for operator, bound in bounds:
            if bound is not None:
                # SQLite orders every text after every number: a text is not between two numbers.
                kind = "= 'text'" if isinstance(bound, str) else "IN ('integer', 'real', 'true', 'false')"
                sql.append(f"(json_type(p.attributes, '$.{name}') {kind} AND {path} {operator} ?)")
                values.append(bound)
    return " AND ".join(sql), values
