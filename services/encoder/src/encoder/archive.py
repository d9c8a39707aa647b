"""A bundle as one file, for machines that reach no package index: a gzipped tar archive of its four files."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import Any

from encoder.model import BundleError, read_manifest

FILES = ("manifest.json", "text.onnx", "image.onnx", "tokenizer.json")


def pack(bundle: Path, archive: Path) -> None:
    """Write a bundle into an archive, which is put in place when it is whole.

    Raises:
        BundleError: the bundle is damaged.
    """
    read_manifest(bundle)
    writing = archive.with_name(archive.name + ".writing")
    with tarfile.open(writing, "w:gz") as tar:
        for name in FILES:
            tar.add(bundle / name, name)
    writing.replace(archive)


def unpack(archive: Path, folder: Path) -> dict[str, Any]:
    """Write an archive's bundle into a folder, which is emptied before, and check it; return its manifest.

    Raises:
        BundleError: the archive is missing or damaged, or holds something else.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with tarfile.open(archive) as tar:
            if sorted(tar.getnames()) != sorted(FILES):
                raise BundleError(f"{archive} is no bundle: it holds {', '.join(sorted(tar.getnames())[:5])}")
            tar.extractall(folder, filter="data")
    except FileNotFoundError as error:
        raise BundleError(f"{archive} does not exist; python -m encoder.bundle --pack FILE makes one") from error
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BundleError(f"{archive} cannot be unpacked: {error}") from error
    return read_manifest(folder)
