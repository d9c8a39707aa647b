"""The `sightline` command against real services: add, search, export, API keys, quarantine, error messages."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

SIGHTLINE = str(Path(sys.executable).with_name("sightline"))


@pytest.fixture(scope="module")
def gateway(start_all: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of `sightline` for a gateway that requires keys, with an admin key."""
    folder = tmp_path_factory.mktemp("cli")
    keys = {"GATEWAY_STATE": str(folder / "state.sqlite")}
    with start_all(folder, worker=True, GATEWAY_AUTH="on", **keys) as services:
        made = run(keys, "keys", "create", "test", "--scope", "admin", "--json")
        yield {**keys, "SIGHTLINE_URL": services.gateway.url, "SIGHTLINE_KEY": json.loads(made.stdout)["key"]}


def run(env: dict[str, str], *arguments: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [SIGHTLINE, *arguments], capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **env}
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


def answer(env: dict[str, str], *arguments: str, status: int = 0) -> Any:
    return json.loads(run(env, *arguments, status=status).stdout)


def test_a_collection_from_the_terminal(gateway: dict[str, str], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, colour in (("red", (250, 0, 0)), ("green", (0, 250, 0)), ("blue", (0, 0, 250))):
        Image.new("RGB", (64, 48), colour).save(photos / f"{name}.png")
    (photos / "broken.jpg").write_bytes(b"no picture")
    report = answer(gateway, "add", str(photos), "--json", status=1)
    assert (report["added"], [Path(f["file"]).name for f in report["failed"]]) == (3, ["broken.jpg"])
    assert "broken.jpg: not a picture" in run(gateway, "quarantine").stdout
    assert run(gateway, "quarantine", "--clear").stderr == "1 forgotten.\n"

    # A picture of the collection as a query term: it ranks first, and last with a negative weight.
    picture = f"picture:{photos / 'blue.png'}"
    found = answer(gateway, "search", "-t", picture, "--json")
    assert found["results"][0]["file_name"] == "blue.png"
    away = answer(gateway, "search", "-t", f"-1*{picture}", "--json", "--explain")
    assert (away["results"][-1]["file_name"], away["explain"]["collection"]) == ("blue.png", 3)
    ids = {r["file_name"]: r["id"] for r in found["results"]}
    assert {r["file_name"] for r in answer(gateway, "similar", ids["red.png"], "--json")["results"]} == {
        "green.png",
        "blue.png",
    }

    run(gateway, "tag", ids["red.png"], ids["blue.png"], "--add", "wall", "--attribute", "floor=3")
    run(gateway, "tag", ids["blue.png"], "--remove", "wall", "--caption", "the sea")
    known = json.loads(run(gateway, "info", ids["blue.png"]).stdout)
    assert (known["tags"], known["caption"], known["attributes"]) == ([], "the sea", {"floor": 3})
    assert [r["id"] for r in answer(gateway, "search", "x", "-f", "tags=wall", "--json")["results"]] == [ids["red.png"]]
    assert "the sea" in run(gateway, "search", "sea", "--mode", "text").stdout
    # By captions as well, unless told otherwise.
    assert "the sea" in run(gateway, "search", "sea").stdout.splitlines()[0]

    output = tmp_path / "out.jsonl"
    run(gateway, "export", "-o", str(output), "--vectors")
    assert {json.loads(line)["id"] for line in output.read_text().splitlines()} == set(ids.values())
    assert run(gateway, "reindex").stdout.endswith("serves 3 pictures.\n")
    assert "1 deleted." in run(gateway, "delete", ids["red.png"], "--yes").stdout
    assert [p["id"] for p in answer(gateway, "bin", "list", "--json")] == [ids["red.png"]]
    assert run(gateway, "bin", "restore", ids["red.png"]).stdout == "1 restored.\n"
    assert "not in the collection" in run(gateway, "delete", ids["red.png"], "0" * 32, "--yes", status=1).stderr
    assert run(gateway, "bin", "empty", "--yes").stdout == "1 deleted for good.\n"
    assert answer(gateway, "doctor", "--json")["stats"]["count"] == 2


def test_keys_from_the_terminal(gateway: dict[str, str]) -> None:
    key = run(gateway, "keys", "create", "laptop").stdout.strip()
    listed = {k["name"]: k for k in answer(gateway, "keys", "list", "--json")}
    assert (listed["laptop"]["scope"], key not in str(listed)) == ("read", True)
    mine = {**gateway, "SIGHTLINE_KEY": key}
    assert "this needs a key for admin" in run(mine, "quarantine", status=1).stderr
    run(gateway, "keys", "revoke", listed["laptop"]["id"])
    assert "this needs an API key" in run(mine, "export", status=1).stderr


def test_what_is_wrong_is_said(gateway: dict[str, str], tmp_path: Path) -> None:
    for arguments, status, says in [
        (["search", "dog", "--sort", "taken"], 1, "sort: a search with terms has its order"),
        (["search", "x", "-t", "dog"], 1, "term 0: 'dog' is not a term"),
        (["search", "-t", f"picture:{tmp_path / 'none.png'}"], 1, "No such file"),
        (["search", "x", "-f", "sea"], 2, "is not NAME=VALUE"),
        (["tag", "0" * 32], 2, "nothing to change"),
        (["info", "0" * 32], 1, "there is no picture"),
        (["keys", "revoke", "x"], 1, "there is no key x"),
    ]:
        assert says in run(gateway, *arguments, status=status).stderr


def test_a_picture_that_is_no_picture_is_said(gateway: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(io.BytesIO(b"x").getvalue())
    assert "images.0: not a picture" in run(gateway, "search", "-t", f"picture:{tmp_path / 'x.png'}", status=1).stderr
