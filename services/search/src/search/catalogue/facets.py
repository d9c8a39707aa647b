"""Example captions, suggestions and facets of a collection."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from servicekit.records import FacetCounts, FolderCount, Suggestions, YearCount

from search.catalogue import readings

MOST_TAGS = 200
MOST_FOLDERS = 500
# Captions longer than this are not suggested: no user would type them.
LONGEST = 80
# Matches considered per suggestion: bounds the work for a common prefix.
LOOKED_AT = 500


def sample_captions(db: sqlite3.Connection, limit: int) -> list[str]:
    """At most `limit` short captions of the collection; the same ones until pictures change."""
    # Ids are digests, so their order is effectively random. The inner limit bounds the scan if few captions are short.
    rows = db.execute(
        "SELECT DISTINCT caption FROM"
        " (SELECT caption FROM pictures WHERE deleted_at IS NULL ORDER BY id LIMIT 2000)"
        " WHERE length(caption) BETWEEN 6 AND 40 LIMIT ?",
        (limit,),
    )
    return [caption for (caption,) in rows]


def is_captioned(db: sqlite3.Connection) -> bool:
    """Whether any picture has a caption."""
    found: int = db.execute(
        "SELECT EXISTS (SELECT 1 FROM pictures WHERE deleted_at IS NULL AND caption != '')"
    ).fetchone()[0]
    return bool(found)


def suggest(db: sqlite3.Connection, text: str, words: Sequence[str], limit: int) -> Suggestions:
    """Autocomplete: captions that contain all the words, the last one as a prefix, tags that begin with the text, and
    frequent words that are written in pictures.

    Args:
        db: a connection.
        text: what was typed so far.
        words: its words, as `words.words_of` finds them.
        limit: the maximum number of each.
    """
    if not words:
        return {"captions": [], "tags": [], "written": []}
    *whole, last = ('"' + w.replace('"', '""') + '"' for w in words)
    query = f"caption : ({' '.join([*whole, f'{last} *'])})"
    captions = db.execute(
        "SELECT caption FROM (SELECT p.caption FROM words JOIN pictures AS p ON p.row = words.rowid"
        " WHERE words MATCH ? AND p.deleted_at IS NULL LIMIT ?)"
        " WHERE length(caption) <= ? GROUP BY caption ORDER BY count(*) DESC, length(caption), caption LIMIT ?",
        (query, LOOKED_AT, LONGEST, limit),
    )
    typed = text.strip()
    # The usual ways to write a word, each a range of the table's order: a comparison without case would read all rows.
    ways = list(dict.fromkeys((typed, typed.lower(), typed.capitalize(), typed.title(), typed.upper())))
    ranges = " OR ".join("tag >= ? AND tag < ?" for _ in ways)
    tags = db.execute(
        f"SELECT tag FROM tags WHERE {ranges} GROUP BY tag ORDER BY count(*) DESC, tag LIMIT ?",
        (*(end for way in ways for end in (way, way + "\U0010ffff")), limit),
    )
    return {
        "captions": [caption for (caption,) in captions],
        "tags": [tag for (tag,) in tags],
        "written": readings.suggest(db, typed, limit),
    }


def facets(db: sqlite3.Connection) -> FacetCounts:
    """Facet counts of the whole collection; see `facets_of`."""
    tags = db.execute("SELECT tag, count(*) AS n FROM tags GROUP BY tag ORDER BY n DESC, tag LIMIT ?", (MOST_TAGS,))
    landscape, portrait, square, first, last, earliest, latest, widest = db.execute(
        "SELECT coalesce(sum(width > height), 0), coalesce(sum(width < height), 0), coalesce(sum(width = height), 0),"
        " min(taken_at), max(taken_at), min(added_at), max(added_at), max(width)"
        " FROM pictures WHERE deleted_at IS NULL"
    ).fetchone()
    years = db.execute(
        "SELECT substr(taken_at, 1, 4) AS year, count(*) FROM pictures"
        " WHERE deleted_at IS NULL AND taken_at IS NOT NULL GROUP BY year"
    )
    # What is before the last "/": the name without its characters that are not "/", taken off its end.
    folders = db.execute(
        "SELECT rtrim(rtrim(file_name, replace(file_name, '/', '')), '/') AS folder, count(*) FROM pictures"
        " WHERE deleted_at IS NULL AND instr(file_name, '/') GROUP BY folder"
    )
    return {
        "tags": [{"tag": tag, "count": count} for tag, count in tags],
        "folders": folder_counts(folders),
        "orientations": {"landscape": landscape, "portrait": portrait, "square": square},
        "taken": [first, last] if first else None,
        "years": year_counts(years),
        "added": [earliest, latest] if earliest else None,
        "widest": widest or 0,
        "sampled": False,
    }


def facets_of(records: Iterable[Mapping[str, Any]]) -> FacetCounts:
    """Facet counts of some records, for a back end that cannot aggregate by itself.

    Returns:
        `tags`: the most frequent ones with how many pictures have each; `folders`: see `folder_counts`; `orientations`:
        how many are landscape, portrait, square; `taken`, `added`: the first and the last moment, None where none is
        known; `years`: how many were taken in each; `widest`: in pixels; `sampled`: whether not every picture was
        counted.
    """
    tags: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    years: Counter[str] = Counter()
    shapes = Counter({"landscape": 0, "portrait": 0, "square": 0})
    moments: dict[str, list[str]] = {"taken_at": [], "added_at": []}
    widest = 0
    for r in records:
        tags.update(set(r["tags"]))
        folders[r["file_name"].rpartition("/")[0]] += 1
        shapes["landscape" if r["width"] > r["height"] else "portrait" if r["width"] < r["height"] else "square"] += 1
        for field, found in moments.items():
            if r[field]:
                found.append(r[field])
        if r["taken_at"]:
            years[r["taken_at"][:4]] += 1
        widest = max(widest, r["width"])
    taken, added = ([min(found), max(found)] if found else None for found in moments.values())
    frequent = sorted(tags.items(), key=lambda item: (-item[1], item[0]))[:MOST_TAGS]
    return {
        "tags": [{"tag": tag, "count": count} for tag, count in frequent],
        "folders": folder_counts(folders.items()),
        "orientations": dict(shapes),
        "taken": taken,
        "years": year_counts(years.items()),
        "added": added,
        "widest": widest,
        "sampled": False,
    }


def year_counts(counts: Iterable[tuple[str, int]]) -> list[YearCount]:
    """Years with their counts, the latest first."""
    return [{"year": year, "count": count} for year, count in sorted(counts, reverse=True)]


def folder_counts(counts: Iterable[tuple[str, int]]) -> list[FolderCount]:
    """The folders with most pictures, in alphabetical order, each with the pictures in all folders below it.

    Args:
        counts: folders, and how many pictures lie directly in each; "" is no folder.
    """
    total: Counter[str] = Counter()
    for folder, count in counts:
        parts = folder.split("/") if folder else []
        for depth in range(1, len(parts) + 1):
            total["/".join(parts[:depth])] += count
    most = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:MOST_FOLDERS]
    return [{"folder": folder, "count": count} for folder, count in sorted(most)]
