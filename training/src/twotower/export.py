"""Export two towers to a bundle that the encoder serves.

    python -m twotower.export --run var/runs/RUN --out var/my-bundle
    python -m twotower.export --model NAME_OR_FOLDER --out var/my-bundle

The first form exports a run of `twotower.train`, the second a Hugging Face dual encoder
(`twotower.bundles.pretrained`). The bundle's vectors are compared with PyTorch's; if they differ, the bundle is
removed. With --int8 the weights are quantised to eight bits; the loss of recall is measured on --data, printed, and
written into the manifest. --save-dual-encoder also writes a run as a Hugging Face model.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quant_pre_process, quantize_dynamic
from PIL import Image
from torch import nn
from transformers import AutoTokenizer, VisionTextDualEncoderConfig, VisionTextDualEncoderModel

from twotower import data
from twotower.bundles.embedder import BundleEmbedder
from twotower.bundles.graphs import (
    CANARY,
    CanaryVectors,
    Dual,
    ImageGraph,
    TextGraph,
    canary_pixels,
    write_bundle,
    write_manifest,
)
from twotower.bundles.pretrained import SAMPLE_TEXTS, ExportError, load_pretrained
from twotower.config import Config
from twotower.evaluate import evaluate
from twotower.towers.build import load_tokenizer, merged
from twotower.towers.model import TwoTowers
from twotower.towers.pictures import square, to_pixels
from twotower.towers.texts import encode
from twotower.training.runs import load_run

LEAST_COSINE = 0.9999


def from_run(run: Path, wheels: Path) -> tuple[Dual, TwoTowers, Config]:
    """The best checkpoint of a training run with LoRA merged into the weights, as `Dual` and as towers; its config."""
    config, trained = load_run(run, wheels)
    whole = merged(config, trained, wheels)
    tokenizer = load_tokenizer(config.text.model, wheels, config.max_tokens)
    dual = Dual(TextGraph(whole.text), ImageGraph(whole.image), tokenizer, config.max_tokens, config.preparation)
    return dual, whole, config


def least_cosine(dual: Dual, bundle: Path) -> float:
    """The lowest cosine between PyTorch's vectors and the bundle's, over sample texts and random pictures."""
    served = BundleEmbedder(bundle)
    random = np.random.default_rng(0)
    pictures = [Image.fromarray(random.integers(0, 256, (h, w, 3), np.uint8)) for h, w in ((240, 320), (64, 40))]
    pixels = torch.stack([to_pixels(square(p, dual.preparation), dual.preparation) for p in pictures])
    with torch.inference_mode():
        # PyTorch encodes the texts one by one, the bundle in one padded batch: padding must not change a vector.
        texts = torch.cat([dual.text(*encode(dual.tokenizer, [t])) for t in SAMPLE_TEXTS])
        images = dual.image(pixels)
    pairs = ((texts.numpy(), served.texts(SAMPLE_TEXTS)), (images.numpy(), served.pixels(pixels.numpy())))
    return min(float((a.astype(np.float64) * b).sum(1).min()) for a, b in pairs)


def quantise(dual: Dual, bundle: Path, name: str, fields: dict[str, Any], pairs: list[data.Pair]) -> str:
    """Quantise a bundle's weights to int8, in place; return the new model_id.

    The manifest reports the loss of recall.

    Args:
        dual: the towers.
        bundle: the bundle's folder.
        name: of the model; the model_id begins with it.
        fields: further fields of the manifest.
        pairs: pictures to measure recall on.
    """
    before = evaluate(BundleEmbedder(bundle), pairs)
    for graph in ("text.onnx", "image.onnx"):
        # Fold constants first: a weight behind a Transpose node would not be quantised.
        folded, small = bundle / f"folded-{graph}", bundle / f"int8-{graph}"
        quant_pre_process(bundle / graph, folded, skip_symbolic_shape=True)
        quantize_dynamic(folded, small, weight_type=QuantType.QInt8, per_channel=True)
        folded.unlink()
        small.replace(bundle / graph)
    served = BundleEmbedder(bundle)
    after = evaluate(served, pairs)
    loss = {k: before.text_to_image[k].value - after.text_to_image[k].value for k in before.text_to_image}
    fields = {**fields, "int8": {"pictures": len(pairs), "recall_lost": loss}, "evaluation": asdict(after)}
    sys.stdout.write("int8 costs " + ", ".join(f"{v:.2f} points of {k}" for k, v in loss.items()) + "\n")
    picture = served.pixels(canary_pixels(dual.preparation)[None].numpy())[0]
    return write_manifest(dual, bundle, name, fields, CanaryVectors(served.texts([CANARY])[0], picture))


def export(dual: Dual, out: Path, name: str, fields: dict[str, Any], int8_on: list[data.Pair] | None) -> str:
    """Write a bundle and compare it with PyTorch; return its model_id.

    Args:
        dual: the towers.
        out: an empty or new folder.
        name: of the model; the model_id begins with it.
        fields: further fields of the manifest.
        int8_on: pictures to measure the recall of int8 weights on; None to keep float32.

    Raises:
        ExportError: the bundle's vectors differ from PyTorch's; the bundle is removed.
    """
    identity = write_bundle(dual, out, name, fields)
    cosine = least_cosine(dual, out)
    if not cosine >= LEAST_COSINE:
        shutil.rmtree(out)
        raise ExportError(f"the graphs do not compute what PyTorch does: least cosine {cosine:.6f}")
    sys.stdout.write(f"least cosine with PyTorch {cosine:.7f}\n")
    return quantise(dual, out, name, fields, int8_on) if int8_on is not None else identity


def save_dual_encoder(model: TwoTowers, dual: Dual, tokenizer: str, folder: Path) -> None:
    """Write towers as a Hugging Face `VisionTextDualEncoderModel`, with tokenizer and picture preprocessing.

    Args:
        model: the towers, with LoRA merged.
        dual: the same towers, with their preprocessing.
        tokenizer: the model whose tokenizer the text tower uses, a name or a folder.
        folder: a new folder.

    Raises:
        ExportError: the format cannot represent the towers: it needs the backbones' own poolers, linear heads without
            a norm, and pictures that are squashed to a square.
    """
    vit, bert, heads = model.image.backbone, model.text.backbone, (model.image.head, model.text.head)
    poolers = [getattr(b, "pooler", None) for b in (vit, bert)]
    if model.image.pooling != "pooler" or model.text.pooling != "pooler" or None in poolers:
        raise ExportError("a VisionTextDualEncoderModel pools with its backbones' own poolers; these towers do not")
    if any(h.expand is not None or not isinstance(h.norm, nn.Identity) for h in heads):
        raise ExportError("a VisionTextDualEncoderModel's heads are linear, without a norm; these are not")
    if dual.preparation.resize != "squash":
        raise ExportError("only pictures that are squashed to a square are written in this form")
    dim = heads[0].linear.out_features
    config = VisionTextDualEncoderConfig.from_vision_text_configs(vit.config, bert.config, projection_dim=dim)
    whole = VisionTextDualEncoderModel(config, vision_model=vit, text_model=bert)
    with torch.no_grad():
        whole.visual_projection.weight.copy_(heads[0].linear.weight)
        whole.text_projection.weight.copy_(heads[1].linear.weight)
        whole.logit_scale.copy_(model.scale.log())
    whole.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
    p = dual.preparation
    settings = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": p.size, "width": p.size},
        "resample": {"bilinear": 2, "bicubic": 3}[p.resample],
        "image_mean": p.mean,
        "image_std": p.std,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(settings, indent=2) + "\n")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the bundle is written, else 1 after an error message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, help="a training run's folder")
    source.add_argument("--model", metavar="NAME", help="a CLIP, SigLIP or dual encoder, by name or folder")
    parser.add_argument("--out", type=Path, required=True, help="the bundle; a new folder")
    parser.add_argument("--name", help="what the model is called [the source's last part]")
    parser.add_argument("--wheels", type=Path, default=Path("var/base"), help="where downloaded wheels are kept")
    parser.add_argument("--int8", action="store_true", help="store weights in eight bits; needs --data")
    parser.add_argument("--data", metavar="READER=PATH", help="what to measure the loss of --int8 on")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--save-dual-encoder", type=Path, metavar="FOLDER", help="write the run in Hugging Face's form")
    options = parser.parse_args(arguments)
    if options.int8 != bool(options.data):
        parser.error("--int8 and --data go together")
    if options.save_dual_encoder and not options.run:
        parser.error("--save-dual-encoder goes with --run")
    origin = str(options.run or options.model)
    name = options.name or Path(origin).name
    try:
        pairs = data.read(options.data, options.split) if options.data else None
        fields: dict[str, Any] = {"towers": {"source": name}}
        if options.run:
            dual, whole, config = from_run(options.run, options.wheels)
            fields["evaluation"] = json.loads((options.run / "figures.json").read_text())
            if options.save_dual_encoder:
                save_dual_encoder(whole, dual, config.text.model, options.save_dual_encoder)
        else:
            dual = load_pretrained(origin)
        identity = export(dual, options.out, name, fields, pairs)
    except (ExportError, data.DataError, ValueError, OSError) as error:
        sys.stderr.write(f"no export: {error}\n")
        return 1
    sys.stdout.write(f"{options.out} holds {identity}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
