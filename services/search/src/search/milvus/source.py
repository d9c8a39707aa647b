"""Searches in one Milvus collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from pymilvus import MilvusClient
from servicekit.records import Filter, Sort

from search.catalogue.full_text import LINE, PART, WRITTEN
from search.catalogue.listing import placed
from search.catalogue.readings import parts_of
from search.catalogue.tables import Held
from search.index.exact import Vectors
from search.index.view import ScoredId
from search.milvus.schema import expression, having, lacking, quoted, shown, unread, with_part

# Milvus's limit on the results of one search and on the ids of one query.
MOST = 16_384
BATCH = 1000


class MilvusSource:
    """A model's collection as a `ranking.Source`. Reads are strongly consistent: they see every acknowledged write."""

    def __init__(self, client: MilvusClient, collection: str) -> None:
        self._client, self.collection = client, collection

    def _search(
        self, data: Any, field: str, count: int, where: Filter | None, conditions: Sequence[str]
    ) -> list[tuple[float, str]]:
        metric = {"metric_type": "IP" if field == "vector" else "BM25"}
        found = self._client.search(
            self.collection,
            data=[data],
            anns_field=field,
            limit=min(count, MOST),
            filter=" and ".join(filter(None, [expression(where), *conditions])),
            search_params=metric,
        )[0]
        # Milvus Lite returns BM25 scores with a negative sign, as a distance.
        return [(abs(h["distance"]) if field == "sparse" else h["distance"], h["id"]) for h in found]

    def _with_ties(
        self, data: Any, field: str, count: int, where: Filter | None, without: Sequence[str] = ()
    ) -> list[ScoredId]:
        """The best `count` hits and all that tie with the last one; ties are broken by id.

        Milvus orders equal scores arbitrarily, so this fetches more until the last score is below the `count`th.
        """
        fetch = count + 1
        while True:
            found = self._search(data, field, fetch, where, [lacking(without)])
            if len(found) < min(fetch, MOST) or fetch >= MOST or found[-1][0] < found[count - 1][0]:
                return sorted((ScoredId(*hit) for hit in found), key=lambda hit: hit.key)
            fetch *= 2

    def nearest(self, query: Vectors, count: int, where: Filter | None = None) -> list[ScoredId]:
        """At least the best `count` hits for a unit vector (dim,), in order; fewer if no more exist or at `MOST`."""
        return self._with_ties(query.tolist(), "vector", count, where)

    def full_text(
        self,
        words: Sequence[str],
        count: int,
        where: Filter | None = None,
        without: Sequence[str] = (),
        line: str = "",
    ) -> list[ScoredId]:
        """The best `count` hits by BM25, in order, with any of the words and none of `without`.

        What is written in pictures counts less, as in `full_text.full_text`.
        """
        if not words:
            return []
        conditions = [lacking(without)]
        single = [word for word in words if " " not in word]
        written = self._search(" ".join(map(shown, single)), "sparse", MOST, where, conditions) if single else []
        sums = {picture_id: WRITTEN * score for score, picture_id in written}
        # Milvus finds no phrases and does not tell how rare a part is: they count by the best hit of the single words.
        best = max(sums.values(), default=WRITTEN) / max(1, len(single))
        ways = [(best, having(shown(word))) for word in words if " " in word]
        ways += [(PART * best, with_part(part)) for part in parts_of(words)]
        if line:
            ways.append((LINE * best, with_part(line)))
        for weight, condition in ways:
            for picture_id in self._ids(where, [*conditions, condition]):
                sums[picture_id] = sums.get(picture_id, 0) + weight
        if not sums:
            return self._with_ties(" ".join(words), "sparse", count, where, without)[:count]
        # A sum of two lists has an order only where both are whole.
        for score, picture_id in self._search(" ".join(words), "sparse", MOST, where, conditions):
            sums[picture_id] = sums.get(picture_id, 0) + score
        return sorted((ScoredId(score, i) for i, score in sums.items()), key=lambda hit: hit.key)[:count]

    def _ids(self, where: Filter | None, conditions: Sequence[str]) -> set[str]:
        """The pictures that match a filter and conditions, at most `MOST`."""
        condition = " and ".join(filter(None, [expression(where), *conditions]))
        found = self._client.query(self.collection, filter=condition, output_fields=["id"], limit=MOST)
        return {e["id"] for e in found}

    def in_a_line(self, line: str, ids: Sequence[str]) -> set[str]:
        """The pictures among some in which all words of a search follow each other in a line."""
        return self._ids(None, [f"id in {quoted(list(ids))}", with_part(line)]) if line and ids else set()

    def holders(self, words: Sequence[str], ids: Sequence[str]) -> list[Held]:
        """See `ranking.Source`. A word's best BM25 score stands for how rare it is, which Milvus does not tell."""
        among = [f"id in {quoted(list(ids))}"]
        best = [[self._search(way, "sparse", 1, None, ()) for way in (word, shown(word))] for word in words]
        scores = [max((hits[0][0] for hits in ways if hits), default=0.0) for ways in best]
        rarest = max(scores) or 1.0
        found: list[Held] = []
        for word, ways, score in zip(words, best, scores, strict=True):
            told, written = (
                {i for _, i in self._search(way, "sparse", len(ids), None, among)} if hits else set()
                for way, hits in zip((word, shown(word)), ways, strict=True)
            )
            if " " in word:
                written = self._ids(None, [*among, having(shown(word))])
            for part in parts_of([word]):
                written |= self._ids(None, [*among, with_part(part)])
            found.append(Held(score or rarest, told, written))
        return found

    def listed(self, sort: Sort, count: int, where: Filter | None = None) -> list[ScoredId]:
        """The first `count` pictures in an order, and all of the same second as the last; fewer if no more exist.

        Milvus cannot sort a query: this fetches the pictures since the latest time after which there are `count`.
        """
        condition = expression(where)
        if sort == "added":
            return self._newest("added_at", sort, count, condition)
        dated = self._newest("taken_at", sort, count, condition)
        if len(dated) >= count:
            return dated
        undated = " and ".join(filter(None, [condition, "taken_at is null"]))
        return dated + self._newest("added_at", sort, count - len(dated), undated)

    def unread(self, reader: str, limit: int) -> tuple[list[str], int]:
        """At most `limit` ids of pictures that a reader has not read, the newest first, and how many they are."""
        condition = unread(reader)
        return [hit.id for hit in self._newest("added_at", "added", limit, condition)][:limit], self._count(condition)

    def _newest(self, field: str, sort: Sort, count: int, condition: str) -> list[ScoredId]:
        def since(time: str) -> str:
            return " and ".join(filter(None, [condition, f"{field} >= {quoted(time)}"]))

        least, most = timedelta(0), datetime.max - datetime.min
        start = datetime.min.isoformat(timespec="seconds")
        if self._count(since(start)) > max(count, BATCH):
            while most - least > timedelta(seconds=1):
                middle = timedelta(seconds=(least + most) // timedelta(seconds=2))
                if self._count(since((datetime.min + middle).isoformat(timespec="seconds"))) >= count:
                    least = middle
                else:
                    most = middle
            start = (datetime.min + least).isoformat(timespec="seconds")
        found = self._all(since(start), ["id", "taken_at", "added_at"])
        hits = (ScoredId(*placed(sort, e["taken_at"], e["added_at"], e["id"])) for e in found)
        return sorted(hits, key=lambda hit: hit.key)

    def _count(self, condition: str) -> int:
        found = self._client.query(self.collection, filter=condition, output_fields=["count(*)"])
        return int(found[0]["count(*)"])

    def vectors(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """The vectors, each (dim,), of those ids that exist."""
        return {e["id"]: np.array(e["vector"], np.float32) for e in self.get(ids, ["id", "vector"])}

    def matching(self, where: Filter | None) -> int:
        """How many pictures match a filter."""
        return self._count(expression(where))

    def following(self, last: str, count: int, fields: Sequence[str]) -> list[dict[str, Any]]:
        """One page of entities in the order of ids (keyset pagination).

        Only an iterator returns entities by id; a plain query with a limit returns an arbitrary subset.

        Args:
            last: the id before the first one of the page; empty for the first page.
            count: the size of the page.
            fields: the fields to return.
        """
        return self._all(f"id > {quoted(last)}", fields, count)

    def _all(self, condition: str, fields: Sequence[str], count: int | None = None) -> list[dict[str, Any]]:
        """All entities that match a condition, or the first `count` of them, in the order of ids."""
        iterator = self._client.query_iterator(
            self.collection,
            batch_size=min(count or BATCH, BATCH),
            limit=-1 if count is None else count,
            filter=condition,
            output_fields=list(fields),
        )
        entities: list[dict[str, Any]] = []
        try:
            while part := iterator.next():
                entities += [dict(e) for e in part]
        finally:
            iterator.close()
        return entities

    def get(self, ids: Sequence[str], fields: Sequence[str]) -> list[dict[str, Any]]:
        """Fields of the entities that exist among these ids, in no particular order."""
        entities: list[dict[str, Any]] = []
        for first in range(0, len(ids), BATCH):
            part = list(ids[first : first + BATCH])
            found = self._client.get(self.collection, ids=part, output_fields=list(fields))
            entities += [dict(e) for e in found]
        return entities


class Nothing:
    """The `ranking.Source` of a collection before its first picture: every answer is empty."""

    def nearest(self, query: Vectors, count: int, where: Filter | None = None) -> list[ScoredId]:
        """None."""
        return []

    def full_text(
        self,
        words: Sequence[str],
        count: int,
        where: Filter | None = None,
        without: Sequence[str] = (),
        line: str = "",
    ) -> list[ScoredId]:
        """None."""
        return []

    def in_a_line(self, line: str, ids: Sequence[str]) -> set[str]:
        """None."""
        return set()

    def holders(self, words: Sequence[str], ids: Sequence[str]) -> list[Held]:
        """None."""
        return []

    def listed(self, sort: Sort, count: int, where: Filter | None = None) -> list[ScoredId]:
        """None."""
        return []

    def vectors(self, ids: Sequence[str]) -> Mapping[str, Vectors]:
        """None."""
        return {}

    def matching(self, where: Filter | None) -> int:
        """None."""
        return 0
