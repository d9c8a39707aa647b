"""What a scan leaves out: links, with loops and escapes; patterns in gitignore's syntax; disks that are away."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway.library.folders import Folders

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture
from tests.unit.gateway.library.conftest import found, scan
from tests.unit.gateway.metadata_files import xmp


@pytest.fixture
def nas(photos: Path) -> Path:
    """A folder beside the library with one picture, which links in the library lead to."""
    folder = photos.with_name("nas")
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "cow.png").write_bytes(picture(GREEN))
    (photos / "nas").symlink_to(folder)
    return folder


def test_links_that_lead_out_are_followed_if_the_setting_says_so(
    make_stack: Callable[..., Any], photos: Path, nas: Path
) -> None:
    (photos / "linked.png").symlink_to(nas / "deep" / "cow.png")
    stack = make_stack(folders=str(photos), follow_links=True)
    result = scan(stack)
    assert (result["added"], result["exists"], result["left_out"]) == (3, 1, {})
    assert found(stack) in ({"2024/red.png", "blue.jpeg", name} for name in ("linked.png", "nas/deep/cow.png"))
    assert get(stack, f"/api/v1/images/{ids(picture(GREEN))[0]}/file").data == picture(GREEN)
    assert scan(stack)["unchanged"] == 4


def test_pictures_behind_links_are_hidden_when_links_are_not_followed_any_more(
    make_stack: Callable[..., Any], photos: Path, nas: Path
) -> None:
    scan(make_stack(folders=str(photos), follow_links=True))
    stack = make_stack(folders=str(photos))
    result = scan(stack)
    assert (result["gone"], result["left_out"]) == (1, {"link": 1})
    assert found(stack) == {"2024/red.png", "blue.jpeg"}


def test_loops_and_links_to_what_holds_the_library_are_not_followed(
    make_stack: Callable[..., Any], photos: Path, nas: Path
) -> None:
    (nas / "again").symlink_to(nas)
    (nas / "back").symlink_to(photos)
    (photos / "up").symlink_to(photos.parent)
    (photos / "root").symlink_to("/")
    (photos / "twice").symlink_to(photos / "2024")
    (photos / "broken").symlink_to(photos / "nowhere")
    (photos / "broken.png").symlink_to(photos / "nowhere.png")
    (photos / "self.png").symlink_to(photos / "self.png")
    (photos / "second").symlink_to(nas)
    result = scan(make_stack(folders=str(photos), follow_links=True))
    assert (result["added"], result["total"], result["failed"]) == (3, 3, 0)
    # again, back, up, root, twice and second; broken.png and self.png.
    assert result["left_out"] == {"link": 8}


def test_a_scan_of_one_place_follows_links_as_a_whole_one(photos: Path, nas: Path) -> None:
    (nas / "again").symlink_to(nas)
    folders = Folders([photos], follow_links=True)

    def below(*places: Path) -> set[Path]:
        return set(folders.find(places, {}, lambda _: True).files)

    cow = photos / "nas" / "deep" / "cow.png"
    assert below(cow) == below(photos / "nas") == {cow}
    assert below(photos / "nas" / "again") == below(photos / "nas" / "again" / "deep") == set()


def test_patterns_in_a_file_and_in_the_setting_hide_pictures(make_stack: Callable[..., Any], photos: Path) -> None:
    for place in ("exports/a.png", "2024/b_edit.png", "2024/keep_edit.png", "caf\udce9/c.png"):
        (photos / place).parent.mkdir(exist_ok=True)
        (photos / place).write_bytes(picture((len(place), 9, 9)))
    scan(make_stack(folders=str(photos)))
    (photos / ".sightlineignore").write_bytes(b"# mine\nexports/\n*_edit.png\n!keep_edit.png\n" + b"/caf\xe9/\n")
    stack = make_stack(folders=str(photos), ignore="*.jpeg")
    result = scan(stack)
    assert (result["gone"], result["left_out"]) == (4, {"ignored": 4})
    assert found(stack) == {"2024/red.png", "2024/keep_edit.png"}
    (photos / ".sightlineignore").unlink()
    result = scan(make_stack(folders=str(photos)))
    assert (result["back"], result["added"]) == (4, 0)


def test_a_file_of_patterns_that_is_wrong_changes_nothing(shelf: Any, photos: Path) -> None:
    scan(shelf)
    (photos / ".sightlineignore").write_text("!\n")
    result = scan(shelf, remove=True)
    assert result["failures"][0]["fault"] == "patterns"
    assert result["failures"][0]["reason"].startswith("its file of patterns cannot be used: Invalid git pattern")
    assert (result["gone"], len(found(shelf))) == (0, 2)


def test_a_pattern_in_the_setting_that_is_wrong_is_refused(make_stack: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="Invalid git pattern"):
        make_stack(ignore="*.tmp:!")


def test_pictures_on_a_disk_that_is_mounted_in_the_folder_stay_while_it_is_away(
    make_stack: Callable[..., Any], photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disks = {photos / "disk"}
    (photos / "disk").mkdir()
    (photos / "disk" / "cow.png").write_bytes(picture(GREEN))
    monkeypatch.setattr(os.path, "ismount", lambda path: Path(path) in disks)
    stack = make_stack(folders=str(photos))
    scan(stack)
    # It is unmounted: an empty folder appears in its place.
    (photos / "disk").rename(photos.with_name("unplugged"))
    (photos / "disk").mkdir()
    disks.clear()
    result = scan(stack, remove=True)
    reason = "there were pictures on a disk that is not mounted any more"
    assert result["failures"] == [{"file": str(photos / "disk"), "fault": "unmounted", "reason": reason}]
    assert (result["gone"], len(found(stack))) == (0, 3)
    # The folder may be missing as well, as under /media.
    (photos / "disk").rmdir()
    assert (scan(stack, remove=True)["gone"], len(found(stack))) == (0, 3)
    photos.with_name("unplugged").rename(photos / "disk")
    result = scan(stack)
    assert (result["unchanged"], result["failed"]) == (3, 0)


def test_a_folder_that_the_user_has_emptied_is_not_taken_for_a_disk_that_is_away(shelf: Any, photos: Path) -> None:
    scan(shelf)
    for path in [*photos.rglob("*.*")]:
        path.unlink()
    (photos / "2024").rmdir()
    result = scan(shelf)
    assert (result["gone"], result["failed"], found(shelf)) == (2, 0, set())


def test_one_folder_that_is_away_does_not_hold_up_the_others(make_stack: Callable[..., Any], photos: Path) -> None:
    second = photos.with_name("second")
    second.mkdir()
    (second / "cow.png").write_bytes(picture(GREEN))
    stack = make_stack(folders=f"{photos}:{second}")
    scan(stack)
    photos.rename(photos.with_name("away"))
    (second / "cow.png").unlink()
    (second / "pig.png").write_bytes(picture((200, 100, 100)))
    result = scan(stack)
    assert (result["added"], result["gone"], result["failed"]) == (1, 1, 1)
    assert found(stack) == {"photos/2024/red.png", "photos/blue.jpeg", "second/pig.png"}
    assert [f["available"] for f in body(get(stack, "/api/v1/library"))["folders"]] == [False, True]


def test_pictures_of_a_folder_that_the_library_had_before_are_hidden_until_it_has_it_again(
    make_stack: Callable[..., Any], photos: Path
) -> None:
    other = photos.with_name("other")
    other.mkdir()
    (other / "cow.png").write_bytes(picture(GREEN))
    stack = make_stack(folders=str(photos))
    scan(stack)
    red = ids(picture(RED))[0]
    stack.client.patch(f"/api/v1/images/{red}", json={"caption": "a wall"})
    stack = make_stack(folders=str(other))
    assert (scan(stack)["gone"], found(stack)) == (2, {"cow.png"})
    assert get(stack, f"/api/v1/images/{red}/file").status_code == 404
    encoded = len(stack.encoder.requests)
    # No folder at all.
    stack = make_stack()
    assert (scan(stack)["gone"], found(stack)) == (1, set())
    assert scan(stack)["gone"] == 0
    stack = make_stack(folders=str(photos))
    assert (scan(stack)["back"], found(stack)) == (2, {"2024/red.png", "blue.jpeg"})
    assert body(get(stack, f"/api/v1/images/{red}"))["caption"] == "a wall"
    assert len(stack.encoder.requests) <= encoded


def test_a_picture_that_comes_back_after_a_change_of_the_model_is_encoded_again(shelf: Any, photos: Path) -> None:
    scan(shelf)
    blue = picture(BLUE, form="JPEG")
    shelf.client.patch(f"/api/v1/images/{ids(blue)[0]}", json={"caption": "the sea"})
    (photos / "blue.jpeg").rename(photos.with_name("blue.jpeg"))
    scan(shelf)
    shelf.model.model_id = "colours-2"
    assert shelf.job("reindex")["progress"]["total"] == 1
    photos.with_name("blue.jpeg").rename(photos / "blue.jpeg")
    result = scan(shelf)
    assert (result["added"], result["back"]) == (1, 0)
    assert body(get(shelf, f"/api/v1/images/{ids(blue)[0]}"))["caption"] == "the sea"
    assert found(shelf) == {"2024/red.png", "blue.jpeg"}


def test_what_is_gone_is_forgotten_after_the_days_of_the_setting(make_stack: Callable[..., Any], photos: Path) -> None:
    stack = make_stack(folders=str(photos), keep_gone_days=0)
    scan(stack)
    (photos / "blue.jpeg").unlink()
    result = scan(stack)
    assert (result["gone"], result["forgotten"]) == (1, 1)
    assert found(stack) == {"2024/red.png"}


def test_the_systems_own_data_in_the_folder_is_left_out(make_stack: Callable[..., Any], photos: Path) -> None:
    data = photos / "sightline"
    stack = make_stack(folders=str(photos), media=str(data / "media"), state=data / "state.sqlite")
    scan(stack)
    result = scan(stack)
    assert (result["unchanged"], result["added"], result["left_out"]) == (2, 0, {"system folder": 1})
    folders = Folders([photos], own=[data])
    assert folders.is_never_searched(data / "state.sqlite-wal") and folders.is_never_searched(photos / ".cache" / "x")
    assert not folders.is_never_searched(photos / "2024" / "red.png")
    # A library in the data folder is not left out.
    assert not Folders([photos], own=[photos.parent]).is_never_searched(photos / "blue.jpeg")


@pytest.mark.parametrize("content", [b"[z-a]\n", b"\xef\xbb\xbf2024/\n"])
def test_patterns_that_cannot_be_read_and_a_byte_order_mark(shelf: Any, photos: Path, content: bytes) -> None:
    (photos / ".sightlineignore").write_bytes(content)
    result = scan(shelf)
    if content[0] == 0xEF:
        assert (result["added"], result["left_out"]) == (1, {"ignored": 1})
    else:
        assert "its file of patterns cannot be used" in result["failures"][0]["reason"]


def test_named_pipes_stop_nothing(shelf: Any, photos: Path) -> None:
    os.mkfifo(photos / "blue.xmp")
    result = scan(shelf)
    assert (result["added"], result["failures"][0]["reason"]) == (2, "not a regular file")
    (photos / "blue.jpeg").unlink()
    os.mkfifo(photos / "blue.jpeg")
    blue = ids(picture(BLUE, form="JPEG"))[0]
    assert get(shelf, f"/api/v1/images/{blue}/file").status_code == 404
    assert (scan(shelf)["gone"], found(shelf)) == (1, {"2024/red.png"})
    assert scan(shelf)["gone"] == 0


def test_a_picture_with_all_the_attributes_that_it_may_have_ends_no_scan(shelf: Any, photos: Path) -> None:
    scan(shelf)
    red = ids(picture(RED))[0]
    attributes = {f"a{number}": number for number in range(100)}
    assert shelf.client.patch(f"/api/v1/images/{red}", json={"attributes": attributes}).status_code == 200
    (photos / "2024" / "red.png.xmp").write_bytes(xmp("A wall"))
    assert scan(shelf)["exists"] == 1
    (photos / "2024" / "red.png").write_bytes(picture(GREEN))
    assert scan(shelf)["added"] == 1
    record = body(get(shelf, f"/api/v1/images/{ids(picture(GREEN))[0]}"))
    assert (record["caption"], record["attributes"]) == ("A wall", attributes)


def test_what_was_said_of_a_hidden_picture_comes_before_what_its_new_place_had(shelf: Any, photos: Path) -> None:
    scan(shelf)
    red, blue = ids(picture(RED), picture(BLUE, form="JPEG"))
    for name, caption in ((red, "a wall"), (blue, "the sea")):
        shelf.client.patch(f"/api/v1/images/{name}", json={"caption": caption})
    (photos / "2024" / "red.png").unlink()
    scan(shelf)
    (photos / "blue.jpeg").write_bytes(picture(RED))
    scan(shelf)
    assert body(get(shelf, f"/api/v1/images/{red}"))["caption"] == "a wall"


def test_what_links_lead_to_is_kept_while_its_disk_is_away(make_stack: Callable[..., Any], photos: Path) -> None:
    disk = photos.with_name("disk")
    for name in ("a", "b", "c"):
        (disk / "pictures" / name).mkdir(parents=True)
        (disk / "pictures" / name / "cow.png").write_bytes(picture((9, 99, 9 * ord(name) % 256)))
    (photos / "folder").symlink_to(disk / "pictures" / "a")
    (photos / "file.png").symlink_to(disk / "pictures" / "b" / "cow.png")
    stack = make_stack(folders=str(photos), follow_links=True)
    assert scan(stack)["added"] == 4
    everything = {"2024/red.png", "blue.jpeg", "file.png", "folder/cow.png"}
    assert found(stack) == everything
    # A disk that is not mounted: nothing lies where it was.
    disk.rename(disk.with_name("unmounted"))
    for remains in (False, True):
        if remains:  # an empty folder at the end of each link, as at a mount point
            (disk / "pictures" / "a").mkdir(parents=True)
            (disk / "pictures" / "b").mkdir(parents=True)
        result = scan(stack, remove=True)
        assert (result["gone"], result["forgotten"], found(stack)) == (0, 0, everything)
        assert {f["file"] for f in result["failures"]} == {str(photos / "folder"), str(photos / "file.png")}
    shutil.rmtree(disk)
    disk.with_name("unmounted").rename(disk)
    assert scan(stack)["unchanged"] == 4
    # The targets were deleted: other things are there.
    (disk / "pictures" / "b" / "cow.png").unlink()
    (disk / "pictures" / "b" / "notes.txt").write_text("x")
    (photos / "folder").unlink()
    result = scan(stack)
    assert (result["gone"], result["failed"], found(stack)) == (2, 0, {"2024/red.png", "blue.jpeg"})


def test_a_folder_without_its_disk_is_away_also_if_a_stray_file_lies_in_it(shelf: Any, photos: Path) -> None:
    scan(shelf)
    photos.rename(photos.with_name("unmounted"))
    photos.mkdir()
    (photos / ".nomedia").touch()
    result = scan(shelf, remove=True)
    assert (result["gone"], result["failed"], found(shelf)) == (0, 1, {"2024/red.png", "blue.jpeg"})
    assert not body(get(shelf, "/api/v1/library"))["folders"][0]["available"]


def test_hidden_files_with_names_of_pictures_are_counted(shelf: Any, photos: Path) -> None:
    for name in ("._blue.jpeg", ".raw.dng", ".nomedia"):
        (photos / name).write_bytes(b"x")
    result = scan(shelf)
    assert (result["added"], result["left_out"]) == (2, {"hidden file": 2})


def test_names_of_folders_in_one_another_do_not_depend_on_their_order(photos: Path) -> None:
    (photos / "2024" / "deep").mkdir()
    for paths in ([photos, photos / "2024"], [photos / "2024", photos]):
        folders = Folders(paths)
        assert folders.name(photos / "2024" / "deep" / "a.png") == "2024/deep/a.png"
        assert folders.name(photos / "a.png") == "photos/a.png"


def test_a_name_that_is_too_long_keeps_its_beginning_and_its_end(photos: Path) -> None:
    deep = photos / "family" / Path(*["x" * 200] * 6) / "a.png"
    name = Folders([photos]).name(deep)
    assert (len(name), name[:9], name[-6:]) == (1000, "family/xx", "/a.png")


def test_pictures_of_a_library_that_is_no_more_can_be_forgotten(make_stack: Callable[..., Any], photos: Path) -> None:
    scan(make_stack(folders=str(photos)))
    stack = make_stack()
    assert scan(stack)["gone"] == 2
    assert scan(stack, remove=True)["forgotten"] == 2
    assert scan(stack)["detail"].startswith("there is no library")


def test_mount_points_below_the_folders_are_read_as_linux_lists_them(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw",
        f"40 22 8:17 / {photos}/my\\040stick rw,nosuid shared:9 - vfat /dev/sdb1 rw",
        f"41 22 8:18 / {photos} rw - ext4 /dev/sdc1 rw",
        f"42 22 8:18 / {photos}-2 rw - ext4 /dev/sdc1 rw",
    ]
    (tmp_path / "mountinfo").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr("gateway.library.folders.MOUNTS", tmp_path / "mountinfo")
    assert Folders([photos]).mounts() == [photos / "my stick"]
    # No such list, as on macOS.
    monkeypatch.setattr("gateway.library.folders.MOUNTS", tmp_path / "missing")
    assert Folders([photos]).mounts() == []
