"""Picture files with metadata: XMP, IPTC, EXIF."""

import io
import struct
from typing import Any

from PIL import Image

from tests.unit.gateway.conftest import RED

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'


def xmp(caption: str = "", *keywords: str, title: str = "") -> bytes:
    def texts(name: str, text: str) -> str:
        german = '<rdf:li xml:lang="de">Deutsch</rdf:li>'
        return f'<dc:{name}><rdf:Alt>{german}<rdf:li xml:lang="x-default">{text}</rdf:li></rdf:Alt></dc:{name}>'

    parts = texts("description", caption) if caption else ""
    parts += texts("title", title) if title else ""
    if keywords:
        parts += f"<dc:subject><rdf:Bag>{''.join(f'<rdf:li>{k}</rdf:li>' for k in keywords)}</rdf:Bag></dc:subject>"
    document = f"<rdf:RDF {RDF}><rdf:Description>{parts}</rdf:Description></rdf:RDF>"
    begin, end = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'
    return f'{begin}<x:xmpmeta xmlns:x="adobe:ns:meta/">{document}</x:xmpmeta>{" " * 100}{end}'.encode() + b"\0\0"


def iptc(caption: bytes, *keywords: bytes, utf_8: bool = False) -> bytes:
    """A Photoshop segment with IPTC-IIM datasets."""
    sets = [(1, 90, b"\x1b%G")] if utf_8 else []
    sets += [(2, 120, caption), *((2, 25, word) for word in keywords)]
    data = b"".join(struct.pack(">BBBH", 0x1C, record, number, len(value)) + value for record, number, value in sets)
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(data)) + data + (b"\0" if len(data) % 2 else b"")
    return b"Photoshop 3.0\0" + block


def picture_file(form: str = "JPEG", segment: bytes = b"", colour: tuple[int, int, int] = RED, **options: Any) -> bytes:
    """A picture file; `segment` is inserted as an APP13 segment."""
    stream = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(stream, form, **options)
    content = stream.getvalue()
    if segment:
        content = content[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + content[2:]
    return content
