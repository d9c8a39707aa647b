"""A finished run of the smoke config, and a way to run Python where it lies."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from twotower import synthetic

ROOT = Path(__file__).parents[2]
TRAIN = ["-m", "twotower.train", "smoke", "--data", "shapes=var/smoke/shapes", "--wandb", "off"]
# One thread each: at this size more of them only wait for each other.
# Without what makes libraries quiet in CI, or that a person may have set for good.
QUIET = ("WANDB_", "HF_", "ORT_", "CI")
ENVIRONMENT = {**{k: v for k, v in os.environ.items() if not k.startswith(QUIET)}, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the smoke config learns from."""
    folder = tmp_path_factory.mktemp("training")
    synthetic.make_pictures(folder / "var" / "smoke" / "shapes")
    synthetic.make_towers(folder / "var" / "smoke")
    return folder


@pytest.fixture
def inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smoke config names its towers relative to where it is run."""
    monkeypatch.chdir(place)


def run(place: Path, *arguments: str, record: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python; with `record` in a network that leads nowhere, which writes down what was asked of it."""
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
