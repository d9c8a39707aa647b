"""Adding pictures: decode, keep the file, encode, put on record. One bad file among good ones is told in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from servicekit.errors import Kind, ServiceError

from gateway.clients import Encoded, EncoderClient, SearchClient
from gateway.media import MediaStore, picture_id
from gateway.wire import Details


class Upload(NamedTuple):
    """One file of an upload."""

    name: str
    content: bytes
    details: Details


class Outcome(NamedTuple):
    """What became of one file: `added`, `exists` or `failed`; an id unless it failed."""

    status: str
    id: str | None = None
    error: ServiceError | None = None


class Adder:
    """Adds pictures to the collection; the same content twice is one picture."""

    def __init__(self, encoder: EncoderClient, search: SearchClient, media: MediaStore, max_file_bytes: int) -> None:
        self._encoder = encoder
        self._search = search
        self._media = media
        self._max_file_bytes = max_file_bytes

    def add(self, uploads: Sequence[Upload]) -> list[Outcome]:
        """Add files, in order; a picture that is there already keeps its caption and tags.

        The file is on disk before the record is, so an interrupted upload leaves no record without its picture.

        Raises:
            ServiceError: the encoder or search does not answer, or holds another model; nothing was put on record.
        """
        ids = [picture_id(u.content) for u in uploads]
        known = self._search.lookup(sorted(set(ids)))
        outcomes: dict[int, Outcome] = {}
        fresh: dict[str, dict[str, Any]] = {}
        contents: dict[str, bytes] = {}
        first: dict[str, int] = {}
        for i, (upload, name) in enumerate(zip(uploads, ids, strict=True)):
            if name in first or (name in known and self._media.has(known[name]["media_key"])):
                outcomes[i] = Outcome("exists", name)
                continue
            try:
                if len(upload.content) > self._max_file_bytes:
                    raise ServiceError(
                        Kind.TOO_LARGE,
                        f"the file has {len(upload.content)} bytes; the limit is {self._max_file_bytes}",
                    )
                picture = self._media.open(upload.content)
                key = self._media.put(upload.content, picture)
            except ServiceError as error:
                outcomes[i] = Outcome("failed", error=error)
                continue
            if name in known:  # its file had been lost, and is back
                outcomes[i] = Outcome("exists", name)
                continue
            first[name] = i
            contents[name] = upload.content
            fresh[name] = {
                "id": name,
                "media_key": key,
                "file_name": upload.name,
                "bytes": len(upload.content),
                "width": picture.width,
                "height": picture.height,
                "caption": upload.details.caption,
                "tags": upload.details.tags,
                "attributes": upload.details.attributes,
            }
        outcomes.update(self._record(fresh, contents, first))
        # A copy of a file that failed inside the same upload has failed as well.
        return [
            outcomes[first[name]] if name in first and outcomes[first[name]].error else outcomes[i]
            for i, name in enumerate(ids)
        ]

    def _record(
        self, fresh: dict[str, dict[str, Any]], contents: dict[str, bytes], first: dict[str, int]
    ) -> dict[int, Outcome]:
        """Encode the new pictures and put them on record."""
        outcomes: dict[int, Outcome] = {}
        ready = []
        model: Encoded | None = None
        for name, encoded in zip(contents, self._encoder.images(list(contents.values())), strict=True):
            if isinstance(encoded, ServiceError):
                self._media.delete(fresh[name]["media_key"])
                outcomes[first[name]] = Outcome("failed", error=encoded)
                continue
            if model and encoded.model_id != model.model_id:
                raise ServiceError(Kind.MODEL_MISMATCH, "the encoders serve different models; give them one bundle")
            model = encoded
            ready.append({**fresh[name], "vector": encoded.vector})
        if model:
            added = self._search.add(model.model_id, model.dim, ready)
            # Somebody else may have added the same picture while this one was encoded.
            for name in (str(picture["id"]) for picture in ready):
                outcomes[first[name]] = Outcome("added" if name in added else "exists", name)
        return outcomes
