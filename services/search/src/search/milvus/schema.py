"""The Milvus schema: the fields of the collections, records to entities and back, and filters as Milvus expressions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException
from servicekit.records import Filter, Range, Reading, Record

from search.catalogue.readings import parts_of, skeleton, text_of, written
from search.catalogue.tables import FIELDS, NewPicture
from search.catalogue.words import folded, pieces, searchable, words_of

# The maximum size of a VARCHAR field in bytes. Only the text for the full-text index is truncated to it.
MOST_BYTES = 65_535
ORIENTATIONS = {"landscape": "width > height", "portrait": "width < height", "square": "width == height"}


# The placeholder and the reading are stored among the attributes, under names that no attribute can have: a field
# cannot be added to an existing collection.
PLACEHOLDER, READING = "_placeholder", "_reading"
HIDDEN = (PLACEHOLDER, READING)
# What is written in a picture stands after its other words in the text for the full-text index: each word behind a
# mark, and then each line as `readings.skeleton` has it behind another; before them the name of the reader. No word
# begins so. Conditions look there, since one on an attribute that a picture has not is neither true nor false.
READER, SHOWN, LINE = "zqrv", "zqxv", "zqyv"
IS_WRITTEN = f'words like "%{LINE}%"'
KEPT = [name for name in FIELDS if name != "placeholder"]


def expression(where: Filter | None) -> str:
    """A filter as a Milvus boolean expression; empty if there is no filter."""
    if where is None:
        return ""
    conditions = [f"array_contains(tags, {quoted(tag)})" for tag in where.tags]
    if where.any_tags:
        conditions.append(f"array_contains_any(tags, {quoted(list(where.any_tags))})")
    if where.no_tags:
        conditions.append(f"not array_contains_any(tags, {quoted(list(where.no_tags))})")
    if where.orientation:
        conditions.append(ORIENTATIONS[where.orientation])
    for field in ("width", "height", "bytes"):
        conditions += bounds(field, getattr(where, f"min_{field}", None), getattr(where, f"max_{field}", None))
    for field in ("taken", "added"):
        # The upper bound is a prefix ("2024-05" includes all of May): "~" sorts after every character of a timestamp.
        end = getattr(where, f"{field}_to")
        conditions += bounds(f"{field}_at", getattr(where, f"{field}_from"), end and f"{end}~")
    if where.folder:
        # "0" is the character after "/".
        conditions.append(f"file_name > {quoted(f'{where.folder}/')} and file_name < {quoted(f'{where.folder}0')}")
    if where.has_text is not None:
        conditions.append(IS_WRITTEN if where.has_text else f"not ({IS_WRITTEN})")
    words = words_of(where.text or "")
    conditions += [showing(word) for word in words]
    if where.text and not words:
        conditions.append('id == ""')
    for name, wanted in where.attributes.items():
        field = f'attributes["{name}"]'
        if isinstance(wanted, Range):
            conditions += bounds(field, wanted.min, wanted.max)
        else:
            conditions.append(f"{field} == {quoted(wanted)}")
    return " and ".join(conditions)


def lacking(words: Sequence[str]) -> str:
    """The condition that a text has none of some words; empty if there are none. Milvus has no NOT in full text."""
    return f"not ({' or '.join(having(either) for word in words for either in (word, shown(word)))})" if words else ""


def having(word: str) -> str:
    """The condition that a text has a word or phrase."""
    # The text is words with one space between them. % and _ are wildcards, and no word holds a %.
    w = word.replace("_", "\\_")
    return "(" + " or ".join(f"words like {quoted(like)}" for like in (w, f"{w} %", f"% {w}", f"% {w} %")) + ")"


def shown(words: str) -> str:
    """Words as they stand in the text if they are written in the picture."""
    return " ".join(SHOWN + word for word in folded(words).split())


def with_part(part: str) -> str:
    """The condition that a line written in the picture has a part."""
    return f"words like {quoted(f'%{LINE}%{part}%')}"


def unread(reader: str) -> str:
    """The condition that a reader has not read a picture."""
    return f"not (words like {quoted(f'%{READER}{skeleton(reader)} %')})"


def showing(word: str) -> str:
    """The condition that a word or phrase, or a part of a word, is written in the picture."""
    return f"({' or '.join([having(shown(word)), *map(with_part, parts_of([word]))])})"


def bounds(field: str, least: Any, most: Any) -> list[str]:
    """The conditions that a field is between two values; a bound of None is left out."""
    return [f"{field} {op} {quoted(value)}" for op, value in ((">=", least), ("<=", most)) if value is not None]


def quoted(value: Any) -> str:
    """A value as a literal of a Milvus expression."""
    return json.dumps(value, ensure_ascii=False)


def entity_of(p: NewPicture, added_at: str, changed_at: str) -> dict[str, Any]:
    """A picture as a Milvus entity."""
    record = {name: getattr(p, name) for name in KEPT if name not in ("added_at", "changed_at")}
    hidden: dict[str, Any] = {PLACEHOLDER: p.placeholder} if p.placeholder else {}
    if p.reading:
        hidden[READING] = dict(p.reading)
    record |= {"tags": list(p.tags), "attributes": {**(p.attributes or {}), **hidden}}
    vector = np.frombuffer(p.vector, "<f4").tolist()
    return with_words({**record, "vector": vector, "added_at": added_at, "changed_at": changed_at})


def with_words(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with the text that the full-text index reads."""
    # Milvus's tokenizer takes an underscore for a letter, SQLite's takes it for a separator: replace it by a space.
    text = searchable(" ".join([entity["caption"], *entity["tags"], entity["file_name"]]))
    words = " ".join(pieces(text.replace("_", " ")))
    if reading := reading_of(entity):
        said = text_of(reading["lines"])
        lines = [LINE + line for line in skeleton(said).split("\n") if line]
        read = shown(" ".join(pieces(written(said).replace("_", " "))))
        words = " ".join([words, READER + skeleton(reading["reader"]), read, *lines])
    return {**entity, "words": words.encode()[:MOST_BYTES].decode(errors="ignore")}


