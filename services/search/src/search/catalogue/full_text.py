"""Full-text search in the catalogue: over what is told of pictures, and what is written in them."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Sequence
from typing import Any

from servicekit.records import Filter

from search.catalogue.filters import to_sql
from search.catalogue.readings import parts_of
from search.catalogue.tables import Held, rows_of
from search.catalogue.words import any_of

# The weight of what is written in a picture beside what people say of it, of a part of a word beside the whole, and of
# all words in one line beside one of them.
WRITTEN, PART, LINE = 0.5, 0.5, 2.0
# A word that is written in so many pictures is not looked for as a part of other words: it would add as many hits of
# less weight. In 100,000 pictures of which 60,000 have text it took half of the time of a search for common words.
COMMON = 1000


def full_text(
    db: sqlite3.Connection,
    words: Sequence[str],
    count: int,
    where: Filter | None = None,
    without: Sequence[str] = (),
    line: str = "",
) -> list[tuple[float, str]]:
    """(score, id) of the best pictures that have any of the words, best first; ties are broken by id.

    The score is BM25 over caption, tags and file name, with twice the weight for captions and tags, and BM25 over what
    is written in the picture times `WRITTEN`; a part of a written word counts `PART` of a whole one, and `line` counts
    `LINE` words.

    Args:
        db: a connection to the catalogue.
        words: words and phrases, as `words_of` finds them.
        count: how many pictures.
        where: the filter.
        without: pictures that have any of these are left out.
        line: all words as they follow each other, as `line_of` finds them.
    """
    if not words:
        return []
    query = any_of(words)
    found = ["SELECT rowid AS row, -bm25(words, 2.0, 2.0, 1.0) AS score FROM words WHERE words MATCH ?"]
    found.append(f"SELECT rowid, {WRITTEN} * -bm25(written) FROM written WHERE written MATCH ?")
    given: list[Any] = [query, query]
    count_read = db.execute("SELECT coalesce(max(row), 0) FROM readings").fetchone()[0]
    parts = [(PART, part) for word in words if not is_common(db, word) for part in parts_of([word])]
    for weight, part in [*parts, (LINE, line)] if line else parts:
        (frequency,) = db.execute("SELECT count(*) FROM parts WHERE parts MATCH ?", (any_of([part]),)).fetchone()
        found.append("SELECT rowid, ? FROM parts WHERE parts MATCH ?")
        given += [weight * WRITTEN * rarity(frequency, count_read), any_of([part])]
    sql, values = to_sql(where)
    if without:
        sql += "".join(
            f" AND p.row NOT IN (SELECT rowid FROM {table} WHERE {table} MATCH ?)" for table in ("words", "written")
        )
        values = [*values, any_of(without), any_of(without)]
    rows = db.execute(
        f"SELECT sum(score) AS score, p.id FROM ({' UNION ALL '.join(found)}) JOIN pictures AS p USING (row)"
        f" WHERE {sql} GROUP BY row ORDER BY score DESC, p.id LIMIT ?",
        (*given, *values, count),
    )
    return [(score, picture_id) for score, picture_id in rows]


def is_common(db: sqlite3.Connection, word: str) -> bool:
    """Whether a word is written in at least `COMMON` pictures."""
    found = "SELECT count(*) FROM (SELECT 1 FROM written WHERE written MATCH ? LIMIT ?)"
    return bool(db.execute(found, (any_of([word]), COMMON)).fetchone()[0] == COMMON)


def in_a_line(db: sqlite3.Connection, line: str, ids: Sequence[str]) -> set[str]:
    """The pictures among some in which all words of a search, as `line_of` finds them, follow each other in a line."""
    if not line:
        return set()
    by_row = {row: picture_id for picture_id, row in rows_of(db, ids).items()}
    found = db.execute("SELECT rowid FROM parts WHERE parts MATCH ?", (any_of([line]),))
    return {by_row[row] for (row,) in found if row in by_row}


def holders(db: sqlite3.Connection, words: Sequence[str], ids: Sequence[str], count: int) -> list[Held]:
    """For each word its weight, and the pictures among some that have it.

    Args:
        db: a connection to the catalogue.
        words: the words; one that no picture has weighs as much as one that a single picture has.
        ids: the pictures.
        count: how many pictures there are.
    """
    by_row = {row: picture_id for picture_id, row in rows_of(db, ids).items()}
    rows = json.dumps(list(by_row))

    def holding(table: str, match: str) -> tuple[int, set[str]]:
        # One pass through the word's entries: each costs the same whether or not it is asked for.
        frequency, held = db.execute(
            "SELECT count(*), json_group_array(rowid) FILTER (WHERE rowid IN (SELECT value FROM json_each(?)))"
            f" FROM {table} WHERE {table} MATCH ?",
            (rows, any_of([match])),
        ).fetchone()
        return frequency, {by_row[row] for row in json.loads(held)}

    found: list[Held] = []
    for word in words:
        told, by_words = holding("words", word)
        shown, by_text = holding("written", word)
        for part in parts_of([word]) if shown < COMMON else []:
            by_text |= holding("parts", part)[1]
        found.append(Held(rarity(told + shown, count), by_words, by_text))
    return found


def rarity(frequency: int, count: int) -> float:
    """The weight of a word that so many of all pictures have: BM25's inverse document frequency, always positive."""
    frequency = max(1, frequency)
    return math.log(1 + (max(count, frequency) - frequency + 0.5) / (frequency + 0.5))
