"""Captions and keywords that picture files and their sidecars carry (XMP, IPTC, EXIF), kept apart from the user's.

What the file says is in the attributes `file_caption` and `file_keywords`, and becomes caption and tags where the user
said nothing. Of several sources, the first that has a caption, or keywords, is taken: sidecar, XMP, IPTC, EXIF.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from PIL import Image
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import DecodedPicture

# Names of the attributes, and what stands between two keywords.
CAPTION, KEYWORDS = "file_caption", "file_keywords"
BETWEEN = "; "
NAMES = frozenset({CAPTION, KEYWORDS})
# Limits: characters of a caption and of a keyword, keywords of a file, bytes of a sidecar.
LONGEST_CAPTION, LONGEST_KEYWORD, MOST_KEYWORDS = 2000, 200, 50
LARGEST_SIDECAR = 4 * 2**20
# Attributes of a picture; see `servicekit.records.Attributes`.
MOST_ATTRIBUTES = 100

# XMP (ISO 16684-1): Dublin Core's title, description and subject.
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
# IPTC-IIM 4.2: datasets of the application record, and the escape sequence that stands for UTF-8 in 1:90.
IPTC_CODING, IPTC_KEYWORDS, IPTC_CAPTION = (1, 90), (2, 25), (2, 120)
IPTC_UTF_8 = b"\x1b%G"
# EXIF, and the tags that Windows writes in UTF-16.
EXIF_DESCRIPTION = 0x010E
XP_TITLE, XP_COMMENT, XP_KEYWORDS = 0x9C9B, 0x9C9C, 0x9C9E
# What cameras and programs write as a description of every picture, in lower case.
SAY_NOTHING = frozenset(
    {"olympus digital camera", "sony dsc", "minolta digital camera", "kodak digital still camera", "digital camera"}
    | {"samsung digital camera", "samsung", "konica minolta digital camera", "exif_jpeg_picture", "exif jpeg"}
    | {"created with gimp", "default", "untitled", "screenshot", "dcim", "ricoh", "cof", "dav", "hdr", "hdrpl", "oznor"}
)


class Description(NamedTuple):
    """What a file says of its picture."""

    caption: str = ""
    keywords: tuple[str, ...] = ()


class BrokenSidecarError(ServiceError):
    """A sidecar that cannot be read as XMP."""

    def __init__(self, reason: str) -> None:
        super().__init__(Kind.UNSUPPORTED_PICTURE, f"the sidecar is not XMP: {reason}")


def description(picture: DecodedPicture, sidecar: Description | None = None) -> Description:
    """The first caption, and the first keywords, of all sources.

    Args:
        picture: the decoded picture, with its metadata.
        sidecar: what its sidecar says.
    """
    sources: tuple[Callable[[], Description], ...] = (
        lambda: sidecar or Description(),
        lambda: from_embedded_xmp(picture.xmp),
        lambda: from_iptc(picture.iptc),
        lambda: from_exif(picture.exif),
    )
    found = [source() for source in sources]
    return Description(
        next((one.caption for one in found if one.caption), ""),
        next((one.keywords for one in found if one.keywords), ()),
    )


def from_xmp(content: bytes) -> Description:
    """What an XMP document says: its description, else its title, and its subjects.

    Raises:
        BrokenSidecarError: it is not XMP, or is larger than LARGEST_SIDECAR.
    """
    if len(content) > LARGEST_SIDECAR:
        raise BrokenSidecarError(f"it has {len(content)} bytes; the limit is {LARGEST_SIDECAR}")
    try:
        # A packet is padded with spaces, and some programs pad it with zero bytes.
        document = fromstring(content.strip(b"\0 \t\r\n"))
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise BrokenSidecarError(str(error)) from error
    captions = [alternative(document, name) for name in ("description", "title")]
    return made(captions, (item.text for one in document.iter(f"{DC}subject") for item in one.iter(f"{RDF}li")))


def from_embedded_xmp(content: bytes) -> Description:
    """As `from_xmp`; nothing if it is damaged."""
    try:
        return from_xmp(content) if content else Description()
    except BrokenSidecarError:
        return Description()


def alternative(document: Element, name: str) -> str | None:
    """A text of Dublin Core, in the default language if there are several."""
    for one in document.iter(f"{DC}{name}"):
        items = list(one.iter(f"{RDF}li"))
        default = [item for item in items if item.get(LANGUAGE) == "x-default"]
        if text := next((item.text for item in [*default, *items] if item.text), None):
            return text
    return None


def from_iptc(facts: Mapping[tuple[int, int], Any]) -> Description:
    """What IPTC-IIM datasets say."""
    # Without a declared character set, programs write UTF-8 or Latin-1.
    codings = ("utf-8",) if facts.get(IPTC_CODING) == IPTC_UTF_8 else ("utf-8", "latin-1")
    keywords = facts.get(IPTC_KEYWORDS, [])
    return made(
        [decoded(facts.get(IPTC_CAPTION), codings)],
        (decoded(word, codings) for word in (keywords if isinstance(keywords, list) else [keywords])),
    )


def from_exif(exif: Image.Exif) -> Description:
    """What EXIF says: the image description, and the title, comment and keywords of Windows."""
    written = exif.get(EXIF_DESCRIPTION)
    title, comment, keywords = (decoded(exif.get(tag), ("utf-16-le",)) for tag in (XP_TITLE, XP_COMMENT, XP_KEYWORDS))
    # Pillow decodes ASCII as Latin-1, and most programs write UTF-8.
    with suppress(ValueError):
        written = written.encode("latin-1").decode() if isinstance(written, str) else None
    return made([written, title, comment], [keywords])


def decoded(content: Any, codings: Iterable[str]) -> str | None:
    """Bytes as text, by the first coding that fits; None if there are none."""
    if isinstance(content, tuple):  # how Pillow returns some byte arrays
        content = bytes(content)
    if not isinstance(content, bytes):
        return None
    for coding in codings:
        try:
            return content.decode(coding)
        except ValueError:
            continue
    return None


def made(captions: Iterable[str | None], keywords: Iterable[str | None]) -> Description:
    """A description of the first caption that says something, and of distinct keywords, within the limits.

    Some programs write all keywords as one, with semicolons between them.
    """
    said = (clean(caption)[:LONGEST_CAPTION] for caption in captions)
    words = dict.fromkeys(clean(word)[:LONGEST_KEYWORD] for one in keywords for word in (one or "").split(";"))
    return Description(
        next((caption for caption in said if caption and caption.lower() not in SAY_NOTHING), ""),
        tuple(word for word in words if word)[:MOST_KEYWORDS],
    )


def within_limit(own: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes and others beside them, as many as a picture may have; those of `own` come first, and win."""
    return dict(list({**own, **{n: v for n, v in others.items() if n not in own}}.items())[:MOST_ATTRIBUTES])


def clean(text: str | None) -> str:
    """A text without unprintable characters and repeated spaces."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())


def applied(record: Mapping[str, Any], now: Description) -> dict[str, Any]:
    """The changes to a record after its file says something else: what the user wrote stays.

    Args:
        record: caption, tags and attributes, of which `file_caption` and `file_keywords` are what the file said before.
        now: what the file says now.

    Returns:
        New values by field.
    """
    before = record["attributes"]
    said = str(before.get(KEYWORDS, "")).split(BETWEEN)
    tags = [tag for tag in record["tags"] if tag not in said or tag in now.keywords]
    tags += [word for word in now.keywords if word not in said and word not in tags]
    attributes = {name: value for name, value in before.items() if name not in NAMES}
    if now.caption:
        attributes[CAPTION] = now.caption
    if now.keywords:
        attributes[KEYWORDS] = BETWEEN.join(now.keywords)
    attributes = within_limit({n: v for n, v in attributes.items() if n not in NAMES}, attributes)
    new = {
        "caption": now.caption if record["caption"] == before.get(CAPTION, "") else record["caption"],
        "tags": tags[:100],
        "attributes": attributes,
    }
    return {name: value for name, value in new.items() if value != record[name]}
