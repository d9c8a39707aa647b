"""A run's log: a JSON Lines file, and Weights & Biases unless it is off."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from twotower.config import Config

WandbMode = Literal["auto", "online", "offline", "off"]


class RunLog:
    """Writes a run's metrics; only the main process has one."""

    def __init__(self, folder: Path, config: Config, name: str, wandb_mode: WandbMode, resumed_at: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "log.jsonl"
        # Drop the lines after the checkpoint that the run resumes from: these steps are trained and logged again.
        kept = [line for line in path.read_text().splitlines() if resumed_at] if path.exists() else []
        kept = [line for line in kept if json.loads(line).get("step", 0) <= resumed_at]
        path.write_text("".join(line + "\n" for line in kept))
        self._stream = path.open("a", buffering=1)
        self._wandb: Any = None
        if wandb_mode != "off":
            import wandb

            if wandb_mode == "auto":
                wandb_mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
            # Store the id, so that a resumed run continues the same Weights & Biases run.
            known = folder / "wandb_id.txt"
            if not resumed_at or not known.exists():
                known.write_text(secrets.token_hex(4))
            self._wandb = wandb.init(
                project="sightline",
                name=name,
                id=known.read_text(),
                dir=folder,
                config=asdict(config),
                mode=wandb_mode,
                resume="allow",
            )

    def write(self, **values: Any) -> None:
        """Log one line."""
        self._stream.write(json.dumps(values) + "\n")
        if self._wandb is not None:
            self._wandb.log(values)

    def close(self) -> None:
        """Finish both logs."""
        self._stream.close()
        if self._wandb is not None:
            self._wandb.finish()
