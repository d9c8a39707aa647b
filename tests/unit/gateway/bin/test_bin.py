"""The bin: what is deleted leaves the collection at once, and is restored as it was, or forgotten with its file."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from encoder.model import TextVectors
from encoder.runtime import Array
from gateway.database import Database
from gateway.pictures.hidden import BIN
from PIL import Image
from sqlalchemy import update

from tests.unit.gateway.conftest import BLUE, GREEN, RED, Colours, body, get, ids, picture, upload

SAID = {"caption": "a wall", "tags": ["home"], "attributes": {"place": "Rome"}, "taken_at": "2020-01-01T00:00:00"}
DAY_S = 86_400


def files(stack: Any) -> set[str]:
    return {p.name for p in stack.media.rglob("*") if p.is_file() and p.suffix}


def post(stack: Any, path: str, *names: str) -> Any:
    return body(stack.client.post(f"/api/v1/{path}", json={"ids": list(names)}))


def binned(stack: Any, **params: Any) -> Any:
    return body(stack.client.get("/api/v1/bin", query_string=params))


def grow_old(stack: Any, days: float) -> None:
    """Make the bin's pictures look as if they had been deleted some days earlier."""
    database: Database = stack.client.application.extensions["database"]
    database.change(update(BIN).values(hidden_at=int(time.time() - days * DAY_S)))


def found(stack: Any) -> list[str]:
    return [r["id"] for r in body(get(stack, "/api/v1/search?q=red"))["results"]]


def test_a_deleted_picture_is_in_the_bin_and_comes_back_as_it_was(stack: Any) -> None:
    red, blue = ids(picture(RED), picture(BLUE))
    upload(stack, picture(RED), picture(BLUE), details=[SAID, {}])
    before, kept, encoded = body(get(stack, f"/api/v1/images/{red}")), files(stack), len(stack.encoder.requests)
    assert stack.client.delete(f"/api/v1/images/{red}").status_code == 204
    assert found(stack) == [blue]
    assert [get(stack, f"/api/v1/images/{red}{what}").status_code for what in ("", "/file")] == [404, 404]
    assert stack.client.delete(f"/api/v1/images/{red}").status_code == 404
    page = binned(stack)
    (entry,) = page["pictures"]
    assert (page["count"], page["keep_days"], page["next_cursor"]) == (1, 30, None)
    assert {**before, "deleted_at": entry["deleted_at"], "forgotten_at": entry["forgotten_at"]} == entry
    assert entry["forgotten_at"] > entry["deleted_at"]
    # What the page shows of it, also in a size that has not been made yet.
    assert get(stack, f"/api/v1/images/{red}/thumbnail?w=240").status_code == 200
    assert post(stack, "selection/restore", red) == {"restored": [red], "failed": []}
    assert body(get(stack, f"/api/v1/images/{red}")) == before
    assert found(stack)[0] == red
    assert kept <= files(stack)
    assert binned(stack)["count"] == 0
    # Nothing was encoded: the vector came back too. The search for red was.
    assert stack.encoder.requests[encoded:] == ["POST /v1/text"]
    assert body(get(stack, f"/api/v1/images?ids={red}"))["deleted"] == []


def test_several_are_deleted_restored_and_listed_in_pages(stack: Any) -> None:
    contents = [picture((n, 0, 250)) for n in range(5)]
    names = ids(*contents)
    upload(stack, *contents)
    answer = post(stack, "selection/delete", *names[:4], "0" * 32)
    assert (sorted(answer["deleted"]), answer["missing"]) == (sorted(names[:4]), ["0" * 32])
    assert found(stack) == names[4:]
    first = binned(stack, k=3)
    rest = binned(stack, k=3, cursor=first["next_cursor"])
    listed = [p["id"] for p in first["pictures"] + rest["pictures"]]
    assert (sorted(listed), len(rest["pictures"]), rest["next_cursor"]) == (sorted(names[:4]), 1, None)
    answer = post(stack, "selection/restore", names[0], "0" * 32, names[4])
    assert answer["restored"] == names[:1]
    assert {f["id"] for f in answer["failed"]} == {"0" * 32, names[4]}
    assert "in the bin" in answer["failed"][0]["error"]["detail"]


def test_what_is_uploaded_again_comes_back_with_what_was_said_of_it(stack: Any) -> None:
    (red,) = ids(picture(RED))
    upload(stack, picture(RED), details=[SAID])
    stack.client.delete(f"/api/v1/images/{red}")
    assert body(upload(stack, picture(RED)))["items"][0]["status"] == "added"
    record = body(get(stack, f"/api/v1/images/{red}"))
    assert {name: record[name] for name in SAID} == SAID
    assert binned(stack)["count"] == 0


