"""Compare a composed bundle with PyTorch: the same texts and pictures through both, least cosine printed.

    python -m twotower.parity --bundle var/bundle

Exits with 1 when a cosine is below 0.9999. The texts and the pictures are those of the sample gallery. PyTorch's side
is put together anew, from the wheels and the release's adaptation, by other code than the encoder's.
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
    """A release as PyTorch computes it, in float32.

    The ViT is the one that was published, which interpolates its position embeddings itself: the release's shortcut is
    tested too.
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
    """The least cosine between rows of unit vectors, in float64."""
    return float((a.astype(np.float64) * b.astype(np.float64)).sum(1).min())


@torch.inference_mode()
def parity(
    bundle: Path, release: Path, wheels: Path, texts: Sequence[str], images: Sequence[Path]
) -> tuple[float, float]:
    """Least cosine between the bundle's vectors and PyTorch's, over the texts and over the pictures."""
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
