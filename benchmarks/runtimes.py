"""Compare what can compute the towers of a bundle on this machine: speed, memory, agreement, and what mixing costs.

    python benchmarks/runtimes.py [--bundle var/bundle] [--threads 0] [--rounds 3] [--flickr8k DIR]

The rates are of batches of texts of 8 tokens and of pictures, in rounds that each measure every runtime. The cosines
are with ONNX Runtime in fp32, over the captions and pictures of the sample gallery; `python -m twotower.parity` says
how close that one is to PyTorch. With `--flickr8k`, the recall of its dev split with the texts of one runtime and the
pictures of another. Needs the bundle (`python -m encoder.bundle`), and PYTHONPATH=training/src for `--flickr8k`.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from encoder.model import OnnxModel
from encoder.runtime import Array, Inputs, Runtime, RuntimeUnavailableError, choose
from encoder.tower import TowerProcess
from servicekit.pictures import open_picture
from servicekit.server.processor import available_cores
from serving import say
from tqdm import tqdm

GALLERY = Path("deploy/gallery")
TOKENS = 8
TEXTS, PICTURES = (1, 8, 32), (1, 4, 8)
SECONDS = 2.0


def usable() -> list[Runtime]:
    """The runtimes that this machine has."""
    found = []
    for runtime in Runtime:
        if runtime is not Runtime.AUTO:
            try:
                found.append(choose(runtime))
            except RuntimeUnavailableError as error:
                say(f"not measured: {error}")
    return found


def batch(graph: str, count: int, size: int) -> Inputs:
    """A random batch of texts or pictures."""
    chance = np.random.default_rng(0)
    if graph == "text.onnx":
        ids = chance.integers(1000, 20_000, (count, TOKENS))
        return {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    return {"pixels": chance.standard_normal((count, 3, size, size), np.float32)}


def rate(tower: TowerProcess, inputs: Inputs) -> float:
    """Items per second, without the first batch of this shape."""
    tower.run(inputs)
    count, done, began = len(next(iter(inputs.values()))), 0, time.perf_counter()
    while time.perf_counter() - began < SECONDS:
        tower.run(inputs)
        done += count
    return done / (time.perf_counter() - began)


def memory(tower: TowerProcess) -> int:
    """The proportional memory (PSS) of a tower's process in MB."""
    lines = Path(f"/proc/{tower.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) // 1024


def speed(bundle: Path, threads: int, rounds: int, size: int) -> None:
    """Print the rates and the memory of each runtime."""
    runtimes, shapes = usable(), {"text.onnx": TEXTS, "image.onnx": PICTURES}
    rates: dict[tuple[Runtime, str, int], list[float]] = {}
    held: dict[tuple[Runtime, str], int] = {}
    for _ in tqdm(range(rounds), desc="rounds"):
        for runtime, graph in itertools.product(runtimes, shapes):
            tower = TowerProcess(bundle / graph, runtime, threads)
            tower.wait()
            for count in shapes[graph]:
                found = rate(tower, batch(graph, count, size))
                rates.setdefault((runtime, graph, count), []).append(found)
            held[runtime, graph] = max(held.get((runtime, graph), 0), memory(tower))
            tower.close()
    say(f"{threads} threads, texts of {TOKENS} tokens; items per second (median of {rounds} rounds), memory in MB\n")
    head = [f"texts, {n} a batch" for n in TEXTS] + ["MB"] + [f"pictures, {n} a batch" for n in PICTURES] + ["MB"]
    say("| runtime | " + " | ".join(head) + " |\n|---|" + "---|" * len(head))
    for runtime in runtimes:
        cells = []
        for graph, counts in shapes.items():
            cells += [f"{np.median(rates[runtime, graph, n]):.1f}" for n in counts] + [str(held[runtime, graph])]
        say(f"| {runtime} | {' | '.join(cells)} |")


def encoded(bundle: Path, runtime: Runtime, texts: Sequence[str], files: Sequence[Path]) -> tuple[Array, Array]:
    """The vectors of texts and of picture files by one runtime."""
    model = OnnxModel(bundle, runtime=runtime)
    try:
        rows = [
            model.encode_images([model.prepare(open_picture(f.read_bytes(), 10**8, draft=2 * model.size).image)])
            for f in tqdm(files, desc=str(runtime), leave=False)
        ]
        parts = [model.encode_texts(texts[i : i + 256]).vectors for i in range(0, len(texts), 256)]
        return np.concatenate(parts), np.concatenate(rows)
    finally:
        model.close()


def agreement(bundle: Path) -> None:
    """Print the cosines of each runtime's vectors with those of ONNX Runtime in fp32."""
    with (GALLERY / "captions.csv").open(encoding="utf-8") as stream:
        texts = [row["caption"] for row in csv.DictReader(stream)]
    files = sorted((GALLERY / "pictures").iterdir())
    exact = encoded(bundle, Runtime.ONNXRUNTIME_FP32, texts, files)
    say(f"\ncosine with ONNX Runtime in fp32 over {len(texts)} captions and {len(files)} pictures, least and mean\n")
    for runtime in usable():
        found = encoded(bundle, runtime, texts, files)
        cosines = [(a * b).sum(1) for a, b in zip(found, exact, strict=True)]
        told = [f"{what} {c.min():.5f}, {c.mean():.5f}" for what, c in zip(("texts", "pictures"), cosines, strict=True)]
        say(f"- {runtime}: {'; '.join(told)}")


def mixing(bundle: Path, folder: Path) -> None:
    """Print the recall on Flickr8k dev for each pair of runtimes."""
    from twotower import data
    from twotower.evaluation.metrics import text_to_image_ranks

    pairs = data.READERS["flickr8k"](folder, "dev")
    texts = [text for pair in pairs for text in pair.texts]
    owner = np.repeat(np.arange(len(pairs)), [len(pair.texts) for pair in pairs])
    by = {runtime: encoded(bundle, runtime, texts, [pair.image for pair in pairs]) for runtime in usable()}
    say(f"\nrecall on Flickr8k dev, {len(texts)} captions over {len(pairs)} pictures\n")
    for a, b in itertools.product(by, by):
        ranks = text_to_image_ranks(by[a][0], by[b][1], owner)
        told = ", ".join(f"R@{k} {100 * (ranks <= k).mean():.2f}" for k in (1, 5, 10))
        say(f"- texts by {a}, pictures by {b}: {told}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=Path("var/bundle"))
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--flickr8k", type=Path)
    options = parser.parse_args()
    model = OnnxModel(options.bundle)
    size = model.size
    model.close()
    speed(options.bundle, options.threads or available_cores(), options.rounds, size)
    agreement(options.bundle)
    if options.flickr8k:
        mixing(options.bundle, options.flickr8k)


if __name__ == "__main__":
    main()
