"""Opening pictures that strangers send: which formats, how many pixels, and what is wrong when one cannot be read.

Needs Pillow, and pillow-heif for what iPhones write (`sightline-common[pictures]`).
"""

from __future__ import annotations

import io
from functools import cache
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from servicekit.errors import Kind, ServiceError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")

# Pillow itself warns of a decompression bomb above this many pixels; a service's own limit must stay below it.
PILLOW_LIMIT = 89_478_485


# JPEG's own limit of a side. A picture of 80,000,000 x 1 passes a pixel limit, and resizing it needs gigabytes.
MAX_SIDE = 65_535

# Those of cameras and printers have some kilobytes.
MAX_PROFILE = 2**20

# EXIF orientations that exchange width and height.
QUARTER_TURNS = (5, 6, 7, 8)
ORIENTATION = 0x0112


class Picture(NamedTuple):
    """A decoded picture, and what its file says of it."""

    image: Image.Image  # RGB and upright; smaller than width x height where a draft was enough
    format: str  # one of FORMATS
    width: int  # of the whole picture, upright
    height: int
    exif: Image.Exif


@cache
def teach_heif() -> None:
    """Let Pillow read what iPhones write; once, since Pillow's list of formats is the process's."""
    register_heif_opener(thumbnails=False)


def open_picture(content: bytes, max_pixels: int, draft: int | None = None) -> Picture:
    """Decode a whole picture: first frame, EXIF turn applied, transparency on white, RGB.

    Args:
        content: the file's bytes.
        max_pixels: width x height above which the picture is refused before it is decoded.
        draft: when the caller needs only this many pixels a side, a JPEG is decoded at a reduced scale above it.

    Raises:
        ServiceError: the content is not a picture, is damaged, or has more pixels than the limit.
    """
    teach_heif()
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_many_pixels(f"more than {PILLOW_LIMIT}", max_pixels) from error
    except UnidentifiedImageError as error:
        raise ServiceError(
            Kind.UNSUPPORTED_PICTURE, f"not a picture in a known format ({', '.join(FORMATS)})"
        ) from error
    except Exception as error:  # a damaged header makes Pillow's plugins raise nearly anything
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, f"the picture's header is damaged: {error}") from error
    width, height = picture.size
    if max(width, height) > MAX_SIDE:
        raise ServiceError(Kind.TOO_LARGE, f"the picture is {width} x {height}; no side may have more than {MAX_SIDE}")
    if width * height > max_pixels:
        raise too_many_pixels(f"{width} x {height}", max_pixels)
    try:
        exif = picture.getexif()
        if exif.get(ORIENTATION) in QUARTER_TURNS:
            width, height = height, width
        if draft:
            picture.draft("RGB", (draft, draft))
        picture.load()
        # Cameras write several JPEGs into one file, which Pillow then calls MPO; the first is the picture.
        form = "JPEG" if picture.format == "MPO" else str(picture.format)
        # In place, since a copy of a large picture takes hundreds of megabytes.
        ImageOps.exif_transpose(picture, in_place=True)
        upright = flatten(picture)
        profile = picture.info.get("icc_profile")
        # The profile is untrusted and unbounded, and would be embedded in every thumbnail.
        sound = isinstance(profile, bytes) and len(profile) <= MAX_PROFILE
        upright.info = {"icc_profile": profile} if sound else {}
        return Picture(upright, form, width, height, exif)
    except Exception as error:  # as above, and a truncated file is an OSError
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, f"the picture is damaged or truncated: {error}") from error


def flatten(picture: Image.Image) -> Image.Image:
    """Put a picture of any mode on white, as RGB."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        white = Image.new("RGB", layer.size, "white")
        white.paste(layer, mask=layer)
        return white
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def too_many_pixels(size: str, limit: int) -> ServiceError:
    """The refusal of a decompression bomb."""
    return ServiceError(Kind.TOO_LARGE, f"the picture has {size} pixels; the limit is {limit}")
