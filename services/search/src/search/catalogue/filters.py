"""Filters as SQL conditions."""

from __future__ import annotations

from typing import Any

from servicekit.records import Filter, Range

from search.catalogue.readings import parts_of
from search.catalogue.words import any_of, words_of

ORIENTATIONS = {
    "landscape": "p.width > p.height",
    "portrait": "p.width < p.height",
    "square": "p.width = p.height",
}
# The condition of each scalar field on `pictures AS p`. Times are compared as prefixes of the filter's length, so that
# a range to "2024-05" includes all of May.
CONDITIONS = {
    "min_width": "p.width >= ?1",
    "min_height": "p.height >= ?1",
    "min_bytes": "p.bytes >= ?1",
    "max_bytes": "p.bytes <= ?1",
    "taken_from": "substr(p.taken_at, 1, length(?1)) >= ?1",
    "taken_to": "substr(p.taken_at, 1, length(?1)) <= ?1",
    "added_from": "substr(p.added_at, 1, length(?1)) >= ?1",
    "added_to": "substr(p.added_at, 1, length(?1)) <= ?1",
    # "0" is the character after "/".
    "folder": "(p.file_name > ?1 || '/' AND p.file_name < ?1 || '0')",
}
HAS_TEXT = "p.row {}IN (SELECT row FROM readings WHERE text != '')"
SHOWS = "p.row IN (SELECT rowid FROM {table} WHERE {table} MATCH ?)"
HAS_TAG = "p.row IN (SELECT row FROM tags WHERE tag {})"


def to_sql(where: Filter | None) -> tuple[str, list[Any]]:
    """The conditions on `pictures AS p` as SQL, which exclude deleted pictures, and the values of its placeholders."""
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
    if where.has_text is not None:
        sql.append(HAS_TEXT.format("" if where.has_text else "NOT "))
    words = words_of(where.text or "")
    if where.text and not words:
        sql.append("FALSE")
    for word in words:
        ways = [("written", word), *(("parts", part) for part in parts_of([word]))]
        sql.append(f"({' OR '.join(SHOWS.format(table=table) for table, _ in ways)})")
        values += [any_of([value]) for _, value in ways]
    for name, wanted in where.attributes.items():
        # No SQL injection: attribute names are validated and hold no character that is special in SQL or JSON paths.
        path = f"json_extract(p.attributes, '$.{name}')"
        bounds = [(">=", wanted.min), ("<=", wanted.max)] if isinstance(wanted, Range) else [("=", wanted)]
        for operator, bound in bounds:
            if bound is not None:
                # SQLite sorts text after all numbers, so a range must check the type: a text is not above a number.
                kind = "= 'text'" if isinstance(bound, str) else "IN ('integer', 'real', 'true', 'false')"
                sql.append(f"(json_type(p.attributes, '$.{name}') {kind} AND {path} {operator} ?)")
                values.append(bound)
    return " AND ".join(sql), values
