"""Captions, suggestions and facets of a collection in Milvus: what `catalogue.facets` does, as far as Milvus can."""

from __future__ import annotations

from collections import Counter

from pymilvus import MilvusClient
from servicekit.records import FacetCounts

from search.catalogue.facets import LONGEST, LOOKED_AT, facets_of
from search.catalogue.readings import LEAST
from search.catalogue.words import normalised
from search.milvus.schema import IS_WRITTEN, SHOWN, quoted, shown

# Milvus cannot count by value: facets of a large collection are counted here, over this many pictures at most.
COUNTED = 10_000


def sample_captions(client: MilvusClient, collection: str, limit: int) -> list[str]:
    """Some short captions of the collection."""
    found = client.query(collection, filter='caption != ""', output_fields=["caption"], limit=2000)
    return list(dict.fromkeys(e["caption"] for e in found if 6 <= len(e["caption"]) <= 40))[:limit]


def is_captioned(client: MilvusClient, collection: str) -> bool:
    """Whether any picture has a caption."""
    return bool(client.query(collection, filter='caption != ""', output_fields=["id"], limit=1))


def is_written(client: MilvusClient, collection: str) -> bool:
    """Whether anything is written in any picture."""
    return bool(client.query(collection, filter=IS_WRITTEN, output_fields=["id"], limit=1))


def suggest(client: MilvusClient, collection: str, text: str, limit: int) -> list[str]:
    """Captions that contain a text. Tags are not suggested: Milvus cannot search array elements by prefix."""
    # `like` is case-sensitive and captions begin with a capital, so both cases are tried; % and _ are its wildcards.
    typed = " ".join(text.replace("%", " ").replace("_", " ").split())
    either = [f"caption like {quoted(f'%{t}%')}" for t in (typed, typed[:1].upper() + typed[1:])]
    found = client.query(collection, filter=" or ".join(either), output_fields=["caption"], limit=LOOKED_AT)
    captions = {e["caption"] for e in found if len(e["caption"]) <= LONGEST}
    return sorted(captions, key=lambda c: (len(c), c))[:limit]


def suggest_written(client: MilvusClient, collection: str, text: str, limit: int) -> list[str]:
    """Words that are written in several pictures and begin like the last word of a text, the most frequent first."""
    words = shown(normalised(text)).split()
    if not words or len(words[-1]) < len(SHOWN) + LEAST:
        return []
    begin = words[-1].replace("_", "\\_")
    found = client.query(
        collection, filter=f"words like {quoted(f'%{begin}%')}", output_fields=["words"], limit=LOOKED_AT
    )
    counts = Counter(word for e in found for word in set(e["words"].split()) if word.startswith(words[-1]))
    often = sorted((-count, word.removeprefix(SHOWN)) for word, count in counts.items() if count > 1)
    return [word for _, word in often[:limit]]


def facets(client: MilvusClient, collection: str) -> FacetCounts:
    """See `catalogue.facets.facets_of`."""
    fields = ["tags", "file_name", "width", "height", "taken_at", "added_at"]
    found = client.query(collection, filter='id != ""', output_fields=fields, limit=COUNTED)
    return {**facets_of(found), "sampled": len(found) == COUNTED}
