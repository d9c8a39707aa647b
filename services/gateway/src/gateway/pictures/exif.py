"""Reads the EXIF 2.3 metadata that is useful for searching: camera, lens, exposure and time.

The GPS position is left out on purpose: people who share a collection seldom want to share their address.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

from PIL import ExifTags, Image

PRECISION = 6


def number(value: Any) -> float | int | None:
    """A positive number up to 1e9, as int if it is whole; None for anything else, such as a fraction over zero."""
    try:
        found = float(value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not math.isfinite(found) or found <= 0 or found > 1e9:
        return None
    return int(found) if found == int(found) else round(found, PRECISION)


def text(value: Any) -> str | None:
    """A text without unprintable characters and repeated spaces: cameras pad texts with zero bytes and spaces."""
    if not isinstance(value, str):
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())[:200] or None


def first(value: Any) -> Any:
    """The first value of a tuple: some cameras write a single value, others several."""
    return value[0] if isinstance(value, tuple) and value else value


# Attribute name to its EXIF tag and the function that parses it.
BASE: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "camera_make": (ExifTags.Base.Make, text),
    "camera": (ExifTags.Base.Model, text),
}
PHOTO: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "lens": (ExifTags.Base.LensModel, text),
    "iso": (ExifTags.Base.ISOSpeedRatings, lambda value: number(first(value))),
    "f_number": (ExifTags.Base.FNumber, number),
    "exposure_s": (ExifTags.Base.ExposureTime, number),
    "focal_length_mm": (ExifTags.Base.FocalLength, number),
}

# What is wrong with a file that could be decoded only in part.
DAMAGE = "damage"
# The attributes that come from a file, and not from the user.
NAMES = frozenset({*BASE, *PHOTO, DAMAGE})


def attributes(exif: Image.Exif) -> dict[str, Any]:
    """A picture's attributes from its EXIF."""
    found: dict[str, Any] = {}
    for tags, table in ((exif, BASE), (photo(exif), PHOTO)):
        for name, (tag, read) in table.items():
            if (value := read(tags.get(tag))) is not None:
                found[name] = value
    return found


def taken_at(exif: Image.Exif) -> str | None:
    """When the picture was taken, else digitised, else written, by the camera's clock: 2024-05-31T18:20:05."""
    inner = photo(exif)
    for tags, tag in (
        (inner, ExifTags.Base.DateTimeOriginal),
        (inner, ExifTags.Base.DateTimeDigitized),
        (exif, ExifTags.Base.DateTime),
    ):
        written = text(tags.get(tag))
        try:
            return datetime.strptime(written or "", "%Y:%m:%d %H:%M:%S").isoformat()
        except ValueError:
            continue
    return None


def photo(exif: Image.Exif) -> dict[int, Any]:
    """The Exif IFD, which holds the exposure data; empty if it is damaged."""
    try:
        return dict(exif.get_ifd(ExifTags.IFD.Exif))
    except Exception:  # Pillow raises many types of exception for damaged EXIF; the picture itself is still usable
        return {}
