"""Captions and keywords in picture files (XMP, IPTC, EXIF) and in sidecars: sources, encodings, limits, user edits."""

from pathlib import Path
from typing import Any

import pytest
from gateway.pictures import metadata
from gateway.pictures.metadata import Description, applied, description, from_xmp
from PIL import Image, PngImagePlugin
from servicekit.errors import ServiceError
from servicekit.pictures import open_picture

from tests.unit.gateway.conftest import body, get, ids, upload
from tests.unit.gateway.metadata_files import iptc, picture_file, xmp


def read(content: bytes, sidecar: Description | None = None) -> Description:
    return description(open_picture(content, 10**6), sidecar)


def exif_of(**tags: Any) -> Image.Exif:
    exif = Image.Exif()
    for name, value in tags.items():
        exif[getattr(metadata, name)] = value
    return exif


def test_xmp_is_read_from_every_format_that_holds_it() -> None:
    said = Description("A kite over the dunes", ("kite", "Meer & Strand"))
    document = xmp("A kite over the dunes", "kite", "Meer &amp; Strand")
    for form in ("JPEG", "WEBP", "AVIF", "HEIF"):
        assert read(picture_file(form, xmp=document)) == said, form
    texts = PngImagePlugin.PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", document.decode())
    assert read(picture_file("PNG", pnginfo=texts)) == said
    assert read(picture_file("TIFF", tiffinfo={700: document})) == said


def test_the_title_stands_for_a_description_that_is_missing() -> None:
    assert from_xmp(xmp(title="Ann's wedding")).caption == "Ann's wedding"
    assert from_xmp(xmp("They dance", title="Ann's wedding")).caption == "They dance"


@pytest.mark.parametrize("utf_8", [True, False])
def test_iptc_is_read_as_utf_8_whether_or_not_it_says_so(utf_8: bool) -> None:
    content = picture_file(segment=iptc("Café".encode(), "été".encode(), b"table", utf_8=utf_8))
    assert read(content) == Description("Café", ("été", "table"))


def test_iptc_in_latin_1_is_read_as_that() -> None:
    assert read(picture_file(segment=iptc(b"Caf\xe9", b"\xe9t\xe9"))) == Description("Café", ("été",))


def test_exif_descriptions_are_read_also_those_of_windows() -> None:
    # Programs write UTF-8 into the field, which Pillow cannot.
    content = picture_file(exif=exif_of(EXIF_DESCRIPTION="K__lner Dom"))
    assert read(content.replace(b"K__lner", "Kölner".encode())).caption == "Kölner Dom"
    windows = exif_of(XP_TITLE="Die Brücke\0".encode("utf-16-le"), XP_KEYWORDS="Fluss;Brücke\0".encode("utf-16-le"))
    assert read(picture_file(exif=windows)) == Description("Die Brücke", ("Fluss", "Brücke"))


@pytest.mark.parametrize("boilerplate", ["OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "", "   "])
def test_what_cameras_write_into_every_file_is_no_caption(boilerplate: str) -> None:
    assert read(picture_file(exif=exif_of(EXIF_DESCRIPTION=boilerplate))) == Description()


def test_the_first_source_that_says_something_is_taken() -> None:
    exif = exif_of(EXIF_DESCRIPTION="by the camera", XP_KEYWORDS="exif".encode("utf-16-le"))
    content = picture_file(segment=iptc(b"by the agency"), exif=exif, xmp=xmp("", "xmp"))
    assert read(content) == Description("by the agency", ("xmp",))
    assert read(content, Description("by the sidecar")) == Description("by the sidecar", ("xmp",))


@pytest.mark.parametrize(
    "broken",
    [
        b"<x",
        b"\xff\xfe\x00",
        b"no xml at all",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b" " * (metadata.LARGEST_SIDECAR + 1),
    ],
)
def test_a_document_that_is_not_xmp_is_refused_and_in_a_picture_ignored(broken: bytes) -> None:
    with pytest.raises(ServiceError, match="the sidecar is not XMP"):
        from_xmp(broken)
    if len(broken) < 65_000:
        assert read(picture_file(xmp=broken)) == Description()


def test_damaged_iptc_is_ignored() -> None:
    assert read(picture_file(segment=b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x09\x1c\x02\x78\xff\xff")) == Description()


def test_long_texts_and_many_keywords_are_cut() -> None:
    found = from_xmp(xmp("a" * 5000, *(f"{n}{'b' * 300}" for n in range(80))))
    assert len(found.caption) == metadata.LONGEST_CAPTION
    assert {len(word) for word in found.keywords} == {metadata.LONGEST_KEYWORD}
    assert len(found.keywords) == metadata.MOST_KEYWORDS


def test_what_the_user_wrote_stays_when_the_file_says_something_else() -> None:
    def record(caption: str, *tags: str) -> dict[str, Any]:
        return {"caption": caption, "tags": list(tags), "attributes": {"file_caption": "old", "file_keywords": "a; b"}}

    now = Description("new", ("b", "c"))
    attributes = {"file_caption": "new", "file_keywords": "b; c"}
    followed = {"caption": "new", "tags": ["mine", "b", "c"], "attributes": attributes}
    assert applied(record("old", "a", "mine", "b"), now) == followed
    # The user has written another caption, and removed the tag b.
    assert applied(record("mine", "a"), now) == {"tags": ["c"], "attributes": attributes}
    # The user has emptied the caption.
    assert "caption" not in applied(record("", "a", "b"), now)
    assert applied(record("old", "a", "b"), Description()) == {"caption": "", "tags": [], "attributes": {}}
    assert applied(record("old", "a"), Description("old", ("a", "b"))) == {}


def test_an_upload_takes_what_the_file_says_where_the_user_says_nothing(stack: Any) -> None:
    content = picture_file(xmp=xmp("A kite", "beach", "wind"))
    assert body(upload(stack, content, details=[{"tags": ["holiday"]}]))["items"][0]["status"] == "added"
    record = body(get(stack, f"/api/v1/images/{ids(content)[0]}"))
    assert (record["caption"], record["tags"]) == ("A kite", ["holiday", "beach", "wind"])
    assert record["attributes"] == {"file_caption": "A kite", "file_keywords": "beach; wind"}
    assert body(get(stack, "/api/v1/search?q=kite&mode=text"))["results"][0]["id"] == record["id"]
    other = picture_file(xmp=xmp("A kite"), colour=(1, 2, 3))
    upload(stack, other, details=[{"caption": "a dragon"}])
    record = body(get(stack, f"/api/v1/images/{ids(other)[0]}"))
    assert (record["caption"], record["attributes"]) == ("a dragon", {"file_caption": "A kite"})


def test_a_file_without_words_has_no_attributes_of_them(stack: Any, tmp_path: Path) -> None:
    upload(stack, picture_file())
    assert body(get(stack, f"/api/v1/images/{ids(picture_file())[0]}"))["attributes"] == {}
