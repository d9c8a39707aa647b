"""Ablation: train the arms of a comparison, and measure each against the first (the baseline) on the same queries.

    python -m twotower.ablation options --data flickr8k=DIR --seed 1 --seed 2 [--out var/ablation]

ARMS is a module of `twotower.configs`, or a Python file of your own, that defines `ARMS`: configs by name, of which the
first is the baseline. All arms must validate on the same data. Give each arm one epoch: with several, its checkpoint is
selected on the validation data that it is measured on. After each seed a table in Markdown is printed and written to
OUT/table.md: the metrics, and below each arm the difference to the baseline, paired by query, with its 95 % bootstrap
interval over pictures. The interval does not cover the variance between training runs, so a difference is in bold only
if it also has the same sign for every seed; of forty differences two would be outside their interval by chance. Trained
and measured arms are kept in --out, so that an interrupted comparison can be resumed; use one --out per data set.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from twotower import data
from twotower.config import Config, fingerprint, load_module
from twotower.data import Pair
from twotower.evaluate import Outcome, measure
from twotower.evaluation.metrics import with_interval
from twotower.evaluation.queries import benchmark
from twotower.train import accelerator_for, places_of, read_sources
from twotower.training import checkpoint
from twotower.training.runlog import RunLog
from twotower.training.runs import RunEmbedder
from twotower.training.trainer import Paths, Trainer, TrainingError

# A row of the table: outcomes by the name of the metric.
Row = dict[str, Outcome]


def load_arms(name: str) -> dict[str, Config]:
    """The arms of a comparison.

    Raises:
        ValueError: there are fewer than two, or they read different data.
    """
    arms: object = getattr(load_module(name), "ARMS", None)
    if not isinstance(arms, dict) or not all(isinstance(c, Config) for c in arms.values()) or len(arms) < 2:
        raise ValueError(f"{name} defines no ARMS: two configs or more, by name")
    if len({(c.sources, c.validation) for c in arms.values()}) > 1:
        raise ValueError(f"the arms of {name} do not all learn from the same sources, or validate on others")
    if len({folder_of(arm, 1) for arm in arms}) < len(arms):
        raise ValueError(f"two arms of {name} have names that differ in punctuation alone")
    return arms


def folder_of(name: str, seed: int) -> str:
    """The name of the folder of an arm and seed."""
    return f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}-{seed}"


def train(name: str, config: Config, pairs: dict[str, list[Pair]], validation: list[Pair], paths: Paths) -> None:
    """Train one arm with one seed; resume an interrupted run, and skip a finished one.

    Args:
        name: the module of the arms.
        config: the arm's config, with the seed.
        pairs: training pictures by source.
        validation: validation pictures.
        paths: the run's folders.

    Raises:
        TrainingError: its folder holds a run of another config.
    """
    began = (paths.out / "last.pt").exists()
    if began:
        kept = checkpoint.load(paths.out / "last.pt")
        # Also for a finished run: if an arm's options have changed, its old figures must not be reported.
        if kept["config"] != fingerprint(config):
            raise TrainingError(f"{paths.out} was trained with other options; name another --out, or remove it")
        if kept["epoch"] >= config.epochs:
            return
    trainer = Trainer(name, config, pairs, validation, paths, accelerator_for(config))
    if began:
        trainer.resume()
    log = RunLog(paths.out, config, paths.out.name, "off", trainer.step)
    trainer.run(log)
    log.close()


def measured(config: Config, pairs: list[Pair], paths: Paths) -> Row:
    """The per-query outcomes of a trained arm, for captions and words; measured once and cached in its folder."""
    kept = paths.out / "outcomes.npz"
    if not kept.exists():
        found = measure(RunEmbedder(paths.out, paths.wheels, config), pairs, benchmark([p.texts for p in pairs]))
        row = {f"caption {k}": outcome for k, outcome in found.recall["text_to_image"].items()}
        row |= {f"{s}, mAP@R": by["mAP@R"] for s, by in found.queries.items() if s != "sentence"}
        parts = {f"{m}/{part}": getattr(o, part) for m, o in row.items() for part in ("values", "owner")}
        with kept.with_suffix(".part").open("wb") as stream:
            np.savez(stream, **parts)
        kept.with_suffix(".part").replace(kept)
    with np.load(kept) as stored:
        names = dict.fromkeys(name.rpartition("/")[0] for name in stored.files)
        return {m: Outcome(stored[f"{m}/values"], stored[f"{m}/owner"]) for m in names}


def together(rows: Sequence[Row], metric: str) -> Outcome:
    """Concatenate the queries of several seeds."""
    return Outcome(
        np.concatenate([row[metric].values.astype(np.float64) for row in rows]),
        np.concatenate([row[metric].owner for row in rows]),
    )


def difference(ours: Sequence[Row], base: Sequence[Row], metric: str) -> str:
    """The difference of an arm to the baseline in percentage points, with its paired bootstrap interval.

    In bold if the interval excludes 0 and all seeds have the same sign.

    Args:
        ours: the arm's rows, one per seed.
        base: the baseline's rows, one per seed.
        metric: the name of the metric.
    """
    a, b = together(ours, metric), together(base, metric)
    found = with_interval(a.values - b.values, a.owner)
    signs = {np.sign(np.mean(o[metric].values) - np.mean(f[metric].values)) for o, f in zip(ours, base, strict=True)}
    told = f"{found.value:+.1f} ({found.low:+.1f} to {found.high:+.1f})"
    return f"**{told}**" if (found.low > 0 or found.high < 0) and len(signs) == 1 else told


def table(arms: Mapping[str, Sequence[Row]]) -> str:
    """A Markdown table of all arms."""
    first, *others = arms
    metrics = list(arms[first][0])
    lines = [f"| | {' | '.join(metrics)} |", "|---" * (1 + len(metrics)) + "|"]
    for name in (first, *others):
        lines.append(f"| {name} | {' | '.join(str(together(arms[name], m).figure()) for m in metrics)} |")
        if name != first:
            cells = " | ".join(difference(arms[name], arms[first], m) for m in metrics)
            lines.append(f"| difference to {first} | {cells} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if all arms were compared, else 1 after an error message."""
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
                paths = Paths(options.out / folder_of(name, seed), None, options.wheels, options.tokens)
                train(options.arms, seeded, pairs, validation, paths)
                rows[name].append(measured(seeded, validation, paths))
            told = table(rows)
            (options.out / "table.md").write_text(told, encoding="utf-8")
            sys.stdout.write(f"\n{told}\n")
            sys.stdout.flush()
    except (TrainingError, data.DataError, ValueError, OSError) as error:
        sys.stderr.write(f"no comparison: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
