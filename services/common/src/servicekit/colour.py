"""Brings a picture of any mode to 8-bit RGB in sRGB: depth and range, colour profiles, transparency on white."""

from __future__ import annotations

import io
import math

from PIL import Image, ImageCms, ImageOps, TiffImagePlugin

# Modes of a single channel with more than 8 bits.
DEEP = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
# Depths of cameras, scanners and medical devices, in bits. A file of 16 bits often holds values of fewer.
DEPTHS = (8, 10, 12, 14, 16)
# Largest ICC profile that is read, in bytes; those of printing presses have up to 3 MB.
MAX_PROFILE = 4 * 2**20
# The gAMA of a PNG that needs no conversion: sRGB's is written as 1 / 2.2. A value outside the limits is an error.
SRGB_GAMMA, GAMMA_LIMITS = 1 / 2.2, (0.05, 20.0)
# The colour space of an ICC profile (ICC.1:2022, table 19), by the mode of the pixels that it describes.
SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "LAB"}

# TIFF 6.0: tags, and values of them.
BITS, PHOTOMETRIC, PLANAR, SAMPLE_FORMAT = 258, 262, 284, 339
WHITE_IS_ZERO, SEPARATE_PLANES, UNSIGNED = 0, 2, 1


class UnshowableError(ValueError):
    """The pixels cannot be shown rightly."""


def to_srgb(picture: Image.Image) -> Image.Image:
    """Convert a loaded picture to 8-bit RGB in sRGB, with transparency composited on white.

    Args:
        picture: the picture; its `info` may have an ICC profile. It may be changed.

    Raises:
        UnshowableError: its pixels cannot be shown rightly.
    """
    profile = picture.info.get("icc_profile")
    # A PNG's sRGB chunk or ICC profile comes before its gAMA chunk (PNG, third edition, 4.3).
    gamma = None if profile or "srgb" in picture.info else picture.info.get("gamma")
    picture = eight_bits(picture)
    alpha: Image.Image | None = None
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        if picture.mode in ("RGBa", "La"):
            picture = picture.convert("RGBA" if picture.mode == "RGBa" else "LA")
        layer = picture if picture.mode in ("RGBA", "LA") else picture.convert("RGBA")
        alpha = layer.getchannel("A")
        picture = layer.convert(layer.mode[:-1])
    elif picture.mode == "1":
        picture = picture.convert("L")
    elif picture.mode not in SPACES:
        picture = picture.convert("RGB")
    picture = by_profile(picture, profile if isinstance(profile, bytes) else b"")
    if isinstance(gamma, float) and GAMMA_LIMITS[0] <= gamma <= GAMMA_LIMITS[1]:
        picture = by_gamma(picture, gamma)
    if alpha is not None:
        white = Image.new("RGB", picture.size, "white")
        white.paste(picture, mask=alpha)
        picture = white
    picture.info = {}
    return picture


def by_profile(picture: Image.Image, profile: bytes) -> Image.Image:
    """Convert pixels to sRGB by their ICC profile; one that is missing, damaged or of another space is ignored.

    Args:
        picture: of a mode in SPACES.
        profile: the ICC profile; empty if there is none.
    """
    if picture.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return transformed(picture, source) or picture.convert("RGB")
    if 0 < len(profile) <= MAX_PROFILE:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            fits = source.profile.xcolor_space.strip() == SPACES[picture.mode]
            named = source.profile.profile_description or ""
        except (OSError, ImageCms.PyCMSError):
            fits, named = False, ""
        # Most profiles are sRGB itself, under one of its names.
        if fits and "srgb" not in named.lower() and (converted := transformed(picture, source)):
            return converted
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def by_gamma(picture: Image.Image, gamma: float) -> Image.Image:
    """Convert an RGB picture to sRGB by the gAMA of its PNG: a value is light to the power of `gamma`."""
    if abs(gamma - SRGB_GAMMA) < 0.01:
        return picture
    light = [(value / 255) ** (1 / gamma) for value in range(256)]
    # The transfer function of sRGB (IEC 61966-2-1).
    curve = [round(255 * (12.92 * y if y <= 0.0031308 else 1.055 * y ** (1 / 2.4) - 0.055)) for y in light]
    return picture.point(curve * 3)


def transformed(picture: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image | None:
    """The picture in sRGB; None if the profile cannot be used."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    try:
        if picture.mode == "RGB":  # in place: a copy of a large picture takes hundreds of megabytes
            ImageCms.profileToProfile(picture, source, srgb, intent, inPlace=True, flags=flags)
            return picture
        return ImageCms.profileToProfile(picture, source, srgb, intent, outputMode="RGB", flags=flags)
    except ImageCms.PyCMSError:
        return None


def eight_bits(picture: Image.Image) -> Image.Image:
    """Bring a picture of one deep channel to 8 bits; others are returned as they are.

    Raises:
        UnshowableError: it has infinite values, or Pillow cannot read it rightly.
    """
    tags = picture.tag_v2 if isinstance(picture, TiffImagePlugin.TiffImageFile) else {}
    bits = max(tags.get(BITS, (8,)))
    if bits > 8 and tags.get(PLANAR) == SEPARATE_PLANES and picture.mode not in DEEP:
        raise UnshowableError(f"a TIFF with {bits} bits in separate planes; save it with interleaved channels")
    if picture.mode not in DEEP:
        return picture
    low, high = picture.getextrema()
    assert isinstance(low, int | float) and isinstance(high, int | float)
    if picture.mode == "I" and low < 0 and bits == 32 and max(tags.get(SAMPLE_FORMAT, (2,))) == UNSIGNED:
        raise UnshowableError("a TIFF with 32 bits without sign whose values exceed 31 bits")
    black, white = span(picture.mode, low, high)
    scale = 255 / (white - black)
    # 0.5: the conversion truncates.
    shown = picture.convert("F").point(lambda value: value * scale + (0.5 - black * scale)).convert("L")
    return ImageOps.invert(shown) if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else shown


def span(mode: str, low: float, high: float) -> tuple[float, float]:
    """The values that are shown black and white: by the depth that is used, and by the range if it is none of those.

    Args:
        mode: the mode of the pixels.
        low: the least value.
        high: the greatest value.

    Raises:
        UnshowableError: a value is infinite.
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        raise UnshowableError("it has infinite values")
    if low >= 0:
        if mode == "F" and high <= 1:
            return 0, 1
        for depth in DEPTHS:
            if high < 2**depth:
                return 0, 2**depth - 1
    return low, high if high > low else low + 1
