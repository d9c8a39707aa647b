"""The sample gallery: checksums of the manifest, licences and authors, size."""

import csv
import hashlib
import json
from pathlib import Path

GALLERY = Path(__file__).parents[2] / "deploy" / "gallery"
ENTRIES = json.loads((GALLERY / "manifest.json").read_text())["pictures"]
FREE = ("GPL-", "LGPL-", "CC-BY-", "CC0-", "public-domain")


def test_every_picture_is_on_record_and_unchanged() -> None:
    assert {e["file"] for e in ENTRIES} == {f"pictures/{p.name}" for p in (GALLERY / "pictures").iterdir()}
    for entry in ENTRIES:
        assert hashlib.sha256((GALLERY / entry["file"]).read_bytes()).hexdigest() == entry["sha256"], entry["file"]


def test_every_picture_says_who_made_it_and_what_may_be_done_with_it() -> None:
    for entry in ENTRIES:
        assert entry["author"], entry["file"]
        assert entry["origin"], entry["file"]
        assert entry["licence"].startswith(FREE), entry["file"]


def test_the_gallery_is_large_enough_to_search_and_small_enough_to_clone() -> None:
    assert len(ENTRIES) >= 300
    assert sum((GALLERY / e["file"]).stat().st_size for e in ENTRIES) < 8 * 2**20


def test_the_captions_are_the_manifests() -> None:
    with (GALLERY / "captions.csv").open(newline="", encoding="utf-8") as stream:
        captions = {f"pictures/{row['image']}": row["caption"] for row in csv.DictReader(stream)}
    assert captions == {e["file"]: e["caption"] for e in ENTRIES}
