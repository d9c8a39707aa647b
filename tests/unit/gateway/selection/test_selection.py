"""Several pictures at once: tags, and an archive of their files that is made while it is sent."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway.selection.archive import archive

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload


def tags(stack: Any, *names: str, **changes: list[str]) -> Any:
    return stack.client.post("/api/v1/selection/tags", json={"ids": list(names), **changes})


def unzipped(answer: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


def test_tags_of_several_change(stack: Any) -> None:
    red, blue = ids(picture(RED), picture(BLUE))
    upload(stack, picture(RED), picture(BLUE), details=[{"tags": ["a", "b"]}, {"tags": [f"t{i}" for i in range(100)]}])
    answer = body(tags(stack, red, "0" * 32, blue, red, add_tags=["c"], remove_tags=["a"]))
    assert [(image["id"], image["tags"]) for image in answer["images"]] == [(red, ["b", "c"])]
    failed = {one["id"]: one["error"]["detail"] for one in answer["failed"]}
    assert "there is no picture" in failed["0" * 32] and "at most 100" in failed[blue]
    assert body(get(stack, f"/api/v1/images/{red}"))["tags"] == ["b", "c"]
    assert "give add_tags" in body(tags(stack, red))["detail"]


@pytest.mark.parametrize("form", [False, True])
def test_an_archive_holds_the_files_under_names_of_their_own(stack: Any, form: bool) -> None:
    contents = [picture(c) for c in (RED, GREEN, BLUE)]
    upload(stack, *contents, names=("x.png", "X.png", ""), details=[{"taken_at": "2020-05-01T10:20:30"}, {}, {}])
    red, green, blue = names = ids(*contents)
    path = "/api/v1/selection/archive"
    wanted = [*names, "0" * 32, red]
    sent: dict[str, Any] = {"data": {"ids": ",".join(wanted)}} if form else {"json": {"ids": wanted}}
    answer = stack.client.post(path, content_type="multipart/form-data" if form else None, **sent)
    assert (answer.status_code, answer.content_type) == (200, "application/zip")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert unzipped(answer) == {"x.png": contents[0], "X (2).png": contents[1], f"{blue}.png": contents[2]}
    with zipfile.ZipFile(io.BytesIO(answer.data)) as opened:
        assert opened.getinfo("x.png").date_time == (2020, 5, 1, 10, 20, 30)
    assert green


def test_folders_stay_and_a_file_that_is_not_there_is_named(make_stack: Callable[..., Any], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    (photos / "2024").mkdir(parents=True)
    (photos / "2024" / "red.png").write_bytes(picture(RED))
    (photos / "blue.png").write_bytes(picture(BLUE))
    stack = make_stack(folders=str(photos))
    stack.job("scan")
    (photos / "blue.png").unlink()
    wanted = {"ids": ids(picture(RED), picture(BLUE))}
    files = unzipped(stack.client.post("/api/v1/selection/archive", json=wanted))
    assert files.pop("2024/red.png") == picture(RED)
    (text,) = files.values()
    assert text.startswith(b"blue.png: the picture's file has changed or is not where it was")


def test_an_archive_begins_before_its_last_file_is_read() -> None:
    opened: list[str] = []

    def original(key: str) -> Any:
        opened.append(key)
        content = b"x" * 1000
        return type("Kept", (), {"stream": io.BytesIO(content), "length": 1000, "mimetype": "image/png"})

    record: Any = {"id": "a", "file_name": "../../etc/a.png", "taken_at": "0000-99-00T00:00:00", "media_key": "k"}
    record |= {"added_at": "2024-01-01T00:00:00+00:00"}
    parts = archive([record] * 3, original)
    assert b"etc/a.png" in next(parts) and opened == ["k"]
    rest = b"".join(parts)
    assert b"../" not in rest and b"etc/a (3).png" in rest


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"json": {"ids": []}}, "ids: "),
        ({"json": {"ids": ["0" * 32] * 1001}}, "ids: "),
        ({"data": {"ids": "x"}, "content_type": "multipart/form-data"}, "ids.0: "),
        ({"data": {"ids": "0" * 32, "more": "1"}, "content_type": "multipart/form-data"}, "more: unknown field"),
        ({"data": {}, "content_type": "multipart/form-data"}, "ids: given 0 times"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(stack: Any, sent: Any, says: str) -> None:
    answer = stack.client.post("/api/v1/selection/archive", **sent)
    assert (answer.status_code, says in body(answer)["detail"]) == (400, True)


def test_an_archive_of_nothing_is_none(stack: Any) -> None:
    assert stack.client.post("/api/v1/selection/archive", json={"ids": ["0" * 32]}).status_code == 404
