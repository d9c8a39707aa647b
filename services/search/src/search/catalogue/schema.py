"""The catalogue's schema and its migrations: each step upgrades a file from the version before it."""

from __future__ import annotations

import secrets
import sqlite3

import orjson

V1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE pictures (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    media_key TEXT NOT NULL,
    file_name TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    caption TEXT NOT NULL,
    tags TEXT NOT NULL,
    added_at TEXT NOT NULL,
    vector BLOB NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
CREATE INDEX pictures_seq ON pictures (seq);
CREATE TABLE deleted (row INTEGER PRIMARY KEY, seq INTEGER NOT NULL) STRICT;
CREATE INDEX deleted_seq ON deleted (seq);
"""

# Vectors in tables of their own, so that a collection can hold those of two models while one replaces the other, and a
# scan over records does not read vectors. Soft deletes. Full text (FTS5) over captions, tags and file names.
V2 = """
ALTER TABLE pictures RENAME TO pictures_1;
DROP INDEX pictures_seq;
DROP TABLE deleted;
CREATE TABLE pictures (
    row INTEGER PRIMARY KEY AUTOINCREMENT,  -- the id that the index knows, never used again
    id TEXT NOT NULL,
    media_key TEXT NOT NULL,
    file_name TEXT NOT NULL,
    bytes INTEGER,                          -- of the file; NULL where it was not told
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    caption TEXT NOT NULL,
    tags TEXT NOT NULL,                     -- JSON list
    attributes TEXT NOT NULL,               -- JSON object of strings, numbers and booleans
    taken_at TEXT,                          -- ISO 8601, as all times here
    added_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    deleted_at TEXT,
    seq INTEGER NOT NULL                    -- of the last change
) STRICT;
CREATE UNIQUE INDEX pictures_id ON pictures (id) WHERE deleted_at IS NULL;
CREATE INDEX pictures_deleted ON pictures (seq) WHERE deleted_at IS NOT NULL;
INSERT INTO pictures
    SELECT row, id, media_key, file_name, NULL, width, height, caption, tags, '{}', NULL, added_at, added_at, NULL, seq
    FROM pictures_1;
DELETE FROM sqlite_sequence WHERE name = 'pictures';
INSERT INTO sqlite_sequence SELECT 'pictures', seq FROM sqlite_sequence WHERE name = 'pictures_1';
CREATE TABLE tags (tag TEXT NOT NULL, row INTEGER NOT NULL, PRIMARY KEY (tag, row)) STRICT, WITHOUT ROWID;
CREATE INDEX tags_row ON tags (row);
INSERT OR IGNORE INTO tags SELECT value, row FROM pictures, json_each(pictures.tags);
CREATE VIRTUAL TABLE words USING fts5 (
    caption, tags, file_name, content='pictures', content_rowid='row', tokenize='porter unicode61 remove_diacritics 2'
);
INSERT INTO words (words) VALUES ('rebuild');
CREATE TRIGGER words_insert AFTER INSERT ON pictures BEGIN
    INSERT INTO words (rowid, caption, tags, file_name) VALUES (new.row, new.caption, new.tags, new.file_name);
END;
CREATE TRIGGER words_update AFTER UPDATE OF caption, tags, file_name ON pictures BEGIN
    INSERT INTO words (words, rowid, caption, tags, file_name)
        VALUES ('delete', old.row, old.caption, old.tags, old.file_name);
    INSERT INTO words (rowid, caption, tags, file_name) VALUES (new.row, new.caption, new.tags, new.file_name);
END;
CREATE TRIGGER words_delete AFTER UPDATE OF deleted_at ON pictures WHEN new.deleted_at IS NOT NULL BEGIN
    INSERT INTO words (words, rowid, caption, tags, file_name)
        VALUES ('delete', old.row, old.caption, old.tags, old.file_name);
END;
CREATE TABLE models (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- the table vectors_<number> holds its vectors
    model_id TEXT NOT NULL UNIQUE,
    dim INTEGER NOT NULL,
    generation TEXT,                           -- the index snapshot that serves; NULL: none has been made
    previous TEXT                              -- the one that served before it
) STRICT;
"""

# A blurred preview of a few bytes (ThumbHash, base64).
V3 = "ALTER TABLE pictures ADD COLUMN placeholder TEXT NOT NULL DEFAULT '';"

# Full text over normalised text (see `words.searchable`), which is why the index cannot read the columns themselves.
# Marks (M*) belong to letters: vowels of Indic scripts and of Thai are marks.
V4 = """
DROP TRIGGER words_insert;
DROP TRIGGER words_update;
DROP TRIGGER words_delete;
DROP TABLE words;
CREATE VIRTUAL TABLE words USING fts5 (
    caption, tags, file_name, content='',
    tokenize="porter unicode61 remove_diacritics 2 categories 'L* N* M* Co'"
);
INSERT INTO words (rowid, caption, tags, file_name)
    SELECT row, searchable(caption), searchable(tags), searchable(file_name) FROM pictures WHERE deleted_at IS NULL;
CREATE TRIGGER words_insert AFTER INSERT ON pictures BEGIN
    INSERT INTO words (rowid, caption, tags, file_name)
        VALUES (new.row, searchable(new.caption), searchable(new.tags), searchable(new.file_name));
END;
CREATE TRIGGER words_update AFTER UPDATE OF caption, tags, file_name ON pictures BEGIN
    INSERT INTO words (words, rowid, caption, tags, file_name)
        VALUES ('delete', old.row, searchable(old.caption), searchable(old.tags), searchable(old.file_name));
    INSERT INTO words (rowid, caption, tags, file_name)
        VALUES (new.row, searchable(new.caption), searchable(new.tags), searchable(new.file_name));
END;
CREATE TRIGGER words_delete AFTER UPDATE OF deleted_at ON pictures WHEN new.deleted_at IS NOT NULL BEGIN
    INSERT INTO words (words, rowid, caption, tags, file_name)
        VALUES ('delete', old.row, searchable(old.caption), searchable(old.tags), searchable(old.file_name));
END;
"""

# Listings without a query, and whether there is any caption.
V5 = """
CREATE INDEX pictures_added ON pictures (added_at DESC, id) WHERE deleted_at IS NULL;
CREATE INDEX pictures_taken ON pictures (taken_at DESC, added_at DESC, id) WHERE deleted_at IS NULL;
CREATE INDEX pictures_captioned ON pictures (row) WHERE deleted_at IS NULL AND caption != '';
"""

# What is written in pictures, apart from what people say of them. The functions are those of `readings`; no stemming,
# since it may be of any language. `parts` has trigrams.
V6 = """
CREATE TABLE readings (
    row INTEGER PRIMARY KEY,
    reader TEXT NOT NULL,  -- name and version
    lines TEXT NOT NULL,   -- JSON list
    text TEXT NOT NULL     -- of the lines; empty if nothing is written
) STRICT;
CREATE INDEX readings_reader ON readings (reader);
CREATE INDEX readings_written ON readings (row) WHERE text != '';
CREATE VIRTUAL TABLE written USING fts5 (
    text, content='', tokenize="unicode61 remove_diacritics 2 categories 'L* N* M* Co'"
);
CREATE VIRTUAL TABLE written_words USING fts5vocab (written, 'row');
CREATE VIRTUAL TABLE parts USING fts5 (text, content='', tokenize='trigram');
CREATE TRIGGER readings_insert AFTER INSERT ON readings WHEN new.text != '' BEGIN
    INSERT INTO written (rowid, text) VALUES (new.row, written(new.text));
    INSERT INTO parts (rowid, text) VALUES (new.row, skeleton(new.text));
END;
CREATE TRIGGER readings_delete AFTER DELETE ON readings WHEN old.text != '' BEGIN
    INSERT INTO written (written, rowid, text) VALUES ('delete', old.row, written(old.text));
    INSERT INTO parts (parts, rowid, text) VALUES ('delete', old.row, skeleton(old.text));
END;
"""

VERSION = 6


class CatalogueError(Exception):
    """This version cannot read the catalogue's file."""


def migrate(db: sqlite3.Connection, path: object) -> None:
    """Migrate a catalogue's file to this version's schema, inside the caller's transaction.

    Raises:
        CatalogueError: the file was written by a newer version.
    """
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        raise CatalogueError(f"{path} has schema {version}; this version of Sightline reads up to {VERSION}")
    if version < 1:
        run(db, V1)
        db.executemany("INSERT INTO meta VALUES (?, ?)", [("catalogue", secrets.token_hex(4)), ("seq", "0")])
    if version < 2:
        run(db, V2)
        meta = dict(db.execute("SELECT key, value FROM meta").fetchall())
        if "model_id" in meta:
            number = create_model(db, meta["model_id"], int(meta["dim"]))
            db.execute(f"INSERT INTO vectors_{number} SELECT row, vector, seq FROM pictures_1")
            db.execute("INSERT INTO meta VALUES ('model', ?)", (str(number),))
        db.execute("DELETE FROM meta WHERE key IN ('model_id', 'dim')")
        db.execute("DROP TABLE pictures_1")
    if version < 3:
        run(db, V3)
    if version < 4:
        run(db, V4)
    if version < 5:
        run(db, V5)
    if version < 6:
        run(db, V6)
    if version < VERSION:
        db.execute(f"PRAGMA user_version = {VERSION}")


def run(db: sqlite3.Connection, script: str) -> None:
    """Run a script statement by statement: `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


def create_model(db: sqlite3.Connection, model_id: str, dim: int) -> int:
    """Register a model and create the table of its vectors; return its number."""
    number: int = db.execute(
        "INSERT INTO models (model_id, dim) VALUES (?, ?) RETURNING number", (model_id, dim)
    ).fetchone()[0]
    db.execute(
        # vector is little-endian float32; seq is the change that wrote it.
        f"CREATE TABLE vectors_{number} (row INTEGER PRIMARY KEY, vector BLOB NOT NULL, seq INTEGER NOT NULL) STRICT"
    )
    db.execute(f"CREATE INDEX vectors_{number}_seq ON vectors_{number} (seq)")
    return number


def to_json(value: object) -> str:
    """Tags or attributes as JSON. Non-ASCII characters are not escaped, since the full-text index reads the column."""
    return orjson.dumps(value).decode()
