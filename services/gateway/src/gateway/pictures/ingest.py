"""Ingest of pictures: decode, store the file, encode, write the record. A bad file does not fail the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, NamedTuple

from servicekit.clients.encoder import BATCH_BYTES, Encoded
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import packed
from servicekit.records import NewRecord, NewVectorRecord
from servicekit.timing import stage

from gateway.concurrency import ConcurrencyLimit
from gateway.pictures import corrections, exif, metadata
from gateway.pictures.hidden import HiddenPictures
from gateway.pictures.quarantine import Quarantine
from gateway.pictures.schemas import Details
from gateway.pictures.storage import PREFIX, MediaStore, picture_id
from gateway.upstream.collection import Collection
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient

# Pictures in one batch, as many as the encoder computes at once, and batches that are worked on at the same time.
BATCH_IMAGES, AT_ONCE = 8, 2


class Upload(NamedTuple):
    """One file of an upload."""

    name: str
    size: int
    read: Callable[[], bytes]
    details: Details
    # Whether the file is indexed in place, in the library, and not copied.
    in_place: bool = False
    # The record of the picture that was in the file's place before: what the user said of it passes on.
    former: NewRecord | None = None
    # What the file's sidecar says.
    sidecar: metadata.Description | None = None


class Fresh(NamedTuple):
    """A new picture, before it has a vector."""

    record: NewRecord
    # The file, and what the encoder is sent: the decoded picture, so that it is decoded once.
    content: bytes
    encoded: bytes


class IngestResult(NamedTuple):
    """The result of one file: `added`, `exists` or `failed`; it has an id unless it failed."""

    status: str
    id: str | None = None
    error: ServiceError | None = None


class Ingest:
    """Adds pictures to the collection, deduplicated by content."""

    def __init__(
        self,
        encoders: Encoders,
        search: SearchClient,
        collection: Collection,
        media: MediaStore,
        hidden: Sequence[HiddenPictures],
        quarantine: Quarantine,
        limit: ConcurrencyLimit,
        max_file_bytes: int,
    ) -> None:
        self._encoders, self._search, self._collection = encoders, search, collection
        self._media, self._hidden, self._limit = media, hidden, limit
        self._quarantine, self._max_file_bytes = quarantine, max_file_bytes

    def add(self, uploads: Sequence[Upload]) -> Iterator[IngestResult]:
        """Add files in order, in small batches; a picture that exists already keeps its caption, tags and attributes.

        A picture that was hidden gets back what was said of it, where the upload says nothing.

        The file is stored before the record is written, so an interrupted upload leaves no record without a file. A
        file whose result `added` was yielded is stored, also if a later batch fails.

        Raises:
            ServiceError: the encoder or the search service does not answer, or has another model; or too many uploads
                are in progress.
        """
        batches = list(parts(uploads))
        # While one batch is encoded, the next one is decoded. The context holds the request, for deadlines and timing.
        with ThreadPoolExecutor(min(AT_ONCE, max(1, len(batches))), thread_name_prefix="ingest") as pool:
            running = [pool.submit(copy_context().run, self._in_turn, batch) for batch in batches]
            try:
                for batch in running:
                    yield from batch.result()
            finally:
                for batch in running:
                    batch.cancel()

    def _in_turn(self, uploads: Sequence[Upload]) -> list[IngestResult]:
        with self._limit.slot():
            return self._add(uploads)

    def description(self, content: bytes, sidecar: metadata.Description | None) -> metadata.Description:
        """What a file and its sidecar say of the picture.

        Raises:
            ServiceError: the file is not a picture, is damaged or too large.
        """
        with self._media.opened(content) as picture:
            return metadata.description(picture, sidecar)

    def _add(self, uploads: Sequence[Upload]) -> list[IngestResult]:
        read = [self._read(u) for u in uploads]
        contents = [None if isinstance(r, ServiceError) else r for r in read]
        ids = [picture_id(c) if c is not None else None for c in contents]
        known = self._search.lookup(sorted({i for i in ids if i}))
        new = {i for i in ids if i and i not in known}
        hidden = {name: record for kind in self._hidden for name, record in kind.records(new).items()}
        results: dict[int, IngestResult] = {}
        first: dict[str, int] = {}
        fresh: dict[str, Fresh] = {}
        for i, (upload, content, name) in enumerate(zip(uploads, contents, ids, strict=True)):
            if isinstance(unread := read[i], ServiceError):
                results[i] = self._failed(None, upload.name, unread)
                continue
            assert content is not None and name is not None
            if name in first or (name in known and self._is_kept(known[name], upload)):
                results[i] = IngestResult("exists", name)
                continue
            try:
                made = self._keep(upload, content, name, hidden.get(name))
            except ServiceError as error:
                if error.kind is Kind.NO_SPACE:
                    raise
                results[i] = self._failed(content, upload.name, error)
                continue
            if name in known:  # the record exists; its file was lost, or was in the library alone
                if made.record["media_key"] != known[name]["media_key"]:
                    self._search.edit(name, {"media_key": made.record["media_key"]})
                results[i] = IngestResult("exists", name)
                continue
            first[name] = i
            fresh[name] = made
        results.update(self._record(fresh, first))
        back = [name for name in hidden if name in first and not results[first[name]].error]
        for kind in self._hidden:
            kind.drop(back)
        # A duplicate within the upload has the same result as the file it duplicates.
        return [
            results[first[name]] if name in first and results[first[name]].error else results[i]
            for i, name in enumerate(ids)
        ]

    def _is_kept(self, record: NewRecord, upload: Upload) -> bool:
        """Whether the file of a record is there; an upload is stored although a file of the library holds it."""
        is_in_library = record["media_key"].startswith(PREFIX)
        return (upload.in_place or not is_in_library) and self._media.has(record["media_key"])

    def _keep(self, upload: Upload, content: bytes, name: str, hidden: NewRecord | None) -> Fresh:
        """Decode a picture, store its file, and return its record without the vector, and what is encoded."""
        with self._media.opened(content) as picture:
            with stage("describe"):
                placeholder = self._media.placeholder(picture)
                camera, when = exif.attributes(picture.exif), exif.taken_at(picture.exif)
                if picture.damage:
                    camera[exif.DAMAGE] = picture.damage
                # What was said of this content comes before what was said of the one that was in the file's place.
                former = own_words(upload.former) if hidden and upload.former else upload.former
                said = said_of(upload.details, hidden, former)
                said |= metadata.applied(said, metadata.description(picture, upload.sidecar))
                attributes = corrections.with_facts(said["attributes"], camera, when)
            with stage("keep"):
                key = self._media.put(content, picture, upload.in_place)
                # An older release may have quarantined this file as unreadable.
                self._quarantine.release(name)
            record: NewRecord = {
                "id": name,
                "media_key": key,
                "file_name": upload.name,
                "bytes": len(content),
                "width": picture.width,
                "height": picture.height,
                "caption": said["caption"],
                "tags": said["tags"],
                "attributes": attributes,
                "taken_at": upload.details.taken_at or corrections.time(said, when),
                "placeholder": placeholder,
            }
            return Fresh(record, content, packed(picture.image))

    def _record(self, fresh: dict[str, Fresh], first: dict[str, int]) -> dict[int, IngestResult]:
        """Encode new pictures and write their records.

        Args:
            fresh: the pictures by id.
            first: by id, the index of the picture's first file in the upload.

        Returns:
            The results by index.
        """
        results: dict[int, IngestResult] = {}
        ready: list[NewVectorRecord] = []
        model: Encoded | None = None
        # During a re-index, new pictures get vectors of the model that the collection currently uses.
        serves = self._collection.state()["model_id"] if self._encoders.former else None
        with stage("encode_pictures"):
            vectors = self._encoders.of(serves).images([new.encoded for new in fresh.values()])
        for (name, new), encoded in zip(fresh.items(), vectors, strict=True):
            if isinstance(encoded, ServiceError):
                self._media.delete(name, new.record["media_key"])
                results[first[name]] = self._failed(new.content, new.record["file_name"], encoded)
                continue
            if model and encoded.model_id != model.model_id:
                raise ServiceError(Kind.MODEL_MISMATCH, "the encoders serve different models; give them one bundle")
            model = encoded
            ready.append({**new.record, "vector": encoded.vector, "reading": None})
        if model:
            with stage("record"):
                added = self._search.add(model.model_id, model.dim, ready)
            for picture in ready:
                # A deletion that was under way may have taken the file of its former record.
                if not self._media.has(picture["media_key"]):
                    self._media.restore(fresh[picture["id"]].content, picture["media_key"])
            # Another request may have added the same picture while this one was encoded.
            for name in (str(picture["id"]) for picture in ready):
                results[first[name]] = IngestResult("added" if name in added else "exists", name)
        return results

    def _read(self, upload: Upload) -> bytes | ServiceError:
        """The content of a file, or why it cannot be added."""
        if upload.size > self._max_file_bytes:
            detail = f"the file has {upload.size} bytes; the limit is {self._max_file_bytes}"
            return ServiceError(Kind.TOO_LARGE, detail, limit=self._max_file_bytes, unit="bytes")
        try:
            return upload.read()
        except OSError as error:  # a file of the library that was deleted since it was found
            return ServiceError(Kind.NOT_FOUND, f"the file cannot be read: {error.strerror or error}")

    def _failed(self, content: bytes | None, name: str, error: ServiceError) -> IngestResult:
        """Put a file that cannot be added into the quarantine."""
        file_id = picture_id(content if content is not None else name.encode())
        self._quarantine.add(file_id, content, name, error)
        return IngestResult("failed", error=error)


def own_words(record: NewRecord) -> Details:
    """What the user said of a picture, without what its file and its camera say."""
    attributes = record["attributes"]
    caption = "" if record["caption"] == attributes.get(metadata.CAPTION) else record["caption"]
    keywords = str(attributes.get(metadata.KEYWORDS, "")).split(metadata.BETWEEN)
    return Details(
        caption=caption,
        tags=[tag for tag in record["tags"] if tag not in keywords],
        attributes={k: v for k, v in corrections.own(attributes).items() if k not in metadata.NAMES},
        taken_at=record["taken_at"],
    )


def said_of(details: Details, *former: NewRecord | Details | None) -> dict[str, Any]:
    """What is said of a picture: the first caption, tags and time that are given, and all attributes.

    Args:
        details: what comes with its file.
        former: records from which it takes the rest.
    """
    said: dict[str, Any] = {**details.model_dump(), "tags": list(details.tags)}
    records: list[Mapping[str, Any]] = [
        one.model_dump() if isinstance(one, Details) else {**one} for one in former if one is not None
    ]
    for record in records:
        own = corrections.own(record["attributes"])
        if said["caption"] or said["tags"]:
            # What a file said belongs to the caption and the tags that came from it.
            own = {name: value for name, value in own.items() if name not in metadata.NAMES}
        said["attributes"] = metadata.within_limit(said["attributes"], own)
        said["caption"] = said["caption"] or record["caption"]
        said["tags"] = said["tags"] or list(record["tags"])
        said["taken_at"] = said["taken_at"] or record["taken_at"]
    return said


def parts(uploads: Sequence[Upload]) -> Iterator[list[Upload]]:
    """Split an upload into consecutive batches, each small enough to be held in memory and encoded at once."""
    part: list[Upload] = []
    size = 0
    for upload in uploads:
        if part and (len(part) == BATCH_IMAGES or size + upload.size > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(upload)
        size += upload.size
    if part:
        yield part
