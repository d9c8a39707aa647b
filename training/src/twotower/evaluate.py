"""Evaluate two towers: caption queries in both directions, and short queries as users type them.

    python -m twotower.evaluate --bundle var/bundle --data flickr8k=DIR --split dev [--out report]
    python -m twotower.evaluate --run var/runs/flickr8k_small --data flickr8k=DIR --split dev

Prints tables in Markdown and, with --out, writes report.md and report.json. The protocol is Karpathy's: every caption
is a query with one relevant picture; from picture to text, the best rank of its captions counts. Words, phrases and
sentences from captions are queries with several relevant pictures (`twotower.evaluation.queries`): generated from the
data set's own captions, or read from a file with --queries.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twotower import data
from twotower.bundles.embedder import BundleEmbedder
from twotower.data import Pair
from twotower.evaluation import metrics
from twotower.evaluation.metrics import Figure, Floats, Ints
from twotower.evaluation.queries import Queries, benchmark, load
from twotower.towers.embed import Embedder
from twotower.training.runs import RunEmbedder


@dataclass(frozen=True)
class Outcome:
    """The values of one metric per query, and the picture of each query: both (Q,)."""

    values: Floats | NDArray[np.bool_]
    owner: Ints

    def figure(self) -> Figure:
        """The mean in percent."""
        return metrics.with_interval(self.values, self.owner)


@dataclass(frozen=True)
class Outcomes:
    """All metrics per query, for paired comparisons of models."""

    pictures: int
    captions: int
    ranks: dict[str, Ints]
    # R@k by direction; metrics by style of queries.
    recall: dict[str, dict[str, Outcome]]
    queries: dict[str, dict[str, Outcome]]
    # Mean number of relevant pictures per query, by style.
    positives: dict[str, float]


@dataclass(frozen=True)
class Report:
    """All metrics of one model on one data set, in percent except the median rank."""

    pictures: int
    captions: int
    text_to_image: dict[str, Figure]
    image_to_text: dict[str, Figure]
    rsum: float
    median_rank: dict[str, float]
    # By style: mAP@R, P@1 (the first picture is relevant), and R@1 (it is the query's source picture).
    queries: dict[str, dict[str, Figure]]
    query_counts: dict[str, int]
    positives: dict[str, float]


def measure(embedder: Embedder, pairs: Sequence[Pair], styles: Sequence[Queries]) -> Outcomes:
    """Compute every metric of every query.

    Args:
        embedder: the model.
        pairs: pictures with captions.
        styles: queries of several styles, whose rows refer to `pairs`.
    """
    captions = [t for p in pairs for t in p.texts]
    owner = np.repeat(np.arange(len(pairs)), [len(p.texts) for p in pairs])
    texts, images = embedder.texts(captions), embedder.pictures([p.image for p in pairs])
    ranks = {
        "text_to_image": metrics.text_to_image_ranks(texts, images, owner),
        "image_to_text": metrics.image_to_text_ranks(texts, images, owner),
    }
    about = {"text_to_image": owner, "image_to_text": np.arange(len(pairs))}
    recall = {
        direction: {f"R@{k}": Outcome(found <= k, about[direction]) for k in metrics.KS}
        for direction, found in ranks.items()
    }
    known = dict(zip(captions, texts, strict=True))
    queries = {}
    for style in styles:
        new = [text for text in style.texts if text not in known]
        known.update(zip(new, embedder.texts(new), strict=True) if new else ())
        vectors = np.stack([known[text] for text in style.texts])
        own = metrics.text_to_image_ranks(vectors, images, style.owner)
        queries[style.style] = {
            "mAP@R": Outcome(metrics.precisions(vectors, images, style.relevant, at_r=True), style.owner),
            "P@1": Outcome(metrics.first_is_right(vectors, images, style.relevant), style.owner),
            "R@1": Outcome(own <= 1, style.owner),
        }
    positives = {style.style: float(np.mean([len(true) for true in style.relevant])) for style in styles}
    return Outcomes(len(pairs), len(captions), ranks, recall, queries, positives)


def evaluate(embedder: Embedder, pairs: Sequence[Pair], styles: Sequence[Queries] | None = None) -> Report:
    """Evaluate a model.

    Args:
        embedder: the model.
        pairs: pictures with captions.
        styles: queries of several styles; None to generate them from the captions.
    """
    found = measure(embedder, pairs, benchmark([p.texts for p in pairs]) if styles is None else styles)
    recall = {d: {k: outcome.figure() for k, outcome in by_k.items()} for d, by_k in found.recall.items()}
    return Report(
        found.pictures,
        found.captions,
        recall["text_to_image"],
        recall["image_to_text"],
        sum(figure.value for by_k in recall.values() for figure in by_k.values()),
        {direction: float(np.median(ranks)) for direction, ranks in found.ranks.items()},
        {s: {k: outcome.figure() for k, outcome in by_k.items()} for s, by_k in found.queries.items()},
        {s: len(by_k["R@1"].owner) for s, by_k in found.queries.items()},
        found.positives,
    )


def markdown(report: Report) -> str:
    """A report as two Markdown tables."""
    lines = [
        f"{report.pictures} pictures, {report.captions} captions; in brackets 95 % bootstrap intervals over pictures.",
        "",
        "| | R@1 | R@5 | R@10 | median rank |",
        "|---|---|---|---|---|",
    ]
    for name, figures in (("text_to_image", report.text_to_image), ("image_to_text", report.image_to_text)):
        cells = " | ".join(str(figures[f"R@{k}"]) for k in metrics.KS)
        lines.append(f"| {name.replace('_', ' ')} | {cells} | {report.median_rank[name]:g} |")
    lines += [
        "",
        f"rSum {report.rsum:.1f}",
        "",
        "| query | queries | right pictures each | mAP@R | first is right | first is the one it is from |",
        "|---|---|---|---|---|---|",
    ]
    for style, values in report.queries.items():
        cells = " | ".join(str(values[k]) for k in ("mAP@R", "P@1", "R@1"))
        lines.append(f"| {style} | {report.query_counts[style]} | {report.positives[style]:.1f} | {cells} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--bundle", type=Path, help="a bundle that the encoder serves")
    model.add_argument("--run", type=Path, help="a training run's folder")
    parser.add_argument("--data", required=True, metavar="READER=PATH", help=f"one of {', '.join(data.READERS)}")
    parser.add_argument("--split", default="test")
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--queries", type=Path, help="queries for these pictures [made of their captions]")
    parser.add_argument("--out", type=Path, help="writes OUT.md and OUT.json")
    options = parser.parse_args(arguments)
    try:
        if options.out:
            options.out.parent.mkdir(parents=True, exist_ok=True)
        pairs = data.read(options.data, options.split)
        embedder = BundleEmbedder(options.bundle) if options.bundle else RunEmbedder(options.run, options.wheels)
        if options.run and (
            leaked := data.shared(pairs, set((options.run / "trained_on.txt").read_text().splitlines()))
        ):
            sys.stderr.write(
                f"warning: {len(leaked)} of {len(pairs)} pictures were trained on, first {leaked[0].image.name}: "
                "these figures say nothing of new pictures\n"
            )
        styles = load(options.queries, [p.image.name for p in pairs]) if options.queries else None
        report = evaluate(embedder, pairs, styles)
    except (data.DataError, ValueError, OSError) as error:
        sys.stderr.write(f"no evaluation: {error}\n")
        return 1
    sys.stdout.write(markdown(report))
    if options.out:
        Path(f"{options.out}.md").write_text(markdown(report))
        Path(f"{options.out}.json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
