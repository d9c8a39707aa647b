"""Index tuning: recall measurements, the choice within a budget, and the `search` command line."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from search.cli import main
from search.index.approximate import IndexKind
from search.index.tune import Measured, choose, families, measure, table
from search.store import LocalStore

from tests.unit.search.conftest import on_circle


def measured(factory: str, recall: float, p95: float, megabytes: float) -> Measured:
    return Measured(IndexKind(factory=factory), recall, p95 / 2, p95, megabytes, 1)


def test_exact_is_chosen_while_it_fits_and_else_the_fastest_that_finds_enough() -> None:
    results = [
        measured("Flat", 1, 40, 1500),
        measured("HNSW32", 0.99, 1, 1800),
        measured("IVF64,SQ8", 0.96, 5, 400),
        measured("SQ8", 0.94, 0.5, 300),
    ]

    def best(most_ms: float, most_mb: float) -> str | None:
        found = choose(results, most_ms, most_mb)
        return found.kind.factory if found else None

    assert best(50, 2000) == "Flat"
    assert best(10, 2000) == "HNSW32"
    assert best(10, 1000) == "IVF64,SQ8"
    assert best(3, 1000) is None  # SQ8 is within the budget, but its recall is too low


def test_a_family_is_measured_at_the_first_setting_that_finds_enough() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((2000, 16)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    chosen = [f for f in families(2000) if f.startswith(("Flat", "IVF"))]
    assert chosen == ["Flat", "IVF128,Flat", "IVF128,SQ8"]
    flat, lists, quantised = measure(vectors, vectors[:60], chosen)
    assert (flat.recall, flat.megabytes) == (1, 2000 * 16 * 4 / 1e6)
    # Vectors without clusters: nprobe=4 of 128 lists is not enough.
    assert lists.recall >= 0.95 and (lists.kind.nprobe or 0) > 4
    assert quantised.megabytes < lists.megabytes
    assert table([flat]).splitlines()[2].startswith("| Flat | 1.000 | ")


class Encoder(BaseHTTPRequestHandler):
    """A fake encoder: a text is an angle in degrees, its vector that point of the circle."""

    def do_POST(self) -> None:
        texts = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["texts"]
        angles = np.radians([float(t) for t in texts])
        vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype("<f4")
        items = [{"row": row, "truncated": False} for row in range(len(texts))]
        encoded = base64.b64encode(vectors.tobytes()).decode()
        body = json.dumps({"model_id": "m1", "dim": 2, "vectors": encoded, "items": items}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def encoder() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Encoder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def serving(
    open_store: Callable[..., LocalStore], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], LocalStore]:
    """A thousand pictures on a circle; returns a function that opens the store as a running service does."""
    monkeypatch.setenv("SEARCH_CATALOGUE", str(tmp_path / "catalogue.sqlite"))
    monkeypatch.setenv("SEARCH_INDEX", str(tmp_path / "index"))
    store = open_store(snapshot_rows=10**9)
    store.upsert("m1", 2, [on_circle(n) for n in range(1000)])
    return lambda: store


def test_tune_prints_the_table_and_activates_what_fits(
    serving: Callable[[], LocalStore], encoder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(str(degrees) for degrees in range(0, 360, 5)))
    command = ["tune", "--encoder", encoder, "--texts", str(texts), "--kinds", "Flat", "IVF", "--activate"]
    assert main([*command, "--most-mb", "1000"]) == 0
    assert "Best within 50 ms (p95) and 1000.0 MB: Flat\nIt serves.\n" in capsys.readouterr().out
    assert main([*command, "--most-mb", "0.0001"]) == 0
    assert "None of these finds enough within" in capsys.readouterr().out
    before = serving().stats()["index"]
    assert before["kind"] == "Flat" and before["generation"]
    assert main(["tune", "--encoder", encoder, "--texts", str(texts), "--kinds", "IVF128,Flat", "--activate"]) == 0
    assert "It serves, with a recall of" in capsys.readouterr().out
    assert serving().stats()["index"]["kind"].startswith("IVF128,Flat nprobe=")
    # Without --activate nothing changes.
    serving().upsert("m1", 2, [on_circle(2000)])
    assert main(["tune", "--encoder", encoder, "--texts", str(texts), "--kinds", "Flat"]) == 0
    assert serving().stats()["index"]["kind"].startswith("IVF128,Flat nprobe=")
    assert [p.name for p in (tmp_path / "index").iterdir() if p.name.startswith("tune-")] == []
    assert main(["rollback"]) == 0
    assert serving().stats()["index"]["generation"] == before["generation"]
    assert main(["status"]) == 0
    assert "served before: IVF128,Flat nprobe=" in capsys.readouterr().out
    assert main(["rebuild"]) == main(["compact"]) == 0


def test_what_cannot_be_done_is_said(
    serving: Callable[[], LocalStore], encoder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command, says in (
        (["tune", "--encoder", encoder, "--texts", "/dev/null"], "0 texts are too few to measure recall with"),
        (["tune", "--encoder", "http://127.0.0.1:1"], "cannot be reached"),
        (["rollback"], "no snapshot served before this one"),
    ):
        assert main(command) == 1
        assert says in capsys.readouterr().err
    monkeypatch.setenv("SEARCH_CATALOGUE", "/nowhere/c.sqlite")
    assert main(["status"]) == 1
    assert "/nowhere/c.sqlite is not there" in capsys.readouterr().err
