"""The library: folders that are indexed in place, without copies or writes; rescans, moved and changed files."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway.library import folders
from gateway.library.index import Library
from gateway.upstream.search import SearchClient
from PIL import Image

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload
from tests.unit.gateway.library.conftest import found, scan


def test_pictures_are_found_where_they_lie(shelf: Any, photos: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in photos.rglob("*")}
    result = scan(shelf)
    assert (result["total"], result["added"], result["failed"]) == (2, 2, 0)
    assert found(shelf) == {"2024/red.png", "blue.jpeg"}
    name = ids(picture(RED))[0]
    file = get(shelf, f"/api/v1/images/{name}/file")
    assert (file.data, file.content_type) == (picture(RED), "image/png")
    assert get(shelf, f"/api/v1/images/{ids(picture(BLUE, form='JPEG'))[0]}/file").content_type == "image/jpeg"
    small = get(shelf, f"/api/v1/images/{name}/thumbnail?w=240")
    assert Image.open(io.BytesIO(small.data)).size == (40, 30)
    # The media store has only thumbnails, and the folder is unchanged.
    assert {p.relative_to(shelf.media).parts[0] for p in shelf.media.rglob("*") if p.is_file()} == {"thumbnails"}
    assert {p: p.stat().st_mtime_ns for p in photos.rglob("*")} == before


def test_what_has_not_changed_is_not_read_again_and_what_was_deleted_stays_so(shelf: Any, photos: Path) -> None:
    scan(shelf)
    assert shelf.client.delete(f"/api/v1/images/{ids(picture(RED))[0]}").status_code == 204
    assert (photos / "2024" / "red.png").exists()
    encoded = len(shelf.encoder.requests)
    result = scan(shelf)
    assert (result["unchanged"], result["added"]) == (2, 0)
    assert (len(shelf.encoder.requests), found(shelf)) == (encoded, {"blue.jpeg"})


def test_a_file_that_moved_is_found_again_and_keeps_its_tags(shelf: Any, photos: Path) -> None:
    scan(shelf)
    name = ids(picture(RED))[0]
    shelf.client.patch(f"/api/v1/images/{name}", json={"tags": ["wall"]})
    (photos / "2024" / "red.png").rename(photos / "moved.png")
    assert "scan the library again" in body(get(shelf, f"/api/v1/images/{name}/file"))["detail"]
    result = scan(shelf, remove=True)
    assert (result["exists"], result["gone"]) == (1, 1)
    assert get(shelf, f"/api/v1/images/{name}/file").data == picture(RED)
    assert body(get(shelf, f"/api/v1/images/{name}"))["tags"] == ["wall"]


def test_what_is_gone_is_hidden_at_once_and_forgotten_only_when_asked(shelf: Any, photos: Path) -> None:
    scan(shelf)
    blue = picture(BLUE, form="JPEG")
    name = ids(blue)[0]
    shelf.client.patch(f"/api/v1/images/{name}", json={"caption": "the sea", "tags": ["holiday"]})
    before = body(get(shelf, f"/api/v1/images/{name}"))
    (photos / "blue.jpeg").unlink()
    assert (scan(shelf)["gone"], found(shelf)) == (1, {"2024/red.png"})
    assert get(shelf, f"/api/v1/images/{name}").status_code == 404
    # It comes back with what was said of it, and without being encoded again.
    encoded = len(shelf.encoder.requests)
    (photos / "elsewhere.jpeg").write_bytes(blue)
    result = scan(shelf)
    assert (result["back"], result["added"], len(shelf.encoder.requests)) == (1, 0, encoded)
    assert body(get(shelf, f"/api/v1/images/{name}")) == {**before, "file_name": "elsewhere.jpeg"}
    (photos / "elsewhere.jpeg").unlink()
    result = scan(shelf, remove=True)
    assert (result["gone"], result["forgotten"]) == (1, 1)
    assert not list(shelf.media.rglob(f"{name}*"))
    (photos / "blue.jpeg").write_bytes(blue)
    assert scan(shelf)["added"] == 1
    assert body(get(shelf, f"/api/v1/images/{name}"))["caption"] == ""


def test_a_disk_that_is_not_mounted_removes_nothing(shelf: Any, photos: Path) -> None:
    scan(shelf)
    photos.rename(photos.with_name("unmounted"))
    result = scan(shelf, remove=True)
    reason = "the folder is not there; is its disk mounted?"
    assert result["failures"] == [{"file": str(photos), "fault": "unmounted", "reason": reason}]
    assert (result["gone"], body(get(shelf, "/api/v1/stats"))["count"]) == (0, 2)


def test_an_empty_mount_point_and_an_unread_folder_remove_nothing(shelf: Any, photos: Path) -> None:
    scan(shelf)
    photos.rename(photos.with_name("unmounted"))
    photos.mkdir()
    result = scan(shelf, remove=True)
    assert result["failures"][0]["reason"] == "the folder had pictures and has none; is its disk mounted?"
    assert (result["gone"], body(get(shelf, "/api/v1/stats"))["count"]) == (0, 2)
    photos.rmdir()
    photos.with_name("unmounted").rename(photos)
    (photos / "2024" / "red.png").unlink()
    # A loop of symbolic links cannot be read, not even by root.
    (photos / "loop").symlink_to(photos / "loop")
    os.mkfifo(photos / "pipe.png")
    result = scan(shelf, remove=True)
    assert (result["failed"], result["failures"][0]["fault"]) == (1, "not-a-file")
    assert body(get(shelf, "/api/v1/stats"))["count"] == 1


def test_a_removal_that_was_interrupted_is_gone_on_with(shelf: Any, photos: Path) -> None:
    scan(shelf)
    (photos / "blue.jpeg").unlink()
    delete = shelf.search.handle_request

    def broken(request: Any) -> Any:
        if request.url.path == "/v1/delete":
            raise httpx.ConnectError("refused", request=request)
        return delete(request)

    shelf.search.handle_request = broken
    assert scan(shelf, remove=True)["status"] == 503
    shelf.search.handle_request = delete
    result = scan(shelf, remove=True)
    assert (result["gone"], result["forgotten"]) == (1, 1)
    assert body(get(shelf, "/api/v1/stats"))["count"] == 1


def test_a_lost_file_of_the_library_comes_back_by_an_upload_and_the_other_way_round(shelf: Any, photos: Path) -> None:
    scan(shelf)
    red, name = picture(RED), ids(picture(RED))[0]
    (photos / "2024" / "red.png").unlink()
    assert body(upload(shelf, red))["items"][0]["status"] == "exists"
    assert get(shelf, f"/api/v1/images/{name}/file").data == red
    scan(shelf, remove=True)
    assert get(shelf, f"/api/v1/images/{name}/file").data == red
    next(shelf.media.glob("??/*.png")).unlink()
    (photos / "again.png").write_bytes(red)
    scan(shelf)
    assert get(shelf, f"/api/v1/images/{name}/file").data == red


def test_a_name_with_a_line_break_is_no_header(shelf: Any, photos: Path) -> None:
    (photos / "a\nb.png").write_bytes(picture(GREEN))
    scan(shelf)
    assert get(shelf, f"/api/v1/images/{ids(picture(GREEN))[0]}/file").status_code == 200
    assert "ab.png" in found(shelf)


def test_an_interrupted_scan_is_gone_on_with(shelf: Any) -> None:
    shelf.encoder.cut = True
    assert scan(shelf)["detail"] == "the encoder cannot be reached"
    shelf.encoder.cut = False
    assert scan(shelf)["added"] == 2


def test_bad_files_are_told_and_links_do_not_lead_out(shelf: Any, photos: Path, tmp_path: Path) -> None:
    (photos / "cut.png").write_bytes(picture(GREEN)[:50])
    (tmp_path / "secret.png").write_bytes(picture((9, 9, 9)))
    (photos / "link.png").symlink_to(tmp_path / "secret.png")
    result = scan(shelf)
    assert (result["added"], result["failed"]) == (2, 1)
    assert result["failures"][0]["file"] == str(photos / "cut.png")
    assert found(shelf) == {"2024/red.png", "blue.jpeg"}


def test_a_damaged_file_with_a_name_that_is_not_utf_8_fails_alone(shelf: Any, photos: Path) -> None:
    for name in (b"a-caf\xe9.png", b"z-caf\xe9.png"):
        Path(os.fsdecode(os.fsencode(photos) + b"/" + name)).write_bytes(picture(GREEN)[:50])
    Path(os.fsdecode(os.fsencode(photos) + b"/m-caf\xe9.png")).write_bytes(picture(GREEN))
    result = scan(shelf)
    assert (result["added"], result["failed"]) == (3, 2)
    assert sorted(f["file"] for f in result["failures"]) == [f"{photos}/a-caf\ufffd.png", f"{photos}/z-caf\ufffd.png"]
    assert "m-caf\ufffd.png" in found(shelf)


def test_a_file_that_vanishes_during_the_scan_fails_alone(
    shelf: Any, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vanishing(path: Path, sidecar: Path | None) -> Any:
        seen = folders.read(path, sidecar)
        if path.name == "blue.jpeg":
            path.unlink()
        return seen

    monkeypatch.setattr("gateway.library.scan.read", vanishing)
    result = scan(shelf)
    assert (result["added"], result["failed"]) == (1, 1)
    assert result["failures"][0]["reason"] == "the file cannot be read: No such file or directory"
    assert found(shelf) == {"2024/red.png"}


def test_a_fault_in_the_middle_of_a_scan_is_reported(
    shelf: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("a fault of our own")

    monkeypatch.setattr(Library, "entries", broken)
    assert scan(shelf)["detail"].startswith("an unexpected error; the worker's log has it under the job's id, ")
    assert "a fault of our own" in caplog.text


def test_what_operating_systems_and_cameras_put_beside_pictures_is_left_out_and_counted(
    shelf: Any, photos: Path, tmp_path: Path
) -> None:
    for number, place in enumerate(("@eaDir/red.png", "#recycle", "2024/$RECYCLE.BIN/S-1", "lost+found", ".thumbs")):
        (photos / place).mkdir(parents=True)
        (photos / place / "copy.png").write_bytes(picture((number, 9, 9)))
    for name in ("a.CR2", "b.nef", "c.mp4"):
        (photos / name).write_bytes(b"x")
    (tmp_path / "nas").mkdir()
    (tmp_path / "nas" / "cow.png").write_bytes(picture(GREEN))
    (photos / "nas").symlink_to(tmp_path / "nas")
    (photos / "cow.png").symlink_to(tmp_path / "nas" / "cow.png")
    result = scan(shelf)
    assert (result["total"], result["added"]) == (2, 2)
    assert result["left_out"] == {"system folder": 4, "hidden folder": 1, "RAW": 2, "video": 1, "link": 2}
    assert found(shelf) == {"2024/red.png", "blue.jpeg"}


def test_without_a_library_there_is_nothing_to_scan(stack: Any) -> None:
    assert scan(stack)["detail"] == "there is no library; name its folders in GATEWAY_LIBRARY"


def test_with_several_folders_names_begin_with_that_of_the_folder(
    make_stack: Callable[..., Any], photos: Path, tmp_path: Path
) -> None:
    stack = make_stack(folders=str(photos))
    scan(stack)
    assert found(stack) == {"2024/red.png", "blue.jpeg"}
    second = tmp_path / "disk" / "photos"
    second.mkdir(parents=True)
    (second / "green.png").write_bytes(picture(GREEN))
    stack = make_stack(folders=f"{photos}:{second}")
    assert [folder["name"] for folder in body(get(stack, "/api/v1/library"))["folders"]] == ["photos", "photos 2"]
    result = scan(stack)
    assert (result["unchanged"], result["added"]) == (2, 1)
    assert found(stack) == {"photos/2024/red.png", "photos/blue.jpeg", "photos 2/green.png"}
    answer = body(get(stack, "/api/v1/search?q=red&folder=photos%202"))
    assert [record["file_name"] for record in answer["results"]] == ["photos 2/green.png"]
    stack = make_stack(folders=str(photos))
    scan(stack)
    assert found(stack) == {"2024/red.png", "blue.jpeg"}


def test_a_picture_that_the_collection_has_lost_is_added_again(shelf: Any, photos: Path) -> None:
    """As after an older backup of the catalogue was restored; a picture that the user deleted stays deleted."""
    scan(shelf)
    red, blue = ids(picture(RED), picture(BLUE, form="JPEG"))
    SearchClient("the search service", "http://search", shelf.search).delete_all([red])
    assert shelf.client.delete(f"/api/v1/images/{blue}").status_code == 204
    result = scan(shelf)
    assert (result["added"], result["unchanged"], found(shelf)) == (1, 1, {"2024/red.png"})
    assert get(shelf, f"/api/v1/images/{red}/file").status_code == 200
