"""Overhead of the training loop: its throughput compared with bare forward and backward passes of the same towers.

    PYTHONPATH=training/src python benchmarks/training.py [--config flickr8k_small] [--rounds 3] [--steps 4] \
        [--workers 0]

Pictures and captions are synthetic. The bare passes repeat forward, loss and backward on one batch in memory. The loop
also draws batches, reads cached tokens or decodes pictures, tokenises, clips gradients, runs the optimizer and updates
the EMA. Rounds of the two alternate, and the ratio of their medians is printed.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from accelerate import Accelerator
from PIL import Image
from tqdm import tqdm
from twotower import data
from twotower.config import Config, Source, load_config
from twotower.training.loader import load
from twotower.training.trainer import Paths, Trainer

WORDS = ("man", "woman", "dog", "ball", "red", "blue", "grass", "jumps", "street", "water", "snow", "beach", "plays")


def make(folder: Path, count: int) -> None:
    """Write noise pictures of the size of photographs, with five captions of a dozen words each."""
    random = np.random.default_rng(0)
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["image", "caption"])
        for i in range(count):
            pixels = random.integers(0, 256, (375, 500, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.jpg")
            writer.writerows([f"{i}.jpg", " ".join(random.choice(WORDS, 12))] for _ in range(5))


def seconds(work: Callable[[], object], times: int) -> float:
    """The mean duration of a call in seconds, over `times` calls."""
    began = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - began) / times


def measure(config: Config, folder: Path, rounds: int, steps: int, workers: int) -> tuple[float, float]:
    """The throughput of the bare passes and of the loop, in pictures per second.

    Args:
        config: the training config.
        folder: of the pictures, and for the token cache.
        rounds: rounds of each.
        steps: steps per round.
        workers: data loader workers.
    """
    pairs = {"made-up": data.READERS["folder"](folder, "all")}
    accelerator = Accelerator(mixed_precision="bf16" if config.precision == "bf16" else "no")
    trainer = Trainer("benchmark", config, pairs, pairs["made-up"], Paths(folder, tokens=folder), accelerator)
    trainer.model.train()
    places = [(epoch, step) for epoch in range(config.epochs) for step in range(trainer.batches.steps)]
    batches = load(trainer.prepared, places, workers, accelerator.device.type == "cuda")
    batch = next(batches)
    (part,) = trainer.parts(batch)
    targets = batch.targets.to(accelerator.device)

    def bare() -> None:
        texts, images = trainer.encode_part(part)
        loss = trainer.model.loss(texts, images, targets)
        loss.backward()
        loss.item()  # synchronises with the GPU
        trainer.model.zero_grad()

    def loop() -> None:
        trainer.train_step(next(batches))

    bare()
    loop()
    taken: dict[str, list[float]] = {"bare": [], "loop": []}
    for _ in tqdm(range(rounds), unit="round"):
        taken["bare"].append(seconds(bare, steps))
        taken["loop"].append(seconds(loop, steps))
    found = [config.batch / statistics.median(taken[name]) for name in ("bare", "loop")]
    return found[0], found[1]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="flickr8k_small")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare batches ahead")
    options = parser.parse_args()
    source = Source("made-up", "folder", "all")
    config = replace(load_config(options.config), sources=(source,), chunk=0, epochs=1000)
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder), 2 * config.batch)
        bare, loop = measure(config, Path(folder), options.rounds, options.steps, options.workers)
    tqdm.write(f"bare {bare:.1f} pictures/s, loop {loop:.1f} pictures/s: {loop / bare:.2f} of bare")


if __name__ == "__main__":
    main()
