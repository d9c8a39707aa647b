"""The catalogue in SQLite: records, vectors and models. It is the truth; the index is derived from it."""
