"""Sidecars (XMP files beside pictures) in the library: found, followed when they change, and reported when broken."""

from pathlib import Path
from typing import Any

from gateway.library.folders import with_pictures

from tests.unit.gateway.conftest import GREEN, RED, body, get, ids, picture
from tests.unit.gateway.library.conftest import scan, scan_paths
from tests.unit.gateway.metadata_files import picture_file, xmp


def said(stack: Any, content: bytes) -> tuple[str, list[str]]:
    record = body(get(stack, f"/api/v1/images/{ids(content)[0]}"))
    return record["caption"], record["tags"]


def test_a_sidecar_gives_its_picture_caption_and_tags_and_is_followed(shelf: Any, photos: Path) -> None:
    (photos / "2024" / "red.png.xmp").write_bytes(xmp("A wall", "brick"))
    scan(shelf)
    red = picture(RED)
    assert said(shelf, red) == ("A wall", ["brick"])
    (photos / "2024" / "red.png.xmp").write_bytes(xmp("A red wall", "brick", "town"))
    result = scan(shelf)
    assert (result["exists"], result["unchanged"], result["failed"]) == (1, 1, 0)
    assert said(shelf, red) == ("A red wall", ["brick", "town"])
    shelf.client.patch(f"/api/v1/images/{ids(red)[0]}", json={"caption": "mine"})
    (photos / "2024" / "red.png.xmp").unlink()
    scan(shelf)
    assert said(shelf, red) == ("mine", [])
    assert scan(shelf)["unchanged"] == 2


def test_a_sidecar_that_comes_later_is_seen(shelf: Any, photos: Path) -> None:
    scan(shelf)
    # As Lightroom names it, and with an ending in capitals.
    (photos / "2024" / "red.XMP").write_bytes(xmp("A wall"))
    scan(shelf)
    assert said(shelf, picture(RED)) == ("A wall", [])


def test_a_change_of_a_sidecar_scans_its_picture_alone(shelf: Any, photos: Path) -> None:
    scan(shelf)
    sidecar = photos / "2024" / "red.png.xmp"
    sidecar.write_bytes(xmp("A wall"))
    assert list(with_pictures([sidecar, photos / "gone" / "x.xmp"])) == [
        sidecar,
        photos / "2024" / "red.png",
        photos / "gone" / "x.xmp",
    ]
    result = scan_paths(shelf, sidecar)
    assert (result["total"], result["exists"]) == (1, 1)
    assert said(shelf, picture(RED)) == ("A wall", [])


def test_a_broken_sidecar_is_reported_and_its_picture_is_added(shelf: Any, photos: Path) -> None:
    (photos / "blue.jpeg.xmp").write_bytes(b"<x")
    result = scan(shelf)
    assert (result["added"], result["failed"]) == (2, 0)
    (failure,) = result["failures"]
    assert failure["file"] == str(photos / "blue.jpeg.xmp")
    assert failure["fault"] == "sidecar"
    assert failure["reason"].startswith("the sidecar is not XMP: ")


def test_a_caption_in_an_edited_file_follows_it_unless_the_user_wrote_one(shelf: Any, photos: Path) -> None:
    first, second, third = (
        picture_file(xmp=xmp(caption, *keywords), colour=colour)
        for caption, keywords, colour in (
            ("one", ("a",), GREEN),
            ("two", ("a", "b"), (9, 90, 9)),
            ("three", ("b",), (90, 90, 9)),
        )
    )
    (photos / "green.jpg").write_bytes(first)
    scan(shelf)
    shelf.client.patch(f"/api/v1/images/{ids(first)[0]}", json={"tags": ["mine", "a"]})
    (photos / "green.jpg").write_bytes(second)
    scan(shelf)
    assert said(shelf, second) == ("two", ["mine", "a", "b"])
    shelf.client.patch(f"/api/v1/images/{ids(second)[0]}", json={"caption": "mine"})
    (photos / "green.jpg").write_bytes(third)
    scan(shelf)
    assert said(shelf, third) == ("mine", ["mine", "b"])


def test_a_sidecar_that_changes_while_its_file_is_moved_goes_or_comes_back_is_read(shelf: Any, photos: Path) -> None:
    file, moved, red = photos / "2024" / "red.png", photos / "moved.png", picture(RED)
    file.with_name("red.png.xmp").write_bytes(xmp("A wall"))
    scan(shelf)
    # Moved, and described anew.
    file.rename(moved)
    file.with_name("red.png.xmp").unlink()
    (photos / "moved.png.xmp").write_bytes(xmp("A red wall"))
    scan(shelf)
    assert said(shelf, red) == ("A red wall", [])
    # Gone, and back with another sidecar.
    moved.rename(photos.with_name("away.png"))
    scan(shelf)
    photos.with_name("away.png").rename(file)
    file.with_name("red.png.xmp").write_bytes(xmp("A wall again"))
    assert scan(shelf)["back"] == 1
    assert said(shelf, red) == ("A wall again", [])
    # Moved without its sidecar.
    file.rename(moved)
    (photos / "moved.png.xmp").unlink()
    scan(shelf)
    assert said(shelf, red) == ("", [])


def test_a_copy_without_a_sidecar_changes_nothing(shelf: Any, photos: Path) -> None:
    (photos / "2024" / "red.png.xmp").write_bytes(xmp("A wall", "brick"))
    scan(shelf)
    (photos / "a copy.png").write_bytes(picture(RED))
    assert scan(shelf)["exists"] == 1
    assert said(shelf, picture(RED)) == ("A wall", ["brick"])


def test_a_sidecar_that_breaks_leaves_what_it_said(shelf: Any, photos: Path) -> None:
    sidecar = photos / "2024" / "red.png.xmp"
    sidecar.write_bytes(xmp("A wall"))
    scan(shelf)
    sidecar.write_bytes(b"<x")
    assert scan(shelf)["failures"][0]["file"] == str(sidecar)
    assert said(shelf, picture(RED)) == ("A wall", [])


def test_a_folder_or_a_link_out_of_the_library_is_no_sidecar(shelf: Any, photos: Path) -> None:
    (photos / "blue.jpeg.xmp").mkdir()
    photos.with_name("secret").write_bytes(xmp("A secret"))
    (photos / "2024" / "red.png.xmp").symlink_to(photos.with_name("secret"))
    scan(shelf)
    assert said(shelf, picture(RED)) == ("", [])
    for result in (scan_paths(shelf, photos / "blue.jpeg"), scan_paths(shelf, photos / "2024" / "red.png")):
        assert result["unchanged"] == 1
