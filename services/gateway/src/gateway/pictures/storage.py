"""Storage of original files and thumbnails, under names derived from the content's digest."""

from __future__ import annotations

import base64
import hashlib
import io
import logging
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any, NamedTuple, Protocol

from PIL import Image
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import DecodedPicture, format_of, open_picture, packed
from servicekit.server.memory import DecodeMemory
from servicekit.timing import stage
from thumbhash import rgba_to_thumb_hash

from gateway.concurrency import ConcurrencyLimit
from gateway.pictures.object_store import ObjectStore

log = logging.getLogger(__name__)

# Prefix of the media keys of library pictures, of which the store holds no copy.
PREFIX = "library:"
# Thumbnail widths: a closed list, since each is kept, and arbitrary widths would fill the disk.
WIDTHS = (240, 480, 960, 1920)
# The thumbnail width that the page's wall requests first; it is made during ingest.
FIRST = 480
# Greatest height of a thumbnail as a multiple of its width: a picture of 1 : 20 would be 9,600 pixels tall.
TALLEST = 4
MISSING = "the picture's file is missing; add the picture again"
MOVED = "the picture's file has changed or is not where it was; scan the library again"
TYPES = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
    "GIF": ("gif", "image/gif"),
    "TIFF": ("tif", "image/tiff"),
    "BMP": ("bmp", "image/bmp"),
    "AVIF": ("avif", "image/avif"),
    "HEIF": ("heic", "image/heic"),
}
MIMETYPES = dict(TYPES.values())
# Encoder settings by format. AVIF takes 2.5 times as long and saves 30 % of the bytes (24 photographs, 480 pixels
# wide), so a client without a preference gets WebP, which exists already.
THUMBNAILS: dict[str, dict[str, Any]] = {
    # Of libwebp's methods 0 to 6, 4 takes twice as long for files that are 2 % smaller.
    "webp": {"quality": 80, "method": 2},
    "avif": {"quality": 60, "speed": 8},
}
# The folders of the store that hold thumbnails, by pictures' ids.
THUMBNAIL_FOLDERS = tuple(f"thumbnails/{width}" for width in WIDTHS)
# Files lie in folders that are named by the first two digits of their pictures' ids; the folder, and the file's name.
SHARD, FILE = re.compile(r"[0-9a-f]{2}"), re.compile(r"([0-9a-f]{32})\.\w+")


def picture_id(content: bytes) -> str:
    """A picture's id: the first 32 hex digits of the sha256 of its file."""
    return hashlib.sha256(content).hexdigest()[:32]


class Kept(NamedTuple):
    """A file to be sent: a seekable stream, its length in bytes, and its content type."""

    stream: IO[bytes]
    length: int
    mimetype: str


class InPlace(Protocol):
    """Access to pictures that are indexed in place, without a copy in the store; `gateway.library` implements it."""

    def has(self, picture_id: str) -> bool: ...
    def open(self, picture_id: str) -> tuple[IO[bytes], int]: ...
    def deleted(self, picture_ids: Collection[str]) -> set[str]: ...
    def mark_deleted(self, picture_ids: Sequence[str]) -> None: ...
    def unmark_deleted(self, picture_ids: Sequence[str]) -> None: ...


