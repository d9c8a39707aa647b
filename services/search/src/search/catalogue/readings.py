"""What is written in pictures: lines as a reader found them, their text for the full-text index, and parts of words."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
from servicekit.records import Line, Reading

from search.catalogue.tables import rows_of
from search.catalogue.words import folded, is_quoted, normalised, searchable, unspaced, words_of

# Readers confuse these; parts of words are looked for without telling them apart.
CONFUSED = str.maketrans({"o": "0", "i": "1", "l": "1", "|": "1", "!": "1", "s": "5", "b": "8", "z": "2"})
# A hyphen, or a soft one, at the end of a line.
BROKEN = re.compile(r"(\w+)[-\u2010\u00ad]\n(\w+)")
# The least length of a part: the index has trigrams. A shorter word of letters is a part of too many others.
LEAST, LEAST_LETTERS = 3, 4


class Span(NamedTuple):
    """A line's place along the text and across it: where it begins, and the middle and height of its row."""

    begin: float
    middle: float
    height: float
    text: str


def text_of(lines: Sequence[Line]) -> str:
    """The text of a reading's lines: boxes at the same height make one line, from left to right.

    Of a picture in which most lines run upwards or downwards, columns are lines.
    """
    turned = sum(2 * is_upright(line) - 1 for line in lines if len(line["text"]) > 2) > 0
    rows: list[list[Span]] = []
    for span in sorted((span_of(line, turned) for line in lines), key=lambda span: span.middle):
        row = rows[-1] if rows else []
        if row and abs(row[-1].middle - span.middle) < min(row[-1].height, span.height) / 2:
            row.append(span)
        else:
            rows.append([span])
    return "\n".join(" ".join(span.text for span in sorted(row)) for row in rows)


def is_upright(line: Line) -> bool:
    """Whether a line's box is much higher than wide, in shares of the picture's sides."""
    x, y = line["box"][0::2], line["box"][1::2]
    return max(y) - min(y) > 1.5 * (max(x) - min(x))


def span_of(line: Line, turned: bool) -> Span:
    """The place of a line; `turned` exchanges width and height."""
    along, across = line["box"][int(turned) :: 2], line["box"][int(not turned) :: 2]
    return Span(min(along), sum(across) / 4, max(across) - min(across), line["text"])


def joined(text: str) -> str:
    """A text with the words that hyphens break at the ends of lines once more as a whole."""
    whole = " ".join("".join(parts) for parts in BROKEN.findall(text))
    return f"{text}\n{whole}" if whole else text


def written(text: str) -> str:
    """A text as the full-text index of readings stores it."""
    return searchable(joined(text))


def skeleton(text: str) -> str:
    """A text as the index of parts stores it: letters and digits alone, those alike that readers confuse, in lines."""
    kept = folded(normalised(joined(text)))
    return "\n".join("".join(c for c in line.translate(CONFUSED) if c.isalnum()) for line in kept.split("\n"))


def parts_of(words: Sequence[str]) -> list[str]:
    """The skeletons to look for as parts: of each word that is long enough.

    A phrase is left out: it is found as it stands.
    """
    return list(dict.fromkeys(skeleton(word) for word in words if " " not in word and is_part(word)))


def line_of(text: str) -> str:
    """The skeleton of a search of several words as they follow each other in a line, stop words included.

    Empty for a single word, for a short one, and for phrases in quotes, which are found as they stand.
    """
    words = words_of(text)
    if len(words) < 2 or is_quoted(text):
        return ""
    line = skeleton(" ".join(text.split()))
    # A character of a script without spaces tells about as much as two letters.
    return line if len(line) + unspaced(line) > LEAST_LETTERS else ""


def is_part(word: str) -> bool:
    """Whether a word is long enough to be looked for inside others."""
    return len(skeleton(word)) >= (LEAST if any(c.isdigit() for c in word) else LEAST_LETTERS)


def write(db: sqlite3.Connection, rows: Mapping[int, Reading]) -> None:
    """Store readings by row, in place of former ones."""
    forget(db, list(rows))
    db.executemany(
        "INSERT INTO readings VALUES (?, ?, ?, ?)",
        ((row, r["reader"], orjson.dumps(r["lines"]).decode(), text_of(r["lines"])) for row, r in rows.items()),
    )


def forget(db: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Remove the readings of rows."""
    db.execute("DELETE FROM readings WHERE row IN (SELECT value FROM json_each(?))", (json.dumps(list(rows)),))


def read(db: sqlite3.Connection, ids: Sequence[str]) -> dict[str, Reading]:
    """The readings of those pictures that exist and were read, by id."""
    by_row = {row: picture_id for picture_id, row in rows_of(db, ids).items()}
    found = db.execute(
        "SELECT row, reader, lines FROM readings WHERE row IN (SELECT value FROM json_each(?))",
        (json.dumps(list(by_row)),),
    )
    return {by_row[row]: {"reader": reader, "lines": orjson.loads(lines)} for row, reader, lines in found}


def unread(db: sqlite3.Connection, reader: str, limit: int) -> tuple[list[str], int]:
    """At most `limit` ids of pictures that this reader has not read, the newest first; and how many these pictures are.

    Only pictures that are not deleted have a reading.
    """
    (count,) = db.execute(
        "SELECT (SELECT count(*) FROM pictures WHERE deleted_at IS NULL)"
        " - (SELECT count(*) FROM readings WHERE reader = ?)",
        (reader,),
    ).fetchone()
    found = db.execute(
        "SELECT id FROM pictures AS p WHERE deleted_at IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM readings AS r WHERE r.row = p.row AND r.reader = ?)"
        " ORDER BY added_at DESC, id LIMIT ?",
        (reader, limit),
    )
    return [picture_id for (picture_id,) in found], count


def is_written(db: sqlite3.Connection) -> bool:
    """Whether anything is written in any picture."""
    return bool(db.execute("SELECT EXISTS (SELECT 1 FROM readings WHERE text != '')").fetchone()[0])


def suggest(db: sqlite3.Connection, typed: str, limit: int) -> list[str]:
    """The most frequent words that are written in pictures and begin like the last word that was typed."""
    words = folded(normalised(typed)).split()
    if not words or len(words[-1]) < LEAST:
        return []
    found = db.execute(
        "SELECT term FROM written_words WHERE term >= ? AND term < ? AND doc > 1 ORDER BY doc DESC, term LIMIT ?",
        (words[-1], words[-1] + "\U0010ffff", limit),
    )
    return [term for (term,) in found]
