"""Decoding of odd picture files: depths and modes, colour profiles, damage, sizes, formats under other names."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import MAX_PACKED, PACKED_SIDE, format_of, open_picture, packed, unpacked

Colour = tuple[int, int, int]
# Red, green, blue and white; and the same as grey.
CORNERS: list[Colour] = [(220, 30, 30), (30, 180, 40), (30, 60, 220), (250, 250, 250)]
GREYS: list[Colour] = [(87, 87, 87), (119, 119, 119), (69, 69, 69), (250, 250, 250)]
LIMIT = 1_000_000


def scene() -> Image.Image:
    picture = Image.new("RGB", (60, 40))
    for colour, (x, y) in zip(CORNERS, [(0, 0), (30, 0), (0, 20), (30, 20)], strict=True):
        picture.paste(colour, (x, y, x + 30, y + 20))
    return picture


def noise(width: int = 120, height: int = 120) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def file(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def corners(content: bytes) -> list[Colour]:
    shown = open_picture(content, LIMIT).image
    assert (shown.mode, shown.info) == ("RGB", {})
    found = [shown.getpixel((shown.width * x // 4, shown.height * y // 4)) for y in (1, 3) for x in (1, 3)]
    return [tuple(int(value) for value in pixel) for pixel in found if isinstance(pixel, tuple)]  # type: ignore[misc]


def near(found: list[Colour], expected: list[Colour], by: int = 2) -> bool:
    return int(np.abs(np.array(found) - np.array(expected)).max()) <= by


GREY = np.asarray(scene().convert("L"))
DEEP = {
    "16 bits": GREY.astype("uint16") * 257,
    "12 of 16 bits": GREY.astype("uint16") * 16,
    "8 of 16 bits": GREY.astype("uint16"),
    "32 bits": GREY.astype("int32") * 257,
    "float to 1": GREY.astype("float32") / 255,
    "float to 255": GREY.astype("float32"),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_greys_look_as_in_a_viewer(name: str) -> None:
    for form in ("TIFF", "PNG") if DEEP[name].dtype == np.uint16 else ("TIFF",):
        assert near(corners(file(Image.fromarray(DEEP[name]), form)), GREYS), form


def test_values_of_no_depth_are_shown_by_their_range() -> None:
    scaled = Image.fromarray(GREY.astype("float32") * 1000 - 200_000)
    dark, light = int(GREY.min()), int(GREY.max())
    expected = [tuple(round((grey - dark) / (light - dark) * 255) for grey in pixel) for pixel in GREYS]
    assert near(corners(file(scaled, "TIFF")), expected)  # type: ignore[arg-type]


def tiff(planes: Any, bits: int, photometric: int, planar: int = 1) -> bytes:
    """An uncompressed TIFF of (height, width, channels) whole numbers."""
    height, width, channels = planes.shape
    kind = f"<u{bits // 8}"
    strips = [planes[:, :, i] for i in range(channels)] if planar == 2 else [planes]
    data = [strip.astype(kind).tobytes() for strip in strips]
    base = 8 + 2 + 12 * 10 + 4
    blobs = b""

    def put(content: bytes) -> int:
        nonlocal blobs
        blobs += content
        return base + len(blobs) - len(content)

    def several(code: str, values: list[int]) -> int:
        # A value that fits stands in the entry itself.
        packed = struct.pack(f"<{len(values)}{code}", *values)
        return put(packed) if len(packed) > 4 else int.from_bytes(packed.ljust(4, b"\0"), "little")

    depths = several("H", [bits] * channels)
    places = several("I", [put(part) for part in data])
    sizes = several("I", [len(part) for part in data])
    entries = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, channels, depths), (259, 3, 1, 1), (262, 3, 1, photometric),
        (273, 4, len(data), places), (277, 3, 1, channels), (278, 4, 1, height), (279, 4, len(data), sizes),
        (284, 3, 1, planar),
    ]  # fmt: skip
    table = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + table + struct.pack("<I", 0) + blobs


def test_a_deep_negative_is_turned_round() -> None:
    content = tiff((255 - GREY.astype("uint16"))[:, :, None] * 257, 16, photometric=0)
    assert near(corners(content), GREYS)


def test_sixteen_bits_of_colour_are_right_or_refused() -> None:
    deep = np.asarray(scene()).astype("uint16") * 257
    assert near(corners(tiff(deep, 16, photometric=2)), CORNERS)
    assert near(corners(tiff(deep // 257, 8, photometric=2, planar=2)), CORNERS)
    with pytest.raises(ServiceError, match="cannot be shown rightly: a TIFF with 16 bits in separate planes") as error:
        open_picture(tiff(deep, 16, photometric=2, planar=2), LIMIT)
    assert error.value.kind is Kind.UNSUPPORTED_PICTURE


def test_infinite_values_are_refused() -> None:
    values = GREY.astype("float32")
    values[0, 0] = np.inf
    with pytest.raises(ServiceError, match="it has infinite values"):
        open_picture(file(Image.fromarray(values), "TIFF"), LIMIT)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "CMYK", "YCbCr", "LAB"])
def test_every_mode_of_colour_is_shown_in_its_colours(mode: str) -> None:
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        converted = ImageCms.profileToProfile(scene(), srgb, lab, outputMode="LAB")
        assert converted is not None
    else:
        converted = scene().convert(mode)
    assert near(corners(file(converted, "TIFF")), CORNERS, by=4)


def test_transparency_lies_on_white() -> None:
    picture = scene().convert("RGBA")
    picture.putalpha(Image.new("L", picture.size, 0))
    assert corners(file(picture)) == [(255, 255, 255)] * 4
    grey = scene().convert("LA")
    assert corners(file(grey)) == GREYS
    palette = scene().quantize(4)
    palette.info["transparency"] = palette.getpixel((5, 5))
    assert corners(file(palette, transparency=palette.getpixel((5, 5))))[0] == (255, 255, 255)


D50 = (0.9642, 1.0, 0.8249)
# The primaries of sRGB, and of Display P3 (which iPhones embed), as XYZ adapted to D50.
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.7141))
P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))


def profile(space: bytes, gamma: float, primaries: Any = ()) -> bytes:
    """A minimal ICC profile (version 2.1) of RGB or grey, with one gamma."""

    def xyz(values: Any) -> bytes:
        return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))

    curve = b"curv\0\0\0\0" + struct.pack(">IHxx", 1, round(gamma * 256))
    tags = [
        (b"desc", b"desc\0\0\0\0\0\0\0\5Test\0" + b"\0" * 78),
        (b"cprt", b"text\0\0\0\0none\0\0\0\0"),
        (b"wtpt", xyz(D50)),
    ]
    names = (b"r", b"g", b"b")
    tags += [(name + b"XYZ", xyz(values)) for name, values in zip(names, primaries, strict=False)]
    tags += [(name + b"TRC", curve) for name in (names if primaries else (b"k",))]
    table, body = b"", b""
    for name, content in tags:
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content
    size = 128 + 4 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"none", 0x2100000, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", *(round(value * 65536) for value in D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def srgb(linear: float) -> int:
    """A linear value as 8-bit sRGB (IEC 61966-2-1)."""
    linear = min(1.0, max(0.0, linear))
    return round(255 * (12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055))


def test_a_grey_profile_is_applied() -> None:
    grey = scene().convert("L")
    expected = [(srgb(value / 255),) * 3 for value, _, _ in GREYS]
    for form in ("PNG", "JPEG", "TIFF"):
        options = {"quality": 95} if form == "JPEG" else {}
        assert near(corners(file(grey, form, icc_profile=profile(b"GRAY", 1.0), **options)), expected, by=3), form


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_the_colours_of_a_wide_profile_are_converted(form: str) -> None:
    exact: dict[str, dict[str, Any]] = {"JPEG": {"quality": 98, "subsampling": 0}, "WEBP": {"lossless": True}}
    linear = (np.array(CORNERS) / 255) ** 2.2 @ np.array(P3) @ np.linalg.inv(np.array(SRGB))
    expected = [tuple(srgb(value) for value in row) for row in linear]
    found = corners(file(scene(), form, icc_profile=profile(b"RGB ", 2.2, P3), **exact.get(form, {})))
    assert near(found, expected, by=6)  # type: ignore[arg-type]
    assert not near(found, CORNERS, by=6)


@pytest.mark.parametrize("content", [b"no profile", profile(b"GRAY", 1.0), profile(b"RGB ", 2.2, P3)[:150]])
def test_a_profile_that_is_damaged_or_of_another_space_is_ignored(content: bytes) -> None:
    assert corners(file(scene(), icc_profile=content)) == CORNERS


def gamma(value: float, *others: tuple[bytes, bytes]) -> bytes:
    """A PNG with a gAMA chunk."""
    chunks = PngImagePlugin.PngInfo()
    for name, data in ((b"gAMA", struct.pack(">I", round(value * 100_000))), *others):
        chunks.add(name, data)
    return file(scene(), pnginfo=chunks)


def test_the_gamma_of_a_png_is_applied() -> None:
    linear: list[Colour] = [(srgb(r / 255), srgb(g / 255), srgb(b / 255)) for r, g, b in CORNERS]
    assert corners(gamma(1.0)) == linear
    half: list[Colour] = [(srgb((r / 255) ** 2), srgb((g / 255) ** 2), srgb((b / 255) ** 2)) for r, g, b in CORNERS]
    assert corners(gamma(0.5)) == half


@pytest.mark.parametrize("content", [gamma(1 / 2.2), gamma(0), gamma(1.0, (b"sRGB", b"\0"))])
def test_a_gamma_that_is_that_of_srgb_or_wrong_or_overruled_changes_nothing(content: bytes) -> None:
    assert corners(content) == CORNERS


def test_a_known_format_that_is_not_read_is_refused_as_that() -> None:
    with pytest.raises(ServiceError, match="a TIFF file that is damaged at its beginning, or of a kind that is not"):
        open_picture(b"II*\0" + bytes(200), LIMIT)
    with pytest.raises(ServiceError, match="a JPEG file that is damaged at its beginning"):
        open_picture(b"\xff\xd8\xff\xe0" + bytes(200), LIMIT)


def test_a_jpeg_without_its_end_is_taken_and_marked() -> None:
    whole = file(noise(), "JPEG", quality=90)
    for cut in (1, 2, 40, len(whole) // 4):
        found = open_picture(whole[:-cut], LIMIT)
        assert found.damage == "image file is truncated"
        assert (found.width, found.height) == (120, 120)
    assert open_picture(whole, LIMIT).damage is None
    with pytest.raises(ServiceError, match=r"image file is truncated; only \d+% of it can be decoded"):
        open_picture(whole[: len(whole) // 4], LIMIT)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "GIF"])
def test_other_formats_are_taken_as_far_as_they_go(form: str) -> None:
    whole = file(noise(), form, **(dict(interlace=0) if form == "GIF" else {}))
    assert open_picture(whole[: len(whole) * 3 // 4], LIMIT).damage
    with pytest.raises(ServiceError, match="damaged"):
        open_picture(whole[: len(whole) // 4], LIMIT)


def test_a_broken_checksum_in_the_middle_is_damage() -> None:
    whole = bytearray(file(noise()))
    whole[len(whole) * 3 // 4] ^= 255
    assert open_picture(bytes(whole), LIMIT).damage


def test_a_long_text_in_a_png_is_no_damage() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("workflow", "x" * (3 << 20), zip=True)
    found = open_picture(file(scene(), pnginfo=text), LIMIT)
    assert (found.damage, format_of(io.BytesIO(file(scene(), pnginfo=text)))) == (None, "PNG")


def test_a_damaged_picture_does_not_make_others_lenient() -> None:
    open_picture(file(noise(), "JPEG")[:-2], LIMIT)
    with pytest.raises(OSError, match="truncated"):
        Image.open(io.BytesIO(file(noise(), "JPEG")[:-2])).load()


def test_a_baseline_jpeg_may_be_larger_than_the_limit_of_what_is_decoded() -> None:
    large = Image.new("RGB", (2400, 1600), (30, 60, 220))
    found = open_picture(file(large, "JPEG"), LIMIT, draft=100)
    assert (found.width, found.height) == (2400, 1600)
    assert max(found.image.size) < 400
    # A progressive one lies in memory as a whole, as do all other formats.
    for content in (file(large, "JPEG", progressive=True), file(large), file(large, "WEBP")):
        with pytest.raises(ServiceError, match="2400 x 1600 pixels; the limit is 1000000") as error:
            open_picture(content, LIMIT, draft=100)
        assert error.value.kind is Kind.TOO_LARGE
        assert open_picture(content, 4 * LIMIT, draft=100).width == 2400


def test_a_limit_above_pillows_own_holds() -> None:
    bomb = file(Image.new("1", (20_000, 10_000)))
    assert open_picture(bomb, 200_000_000).image.size == (20_000, 10_000)
    with pytest.raises(ServiceError, match="the limit is 199999999"):
        open_picture(bomb, 199_999_999)
    with pytest.raises(ServiceError, match="no side may have more than 65535"):
        open_picture(file(Image.new("1", (65_536, 1))), LIMIT)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_a_format_is_told_by_its_content(form: str) -> None:
    open_picture(file(scene()), LIMIT)  # registers HEIF, for the writer
    stream = io.BytesIO(file(scene(), form))
    assert (format_of(stream), stream.tell(), stream.closed) == (form, 0, False)
    assert format_of(io.BytesIO(b"hello")) is None


def test_a_small_picture_is_packed_as_it_is() -> None:
    content = packed(scene())
    found = unpacked(content)
    assert found is not None
    assert (found.mode, found.size, found.tobytes()) == ("RGB", (60, 40), scene().tobytes())


def test_a_large_picture_is_packed_reduced() -> None:
    found = unpacked(packed(scene().resize((3000, 2000), Image.Resampling.NEAREST)))
    assert found is not None
    assert found.size == (720, PACKED_SIDE)
    pixels = [found.getpixel((found.width * x // 4, found.height * y // 4)) for y in (1, 3) for x in (1, 3)]
    assert pixels == CORNERS


@pytest.mark.parametrize(
    "size", [(3 * PACKED_SIDE, PACKED_SIDE), (6000, 600), (60_000, 2000), (20, 60_000), (1, 65_535)]
)
def test_a_long_strip_is_packed_within_the_limit_and_keeps_its_shape(size: tuple[int, int]) -> None:
    content = packed(Image.new("RGB", size))
    assert len(content) < MAX_PACKED + 100
    found = unpacked(content)
    assert found is not None
    assert found.width / found.height == pytest.approx(size[0] / size[1], rel=0.1) or 1 in found.size


@pytest.mark.parametrize(
    "content",
    [
        file(scene()),
        b"P6\n60 40\n255\n",
        b"P6\n60 40\n255\n" + bytes(60 * 40),
        b"P6\n# a comment\n2 1\n255\n" + bytes(6),
        b"P6\n2 1\n65535\n" + bytes(12),
        b"P6\n-2 1\n255\n",
        b"P6\n70000 70000\n255\n",
        b"P6\n",
        b"",
    ],
)
def test_only_what_was_packed_is_unpacked(content: bytes) -> None:
    assert unpacked(content) is None