def test_a_picture_is_forgotten_after_its_time_with_its_files(make_stack: Callable[..., Any]) -> None:
    stack = make_stack(keep_deleted_days=7)
    red, blue = ids(picture(RED), picture(BLUE))
    upload(stack, picture(RED), picture(BLUE))
    both = files(stack)
    stack.client.delete(f"/api/v1/images/{red}")
    grow_old(stack, 6.9)
    assert stack.job("sweep")["progress"]["forgotten"] == 0
    assert (binned(stack)["count"], files(stack)) == (1, both)
    grow_old(stack, 7.1)
    assert binned(stack)["count"] == 0
    assert stack.job("sweep")["progress"]["forgotten"] == 1
    assert files(stack) == {f"{blue}.png", f"{blue}.webp"}
    # It stays known as deleted.
    assert body(get(stack, f"/api/v1/images?ids={red}"))["deleted"] == [red]


def test_one_is_forgotten_and_then_all(stack: Any) -> None:
    red, green, blue = ids(picture(RED), picture(GREEN), picture(BLUE))
    upload(stack, picture(RED), picture(GREEN), picture(BLUE))
    post(stack, "selection/delete", red, green)
    assert stack.client.delete(f"/api/v1/bin/{red}").status_code == 204
    assert stack.client.delete(f"/api/v1/bin/{red}").status_code == 404
    assert stack.client.delete(f"/api/v1/bin/{blue}").status_code == 404
    assert f"{red}.png" not in files(stack) and f"{green}.png" in files(stack)
    assert stack.client.delete("/api/v1/bin").status_code == 204
    assert binned(stack)["count"] == 0
    assert post(stack, "selection/restore", green)["restored"] == []
    # The files go with a job that was queued.
    assert stack.worker.run_next("sweep")
    assert files(stack) == {f"{blue}.png", f"{blue}.webp"}


def test_without_a_bin_pictures_are_deleted_for_good(make_stack: Callable[..., Any]) -> None:
    stack = make_stack(keep_deleted_days=0)
    upload(stack, picture(RED))
    assert stack.client.delete(f"/api/v1/images/{ids(picture(RED))[0]}").status_code == 204
    assert (files(stack), binned(stack)["count"]) == (set(), 0)


def test_a_picture_of_the_library_stays_out_until_it_is_restored(
    make_stack: Callable[..., Any], tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "red.png").write_bytes(picture(RED))
    stack = make_stack(folders=str(photos))
    stack.job("scan")
    (red,) = ids(picture(RED))
    stack.client.delete(f"/api/v1/images/{red}")
    assert stack.job("scan")["progress"]["deleted"] == 0  # unchanged
    assert found(stack) == []
    # Its file is away: it stays in the bin.
    (photos / "red.png").rename(tmp_path / "red.png")
    (failed,) = post(stack, "selection/restore", red)["failed"]
    assert "is not where it was" in failed["error"]["detail"]
    (tmp_path / "red.png").rename(photos / "red.png")
    assert post(stack, "selection/restore", red)["restored"] == [red]
    stack.job("scan")
    assert found(stack) == [red]
    # Forgotten, its file in the library stays, and no scan brings it back.
    stack.client.delete(f"/api/v1/images/{red}")
    assert stack.client.delete(f"/api/v1/bin/{red}").status_code == 204
    (photos / "red.png").touch()
    assert stack.job("scan")["progress"]["deleted"] == 1
    assert (found(stack), (photos / "red.png").exists()) == ([], True)


class Shades(Colours):
    """Another model: two numbers a picture."""

    model_id = "shades-1"
    dim = 2

    def encode_texts(self, texts: list[str]) -> TextVectors:
        return TextVectors(np.full((len(texts), 2), 0.5**0.5, np.float32), [False] * len(texts))

    def prepare(self, picture: Image.Image) -> Array:
        return np.asarray(picture.resize((4, 4)), np.float32)

    def encode_images(self, prepared: list[Array]) -> Array:
        return np.full((len(prepared), 2), 0.5**0.5, np.float32)


def test_a_picture_whose_vector_is_of_a_former_model_is_encoded_again(make_stack: Callable[..., Any]) -> None:
    stack = make_stack()
    red, blue = ids(picture(RED), picture(BLUE))
    upload(stack, picture(RED), picture(BLUE), details=[SAID, {}])
    stack.client.delete(f"/api/v1/images/{red}")
    other = make_stack(model=Shades())
    assert other.job("reindex")["problem"] is None
    assert post(other, "selection/restore", red)["restored"] == [red]
    record = body(get(other, f"/api/v1/images/{red}"))
    assert {name: record[name] for name in SAID} == SAID
    assert set(found(other)) == {red, blue}


@pytest.mark.parametrize(
    ("method", "path", "sent", "says"),
    [
        ("POST", "selection/delete", {"ids": []}, "ids: "),
        ("POST", "selection/delete", {"ids": ["x"]}, "ids.0: "),
        ("POST", "selection/restore", {"ids": ["0" * 32] * 101}, "ids: "),
        ("POST", "selection/restore", {"all": True}, "all: "),
        ("GET", "bin?cursor=x", None, "cursor: "),
    ],
)
def test_what_is_not_understood_is_refused_by_name(stack: Any, method: str, path: str, sent: Any, says: str) -> None:
    answer = stack.client.open(f"/api/v1/{path}", method=method, json=sent)
    assert answer.status_code == 400
    assert says in body(answer)["detail"]
