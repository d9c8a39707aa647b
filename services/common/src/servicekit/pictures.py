"""Opening pictures that strangers send: which formats, how many pixels, and what is wrong when one cannot be read.

Needs Pillow (`sightline-common[pictures]`).
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps, UnidentifiedImageError

from servicekit.errors import Kind, ServiceError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP")

# Pillow itself warns of a decompression bomb above this many pixels; a service's own limit must stay below it.
PILLOW_LIMIT = 89_478_485


def open_picture(content: bytes, max_pixels: int, draft: int | None = None) -> Image.Image:
    """Decode a whole picture: first frame, EXIF turn applied, transparency on white, RGB.

    Args:
        content: the file's bytes.
        max_pixels: width x height above which the picture is refused before it is decoded.
        draft: when the caller needs only this many pixels a side, a JPEG is decoded at a reduced scale above it.

    Raises:
        ServiceError: the content is not a picture, is damaged, or has more pixels than the limit.
    """
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
    if picture.width * picture.height > max_pixels:
        raise too_many_pixels(f"{picture.width} x {picture.height}", max_pixels)
    try:
        if draft:
            picture.draft("RGB", (draft, draft))
        picture.load()
        return flatten(ImageOps.exif_transpose(picture))
    except Exception as error:  # as above, and a truncated file is an OSError
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, f"the picture is damaged or truncated: {error}") from error


def flatten(picture: Image.Image) -> Image.Image:
    """Put a picture of any mode on white, as RGB."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    return picture.convert("RGB")


def too_many_pixels(size: str, limit: int) -> ServiceError:
    """The refusal of a decompression bomb."""
    return ServiceError(Kind.TOO_LARGE, f"the picture has {size} pixels; the limit is {limit}")
