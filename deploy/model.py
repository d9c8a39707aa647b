"""Make a bundle of any Hugging Face CLIP, SigLIP or dual encoder, for `make up MODEL=`.

    python deploy/model.py NAME_OR_FOLDER

prints the bundle's folder. The export needs PyTorch, some gigabytes that serving does not need: it is installed into a
temporary virtual environment, which is removed afterwards. An existing bundle is used as it is.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALL = ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", "constraints.txt", "-e", "training"]


def say(sentence: str) -> None:
    """Print a message to stderr: stdout is reserved for the bundle's folder, which the Makefile reads."""
    sys.stderr.write(f"{sentence}\n")


def place_of(name: str) -> tuple[str, Path]:
    """A model's full name (for a folder, its resolved path) and the path of its bundle.

    >>> place_of("openai/clip-vit-base-patch32")[1].name
    'openai-clip-vit-base-patch32'
    """
    folder = Path(name).expanduser()
    full = str(folder.resolve()) if folder.is_dir() else name
    return full, ROOT / "var" / "models" / re.sub(r"[^A-Za-z0-9._-]+", "-", full).strip("-.")


def export(python: str, name: str, out: Path) -> int:
    """Export a model; return the exit status. The bundle is put in place by an atomic rename.

    Args:
        python: a Python interpreter that has `twotower`.
        name: the model's name or folder.
        out: the bundle's folder.
    """
    building = out.with_name(f"{out.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    command = [python, "-m", "twotower.export", "--model", name, "--out", str(building), "--name", Path(name).name]
    status = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
    if status == 0:
        building.replace(out)
    shutil.rmtree(building, ignore_errors=True)
    return status


def export_apart(name: str, out: Path) -> int:
    """Export in a temporary virtual environment; return the exit status."""
    say("Installing what exports a model into an environment of its own (some minutes; removed afterwards)")
    with tempfile.TemporaryDirectory(prefix="export-", dir=out.parent) as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder) / "bin" / "python")
        if subprocess.run([python, *INSTALL], cwd=ROOT, stdout=sys.stderr, check=False).returncode != 0:
            say("MODEL: what exports a model could not be installed; pip says why above.")
            return 1
        return export(python, name, out)


def main() -> int:
    """The command line; returns 0 if the bundle exists."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="a folder, or a name on Hugging Face's hub")
    parser.add_argument("--python", help="a Python that has twotower, in place of an environment made for it")
    options = parser.parse_args()
    name, out = place_of(options.name)
    if (out / "manifest.json").is_file():
        say(f"{out} holds {options.name} already; remove it to export it anew.")
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        status = export(options.python, name, out) if options.python else export_apart(name, out)
        if status != 0:
            return status
    sys.stdout.write(f"{out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
