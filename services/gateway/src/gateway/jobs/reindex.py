"""Re-index with another model: searches use the old vectors until the new model has a vector of every picture."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from servicekit.clients.encoder import BATCH_IMAGES, Encoded, EncoderClient
from servicekit.errors import Kind, ServiceError
from servicekit.records import Record
from servicekit.server.processor import available_cores

from gateway.pictures.storage import MediaStore
from gateway.upstream.search import SearchClient


@dataclass
class Progress:
    """Progress of a re-index."""

    model_id: str
    total: int
    done: int = 0
    failed: list[dict[str, str]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """The progress as JSON."""
        return {"model_id": self.model_id, "total": self.total, "done": self.done, "failed": self.failed}


def reindex(encoder: EncoderClient, search: SearchClient, media: MediaStore) -> Iterator[Progress]:
    """Encode every picture without a vector of the encoder's model, then switch the collection to that model.

    It resumes after an interruption: a picture that has a vector is not encoded again. If a picture cannot be encoded,
    it is listed in `failed`, and the collection keeps its previous model.

    Args:
        encoder: the encoder of the new model.
        search: the collection.
        media: the picture files.

    Raises:
        ServiceError: a service does not answer, pictures could not be encoded (422), or the collection is empty (404).
    """
    canary = encoder.text("a photo")
    progress = Progress(canary.model_id, int(search.stats()["count"]))
    if not progress.total:
        raise ServiceError(Kind.NOT_FOUND, "there is no picture to encode")
    serves = search.stats()["model_id"] == canary.model_id
    if serves:
        progress.done = progress.total
        yield progress
        return
    have = next((m["vectors"] for m in search.models() if m["model_id"] == canary.model_id), 0)
    progress.done = have
    yield progress
    while True:
        while ids := waiting(search, progress):
            encode(encoder, search, media, ids, progress)
            yield progress
        if progress.failed:
            first = progress.failed[0]
            raise ServiceError(
                Kind.UNSUPPORTED_PICTURE,
                f"{len(progress.failed)} pictures cannot be encoded, first {first['id']}: {first['detail']}; "
                "delete or add them again, and go on",
                failed=progress.failed,
            )
        try:
            search.serve(canary.model_id)
            break
        except ServiceError as error:
            # A picture that was added since the last look has no vector of this model yet.
            if error.kind is not Kind.MODEL_MISMATCH:
                raise
    progress.total = progress.done = int(search.stats()["count"])
    yield progress


def waiting(search: SearchClient, progress: Progress) -> list[str]:
    """Ids of pictures to encode next, without those that failed."""
    failed = {f["id"] for f in progress.failed}
    found = search.missing(progress.model_id, len(failed) + BATCH_IMAGES)
    return [i for i in found if i not in failed]


def encode(encoder: EncoderClient, search: SearchClient, media: MediaStore, ids: list[str], progress: Progress) -> None:
    """Encode pictures with the new model, store the vectors, and update the progress."""

    def packed(record: Record) -> bytes | ServiceError:
        try:
            with media.original(record["media_key"]).stream as stream:
                return media.packed(stream.read())
        except ServiceError as error:
            return error

    records = search.lookup(ids)
    contents: dict[str, bytes] = {}
    with ThreadPoolExecutor(available_cores(), thread_name_prefix="reindex") as pool:
        for picture_id, content in zip(records, pool.map(packed, records.values()), strict=True):
            if isinstance(content, ServiceError):
                progress.failed.append({"id": picture_id, "detail": content.detail})
            else:
                contents[picture_id] = content
    vectors: dict[str, str] = {}
    dim = 0
    for picture_id, encoded in zip(contents, encoder.images(list(contents.values())), strict=True):
        if isinstance(encoded, Encoded):
            if encoded.model_id != progress.model_id:
                raise ServiceError(
                    Kind.MODEL_MISMATCH,
                    f"an encoder serves {encoded.model_id}, not {progress.model_id}; start again",
                )
            vectors[picture_id], dim = encoded.vector, encoded.dim
        else:
            progress.failed.append({"id": picture_id, "detail": encoded.detail})
    if vectors:
        search.fill(progress.model_id, dim, vectors)
        progress.done += len(vectors)
