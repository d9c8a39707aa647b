"""The training loop: a batch, its loss, its gradients, a step; validation and checkpoints."""

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

# Pictures, texts, and the texts' mask; see `TwoTowers.forward`.
Part = tuple[Tensor, Tensor, Tensor | None]


# Steps between two checkpoints, beside those at the end of each epoch.
SAVE_EVERY = 50


class TrainingError(Exception):
    """The run cannot go on; the message says why and what to change."""


@dataclass(frozen=True)
class Paths:
    """Where a run reads and writes."""

    out: Path
    # A run or a release to start from.
    init: Path | None = None
    wheels: Path = Path("var/base")
    tokens: Path = Path("var/tokens")


def learning_rate_share(step: int, steps: int, warmup: float) -> float:
    """The share of the peak learning rate at a step: linear warm-up, then half a cosine down to nothing."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising))) / 2


def gather(vectors: Tensor, processes: int) -> Tensor:
    """The vectors of all processes, through which gradients flow back to each, summed over processes."""
    return torch.cat(all_gather(vectors)) if processes > 1 else vectors


def average_gradients(model: nn.Module, processes: int) -> None:
    """Give every process the mean of all processes' gradients.

    Each process computes the whole batch's loss, and `gather` sums what flows back: the mean is the whole batch's
    gradient. Done here rather than by DistributedDataParallel, whose hooks do not go with a batch that is encoded in
    parts.
    """
    if processes > 1:
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients])
        torch.distributed.all_reduce(flat)
        for gradient, part in zip(gradients, flat.div_(processes).split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(part.view_as(gradient))


class Trainer:
    """One run: the model, what trains it, and the steps."""

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
        """A run that has not begun; `workers` processes prepare its batches (see `loader.load`)."""
        self.name, self.config, self.paths, self.accelerator = name, config, paths, accelerator
        self.validation = validation
        self.batches = Batches(config, pairs, SentenceEncoder(paths.wheels))
        self.tokenizer = load_tokenizer(config.text.model, paths.wheels, config.max_tokens)
        # Every process builds the same: new heads are drawn after the config's seed.
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
        """Steps of the whole run."""
        return self.config.epochs * self.batches.steps

    def encode_part(self, part: Part) -> tuple[Tensor, Tensor]:
        """Texts' and pictures' vectors of one part of a batch."""
        with self.accelerator.autocast():
            vectors: tuple[Tensor, Tensor] = self.model(*part)
        return vectors

    def parts(self, prepared: Prepared) -> list[Part]:
        """This process's share of a batch on its device, in chunks of pictures with their tokens."""
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
        """Add a batch's gradients to the parameters; the loss, detached."""
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
        """One step; the figures to log."""
        # Dropout, too, is a function of the step, so that an interrupted run goes on as it would have.
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
        self.step += 1
        self.ema.update(self.model, self.step)
        return {"loss": loss, "gradient_norm": norm, "scale": self.model.scale.item(), "rate": share}

    def validate(self) -> dict[str, float]:
        """R@1, R@5, R@10 from text to picture on the validation source, of the averaged weights."""
        self.model.eval()
        with (
            self.ema.applied(self.model),
            torch.inference_mode(),
            self.accelerator.autocast(),
            # The whole picture has more tokens than a training one: compiling for it would not pay.
            torch.compiler.set_stance("force_eager"),
        ):
            images = self.validation_images()
            texts = embed_texts(self.model, self.tokenizer, [t for p in self.validation for t in p.texts])
        self.model.train()
        owner = torch.repeat_interleave(torch.tensor([len(p.texts) for p in self.validation])).numpy()
        return text_to_image_recall(texts, images, owner)

    def validation_images(self) -> Array:
        """Vectors of the validation's pictures; the frozen trunk's part of the work is done once."""
        config = self.config
        if not self.cached:
            return embed_pictures(self.model, config.preparation, [p.image for p in self.validation])
        name = f"{config.validation.name}-{config.validation.split}"
        tokens = trunk_tokens(config, name, self.validation, 0, self.model, self.paths.tokens).map()
        parts = [self.model.image.rest(t.to(self.accelerator.device)) for t in tokens.split(32)]
        vectors: Array = torch.cat(parts).float().cpu().numpy()
        return vectors

    def run(self, log: RunLog | None) -> None:
        """Train to the end, or until the validation no longer improves. Only the main process has a log."""
        self.model.train()
        main = self.accelerator.is_main_process
        if self.epoch >= self.config.epochs or self.waited > self.config.patience:
            return
        # To the end of the run, so that workers go on to the next epoch while this one is validated.
        places = [divmod(step, self.batches.steps) for step in range(self.step, self.steps)]
        prepared = load(self.prepared, places, self.workers, self.accelerator.device.type == "cuda")
        with tqdm(total=self.steps, initial=self.step, unit="step", disable=not main, smoothing=0.05) as bar:
            while self.epoch < self.config.epochs and self.waited <= self.config.patience:
                self.train_epoch(prepared, bar, log)
                self.end_epoch(log)
        if main and self.waited > self.config.patience:
            tqdm.write(f"no better for {self.waited} epochs: stopped")

    def train_epoch(self, prepared: Iterator[Prepared], bar: tqdm[NoReturn], log: RunLog | None) -> None:
        """The steps of the epoch that are not done yet."""
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
        """Validate, on the main process alone, and keep what is best."""
        # Cards differ in the last bit, and all must come to the same decision.
        told: list[Any] = [self.validate() if self.accelerator.is_main_process else None]
        current: dict[str, float] = broadcast_object_list(told)[0]
        better = sum(current.values()) > self.best
        self.best, self.waited = (sum(current.values()), 0) if better else (self.best, self.waited + 1)
        self.epoch += 1
        if log:
            log.write(step=self.step, epoch=self.epoch, validation=current, best=better)
            tqdm.write(f"epoch {self.epoch}: " + ", ".join(f"{k} {v:.2f}" for k, v in current.items()))
            if better:  # before last.pt: a run that is killed in between validates again
                self.save("best.pt", current)
                (self.paths.out / "figures.json").write_text(json.dumps({str(self.config.validation): current}) + "\n")
            self.save("last.pt")

    def save(self, name: str, figures: dict[str, float] | None = None) -> None:
        """Write a checkpoint: `best.pt` the averaged weights, `last.pt` all that a resumed run needs."""
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
        """Go on from `last.pt`.

        Raises:
            TrainingError: there is none, or it was written by another config.
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
