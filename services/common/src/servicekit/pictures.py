"""Decodes untrusted picture files: allowed formats, pixel limits against decompression bombs, and readable errors.

Needs Pillow, and pillow-heif for iPhone photographs (`sightline-common[pictures]`).
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any, NamedTuple

from PIL import Image, ImageOps, IptcImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from servicekit.errors import Kind, ServiceError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")

# Pillow's own decompression bomb limit, in pixels; a service's limit must not be above it.
PILLOW_LIMIT = 89_478_485


# JPEG's limit per side. A picture of 80,000,000 x 1 would pass the pixel limit, and resizing it needs gigabytes.
MAX_SIDE = 65_535

# Limit of an embedded ICC profile in bytes; those of cameras and printers have a few kilobytes.
MAX_PROFILE = 2**20

# EXIF orientations that exchange width and height.
QUARTER_TURNS = (5, 6, 7, 8)
ORIENTATION = 0x0112


class DecodedPicture(NamedTuple):
    """A decoded picture with its format, full size and metadata."""

    image: Image.Image  # RGB and upright; smaller than width x height where a draft was enough
    format: str  # one of FORMATS
    width: int  # of the whole picture, upright
    height: int
    exif: Image.Exif
    xmp: bytes  # the XMP document in the file; empty if there is none
    iptc: dict[tuple[int, int], Any]  # IPTC-IIM datasets: bytes, or a list of bytes


@cache
def teach_heif() -> None:
    """Register the HEIF decoder for iPhone photographs; once, since Pillow's list of formats is global."""
    register_heif_opener(thumbnails=False)


def open_picture(content: bytes, max_pixels: int, draft: int | None = None) -> DecodedPicture:
    """Decode a picture: first frame, EXIF orientation applied, transparency on white, RGB.

    Args:
        content: the file's bytes.
        max_pixels: width x height above which the picture is refused before it is decoded.
        draft: the pixels per side that the caller needs; a JPEG is then decoded at a reduced scale, which is faster.

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
    except Exception as error:  # with a damaged header, Pillow's plugins raise many types of exception
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
        # Some cameras write several JPEGs into one file; Pillow calls that MPO, and the first JPEG is the picture.
        form = "JPEG" if picture.format == "MPO" else str(picture.format)
        # In place: a copy of a large picture takes hundreds of megabytes.
        xmp, iptc = xmp_of(picture), iptc_of(picture)
        ImageOps.exif_transpose(picture, in_place=True)
        upright = flatten(picture)
        profile = picture.info.get("icc_profile")
        # The profile is untrusted and unbounded, and would be embedded in every thumbnail.
        sound = isinstance(profile, bytes) and len(profile) <= MAX_PROFILE
        upright.info = {"icc_profile": profile} if sound else {}
        return DecodedPicture(upright, form, width, height, exif, xmp, iptc)
    except Exception as error:  # as above, and a truncated file is an OSError
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, f"the picture is damaged or truncated: {error}") from error


def xmp_of(picture: Image.Image) -> bytes:
    """The XMP document of a loaded picture; empty if there is none."""
    xmp = picture.info.get("xmp")
    return xmp if isinstance(xmp, bytes) else str(xmp or "").encode()


def iptc_of(picture: Image.Image) -> dict[tuple[int, int], Any]:
    """The IPTC-IIM datasets of an opened picture; none if they are damaged."""
    try:
        return dict(IptcImagePlugin.getiptcinfo(picture) or {})  # type: ignore[arg-type]
    except Exception:  # Pillow raises many types of exception for damaged metadata; the picture is still usable
        return {}


def flatten(picture: Image.Image) -> Image.Image:
    """Convert a picture of any mode to RGB, with transparency composited on white."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture if picture.mode == "RGBA" else picture.convert("RGBA")
        white = Image.new("RGB", layer.size, "white")
        white.paste(layer, mask=layer)
        return white
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def too_many_pixels(size: str, limit: int) -> ServiceError:
    """The error for a picture over the pixel limit."""
    return ServiceError(Kind.TOO_LARGE, f"the picture has {size} pixels; the limit is {limit}")
