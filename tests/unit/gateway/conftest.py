"""A gateway with the real encoder and search apps in one process; the model is a toy with predictable vectors."""

import hashlib
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import encoder
import gateway
import gateway.worker
import httpx
import numpy as np
import pytest
import search
from encoder.model import TextVectors
from encoder.runtime import Array
from encoder.settings import Settings as EncoderSettings
from flask import Flask
from flask.testing import FlaskClient
from gateway.database import Database
from gateway.dependencies import Clients, build, database_at
from gateway.jobs.queue import JobKind, JobQueue
from gateway.jobs.worker import Worker
from gateway.pictures.storage import MediaStore
from gateway.search.cache import Cache, MemoryCache
from gateway.search.calibration import Calibrator
from gateway.settings import Settings
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient
from PIL import Image
from prometheus_client import CollectorRegistry
from search.settings import Settings as SearchSettings
from servicekit.clients.encoder import EncoderClient
from werkzeug.test import TestResponse


class Colours:
    """A picture's vector is its mean colour; the texts red, green and blue are the axes, and any other text is grey."""

    model_id = "colours-1"
    dim = 3
    size = 4
    runtime = "toy"

    def __init__(self) -> None:
        self.texts: list[str] = []
        figures = {"dev_set": {"R@1": [50, 40, 60], "loss": 2.5}}
        self.manifest: dict[str, Any] = {"name": "colours", "towers": {"text": "words"}, "evaluation": figures}

    def encode_texts(self, texts: list[str]) -> TextVectors:
        self.texts += texts
        axes = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
        return TextVectors(unit(np.array([axes.get(t, (1, 1, 1)) for t in texts], np.float32)), [False] * len(texts))

    def prepare(self, picture: Image.Image) -> Array:
        return np.asarray(picture.resize((4, 4)), np.float32)

    def encode_images(self, prepared: list[Array]) -> Array:
        return unit(np.array([p.mean((0, 1)) for p in prepared], np.float32))

    def check(self) -> str:
        return "fine"


def unit(rows: Array) -> Array:
    normed: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed


class Wire(httpx.WSGITransport):
    """An in-process transport to an app, which counts requests and can simulate an outage (`cut`)."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app=app)
        self.cut = False
        self.requests: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ConnectError("refused", request=request)
        self.requests.append(f"{request.method} {request.url.path}")
        return super().handle_request(request)


@dataclass
class Stack:
    """The gateway's test client and the services behind it; background work is collected in `waiting`."""

    client: FlaskClient
    model: Colours
    encoder: Wire
    search: Wire
    media: Path
    waiting: list[Callable[[], None]]
    worker: Worker
    store: MediaStore

    def job(self, kind: str, **params: Any) -> dict[str, Any]:
        """Submit a job to the API, let the worker do it, and return it."""
        submitted = self.client.post("/api/v1/jobs", json={"kind": kind, **params})
        assert submitted.status_code == 202, submitted.text
        assert self.worker.run_next(JobKind(kind))
        return body(self.client.get(f"/api/v1/jobs/{body(submitted)['id']}"))


SMALL = {"max_images": 16, "max_file_bytes": 100_000, "max_pixels": 100_000, "max_query_characters": 50}


@contextmanager
def stacks(folder: Path) -> Iterator[Callable[..., Stack]]:
    """A function that builds a stack on the data in a folder."""
    apps = []

    def make(
        cache: Cache | None = None, model: Colours | None = None, former: EncoderClient | None = None, **settings: Any
    ) -> Stack:
        model = model or Colours()
        encoder_wire = Wire(encoder.create_app(EncoderSettings(), model))
        search_app = search.create_app(SearchSettings(catalogue=folder / "catalogue.sqlite"))
        apps.append(search_app)
        search_wire = Wire(search_app)
        media = folder / "media"
        waiting: list[Callable[[], None]] = []
        encoders = Encoders(EncoderClient("the encoder", "http://encoder", encoder_wire), former)
        search_client = SearchClient("the search service", "http://search", search_wire)
        given = Settings(**{**SMALL, "media": str(media), "state": folder / "state.sqlite", **settings})
        database = database_at(given)
        calibrator = Calibrator(encoders, search_client, database, waiting.append)
        clients = Clients(encoders, search_client, None, cache or MemoryCache(10**6, 100), database, calibrator)
        app, worker_app = gateway.create_app(given, clients), gateway.worker.create_app(given, clients)
        apps.append(app)
        # Patience 0: a job whose services do not answer fails at once.
        worker = Worker(JobQueue(database), worker_app.extensions["worker"].tasks, lambda: None, patience_s=0)
        store = build(given, clients, CollectorRegistry(), 2**28).media
        return Stack(app.test_client(), model, encoder_wire, search_wire, media, waiting, worker, store)

    yield make
    for made in apps:
        for opened in (made.extensions.get("database"), made.extensions.get("store")):
            if opened:
                opened.close()


@pytest.fixture
def make_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Stack]]:
    with stacks(tmp_path_factory.mktemp("stack")) as make:
        yield make


@pytest.fixture
def stack(make_stack: Callable[..., Stack]) -> Stack:
    return make_stack()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.sqlite'}"
    new_database: Callable[[], str] = request.getfixturevalue("postgresql")
    return new_database()


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(Database(url)) as opened:
        yield opened


RED, GREEN, BLUE = (250, 0, 0), (0, 250, 0), (0, 0, 250)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (40, 30), form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, form, **options)
    return stream.getvalue()


def upload(stack: Any, *contents: bytes, details: Any = None, names: tuple[str, ...] = ()) -> TestResponse:
    files = [(io.BytesIO(c), names[i] if names else f"{i}.png") for i, c in enumerate(contents)]
    data: dict[str, Any] = {"images": files}
    if details is not None:
        data["details"] = json.dumps(details)
    answer: TestResponse = stack.client.post("/api/v1/images", data=data)
    return answer


def get(stack: Any, path: str, **headers: str) -> TestResponse:
    # Buffered, so that a file that is sent is closed at once.
    answer: TestResponse = stack.client.get(
        path, headers={k.replace("_", "-"): v for k, v in headers.items()}, buffered=True
    )
    return answer


def body(answer: TestResponse) -> dict[str, Any]:
    document = answer.get_json(force=True)
    assert isinstance(document, dict)
    return document


def ids(*contents: bytes) -> list[str]:
    return [hashlib.sha256(c).hexdigest()[:32] for c in contents]
