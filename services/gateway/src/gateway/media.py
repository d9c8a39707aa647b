"""The pictures themselves and their thumbnails, as files named by content."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import shutil
from pathlib import Path

from PIL import Image
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import Picture, open_picture

# Widths a thumbnail can be asked for: a closed list, or anyone could fill the disk.
WIDTHS = (240, 480, 960, 1920)
# The one that every wall asks for is made while the picture is added.
FIRST = 480
# A picture of 1 : 20 is no reason for a thumbnail of 9,600 pixels' height.
TALLEST = 4
MISSING = "the picture's file is missing; add the picture again"
TYPES = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "WEBP": ("webp", "image/webp"),
    "GIF": ("gif", "image/gif"),
    "TIFF": ("tif", "image/tiff"),
    "BMP": ("bmp", "image/bmp"),
}
MIMETYPES = dict(TYPES.values())


def picture_id(content: bytes) -> str:
    """A picture's id: the first 32 hex digits of the sha256 of its file."""
    return hashlib.sha256(content).hexdigest()[:32]


class MediaStore:
    """A folder of originals and one of thumbnails; a file is there whole or not at all."""

    def __init__(self, folder: Path, max_pixels: int) -> None:
        self._folder = folder
        self._max_pixels = max_pixels

    def open(self, content: bytes, width: int = FIRST) -> Picture:
        """Decode a file as far as a thumbnail of this width needs.

        Raises:
            ServiceError: it is not a picture, is damaged or too large.
        """
        return open_picture(content, self._max_pixels, draft=width)

    def put(self, content: bytes, picture: Picture) -> str:
        """Keep an original and the thumbnail that every wall asks for; return its media key."""
        name = picture_id(content)
        key = f"{name[:2]}/{name}.{TYPES[picture.format][0]}"
        path = self._folder / key
        if not path.exists():
            write(path, content)
        thumbnail = self._thumbnail(key, FIRST)
        if not thumbnail.exists():
            write(thumbnail, shrink(picture.image, FIRST))
        return key

    def has(self, key: str) -> bool:
        """Whether the original is there."""
        return (self._folder / key).exists()

    def original(self, key: str) -> Path:
        """The file of a key.

        Raises:
            ServiceError: it is gone from the folder.
        """
        path = self._folder / key
        if not path.exists():
            raise ServiceError(Kind.NOT_FOUND, MISSING)
        return path

    def thumbnail(self, key: str, width: int) -> Path:
        """A WebP of at most this width, made on the first call.

        Raises:
            ServiceError: the width is not one of WIDTHS, or the original is gone.
        """
        if width not in WIDTHS:
            raise ServiceError(Kind.INVALID, f"w: {width} is not one of {', '.join(map(str, WIDTHS))}")
        path = self._thumbnail(key, width)
        if not path.exists():
            try:
                content = self.original(key).read_bytes()
            except FileNotFoundError as error:  # deleted at this moment
                raise ServiceError(Kind.NOT_FOUND, MISSING) from error
            write(path, shrink(self.open(content, width).image, width))
        return path

    def delete(self, key: str) -> None:
        """Forget an original and its thumbnails."""
        for path in (self._folder / key, *(self._thumbnail(key, w) for w in WIDTHS)):
            path.unlink(missing_ok=True)

    def check(self) -> str:
        """Say how much room there is.

        Raises:
            OSError: the folder cannot be written to.
        """
        write(self._folder / ".writable", b"")
        return f"{shutil.disk_usage(self._folder).free / 2**30:.1f} GiB free for pictures"

    def _thumbnail(self, key: str, width: int) -> Path:
        return (self._folder / "thumbnails" / str(width) / key).with_suffix(".webp")


def shrink(picture: Image.Image, width: int) -> bytes:
    """A picture as WebP within width x TALLEST * width, never enlarged, without metadata but for its colour profile."""
    small = picture.copy()
    small.thumbnail((width, TALLEST * width), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "WEBP", quality=80, method=4, icc_profile=picture.info.get("icc_profile"), exif=b"", xmp=b"")
    return stream.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a file so that it survives the power and is never seen half-written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with building.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(building, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        building.unlink(missing_ok=True)
