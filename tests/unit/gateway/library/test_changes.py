"""What a scan does with files that were edited, renamed, exchanged, copied or unreadable, and with deleted pictures."""

import os
from pathlib import Path
from typing import Any

import pytest
from gateway.library import folders
from PIL import Image

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload
from tests.unit.gateway.library.conftest import found, scan, scan_paths


def summary(stack: Any, name: str) -> tuple[str, str, list[str]]:
    """File name, caption and tags of a picture."""
    record = body(get(stack, f"/api/v1/images/{name}"))
    return record["file_name"], record["caption"], record["tags"]


def test_an_edited_file_passes_its_caption_and_tags_on_and_its_former_content_goes(shelf: Any, photos: Path) -> None:
    scan(shelf)
    blue, green = picture(BLUE, form="JPEG"), picture(GREEN, form="JPEG")
    said: dict[str, Any] = {"caption": "the sea", "tags": ["holiday"], "taken_at": "2024-05-31T18:20:05"}
    said["attributes"] = {"stars": 5}
    assert shelf.client.patch(f"/api/v1/images/{ids(blue)[0]}", json=said).status_code == 200
    (photos / "blue.jpeg").write_bytes(green)
    assert get(shelf, f"/api/v1/images/{ids(blue)[0]}/file").status_code == 404
    assert scan(shelf)["added"] == 1
    assert get(shelf, f"/api/v1/images/{ids(blue)[0]}").status_code == 404
    after = body(get(shelf, f"/api/v1/images/{ids(green)[0]}"))
    # The file says nothing of the time.
    said["attributes"] = {"stars": 5, "file_taken_at": ""}
    assert {field: after[field] for field in said} == said
    assert get(shelf, after["file_url"]).data == green
    assert body(get(shelf, "/api/v1/stats"))["count"] == 2


def test_the_former_content_of_an_edited_file_stays_where_another_file_holds_it(shelf: Any, photos: Path) -> None:
    red = picture(RED)
    (photos / "copy.png").write_bytes(red)
    scan(shelf)
    shelf.client.patch(f"/api/v1/images/{ids(red)[0]}", json={"caption": "a wall"})
    (photos / "2024" / "red.png").write_bytes(picture(GREEN))
    scan(shelf)
    assert get(shelf, f"/api/v1/images/{ids(red)[0]}/file").data == red
    # The caption stays with the content: the file of that name may hold another picture now.
    assert [summary(shelf, name)[1] for name in ids(red, picture(GREEN))] == ["a wall", ""]


def captioned(stack: Any, photos: Path, count: int) -> list[str]:
    """Files 1.png, 2.png, ... with captions "one", "two", ...; their ids."""
    contents = [picture((60 * number, 9, 200)) for number in range(count)]
    for number, content in enumerate(contents, 1):
        (photos / f"{number}.png").write_bytes(content)
    scan(stack)
    for name, caption in zip(ids(*contents), ("one", "two", "three"), strict=False):
        stack.client.patch(f"/api/v1/images/{name}", json={"caption": caption})
    return ids(*contents)


def exchange(photos: Path, *moves: tuple[str, str]) -> None:
    """Rename files, all at once, with times that differ from those before."""
    contents = {new: (photos / old).read_bytes() for old, new in moves}
    for new, content in contents.items():
        (photos / new).write_bytes(content)
        os.utime(photos / new, (1_700_000_000, 1_700_000_000))


def test_the_copy_of_a_file_that_is_edited_afterwards_keeps_the_caption(shelf: Any, photos: Path) -> None:
    (one,) = captioned(shelf, photos, 1)
    exchange(photos, ("1.png", "original.png"))
    (photos / "1.png").write_bytes(picture(GREEN))
    result = scan(shelf)
    assert (result["added"], result["exists"], result["failed"]) == (1, 1, 0)
    assert summary(shelf, one)[:2] == ("original.png", "one")
    assert get(shelf, f"/api/v1/images/{one}/file").status_code == 200


def test_files_that_exchange_their_names_keep_their_captions(shelf: Any, photos: Path) -> None:
    one, two = captioned(shelf, photos, 2)
    exchange(photos, ("1.png", "2.png"), ("2.png", "1.png"))
    assert scan(shelf, remove=True)["exists"] == 2
    assert (summary(shelf, one)[:2], summary(shelf, two)[:2]) == (("2.png", "one"), ("1.png", "two"))
    assert scan(shelf)["unchanged"] == 4


def test_renumbered_files_keep_their_captions(shelf: Any, photos: Path) -> None:
    names = captioned(shelf, photos, 3)
    exchange(photos, ("3.png", "4.png"), ("2.png", "3.png"), ("1.png", "2.png"))
    (photos / "1.png").unlink()
    assert scan(shelf, remove=True)["failed"] == 0
    assert [summary(shelf, name)[:2] for name in names] == [("2.png", "one"), ("3.png", "two"), ("4.png", "three")]


