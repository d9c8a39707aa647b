"""The catalogue in SQLite: records, vectors and models. It is the source of truth; the index is derived."""
