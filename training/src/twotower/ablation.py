"""Which options help: train the arms of a comparison, and measure each against the first on the same queries.

    python -m twotower.ablation options --data flickr8k=DIR --seed 1 --seed 2 [--out var/ablation]

ARMS is a module of `twotower.configs`, or a Python file of your own, that defines `ARMS`: configs by name, the first
of which the others are compared with. They must validate on the same data. After each seed it prints a table in
Markdown and writes it to OUT/table.md: the figures, and below each arm the difference to the first, with its interval
over pictures. What is trained stays in --out, so that an interrupted comparison goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from accelerate import Accelerator

from twotower import checkpoint, data
from twotower.config import Config, load_module
from twotower.data import Pair
from twotower.embed import RunEmbedder
from twotower.evaluate import Outcome, measure
from twotower.metrics import with_interval
from twotower.queries import benchmark
from twotower.runlog import RunLog
from twotower.train import places_of, read_sources
from twotower.trainer import Paths, Trainer, TrainingError

# Metrics of a row, by name.
Row = dict[str, Outcome]


def load_arms(name: str) -> dict[str, Config]:
    """The arms of a comparison.

    Raises:
        ValueError: there are none, or fewer than two, or they read other data.
    """
    arms: object = getattr(load_module(name), "ARMS", None)
    if not isinstance(arms, dict) or not all(isinstance(c, Config) for c in arms.values()) or len(arms) < 2:
        raise ValueError(f"{name} defines no ARMS: two configs or more, by name")
    if len({(c.sources, c.validation) for c in arms.values()}) > 1:
        raise ValueError(f"the arms of {name} do not all learn from the same sources, or validate on others")
    return arms


def train(name: str, config: Config, pairs: dict[str, list[Pair]], validation: list[Pair], paths: Paths) -> None:
    """Train one arm with one seed, or go on with it, unless it is done."""
    if (paths.out / "last.pt").exists() and checkpoint.load(paths.out / "last.pt")["epoch"] >= config.epochs:
        return
    trainer = Trainer(name, config, pairs, validation, paths, Accelerator(mixed_precision="bf16"))
    if (paths.out / "last.pt").exists():
        trainer.resume()
    log = RunLog(paths.out, config, paths.out.name, "off", trainer.step)
    trainer.run(log)
    log.close()


def outcomes(run: RunEmbedder, pairs: list[Pair]) -> Row:
    """What a trained arm is compared by: captions and keywords, query by query."""
    found = measure(run, pairs, benchmark([p.texts for p in pairs]))
    row = {f"caption {k}": outcome for k, outcome in found.recall["text_to_image"].items()}
    return row | {f"{s}, mAP@R": by["mAP@R"] for s, by in found.queries.items() if s != "sentence"}


def together(rows: Sequence[Row]) -> Row:
    """The queries of several seeds one after another."""
    return {
        metric: Outcome(*(np.concatenate([getattr(r[metric], part) for r in rows]) for part in ("values", "owner")))
        for metric in rows[0]
    }


def table(arms: Mapping[str, Row]) -> str:
    """All arms in Markdown; differences are paired query by query and drawn by picture."""
    first, *others = arms
    metrics = list(arms[first])
    lines = [f"| | {' | '.join(metrics)} |", "|---" * (1 + len(metrics)) + "|"]
    lines.append(f"| {first} | {' | '.join(str(arms[first][m].figure()) for m in metrics)} |")
    for name in others:
        lines.append(f"| {name} | {' | '.join(str(arms[name][m].figure()) for m in metrics)} |")
        cells = []
        for metric in metrics:
            ours, base = arms[name][metric], arms[first][metric]
            difference = with_interval(ours.values.astype(np.float64) - base.values, ours.owner)
            told = f"{difference.value:+.1f} ({difference.low:+.1f} to {difference.high:+.1f})"
            cells.append(f"**{told}**" if difference.low > 0 or difference.high < 0 else told)
        lines.append(f"| difference to {first} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command line: 0 when all arms were compared, 1 with a sentence when they could not be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("arms", metavar="ARMS")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="where a source lies")
    parser.add_argument("--seed", action="append", type=int, default=[], help="may be given again [1]")
    parser.add_argument("--out", type=Path, default=Path("var/ablation"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--tokens", type=Path, default=Path("var/tokens"))
    options = parser.parse_args(arguments)
    try:
        arms = load_arms(options.arms)
        pairs, validation = read_sources(next(iter(arms.values())), places_of(options.data), 0.001)
        rows: dict[str, list[Row]] = {name: [] for name in arms}
        for seed in options.seed or [1]:
            for name, config in arms.items():
                seeded = replace(config, seed=seed)
                out = options.out / f"{name.replace(',', '').replace(' ', '-')}-{seed}"
                train(options.arms, seeded, pairs, validation, Paths(out, None, options.wheels, options.tokens))
                rows[name].append(outcomes(RunEmbedder(out, options.wheels, seeded), validation))
            told = table({name: together(of) for name, of in rows.items()})
            (options.out / "table.md").write_text(told, encoding="utf-8")
            sys.stdout.write(f"\n{told}\n")
            sys.stdout.flush()
    except (TrainingError, data.DataError, ValueError, OSError) as error:
        sys.stderr.write(f"no comparison: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
