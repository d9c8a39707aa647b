"""Small collections with predictable answers: unit vectors on a circle, pictures named by a letter or a number."""

import base64
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from search import create_app
from search.catalogue.catalogue import Catalogue
from search.catalogue.tables import NewPicture
from search.index.index import Index
from search.settings import Settings
from search.store import LocalStore


def encode(*numbers: float) -> str:
    """A vector as base64 of little-endian float32."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


def picture(name: str, *vector: float, **record: Any) -> dict[str, Any]:
    """A picture whose id is one letter 32 times."""
    return {
        "id": name * 32,
        "media_key": name,
        "file_name": f"{name}.jpg",
        "width": 4,
        "height": 3,
        "caption": name,
        "tags": [],
        "vector": encode(*vector),
        **record,
    }


def number_id(number: int) -> str:
    """The id of picture `number`."""
    return f"{number:032x}"


def on_circle(number: int, steps: int = 1000) -> NewPicture:
    """Picture `number`, whose vector is at the angle 2 pi * number / steps."""
    angle = 2 * np.pi * number / steps
    vector = np.array([np.cos(angle), np.sin(angle)], "<f4").tobytes()
    return NewPicture(number_id(number), "m", f"{number}.jpg", 4, 3, f"number {number}", [], vector)


BACKENDS = ["local", "milvus"]


def settings_for(backend: str, folder: Path, **settings: Any) -> Settings:
    """Settings for an empty collection; the back end milvus uses Milvus Lite, which runs in this process."""
    folder.mkdir(exist_ok=True)
    return Settings(
        backend=backend,  # type: ignore[arg-type]
        catalogue=folder / "catalogue.sqlite",
        milvus_uri=str(folder / "milvus.db"),
        max_pictures=10,
        **settings,
    )


@pytest.fixture(params=BACKENDS)
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The settings of each back end in turn."""
    return settings_for(request.param, tmp_path)


@pytest.fixture
def client(settings: Settings) -> Iterator[FlaskClient]:
    """The service over an empty collection."""
    app = create_app(settings)
    yield app.test_client()
    app.extensions["store"].close()


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[Callable[..., LocalStore]]:
    """A function that opens the same catalogue again, as another process would; all are closed at the end."""
    opened: list[LocalStore] = []

    def open_one(snapshot_rows: int = 100) -> LocalStore:
        catalogue = Catalogue(tmp_path / "catalogue.sqlite")
        opened.append(LocalStore(catalogue, Index(catalogue, tmp_path / "index", snapshot_rows)))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()
