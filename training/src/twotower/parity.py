"""Compare a composed bundle with PyTorch: the same texts and pictures through both, least cosine printed.

    python -m twotower.parity --bundle var/bundle

Exits with 1 when a cosine is below 0.9999. The texts and the pictures are those of the sample gallery.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from twotower.base import load_bert, load_vit
from twotower.features import Array, load_picture, to_pixels
from twotower.heads import Config, TwoTower
from twotower.model import MAX_TOKENS, ImageFeatures, TextFeatures

LEAST = 0.9999


def load_heads(release: Path) -> TwoTower:
    """The heads of a release, in float32."""
    stored = load_file(release / "adaptation.safetensors")
    heads = TwoTower(Config())
    for tower, head in (("text", heads.text), ("image", heads.image)):
        prefix = f"{tower}.head."
        state = {n.removeprefix(prefix): t.float() for n, t in stored.items() if n.startswith(prefix)}
        head.load_state_dict(state, strict=True)
    return heads.eval()


def parity(bundle: Path, release: Path, wheels: Path, texts: list[str], images: list[Path]) -> tuple[float, float]:
    """Least cosine between the bundle's vectors and PyTorch's, over the texts and over the pictures."""
    heads = load_heads(release)
    # The ViT as published, which interpolates its position embeddings itself: the release's shortcut is tested too.
    bert, vit = TextFeatures(load_bert(wheels)).eval(), ImageFeatures(load_vit(wheels)).eval()
    tokenizer = Tokenizer.from_file(str(bundle / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MAX_TOKENS)
    sessions = {n: ort.InferenceSession(bundle / f"{n}.onnx", options()) for n in ("text", "image")}
    text_cosines, image_cosines = [], []
    with torch.inference_mode():
        for text in texts:
            ids = np.array([tokenizer.encode(text).ids], np.int64)
            served = sessions["text"].run(["vectors"], {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
            expected = heads.text(bert(torch.from_numpy(ids), torch.ones(ids.shape, dtype=torch.int64))).numpy()
            text_cosines.append(cosine(served, expected))
        for path in images:
            pixels = to_pixels(load_picture(path))[None]
            served = sessions["image"].run(["vectors"], {"pixels": pixels})[0]
            image_cosines.append(cosine(served, heads.image(vit(torch.from_numpy(pixels))).numpy()))
    return min(text_cosines), min(image_cosines)


def options() -> ort.SessionOptions:
    """Sessions that report errors only."""
    chosen = ort.SessionOptions()
    chosen.log_severity_level = 3
    return chosen


def cosine(a: Array, b: Array) -> float:
    """Cosine of two single rows of unit length, in float64."""
    return float((a.astype(np.float64) * b.astype(np.float64)).sum())


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
    least = parity(
        arguments.bundle,
        arguments.release,
        arguments.wheels,
        [e["caption"] for e in entries],
        [arguments.gallery / e["file"] for e in entries],
    )
    sys.stdout.write(f"least cosine over {len(entries)} captions {least[0]:.7f}, pictures {least[1]:.7f}\n")
    return 0 if min(least) >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