def test_nothing_is_forgotten_while_a_file_cannot_be_read(
    shelf: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moved file may be the one that cannot be read."""
    (one,) = captioned(shelf, photos, 1)
    (photos / "1.png").rename(photos / "moved.png")

    def failing(path: Path, sidecar: Path | None) -> Any:
        if path.name == "moved.png":
            raise OSError(5, "Input/output error")
        return folders.read(path, sidecar)

    with monkeypatch.context() as patched:
        patched.setattr("gateway.library.scan.read", failing)
        result = scan(shelf, remove=True)
    assert (result["gone"], result["forgotten"]) == (1, 0)
    assert result["failures"][0]["reason"] == "Input/output error"
    assert get(shelf, f"/api/v1/images/{one}").status_code == 404
    assert scan(shelf, remove=True)["back"] == 1
    assert summary(shelf, one)[:2] == ("moved.png", "one")


def test_a_file_that_is_edited_to_deleted_content_leaves_nothing(shelf: Any, photos: Path) -> None:
    (one,) = captioned(shelf, photos, 1)
    assert shelf.client.delete(f"/api/v1/images/{ids(picture(RED))[0]}").status_code == 204
    (photos / "1.png").write_bytes(picture(RED))
    (photos / "2024" / "red.png").unlink()
    assert scan(shelf)["deleted"] == 1
    assert get(shelf, f"/api/v1/images/{one}").status_code == 404


def test_the_date_that_a_camera_wrote_is_corrected_by_an_edit_and_kept_where_the_edit_lost_it(
    shelf: Any, photos: Path
) -> None:
    def taken(when: str | None, colour: tuple[int, int, int]) -> str | None:
        exif = Image.Exif()
        if when:
            exif[306] = when
        content = picture(colour, form="JPEG", exif=exif)
        (photos / "dated.jpg").write_bytes(content)
        scan(shelf)
        found: str | None = body(get(shelf, f"/api/v1/images/{ids(content)[0]}"))["taken_at"]
        return found

    assert taken("2020:01:02 03:04:05", RED) == "2020-01-02T03:04:05"
    assert taken("2024:05:31 18:20:05", GREEN) == "2024-05-31T18:20:05"
    assert taken(None, (9, 9, 9)) == "2024-05-31T18:20:05"


def test_a_file_whose_time_alone_has_changed_is_served(shelf: Any, photos: Path) -> None:
    scan(shelf)
    red = picture(RED)
    os.utime(photos / "2024" / "red.png", (5, 5))
    assert get(shelf, f"/api/v1/images/{ids(red)[0]}/file").data == red
    # Its time is known now; other content of the same size is not served.
    (photos / "2024" / "red.png").write_bytes(red[:-1] + b"x")
    os.utime(photos / "2024" / "red.png", (6, 6))
    assert get(shelf, f"/api/v1/images/{ids(red)[0]}/file").status_code == 404


def test_a_file_that_is_replaced_by_something_unreadable_hides_its_picture_until_it_can_be_read(
    shelf: Any, photos: Path
) -> None:
    (one,) = captioned(shelf, photos, 1)
    content = (photos / "1.png").read_bytes()
    (photos / "1.png").write_bytes(content[:50])
    result = scan(shelf)
    assert result["failed"] == 1
    assert get(shelf, f"/api/v1/images/{one}").status_code == 404
    assert scan(shelf)["failed"] == 1
    (photos / "1.png").write_bytes(picture(GREEN))
    scan(shelf)
    assert summary(shelf, ids(picture(GREEN))[0])[:2] == ("1.png", "one")
    (photos / "1.png").write_bytes(content)
    scan(shelf)
    assert summary(shelf, one)[:2] == ("1.png", "one")


def test_a_file_that_may_not_be_read_keeps_its_picture_and_is_reported(
    shelf: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(shelf)
    # The tests may run as root, who may read everything.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "blue.jpeg")
    result = scan(shelf, remove=True)
    assert result["failures"] == [
        {"file": str(photos / "blue.jpeg"), "fault": "unreadable", "reason": "Permission denied"}
    ]
    assert (result["gone"], found(shelf)) == (0, {"2024/red.png", "blue.jpeg"})


def test_a_link_to_itself_ends_no_scan(shelf: Any, photos: Path) -> None:
    (photos / "loop.png").symlink_to(photos / "loop.png")
    assert scan(shelf)["added"] == 2


def test_a_deleted_picture_stays_deleted_by_its_content_until_the_user_adds_it(shelf: Any, photos: Path) -> None:
    scan(shelf)
    red, file = picture(RED), photos / "2024" / "red.png"
    name = ids(red)[0]
    assert shelf.client.delete(f"/api/v1/images/{name}").status_code == 204
    os.utime(file, (1, 1))
    assert (scan(shelf)["deleted"], found(shelf)) == (1, {"blue.jpeg"})
    file.rename(photos / "renamed.png")
    (photos / "copy.png").write_bytes(red)
    assert (scan(shelf, remove=True)["deleted"], found(shelf)) == (2, {"blue.jpeg"})
    assert body(upload(shelf, red))["items"][0]["status"] == "added"
    os.utime(photos / "renamed.png", (2, 2))
    assert scan(shelf)["deleted"] == 0
    assert get(shelf, f"/api/v1/images/{name}/file").data == red


def test_a_renamed_file_gives_its_picture_its_new_name(shelf: Any, photos: Path) -> None:
    scan(shelf)
    name = ids(picture(RED))[0]
    shelf.client.patch(f"/api/v1/images/{name}", json={"caption": "a wall", "tags": ["inside"]})
    (photos / "2024" / "red.png").rename(photos / "brick.png")
    scan(shelf)
    assert summary(shelf, name) == ("brick.png", "a wall", ["inside"])
    assert body(get(shelf, "/api/v1/search?q=brick&mode=text"))["results"][0]["id"] == name
    # A copy changes nothing: the file of that name is still there.
    (photos / "another.png").write_bytes(picture(RED))
    scan(shelf)
    assert summary(shelf, name)[0] == "brick.png"


def test_a_file_that_holds_something_unreadable_holds_its_former_picture_no_longer(shelf: Any, photos: Path) -> None:
    (one,) = captioned(shelf, photos, 1)
    file, copy = photos / "1.png", photos / "copy.png"
    content, facts = file.read_bytes(), file.stat()
    copy.write_bytes(content)
    scan(shelf)
    file.write_bytes(b"x" * len(content))
    scan_paths(shelf, file)
    assert summary(shelf, one)[:2] == ("copy.png", "one")
    copy.unlink()
    scan_paths(shelf, copy)
    assert get(shelf, f"/api/v1/images/{one}").status_code == 404
    # Its words wait for what the file holds next, also when everything that is gone is forgotten.
    assert scan(shelf, remove=True)["forgotten"] == 0
    file.write_bytes(content)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert scan(shelf)["back"] == 1
    assert summary(shelf, one)[:2] == ("1.png", "one")
    file.write_bytes(b"x")
    scan(shelf)
    file.unlink()
    assert scan(shelf, remove=True)["forgotten"] == 1


def test_files_of_one_size_and_time_that_exchange_their_names_are_seen(shelf: Any, photos: Path) -> None:
    contents = [picture(colour, form="BMP") for colour in (RED, GREEN)]
    for name, content in zip("ab", contents, strict=True):
        (photos / f"{name}.bmp").write_bytes(content)
        os.utime(photos / f"{name}.bmp", (1, 1))
    scan(shelf)
    (photos / "a.bmp").rename(photos / "c.bmp")
    (photos / "b.bmp").rename(photos / "a.bmp")
    (photos / "c.bmp").rename(photos / "b.bmp")
    red, green = ids(*contents)
    assert get(shelf, f"/api/v1/images/{red}/file").status_code == 404  # and not the green one
    scan(shelf)
    assert (summary(shelf, red)[0], summary(shelf, green)[0]) == ("b.bmp", "a.bmp")
    assert get(shelf, f"/api/v1/images/{red}/file").data == contents[0]


def test_what_the_user_corrected_of_a_files_facts_stays_when_it_is_edited(shelf: Any, photos: Path) -> None:
    def record(colour: tuple[int, int, int], when: str, camera: str, edit: dict[str, Any]) -> dict[str, Any]:
        exif = Image.Exif()
        exif[306], exif[272] = when, camera
        content = picture(colour, form="JPEG", exif=exif)
        (photos / "dated.jpg").write_bytes(content)
        scan(shelf)
        url = f"/api/v1/images/{ids(content)[0]}"
        if edit:
            assert shelf.client.patch(url, json=edit).status_code == 200
        answer: dict[str, Any] = body(get(shelf, url))
        return answer

    edit = {"taken_at": "1999-12-31T23:59:59", "attributes": {"camera": "Leica M6", "stars": 5}}
    record(RED, "2020:01:02 03:04:05", "Scanner", edit)
    after = record(GREEN, "2024:05:31 18:20:05", "Scanner 2", {})
    assert after["taken_at"] == "1999-12-31T23:59:59"
    said = {"camera": "Leica M6", "stars": 5, "file_camera": "Scanner 2", "file_taken_at": "2024-05-31T18:20:05"}
    assert after["attributes"] == said
    # The user takes his correction of the time back: the file is right again.
    after = record((9, 9, 9), "2021:01:01 00:00:00", "S", {"taken_at": "2021-01-01T00:00:00"})
    assert after["attributes"] == {"camera": "Leica M6", "stars": 5, "file_camera": "S"}
    assert record(BLUE, "2022:01:01 00:00:00", "S", {})["taken_at"] == "2022-01-01T00:00:00"


def test_a_picture_of_the_library_that_is_uploaded_is_stored(shelf: Any, photos: Path) -> None:
    scan(shelf)
    red = picture(RED)
    assert body(upload(shelf, red))["items"][0]["status"] == "exists"
    (photos / "2024" / "red.png").unlink()
    assert scan(shelf, remove=True)["gone"] == 1
    assert get(shelf, f"/api/v1/images/{ids(red)[0]}/file").data == red
