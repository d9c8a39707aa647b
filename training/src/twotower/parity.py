"""Compare a composed bundle with PyTorch: encode the same texts and pictures with both, and print the lowest cosine.

    python -m twotower.parity --bundle var/bundle

Exits with 1 if a cosine is below 0.9999. The texts and pictures are those of the sample gallery. The PyTorch model is
built from the wheels and the release's adaptation, by code that is independent of the encoder's.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from twotower.bundles.embedder import BundleEmbedder
from twotower.towers.base import load_bert, load_vit
from twotower.towers.embed import Array, embed_pictures, embed_texts
from twotower.towers.model import TwoTowers
from twotower.towers.towers import Head, ImageTower, TextTower

LEAST = 0.9999


def load_release(release: Path, wheels: Path) -> TwoTowers:
    """Load a release into PyTorch, in float32.

    The ViT is the published one, which interpolates its position embeddings in the forward pass. So this also tests the
    embeddings that the release interpolated in advance.
    """
    stored = {n: t.float() for n, t in load_file(release / "adaptation.safetensors").items()}
    places: dict[str, dict[str, Any]] = json.loads((release / "tensors.json").read_text())
    vit, bert = load_vit(wheels), load_bert(wheels)
    model = TwoTowers(
        ImageTower(vit, head_of(stored, "image.head."), "cls+mean"),
        TextTower(bert, head_of(stored, "text.head."), "mean"),
    )
    with torch.no_grad():
        for graph, backbone in (("image.onnx", vit), ("text.onnx", bert)):
            for name, place in places[graph].items():
                if "plus" in place:
                    b, a = (stored[n] for n in place["plus"])
                    backbone.get_parameter(name.removeprefix("tower.backbone.")).add_(b @ a)
    return model.eval()


def head_of(stored: dict[str, Tensor], prefix: str) -> Head:
    """The head whose parameters have this prefix."""
    state = {n.removeprefix(prefix): t for n, t in stored.items() if n.startswith(prefix)}
    dim, width = state["linear.weight"].shape
    head = Head(width, dim, len(state["expand.bias"]) if "expand.bias" in state else 0)
    head.load_state_dict(state, strict=True)
    return head


def least_cosine(a: Array, b: Array) -> float:
    """The lowest cosine between corresponding rows of unit vectors, in float64."""
    return float((a.astype(np.float64) * b.astype(np.float64)).sum(1).min())


@torch.inference_mode()
def parity(
    bundle: Path, release: Path, wheels: Path, texts: Sequence[str], images: Sequence[Path]
) -> tuple[float, float]:
    """The lowest cosine between the bundle's vectors and PyTorch's, over texts and over pictures.

    Args:
        bundle: the bundle's folder.
        release: the release's folder.
        wheels: the folder of downloaded wheels.
        texts: texts to encode.
        images: pictures to encode.
    """
    served, model = BundleEmbedder(bundle), load_release(release, wheels)
    return (
        least_cosine(served.texts(texts), embed_texts(model, served.tokenizer, texts)),
        least_cosine(served.pictures(images), embed_pictures(model, served.preparation, images)),
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=Path("var/bundle"))
    parser.add_argument("--release", type=Path, default=Path("training/released/sightline-small"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--gallery", type=Path, default=Path("deploy/gallery"))
    parser.add_argument("--count", type=int, default=50, help="how many pictures and captions of the gallery")
    arguments = parser.parse_args()
    entries = json.loads((arguments.gallery / "manifest.json").read_text())["pictures"][: arguments.count]
    texts, images = [e["caption"] for e in entries], [arguments.gallery / e["file"] for e in entries]
    least = parity(arguments.bundle, arguments.release, arguments.wheels, texts, images)
    sys.stdout.write(f"least cosine over {len(entries)} captions {least[0]:.7f}, pictures {least[1]:.7f}\n")
    return 0 if min(least) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
