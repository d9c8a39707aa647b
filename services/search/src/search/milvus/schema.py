"""The Milvus schema: the fields of the collections, records to entities and back, and filters as Milvus expressions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException
from servicekit.records import Filter, Range, Record

from search.catalogue.tables import FIELDS, NewPicture
from search.catalogue.words import pieces, searchable

# The maximum size of a VARCHAR field in bytes. Only the text for the full-text index is truncated to it.
MOST_BYTES = 65_535
ORIENTATIONS = {"landscape": "width > height", "portrait": "width < height", "square": "width == height"}


# The placeholder is stored among the attributes, under a name that no attribute can have: a field cannot be added to an
# existing collection.
PLACEHOLDER = "_placeholder"
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
    for name, wanted in where.attributes.items():
        field = f'attributes["{name}"]'
        if isinstance(wanted, Range):
            conditions += bounds(field, wanted.min, wanted.max)
        else:
            conditions.append(f"{field} == {quoted(wanted)}")
    return " and ".join(conditions)


def lacking(words: Sequence[str]) -> str:
    """The condition that a text has none of some words; empty if there are none. Milvus has no NOT in full text."""
    # The text is words with one space between them. % and _ are wildcards, and no word holds a %.
    escaped = [word.replace("_", "\\_") for word in words]
    found = [f"words like {quoted(p)}" for w in escaped for p in (w, f"{w} %", f"% {w}", f"% {w} %")]
    return f"not ({' or '.join(found)})" if found else ""


def bounds(field: str, least: Any, most: Any) -> list[str]:
    """The conditions that a field is between two values; a bound of None is left out."""
    return [f"{field} {op} {quoted(value)}" for op, value in ((">=", least), ("<=", most)) if value is not None]


def quoted(value: Any) -> str:
    """A value as a literal of a Milvus expression."""
    return json.dumps(value, ensure_ascii=False)


def entity_of(p: NewPicture, added_at: str, changed_at: str) -> dict[str, Any]:
    """A picture as a Milvus entity."""
    record = {name: getattr(p, name) for name in KEPT if name not in ("added_at", "changed_at")}
    record |= {"tags": list(p.tags), "attributes": with_placeholder(p.attributes or {}, p.placeholder)}
    vector = np.frombuffer(p.vector, "<f4").tolist()
    return with_words({**record, "vector": vector, "added_at": added_at, "changed_at": changed_at})


def with_words(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with the text that the full-text index reads."""
    # Milvus's tokenizer takes an underscore for a letter, SQLite's takes it for a separator: replace it by a space.
    text = searchable(" ".join([entity["caption"], *entity["tags"], entity["file_name"]]))
    words = " ".join(pieces(text.replace("_", " ")))
    return {**entity, "words": words.encode()[:MOST_BYTES].decode(errors="ignore")}


def record_of(entity: Mapping[str, Any]) -> Record:
    """An entity's record, with the same fields in the same order as the local back end's."""
    record = {name: entity.get(name) for name in FIELDS}
    attributes = dict(entity["attributes"] or {})
    placeholder = attributes.pop(PLACEHOLDER, "")
    record |= {"tags": list(entity["tags"]), "attributes": attributes, "placeholder": placeholder}
    return cast(Record, record)


def with_placeholder(attributes: Mapping[str, Any], placeholder: str) -> dict[str, Any]:
    """Attributes as an entity stores them, with the placeholder among them if there is one."""
    return {**attributes, **({PLACEHOLDER: placeholder} if placeholder else {})}


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
