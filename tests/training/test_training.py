"""Training end to end on the smoke config: learning, resume after a kill, several processes, frozen towers, ablation,
evaluation, data leakage, NaN loss."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from twotower import ablation, train

from tests.training.conftest import ENVIRONMENT, ROOT, TRAIN, run

pytestmark = pytest.mark.usefixtures("inside")


def steps(path: Path) -> dict[int, float]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}


def test_it_learns_what_it_has_not_seen(trained: Path) -> None:
    figures = json.loads((trained / "figures.json").read_text())
    (found,) = figures.values()
    # 46 pictures: random guessing has an R@1 of 2 %.
    assert found["R@1"] > 50
    assert found["R@5"] > 95


def test_a_killed_run_goes_on_with_the_loss_that_it_would_have_had(place: Path, trained: Path) -> None:
    folder = place / "interrupted"
    command = [sys.executable, *TRAIN, "--out", str(folder)]
    log = folder / "log.jsonl"
    with subprocess.Popen(command, cwd=place, env=ENVIRONMENT, stderr=subprocess.PIPE, bufsize=0) as process:
        assert process.stderr is not None
        # Check the log at each update of the progress bar, and kill the run after 30 steps.
        while process.stderr.read(64):
            if log.exists() and len(log.read_text().splitlines()) > 30:
                break
        process.send_signal(signal.SIGKILL)
    before = steps(log)
    assert max(before) < max(steps(trained / "log.jsonl"))
    # Resume with a data loader worker, which the first half did not have: the losses must be the same.
    done = run(place, *TRAIN, "--out", str(folder), "--resume", "--workers", "1")
    assert done.returncode == 0, done.stderr[-2000:]
    assert steps(log) == steps(trained / "log.jsonl")


def test_a_run_starts_from_what_another_has_learned(trained: Path, tmp_path: Path) -> None:
    short = tmp_path / "short.py"
    short.write_text(
        "from dataclasses import replace\nfrom twotower.config import load_config\n"
        "CONFIG = replace(load_config('smoke'), epochs=1)\n"
    )
    out = tmp_path / "run"
    assert train.main([str(short), *TRAIN[3:], "--out", str(out), "--init", str(trained)]) == 0
    first, untrained = (steps(folder / "log.jsonl")[1] for folder in (out, trained))
    assert first < untrained / 2


def test_two_processes_compute_what_one_does(place: Path) -> None:
    script = str(Path(__file__).with_name("gradients.py"))
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--num_cpu_threads_per_process", "1"]
    runs = {"one": [script, "one"], "two": [*launch, script, "two"], "parts": [script, "parts", "8"]}
    runs["two in parts"] = [*launch, script, "two in parts", "4"]
    found = {}
    for name, command in runs.items():
        done = run(place, *command)
        assert done.returncode == 0, done.stderr[-2000:]
        found[name] = torch.load(place / name)
    for name in ("two", "parts", "two in parts"):
        torch.testing.assert_close(found[name], found["one"], rtol=1e-5, atol=1e-6)


def test_heads_alone_learn_from_what_frozen_towers_said_once(place: Path, tmp_path: Path) -> None:
    config = tmp_path / "heads.py"
    config.write_text(
        "from dataclasses import replace\nfrom twotower.config import load_config\nSMOKE = load_config('smoke')\n"
        "IMAGE, TEXT = (replace(b, mode='frozen') for b in (SMOKE.image, SMOKE.text))\n"
        "CONFIG = replace(SMOKE, image=IMAGE, text=TEXT, views=2, head_hidden=32, epochs=10)\n"
    )
    out = tmp_path / "run"
    tokens = tmp_path / "tokens"
    done = run(place, "-m", "twotower.train", str(config), *TRAIN[3:], "--out", str(out), "--tokens", str(tokens))
    assert done.returncode == 0, done.stderr[-2000:]
    # Cache files: two views of the training pictures, one of the validation pictures; 128 bfloat16 numbers a picture.
    assert sorted(p.stat().st_size // 256 for p in tokens.iterdir()) == [46, 178, 178]
    losses = steps(out / "log.jsonl")
    assert losses[max(losses)] < losses[1]


ARMS = """
from dataclasses import replace
from twotower.config import load_config
SMOKE = replace(load_config("smoke"), epochs=1)
ARMS = {"plain": SMOKE, "longer, faster": replace(SMOKE, epochs=12), "soft": replace(SMOKE, soft_targets=0.3)}
"""


def test_arms_are_compared_with_the_first_on_the_same_queries(place: Path, tmp_path: Path) -> None:
    arms = tmp_path / "arms.py"
    arms.write_text(ARMS)
    command = [
        "-m",
        "twotower.ablation",
        str(arms),
        "--data",
        "shapes=var/smoke/shapes",
        "--out",
        str(tmp_path / "out"),
    ]
    command += ["--wheels", str(ROOT / "var" / "base"), "--seed", "1", "--seed", "2"]
    done = run(place, *command)
    assert done.returncode == 0, done.stderr[-2000:]
    after_two = (tmp_path / "out" / "table.md").read_text()
    assert done.stdout.count("| plain |") == 2 and after_two in done.stdout
    head, _, *rows = [line.strip("| ").split(" | ") for line in after_two.splitlines()]
    assert head[:4] == ["caption R@1", "caption R@5", "caption R@10", "1 word, mAP@R"]
    names = ["plain", "longer, faster", "difference to plain", "soft", "difference to plain"]
    assert [row[0] for row in rows] == names
    # Twelve epochs are significantly better than one; the reported difference is that of the means.
    plain, longer, difference = (float(re.findall(r"[-+\d.]+", row[1])[0]) for row in rows[:3])
    assert rows[2][1].startswith("**+")
    assert difference == pytest.approx(longer - plain, abs=0.11)
    # Finished arms are not trained again.
    files = sorted((tmp_path / "out").glob("*/last.pt"))
    written = [f.stat().st_mtime_ns for f in files]
    assert [f.parent.name for f in files] == [f"{n}-{s}" for n in ("longer-faster", "plain", "soft") for s in (1, 2)]
    assert run(place, *command).stdout.endswith(f"{after_two}\n")
    assert [f.stat().st_mtime_ns for f in files] == written
    # An arm whose options have changed is refused, instead of reporting its old result.
    arms.write_text(ARMS.replace("soft_targets=0.3", "soft_targets=0.4"))
    done = run(place, *command)
    assert done.returncode == 1
    assert done.stderr.endswith(
        f"no comparison: {files[4].parent} was trained with other options; name another --out, or remove it\n"
    )


def refusal(main: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The error message of a command. Runs in this process, because a new one takes seconds to import torch."""
    assert main(list(arguments)) == 1
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


