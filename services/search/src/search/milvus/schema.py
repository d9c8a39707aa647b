"""How a picture lies in Milvus: the collections' fields, an entity of each record, filters in its own language."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from pymilvus import DataType, Function, FunctionType, MilvusClient, MilvusException
from servicekit.records import Filter, Range, Record

from search.catalogue.tables import FIELDS, Picture

# Longer text is cut for the full-text index alone: a field of Milvus holds so many bytes.
MOST_BYTES = 65_535
ORIENTATIONS = {"landscape": "width > height", "portrait": "width < height", "square": "width == height"}


# Among the attributes, under a name that none of them can have: a collection gets no further field once it is made.
PLACEHOLDER = "_placeholder"
KEPT = [name for name in FIELDS if name != "placeholder"]


def expression(where: Filter | None) -> str:
    """A filter in Milvus's own language; empty when everything goes through."""
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
        # The end is a beginning of what it takes in: "~" comes after every character of a time.
        end = getattr(where, f"{field}_to")
        conditions += bounds(f"{field}_at", getattr(where, f"{field}_from"), end and f"{end}~")
    for name, wanted in where.attributes.items():
        field = f'attributes["{name}"]'
        if isinstance(wanted, Range):
            conditions += bounds(field, wanted.min, wanted.max)
        else:
            conditions.append(f"{field} == {quoted(wanted)}")
    return " and ".join(conditions)


def bounds(field: str, least: Any, most: Any) -> list[str]:
    """A field between two values, as far as they are given."""
    return [f"{field} {op} {quoted(value)}" for op, value in ((">=", least), ("<=", most)) if value is not None]


def quoted(value: Any) -> str:
    """A value as Milvus reads it."""
    return json.dumps(value, ensure_ascii=False)


def entity_of(p: Picture, added_at: str, changed_at: str) -> dict[str, Any]:
    """A picture as Milvus keeps it."""
    record = {name: getattr(p, name) for name in KEPT if name not in ("added_at", "changed_at")}
    record |= {"tags": list(p.tags), "attributes": with_placeholder(p.attributes or {}, p.placeholder)}
    vector = np.frombuffer(p.vector, "<f4").tolist()
    return with_words({**record, "vector": vector, "added_at": added_at, "changed_at": changed_at})


def with_words(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity with the text that its full-text index is made of."""
    # An underscore joins words to Milvus's tokenizer, and parts them to SQLite's.
    words = re.sub(r"[\W_]+", " ", " ".join([entity["caption"], *entity["tags"], entity["file_name"]]))
    return {**entity, "words": words.encode()[:MOST_BYTES].decode(errors="ignore")}


def record_of(entity: Mapping[str, Any]) -> Record:
    """An entity's record, in the same form and order as the local back end's."""
    record = {name: entity.get(name) for name in FIELDS}
    attributes = dict(entity["attributes"] or {})
    placeholder = attributes.pop(PLACEHOLDER, "")
    record |= {"tags": list(entity["tags"]), "attributes": attributes, "placeholder": placeholder}
    return cast(Record, record)


def with_placeholder(attributes: Mapping[str, Any], placeholder: str) -> dict[str, Any]:
    """Attributes as an entity keeps them."""
    return {**attributes, **({PLACEHOLDER: placeholder} if placeholder else {})}


def create_facts(client: MilvusClient, name: str) -> None:
    """The collection of facts: keys and values."""
    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=512)
    schema.add_field("value", DataType.VARCHAR, max_length=512)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="IP")
    create(client, name, schema, index)


def create_pictures(client: MilvusClient, name: str, dim: int) -> None:
    """The collection of a model's pictures: records, vectors under an exact index, and full text."""
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
    """Create a collection whose reads see every acknowledged write; another process may have done so just now."""
    try:
        client.create_collection(name, schema=schema, index_params=index, consistency_level="Strong")
    except MilvusException:
        if not client.has_collection(name):
            raise
