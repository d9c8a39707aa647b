"""ONNX export of the towers, and writing of bundles that the encoder serves."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from servicekit.pictures import canary_picture
from tokenizers import Tokenizer
from torch import Tensor, nn

from twotower.config import Preparation
from twotower.towers.pictures import square, to_pixels
from twotower.towers.texts import encode

Vector = NDArray[np.float32]

CANARY = "a photo of a dog on the grass"


class TextGraph(nn.Module):
    """A text tower whose inputs have the names that the encoder uses."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Map (B, T) int64 ids and mask to (B, dim) float32 unit vectors."""
        vectors: Tensor = self.tower(input_ids, attention_mask)
        return vectors


class ImageGraph(nn.Module):
    """A picture tower whose input has the name that the encoder uses."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        """Map (B, 3, size, size) float32 to (B, dim) float32 unit vectors."""
        vectors: Tensor = self.tower(pixels)
        return vectors


@dataclass(frozen=True)
class Dual:
    """Two towers in PyTorch, with the tokenizer and the picture preprocessing that a bundle needs."""

    text: TextGraph
    image: ImageGraph
    tokenizer: Tokenizer  # truncates, does not pad
    max_tokens: int
    preparation: Preparation


def text_graph(dual: Dual) -> onnx.ModelProto:
    """The text tower as ONNX, for any number of texts of up to `max_tokens` tokens."""
    # Two distinct tensors: if one were passed twice, the export would merge the inputs.
    ids, mask = torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens", max=dual.max_tokens)
    shape = {0: batch, 1: tokens}
    return trace(dual.text, (ids, mask), {"input_ids": shape, "attention_mask": shape})


def image_graph(dual: Dual) -> onnx.ModelProto:
    """The picture tower as ONNX, for any number of pictures."""
    size = dual.preparation.size
    return trace(dual.image, (torch.zeros(2, 3, size, size),), {"pixels": {0: torch.export.Dim("batch")}})


def trace(tower: nn.Module, inputs: tuple[Tensor, ...], dynamic: dict[str, Any]) -> onnx.ModelProto:
    """Export a tower to ONNX without optimisation.

    So every initialiser keeps the name of its parameter; ONNX Runtime optimises the graph when it loads it.

    Args:
        tower: the tower.
        inputs: example inputs.
        dynamic: the dynamic dimensions of each input, by name.
    """
    with warnings.catch_warnings():
        # The exporter raises deprecation warnings about its own code.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            tower.eval(),
            inputs,
            dynamo=True,
            optimize=False,
            dynamic_shapes=dynamic,
            output_names=["vectors"],
            verbose=False,
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    anonymise(model)
    return model


def anonymise(model: onnx.ModelProto) -> None:
    """Remove the exporter's metadata: it holds private paths, and makes the files of two exports differ."""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for part in (model.graph, *model.functions):
        for node in part.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for function in model.functions:
        del function.metadata_props[:]


def described(dual: Dual) -> dict[str, Any]:
    """The manifest's description of the towers' inputs."""
    p = dual.preparation
    image = {"size": p.size, "resize": p.resize, "resample": p.resample, "mean": p.mean, "std": p.std}
    if p.resize == "crop":
        image["shortest_edge"] = p.shortest_edge or p.size
    return {"text": {"max_tokens": dual.max_tokens}, "image": image}


class CanaryVectors(NamedTuple):
    """(D,) float32 vectors of the canary text and of the canary picture."""

    text: Vector
    picture: Vector


def canary(dual: Dual, vectors: CanaryVectors | None = None) -> dict[str, str]:
    """A text and the vectors of it and of a picture, by which the encoder checks that it computes the same vectors.

    The picture is `servicekit.pictures.canary_picture` of twice the model's size.

    Args:
        dual: the towers.
        vectors: those of the canaries; None to compute them with the towers.
    """
    if vectors is None:
        with torch.inference_mode():
            text = dual.text(*encode(dual.tokenizer, [CANARY]))[0].numpy()
            vectors = CanaryVectors(text, dual.image(canary_pixels(dual.preparation)[None])[0].numpy())
    known, picture = (base64.b64encode(v.astype("<f4").tobytes()).decode() for v in vectors)
    return {"text": CANARY, "vector": known, "picture": picture}


def canary_pixels(preparation: Preparation) -> Tensor:
    """The canary picture as the picture tower takes it, (3, size, size) float32."""
    return to_pixels(square(canary_picture(2 * preparation.size), preparation), preparation)


def write_bundle(dual: Dual, out: Path, name: str, fields: dict[str, Any]) -> str:
    """Write a complete bundle; return its model_id, which contains a digest of everything that determines its vectors.

    Args:
        dual: the towers.
        out: an empty or new folder.
        name: of the model; the model_id begins with it.
        fields: further fields of the manifest, like towers and evaluation.

    Raises:
        FileExistsError: `out` holds something already.
    """
    out.mkdir(parents=True, exist_ok=True)
    if any(out.iterdir()):
        raise FileExistsError(f"{out} is not empty")
    onnx.save(text_graph(dual), out / "text.onnx")
    onnx.save(image_graph(dual), out / "image.onnx")
    dual.tokenizer.save(str(out / "tokenizer.json"))
    return write_manifest(dual, out, name, fields)


def write_manifest(
    dual: Dual, out: Path, name: str, fields: dict[str, Any], vectors: CanaryVectors | None = None
) -> str:
    """Write the manifest of a folder that holds the graphs and the tokenizer; return the model_id.

    Args:
        dual: the towers.
        out: the folder.
        name: of the model; the model_id begins with it.
        fields: further fields of the manifest.
        vectors: those of the canaries; None to compute them with the towers. Given for int8, whose graphs compute other
            vectors than the towers.
    """
    files = {f: sha256(out / f) for f in ("text.onnx", "image.onnx", "tokenizer.json")}
    identity = {**described(dual), "files": files}
    known = canary(dual, vectors)
    manifest = {
        "format": 1,
        "name": name,
        "model_id": model_id(name, identity),
        "dim": len(base64.b64decode(known["vector"])) // 4,
        "unit_length": True,
        "similarity": "cosine",
        **fields,
        **identity,
        "canary": known,
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return str(manifest["model_id"])


def model_id(name: str, identity: dict[str, Any]) -> str:
    """A model's name and a digest of everything that determines its vectors."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    return f"{name}-{digest[:16]}"


def sha256(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