SHAPES = ("--data", "shapes=var/smoke/shapes")


def test_arms_that_cannot_be_compared_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = tmp_path / "arms.py"
    arms.write_text(ARMS + "\nARMS['other'] = replace(SMOKE, validation=replace(SMOKE.validation, split='train'))\n")
    assert (
        refusal(ablation.main, capsys, str(arms), *SHAPES)
        == f"no comparison: the arms of {arms} do not all learn from the same sources, or validate on others\n"
    )
    said = refusal(ablation.main, capsys, "smoke", *SHAPES)
    assert said == "no comparison: smoke defines no ARMS: two configs or more, by name\n"


def test_a_run_that_cannot_be_is_refused(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(config: str, *arguments: str) -> str:
        return refusal(train.main, capsys, config, "--wandb", "off", *arguments)

    assert said("smoke", "--out", "nowhere") == "no training: this config reads shapes; --data gives nothing\n"
    resumed = said("smoke", *SHAPES, "--out", "nowhere", "--resume")
    assert "nothing to resume: nowhere/last.pt is not there" in resumed
    assert f"{trained} holds a run already" in said("smoke", *SHAPES, "--out", str(trained))
    empty = said("smoke", *SHAPES, "--out", "nowhere", "--init", "empty")
    assert "empty holds neither a run's best.pt nor a release's adaptation.safetensors" in empty
    # A checkpoint can only be resumed with the config that it was trained with.
    other = tmp_path / "other.py"
    other.write_text(
        "from dataclasses import replace\nfrom twotower.config import load_config\n"
        "CONFIG = replace(load_config('smoke'), batch=16)\n"
    )
    assert "was written by another config" in said(str(other), *SHAPES, "--out", str(trained), "--resume")


def test_training_and_validation_share_no_picture(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shapes = place / "var" / "smoke" / "shapes"
    lines = (shapes / "captions.csv").read_text().splitlines()
    dev = next(line for line in lines if line.endswith(",dev"))
    for path in shapes.glob("*.png"):
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "captions.csv").write_text("\n".join([*lines, dev.removesuffix("dev") + "train"]))
    said = refusal(train.main, capsys, "smoke", "--data", f"shapes={tmp_path}", "--wandb", "off", "--out", "leaky")
    assert "1 of shapes train's pictures are in shapes dev too, first " + dev.split(",")[0] in said


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wild = tmp_path / "wild.py"
    wild.write_text(
        "from dataclasses import replace\nfrom twotower.config import load_config\n"
        "CONFIG = replace(load_config('smoke'), head_learning_rate=1e30, warmup=0.0)\n"
    )
    said = refusal(train.main, capsys, str(wild), *SHAPES, "--wandb", "off", "--out", str(tmp_path / "out"))
    assert "no training: step " in said
    assert "lower the learning rates" in said


def test_it_is_evaluated_in_a_table(place: Path, trained: Path) -> None:
    arguments = ["--run", str(trained), "--data", "folder=var/smoke/shapes", "--split", "dev", "--out", "report"]
    done = run(place, "-m", "twotower.evaluate", *arguments)
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads((place / "report.json").read_text())
    assert (report["pictures"], report["captions"]) == (46, 92)
    assert report["text_to_image"]["R@5"]["low"] > 90
    assert (place / "report.md").read_text() in done.stdout
    assert "| text to image | " in done.stdout
    assert "warning" not in done.stderr
    arguments[arguments.index("dev")] = "train"
    done = run(place, "-m", "twotower.evaluate", *arguments)
    assert "warning: 178 of 178 pictures were trained on" in done.stderr
