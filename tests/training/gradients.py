"""Writes the loss and gradients of the smoke config's first batch to a file; run by one process or several (DDP), or in
chunks (GradCache).

python gradients.py OUT [CHUNK]
"""

import sys
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import Accelerator
from twotower.config import load_config
from twotower.train import read_sources
from twotower.training.trainer import Paths, Trainer

config = replace(load_config("smoke"), chunk=int(sys.argv[2]) if len(sys.argv) > 2 else 0, captions=2)
accelerator = Accelerator(cpu=True)
pairs, validation = read_sources(config, {"shapes": Path("var/smoke/shapes")}, 0)
trainer = Trainer("smoke", config, pairs, validation, Paths(Path("unused")), accelerator)
trainer.model.eval()  # no dropout: its masks would differ between one process and two
loss = trainer.backward(trainer.prepared[0, 0])
gradients = {n: p.grad for n, p in trainer.model.named_parameters() if p.grad is not None}
if accelerator.is_main_process:
    torch.save({"loss": loss, **gradients}, sys.argv[1])