class MediaStore:
    """Originals and thumbnails, in one store."""

    def __init__(
        self,
        store: ObjectStore,
        library: InPlace,
        max_pixels: int,
        thumbnailing: ConcurrencyLimit,
        memory: DecodeMemory,
    ) -> None:
        """Use an object store.

        Args:
            store: holds the files.
            library: the pictures that are indexed in place.
            max_pixels: the most pixels of a picture.
            thumbnailing: limits how many thumbnails are made at once.
            memory: of the pictures that are decoded.
        """
        self._store, self._library, self._max_pixels = store, library, max_pixels
        self._thumbnailing, self._memory = thumbnailing, memory
        self.check = store.check

    @contextmanager
    def opened(self, content: bytes, width: int = FIRST) -> Iterator[DecodedPicture]:
        """Decode a file at the resolution that a thumbnail of this width needs; its memory is kept free for the block.

        Raises:
            ServiceError: the file is not a picture, is damaged or too large; or others hold the memory (429).
        """
        with self._memory.room_for(content, width):
            with stage("decode"):
                picture = open_picture(content, self._max_pixels, draft=width)
            yield picture

    def packed(self, content: bytes) -> bytes:
        """A file as the encoder is sent it: decoded and reduced, as when it was added.

        Raises:
            ServiceError: as by `opened`.
        """
        with self.opened(content) as picture:
            return packed(picture.image)

    def put(self, content: bytes, picture: DecodedPicture, in_place: bool = False) -> str:
        """Store a picture's file, unless it is indexed in place, and its first thumbnail; return the media key."""
        name = picture_id(content)
        key = f"{PREFIX}{name}" if in_place else f"{name[:2]}/{name}.{TYPES[picture.format][0]}"
        if not in_place and not self._store.exists(key):
            self._store.write(key, content)
        thumbnail = thumbnail_key(name, FIRST, "webp")
        if not self._store.exists(thumbnail):
            self._keep(thumbnail, shrink(picture.image, FIRST, "webp"))
        return key

    def restore(self, content: bytes, key: str) -> None:
        """Store a picture's file again that was deleted meanwhile; one of the library cannot be stored."""
        if not key.startswith(PREFIX):
            self._store.write(key, content)

    def _keep(self, thumbnail: str, small: bytes) -> None:
        """Store a thumbnail, unless there is no space: it can be made again, and the picture is there."""
        try:
            self._store.write(thumbnail, small, durable=False)
        except ServiceError as error:
            if error.kind is not Kind.NO_SPACE:
                raise
            log.warning("the thumbnail %s is not kept: %s", thumbnail, error.detail)

    def placeholder(self, picture: DecodedPicture) -> str:
        """A blurred preview of a few bytes (ThumbHash, base64), shown until the thumbnail has loaded."""
        # ThumbHash keeps 7 frequencies per side and its time grows with the pixels, so a small copy is enough.
        small = resized(picture.image, (16, 16), Image.Resampling.BOX)
        # The thumbhash library fails on transparency; `opened` composites pictures on white.
        small = small.convert("RGBA")
        return base64.b64encode(bytes(rgba_to_thumb_hash(*small.size, small.tobytes()))).decode()

    def has(self, key: str) -> bool:
        """Whether the original exists."""
        if key.startswith(PREFIX):
            return self._library.has(key.removeprefix(PREFIX))
        return self._store.exists(key)

    def original(self, key: str) -> Kept:
        """The original file of a media key.

        Raises:
            ServiceError: the file is missing in the store or the library (404).
        """
        if key.startswith(PREFIX):
            try:
                stream, length = self._library.open(key.removeprefix(PREFIX))
            except FileNotFoundError as error:
                raise ServiceError(Kind.NOT_FOUND, MOVED) from error
            # By its content: iPhone photographs are often named .jpg when they are copied.
            if (form := format_of(stream)) is None:
                stream.close()
                raise ServiceError(Kind.NOT_FOUND, MOVED)
            return Kept(stream, length, TYPES[form][1])
        try:
            return Kept(*self._store.open(key), MIMETYPES[key.rpartition(".")[2]])
        except FileNotFoundError as error:
            raise ServiceError(Kind.NOT_FOUND, MISSING) from error

    def thumbnail(self, name: str, media_key: Callable[[], str], width: int, form: str) -> Kept:
        """A thumbnail of a picture, made on the first request and stored.

        Args:
            name: the picture's id.
            media_key: looks the media key of its original up; called only if the thumbnail has to be made.
            width: one of WIDTHS.
            form: one of THUMBNAILS.

        Raises:
            ServiceError: the width is not one of WIDTHS, or the original is missing.
        """
        if width not in WIDTHS:
            raise ServiceError(Kind.INVALID, f"w: {width} is not one of {', '.join(map(str, WIDTHS))}")
        place, mimetype = thumbnail_key(name, width, form), f"image/{form}"
        with suppress(FileNotFoundError):
            kept = Kept(*self._store.open(place), mimetype)
            if kept.length:  # a file that was not written to the disk before a power failure is empty
                return kept
            kept.stream.close()
        kept = self.original(media_key())
        with kept.stream as stream, self._thumbnailing.slot(), self.opened(stream.read(), width) as picture:
            small = shrink(picture.image, width, form)
        self._keep(place, small)
        return Kept(io.BytesIO(small), len(small), mimetype)

    def delete(self, name: str, key: str) -> None:
        """Delete a picture's thumbnails, and its original unless that is in the library."""
        if not key.startswith(PREFIX):
            self._store.delete(key)
        for place in (thumbnail_key(name, w, form) for w in WIDTHS for form in THUMBNAILS):
            self._store.delete(place)


def shards(store: ObjectStore, top: str) -> list[str]:
    """The names of the folders of files in a folder of the store."""
    return [name for name in store.names(top) if SHARD.fullmatch(name)]


def thumbnail_key(name: str, width: int, form: str) -> str:
    """The storage key of a thumbnail."""
    return f"thumbnails/{width}/{name[:2]}/{name}.{form}"


def shrink(picture: Image.Image, width: int, form: str) -> bytes:
    """Encode a thumbnail: within width x TALLEST * width, never enlarged, in sRGB, without metadata."""
    small = resized(picture, (width, TALLEST * width), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, form.upper(), exif=b"", xmp=b"", **THUMBNAILS[form])
    return stream.getvalue()


def resized(picture: Image.Image, box: tuple[int, int], resample: Image.Resampling) -> Image.Image:
    """A copy that fits a box, never enlarged; `Image.thumbnail` would need a full-size copy first."""
    scale = min(1.0, *(most / side for most, side in zip(box, picture.size, strict=True)))
    width, height = (max(1, round(side * scale)) for side in picture.size)
    # Reduce by an integer factor first, as `Image.thumbnail` does: faster, without a visible difference.
    return picture.resize((width, height), resample, reducing_gap=2.0)
