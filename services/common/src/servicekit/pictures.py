"""Decodes untrusted picture files: allowed formats, pixel limits against decompression bombs, and readable errors.

Needs Pillow, and pillow-heif for iPhone photographs (`sightline-common[pictures]`).
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import IO, Any, NamedTuple

from PIL import Image, ImageFile, ImageOps, IptcImagePlugin, UnidentifiedImageError
from pillow_heif import register_heif_opener

from servicekit.colour import DEEP, UnshowableError, to_srgb
from servicekit.errors import Kind, ServiceError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF")

# What files of these formats begin with; BMP's two letters begin many other files.
SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}

# What the header of a packed picture is, in bytes: its size and depth (netpbm's PPM format).
PPM = b"P6\n%d %d\n255\n"
# Pixels of its shorter side, at least twice those of the usual models; and its most bytes, for a picture of 3 to 1. A
# longer strip is reduced further: one of 8 to 1 still has a vector with a cosine above 0.999 with the whole one's.
PACKED_SIDE, MAX_PACKED = 480, 3 * 480 * 1440

# The most memory that a pixel takes while a picture is decoded and converted to RGB, in bytes, as measured with
# pictures of 24 megapixels: by the format, and for those that are not named by the mode.
FORMAT_BYTES = {"WEBP": 17, "AVIF": 10, "HEIF": 9}
ALPHA_BYTES, DEEP_BYTES, OTHER_BYTES, PROGRESSIVE_BYTES = 14, 13, 9, 7

# JPEG's limit per side. A picture of 80,000,000 x 1 would pass the pixel limit, and resizing it needs gigabytes.
MAX_SIDE = 65_535

# A damaged picture is taken if at least this share of its rows can be decoded.
LEAST_DECODED = 0.5
# Pillow refuses a PNG with a longer text, which no viewer reads.
LONG_TEXT = "Decompressed data too large"

# EXIF orientations that exchange width and height.
QUARTER_TURNS = (5, 6, 7, 8)
ORIENTATION = 0x0112


class DecodedPicture(NamedTuple):
    """A decoded picture with its format, full size and metadata."""

    image: Image.Image  # RGB in sRGB, upright; smaller than width x height where a draft was enough
    format: str  # one of FORMATS
    width: int  # of the whole picture, upright
    height: int
    exif: Image.Exif
    xmp: bytes  # the XMP document in the file; empty if there is none
    iptc: dict[tuple[int, int], Any]  # IPTC-IIM datasets: bytes, or a list of bytes
    damage: str | None  # what is wrong with the file, if a part of it cannot be decoded


class Leniency(threading.local):
    """Pillow's switch for damaged files, which is one for the process, with a value for each thread."""

    on = False

    def __bool__(self) -> bool:
        return self.on

    @contextmanager
    def granted(self) -> Iterator[None]:
        """Decode what can be decoded of damaged files, in this thread."""
        self.on = True
        try:
            yield
        finally:
            self.on = False


@cache
def prepared() -> Leniency:
    """Prepare Pillow, once, since its settings are global: HEIF, a limit of our own, damaged files by thread."""
    register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # `open_picture` has the operator's limit
    leniency = Leniency()
    ImageFile.LOAD_TRUNCATED_IMAGES = leniency  # type: ignore[assignment]
    return leniency


def open_picture(content: bytes, max_pixels: int, draft: int | None = None) -> DecodedPicture:
    """Decode a picture: first frame, EXIF orientation applied, transparency on white, RGB in sRGB.

    A file whose end is missing is decoded as far as it goes, as browsers do.

    Args:
        content: the file's bytes.
        max_pixels: the most pixels that are decoded into memory, 4 to 17 bytes each. A baseline JPEG is decoded
            reduced if a draft is enough, so that one of up to 64 times as many pixels is within the limit.
        draft: the pixels per side that the caller needs.

    Raises:
        ServiceError: the content is not a picture, is too damaged, cannot be shown, or has more pixels than the limit.
    """
    leniency = prepared()
    cause: Exception
    try:
        return decoded(content, max_pixels, draft, None)
    except ServiceError:
        raise
    except UnshowableError as error:
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, f"the picture cannot be shown rightly: {error}") from error
    except UnidentifiedImageError as error:
        problem, cause = unidentified(content), error
    except Exception as error:  # Pillow's plugins raise many types of exception
        problem, cause = f"the picture is damaged: {error}", error
    try:
        with leniency.granted():
            return decoded(content, max_pixels, draft, None if LONG_TEXT in str(cause) else str(cause).split(" (")[0])
    except ServiceError:
        raise
    except Exception as error:
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, problem) from error


