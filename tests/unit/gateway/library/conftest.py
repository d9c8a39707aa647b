"""A library of a few pictures, and a gateway that indexes it in place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gateway.jobs.queue import JobKind

from tests.unit.gateway.conftest import BLUE, RED, body, get, picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "2024").mkdir(parents=True)
    (folder / "2024" / "red.png").write_bytes(picture(RED))
    (folder / "blue.jpeg").write_bytes(picture(BLUE, form="JPEG"))
    (folder / "notes.txt").write_text("x")
    return folder


@pytest.fixture
def shelf(make_stack: Callable[..., Any], photos: Path) -> Any:
    return make_stack(folders=str(photos))


def scan(stack: Any, remove: bool = False) -> dict[str, Any]:
    """The progress of a scan when it is done, or the problem document if it fails."""
    job: dict[str, Any] = stack.job("scan", remove=remove)
    found: dict[str, Any] = job["problem"] or job["progress"]
    return found


def scan_paths(stack: Any, *paths: Path) -> dict[str, Any]:
    """The result of a scan of some paths alone, as the watch queues it."""
    steps = list(stack.worker.tasks[JobKind.SCAN]({"remove": False, "paths": [str(path) for path in paths]}))
    result: dict[str, Any] = steps[-1].document()
    return result


def found(stack: Any) -> set[str]:
    return {r["file_name"] for r in body(get(stack, "/api/v1/search?q=red"))["results"]}