def record_of(entity: Mapping[str, Any]) -> Record:
    """An entity's record, with the same fields in the same order as the local back end's."""
    record = {name: entity.get(name) for name in FIELDS}
    attributes = dict(entity["attributes"] or {})
    attributes.pop(READING, None)
    placeholder = attributes.pop(PLACEHOLDER, "")
    record |= {"tags": list(entity["tags"]), "attributes": attributes, "placeholder": placeholder}
    return cast(Record, record)


def hidden_of(entity: Mapping[str, Any]) -> dict[str, Any]:
    """What an entity stores among its attributes that is none."""
    return {name: value for name, value in (entity["attributes"] or {}).items() if name in HIDDEN}


def reading_of(entity: Mapping[str, Any]) -> Reading | None:
    """What is written in an entity's picture; None if it was not read."""
    reading: Reading | None = (entity["attributes"] or {}).get(READING)
    return reading


def create_facts(client: MilvusClient, name: str) -> None:
    """Create the collection of key-value facts."""
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=512)
    schema.add_field("value", DataType.VARCHAR, max_length=512)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    create(client, name, schema, index)


def create_pictures(client: MilvusClient, name: str, dim: int) -> None:
    """Create the collection of a model's pictures: records, vectors with an exact (FLAT) index, and a BM25 index."""
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=32)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    for field, length in (("media_key", 4000), ("file_name", 4000), ("caption", 40_000)):
        schema.add_field(field, DataType.VARCHAR, max_length=length)
    schema.add_field("bytes", DataType.INT64, nullable=True)
    schema.add_field("width", DataType.INT64)
    schema.add_field("height", DataType.INT64)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=100, max_length=800)
    schema.add_field("attributes", DataType.JSON)
    schema.add_field("taken_at", DataType.VARCHAR, max_length=40, nullable=True)
    schema.add_field("added_at", DataType.VARCHAR, max_length=40)
    schema.add_field("changed_at", DataType.VARCHAR, max_length=40)
    analyzer = {
        "tokenizer": "standard",
        "filter": ["lowercase", "asciifolding", {"type": "stemmer", "language": "english"}],
    }
    schema.add_field("words", DataType.VARCHAR, max_length=MOST_BYTES, enable_analyzer=True, analyzer_params=analyzer)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(
        Function(
            name="bm25", input_field_names=["words"], output_field_names=["sparse"], function_type=FunctionType.BM25
        )
    )
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    index.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    create(client, name, schema, index)


def create(client: MilvusClient, name: str, schema: Any, index: Any) -> None:
    """Create a collection with strong consistency, so that reads see every acknowledged write.

    No error if another process has created it in the meantime.
    """
    try:
        client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
    except MilvusException:
        if not client.has_collection(name):
            raise