def decoded(content: bytes, max_pixels: int, draft: int | None, damage: str | None) -> DecodedPicture:
    """Decode a picture as `open_picture` does, with Pillow's errors.

    Args:
        content: the file's bytes.
        max_pixels: the most pixels that are decoded into memory.
        draft: the pixels per side that the caller needs.
        damage: what is wrong with the file, if that is known.
    """
    picture = Image.open(io.BytesIO(content), formats=FORMATS)
    width, height = picture.size
    if max(width, height) > MAX_SIDE:
        detail = f"the picture is {width} x {height}; no side may have more than {MAX_SIDE}"
        raise ServiceError(Kind.TOO_LARGE, detail, limit=MAX_SIDE, unit="pixels-per-side")
    if draft:
        picture.draft("RGB", (draft, draft))
    # The coefficients of a progressive JPEG lie in memory as a whole, whatever the scale.
    whole = bool(picture.info.get("progressive"))
    if (width * height if whole else picture.width * picture.height) > max_pixels:
        detail = f"the picture has {width} x {height} pixels; the limit is {max_pixels}"
        raise ServiceError(Kind.TOO_LARGE, detail, limit=max_pixels, unit="pixels")
    exif = picture.getexif()
    reduced, turned = picture.size != (width, height), exif.get(ORIENTATION) in QUARTER_TURNS
    picture.load()
    # Some cameras write several JPEGs into one file; Pillow calls that MPO, and the first JPEG is the picture.
    form = "JPEG" if picture.format == "MPO" else str(picture.format)
    xmp, iptc = xmp_of(picture), iptc_of(picture)
    if damage and (share := decoded_share(picture)) < LEAST_DECODED:
        detail = f"the picture is damaged: {damage}; only {share:.0%} of it can be decoded"
        raise ServiceError(Kind.UNSUPPORTED_PICTURE, detail)
    # In place: a copy of a large picture takes hundreds of megabytes.
    ImageOps.exif_transpose(picture, in_place=True)
    if not reduced:
        width, height = picture.size
    elif turned:
        width, height = height, width
    return DecodedPicture(to_srgb(picture), form, width, height, exif, xmp, iptc, damage)


def decoding_bytes(content: bytes, draft: int | None = None) -> int:
    """The memory that `open_picture` takes for a file at most, in bytes; 0 if it cannot be opened."""
    with suppress(Exception), prepared().granted():  # Pillow's plugins raise many types of exception
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
        pixels = picture.width * picture.height
        if picture.info.get("progressive"):
            return PROGRESSIVE_BYTES * pixels
        if draft:
            picture.draft("RGB", (draft, draft))
        if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
            each = ALPHA_BYTES
        else:
            each = DEEP_BYTES if picture.mode in DEEP else OTHER_BYTES
        return FORMAT_BYTES.get(str(picture.format), each) * picture.width * picture.height
    return 0


def packed(picture: Image.Image) -> bytes:
    """A decoded RGB picture as an encoder takes it: uncompressed (PPM), reduced to PACKED_SIDE and to MAX_PACKED."""
    scale = min(1.0, PACKED_SIDE / min(picture.size), (MAX_PACKED / 3 / (picture.width * picture.height)) ** 0.5)
    if scale < 1:
        # Rounded down, since `unpacked` takes no more than MAX_PACKED; a float may be a little below its integer.
        width, height = (max(1, int(side * scale + 1e-6)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return PPM % picture.size + picture.tobytes()


def unpacked(content: bytes) -> Image.Image | None:
    """The picture that was `packed`; None if the content is something else."""
    if not content.startswith(b"P6\n") or len(content) > MAX_PACKED + 100:
        return None
    with suppress(Exception):  # Pillow raises many types of exception
        picture = Image.open(io.BytesIO(content), formats=["PPM"])
        if content.startswith(PPM % picture.size):
            return picture.convert("RGB")
    return None


def canary_picture(side: int) -> Image.Image:
    """A square RGB picture of gradients, the same everywhere: the canary of a model's picture tower."""
    down, out = Image.linear_gradient("L"), Image.radial_gradient("L")
    return Image.merge("RGB", (down, down.transpose(Image.Transpose.ROTATE_90), out)).resize((side, side))


def unidentified(content: bytes) -> str:
    """What is wrong with a file that Pillow does not identify."""
    for signature, form in SIGNATURES.items():
        if content.startswith(signature):
            return f"a {form} file that is damaged at its beginning, or of a kind that is not read"
    return f"not a picture in a known format ({', '.join(FORMATS)})"


def decoded_share(picture: Image.Image) -> float:
    """The share of rows that were decoded: those after the damage are all alike."""
    rows = 64
    small = picture.convert("RGB").resize((8, rows), Image.Resampling.BOX)
    line = small.crop((0, rows - 1, 8, rows)).tobytes()
    alike = 0
    while alike < rows and small.crop((0, rows - 1 - alike, 8, rows - alike)).tobytes() == line:
        alike += 1
    return 1 - (alike - 1) / rows


def format_of(stream: IO[bytes]) -> str | None:
    """The format of a picture file by its content, one of FORMATS; None if it is no picture. Rewinds the stream."""
    try:
        with prepared().granted():
            found = str(Image.open(stream, formats=FORMATS).format)
    except Exception:  # Pillow's plugins raise many types of exception
        return None
    finally:
        stream.seek(0)
    return "JPEG" if found == "MPO" else found


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
