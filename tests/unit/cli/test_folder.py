"""`sightline add` of a folder: damaged and special files, captions, resume after an interruption, retries after 429."""

import errno
import io
import os
import threading
from pathlib import Path
from typing import Any

import click
import httpx
import pytest
from PIL import Image
from sightline_cli.adding import read_captions
from sightline_cli.folder import Choices, RefusedError, Said, UnreachableError, add_folder
from sightline_cli.walk import AddReport


def write(path: Path, number: int) -> Path:
    """Write picture `number`; every number has another content and size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (20 + number, 30), (number, 255 - number, 90)).save(path)
    return path


@pytest.fixture
def http(stack: Any) -> httpx.Client:
    return httpx.Client(transport=httpx.WSGITransport(app=stack.client.application), base_url="http://localhost")


def run(
    http: httpx.Client, folder: Path, said: dict[str, Said] | None = None, choices: Choices | None = None
) -> AddReport:
    report = AddReport()
    add_folder(http, folder, said or {}, report, choices)
    return report


def test_pictures_are_added_damaged_ones_told_and_a_second_run_adds_nothing(http: httpx.Client, tmp_path: Path) -> None:
    for i in range(37):
        write(tmp_path / f"{i % 3}" / f"{i:02}.{'jpg' if i % 2 else 'png'}", i)
    (tmp_path / "0" / "copy.png").write_bytes((tmp_path / "0" / "00.png").read_bytes())
    cut = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(cut, "JPEG")
    (tmp_path / "0" / "cut.jpg").write_bytes(cut.getvalue()[:900])
    (tmp_path / "1" / "empty.png").touch()
    (tmp_path / "notes.jpg").write_text("not a picture")
    (tmp_path / "clip.mov").touch()
    (tmp_path / "readme.txt").touch()
    write(tmp_path / ".trash" / "hidden.png", 99)
    first = run(http, tmp_path)
    assert (first.added, first.existing) == (37, 1)
    assert {path.name: reason.partition(":")[0] for path, reason in first.failed} == {
        "cut.jpg": "the picture is damaged",
        "empty.png": "not a picture in a known format (JPEG, PNG, WEBP, GIF, TIFF, BMP, AVIF, HEIF)",
        "notes.jpg": "not a picture in a known format (JPEG, PNG, WEBP, GIF, TIFF, BMP, AVIF, HEIF)",
    }
    assert first.summary() == "37 added, 1 already there, 3 could not be read. Passed over: 1 .mov."
    second = run(http, tmp_path)
    assert (second.added, second.existing, len(second.failed)) == (0, 38, 3)


def test_what_is_no_ordinary_file_is_told_and_the_rest_goes_on(http: httpx.Client, tmp_path: Path) -> None:
    write(tmp_path / "good.png", 1)
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    latin = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png")
    write(tmp_path / "cafe.png", 2).rename(latin)
    cut = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(cut, "JPEG")
    for name in ("cut.jpg", "cut-copy.jpg"):
        (tmp_path / name).write_bytes(cut.getvalue()[:900])
    report = run(http, tmp_path)
    assert (report.added, report.existing) == (2, 0)
    assert {path.name: reason.partition(":")[0] for path, reason in report.failed} == {
        "pipe.jpg": "not a regular file",
        "gone.png": "No such file or directory",
        "cut.jpg": "the picture is damaged",
        "cut-copy.jpg": "the picture is damaged",
    }


def test_a_folder_that_cannot_be_read_is_told(
    http: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "open" / "good.png", 1)
    (tmp_path / "shut").mkdir()
    listing = os.scandir

    def refuse(path: str) -> Any:  # file permissions would not do: the tests may run as root
        if str(path).endswith("shut"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = run(http, tmp_path)
    assert report.added == 1
    assert [(path.name, reason) for path, reason in report.failed] == [("shut", "Permission denied")]


def test_captions_go_with_their_pictures(http: httpx.Client, tmp_path: Path) -> None:
    write(tmp_path / "a" / "x.png", 1)
    write(tmp_path / "y.png", 2)
    said = {"a/x.png": Said("a narrow one", ("thin",)), "gone.png": Said("not here")}
    report = run(http, tmp_path, said)
    assert report.unnamed == ["gone.png"]
    assert report.summary() == (
        "2 added, 0 already there, 0 could not be read. Images of the captions that are no file here: 1 (gone.png)."
    )
    results = http.get("/api/v1/search", params={"q": "grey"}).json()["results"]
    assert {r["file_name"]: (r["caption"], r["tags"]) for r in results} == {
        "x.png": ("a narrow one", ["thin"]),
        "y.png": ("", []),
    }


def said_of(http: httpx.Client) -> dict[str, tuple[str, list[str]]]:
    results = http.get("/api/v1/search", params={"q": "grey"}).json()["results"]
    return {r["file_name"]: (r["caption"], r["tags"]) for r in results}


def test_captions_that_come_later_fill_what_is_empty_and_replace_only_if_asked(
    http: httpx.Client, tmp_path: Path
) -> None:
    write(tmp_path / "x.png", 1)
    write(tmp_path / "y.png", 2)
    run(http, tmp_path, {"x.png": Said("first")})
    later = {"x.png": Said("second", ("new",)), "y.png": Said("third")}
    report = run(http, tmp_path, later)
    assert (report.existing, report.updated) == (2, 2)
    assert said_of(http) == {"x.png": ("first", ["new"]), "y.png": ("third", [])}
    assert run(http, tmp_path, later).updated == 0
    report = run(http, tmp_path, later, Choices(update=True))
    assert report.updated == 1
    assert "1 captions or tags completed" in report.summary()
    # A row without a caption says nothing, so that it does not clear one.
    run(http, tmp_path, {"x.png": Said(), "y.png": Said("", ("tag",))}, Choices(update=True))
    assert said_of(http) == {"x.png": ("second", ["new"]), "y.png": ("third", ["tag"])}


def test_pictures_that_the_user_deleted_are_left_out_if_asked(http: httpx.Client, tmp_path: Path) -> None:
    write(tmp_path / "x.png", 1)
    write(tmp_path / "y.png", 2)
    run(http, tmp_path)
    for hit in http.get("/api/v1/search", params={"q": "grey"}).json()["results"]:
        if hit["file_name"] == "x.png":
            assert http.delete(f"/api/v1/images/{hit['id']}").status_code == 204
    report = run(http, tmp_path, choices=Choices(skip_deleted=True))
    assert (report.added, report.existing, report.deleted) == (0, 1, 1)
    assert report.summary() == "0 added, 1 already there, 0 could not be read, 1 stay deleted."
    # Without the option, adding it is what the user wants.
    assert run(http, tmp_path).added == 1
    assert run(http, tmp_path, choices=Choices(skip_deleted=True)).deleted == 0


def test_an_interrupted_run_goes_on_where_it_stopped(http: httpx.Client, stack: Any, tmp_path: Path) -> None:
    for i in range(40):
        write(tmp_path / f"{i:02}.png", i)
    served = stack.encoder.handle_request

    def die_after_two(request: httpx.Request) -> httpx.Response:
        stack.encoder.cut = len(stack.encoder.requests) >= 2
        answer: httpx.Response = served(request)
        return answer

    stack.encoder.handle_request = die_after_two
    report = AddReport()
    with pytest.raises(UnreachableError, match="the encoder cannot be reached"):
        add_folder(http, tmp_path, {}, report)
    assert 0 < report.added < 40
    stack.encoder.handle_request = served
    stack.encoder.cut = False
    again = run(http, tmp_path)
    assert (again.added, again.existing) == (40 - report.added, report.added)


def test_a_busy_gateway_is_asked_again_and_a_refusal_ends_the_run(tmp_path: Path) -> None:
    content = write(tmp_path / "one.png", 1).read_bytes()
    told: list[int] = [429, 429, 201]
    bodies: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"images": []})
        bodies.append(request.read())
        status = told.pop(0)
        items = [{"status": "added", "id": "0" * 32}]
        return httpx.Response(status, json={"items": items, "detail": "no"}, headers={"Retry-After": "0"})

    report = AddReport()
    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://localhost") as http:
        add_folder(http, tmp_path, {}, report)
        assert report.added == 1
        # Each retry sends the whole file.
        assert [content in b for b in bodies] == [True] * 3
        for status in (401, 403):
            told[:] = [status]
            with pytest.raises(RefusedError, match="no"):
                add_folder(http, tmp_path, {}, AddReport())


def test_captions_and_tags_are_read_from_csv(tmp_path: Path) -> None:
    file = tmp_path / "captions.csv"
    file.write_text("image,caption,tags\na.jpg,A dog,dog; wet;dog\na.jpg,Another,\nb.jpg,,\n")
    assert read_captions(file) == {"a.jpg": Said("A dog", ("dog", "wet")), "b.jpg": Said()}
    file.write_text("image,text\n")
    with pytest.raises(click.ClickException, match="lacks the column caption"):
        read_captions(file)


def test_two_uploads_are_under_way_at_the_same_time(tmp_path: Path) -> None:
    for number in range(64):
        write(tmp_path / f"{number:02}.png", number)
    met = threading.Barrier(2)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"images": [], "deleted": []})
        met.wait(timeout=10)
        return httpx.Response(201, json={"items": [{"status": "added"}] * 16})

    with httpx.Client(transport=httpx.MockTransport(answer), base_url="http://localhost") as http:
        assert run(http, tmp_path).added == 64


def test_what_was_added_beside_an_upload_that_failed_is_in_the_report(tmp_path: Path) -> None:
    for number in range(32):
        write(tmp_path / f"{number:02}.png", number)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"images": [], "deleted": []})
        if b"00.png" in request.read():
            return httpx.Response(503, json={"detail": "the encoder does not answer"})
        return httpx.Response(201, json={"items": [{"status": "added"}] * 16})

    report = AddReport()
    with (
        httpx.Client(transport=httpx.MockTransport(answer), base_url="http://localhost") as http,
        pytest.raises(UnreachableError, match="the encoder does not answer"),
    ):
        add_folder(http, tmp_path, {}, report)
    assert report.added == 16
