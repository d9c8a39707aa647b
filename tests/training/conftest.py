"""Fixtures of the training tests: a finished run of the smoke config, and a function that runs Python in its folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from twotower import synthetic

ROOT = Path(__file__).parents[2]
TRAIN = ["-m", "twotower.train", "smoke", "--data", "shapes=var/smoke/shapes", "--wandb", "off"]
# OMP_NUM_THREADS=1: for towers of this size more threads only add synchronisation.
# Variables that switch telemetry off are removed: CI or the user may have set them, and would hide it from the tests.
QUIET = ("WANDB_", "HF_", "ORT_", "CI")
ENVIRONMENT = {**{k: v for k, v in os.environ.items() if not k.startswith(QUIET)}, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the smoke config's data and towers."""
    folder = tmp_path_factory.mktemp("training")
    synthetic.make_pictures(folder / "var" / "smoke" / "shapes")
    synthetic.make_towers(folder / "var" / "smoke")
    return folder


@pytest.fixture
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change to the folder: the smoke config's paths are relative to the working directory."""
    monkeypatch.chdir(place)


def run(place: Path, *arguments: str, record: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in the folder; with `record`, in the sealed network of `sealed.py`, which writes its record there."""
    sealed = [sys.executable, str(ROOT / "tests" / "integration" / "sealed.py"), str(record)] if record else []
    return subprocess.run(
        [*sealed, sys.executable, *arguments],
        cwd=place,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(place: Path) -> Path:
    """A finished run."""
    done = run(place, *TRAIN)
    assert done.returncode == 0, done.stderr[-2000:]
    return place / "var" / "runs" / "smoke"
