"""Evaluate two towers: caption queries in both directions, and the short keyword queries that people type.

    python -m twotower.evaluate --bundle var/bundle --data flickr8k=DIR --split dev [--out report]
    python -m twotower.evaluate --run var/runs/flickr8k_small --data flickr8k=DIR --split dev

Prints a table in Markdown and, with --out, writes report.md and report.json. The protocol is Karpathy's: every caption
is a query with one right picture; from picture to text, the best placed of its captions counts. Keyword queries are
words out of a caption, and every picture whose captions hold them all is right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twotower import data, metrics
from twotower.data import Pair
from twotower.metrics import Array, Figure, Ints
from twotower.texts import words_of

KEYWORDS = (1, 2, 3)


class Embedder(Protocol):
    """What can be evaluated: a bundle, a checkpoint, a served encoder."""

    def texts(self, texts: Sequence[str]) -> Array:
        """Unit vectors of texts, (N, D) float32."""

    def pictures(self, paths: Sequence[Path]) -> Array:
        """Unit vectors of pictures, (N, D) float32."""


@dataclass(frozen=True)
class Keywords:
    """Short queries: the words, the picture that each was drawn from, and all pictures that it is true of."""

    queries: list[str]
    owner: Ints  # (Q,)
    relevant: NDArray[np.bool_]  # (Q, N)


def keyword_queries(pairs: Sequence[Pair], count: int, seed: int = 0) -> Keywords:
    """One query of `count` content words for each caption that has as many, in their order; equal queries once.

    Relevant is every picture whose captions together hold all the words: what a single label would count as a mistake.
    """
    random = np.random.default_rng(seed)
    vocabulary: dict[str, int] = {}
    for word in sorted({w for p in pairs for t in p.texts for w in words_of(t)}):
        vocabulary[word] = len(vocabulary)
    holds = np.zeros((len(pairs), len(vocabulary)), bool)
    found: dict[str, int] = {}
    for row, pair in enumerate(pairs):
        for text in pair.texts:
            words = words_of(text)
            holds[row, [vocabulary[w] for w in words]] = True
            if len(words) >= count:
                chosen = np.sort(random.choice(len(words), count, replace=False))
                found.setdefault(" ".join(words[i] for i in chosen), row)
    queries = list(found)
    relevant = np.zeros((len(queries), len(pairs)), bool)
    for i, query in enumerate(queries):
        relevant[i] = holds[:, [vocabulary[w] for w in query.split()]].all(1)
    return Keywords(queries, np.array(list(found.values()), np.int64), relevant)


@dataclass(frozen=True)
class Report:
    """All figures of one model on one data set, in percent but for the median rank."""

    pictures: int
    captions: int
    text_to_image: dict[str, Figure]
    image_to_text: dict[str, Figure]
    rsum: float
    median_rank: dict[str, float]
    # By the number of words: mAP@R, the share of queries whose first picture is right, and how many queries there are.
    keywords: dict[str, dict[str, Figure]]
    keyword_queries: dict[str, int]


def evaluate(embedder: Embedder, pairs: Sequence[Pair]) -> Report:
    """Evaluate on pictures that have captions."""
    captions = [t for p in pairs for t in p.texts]
    owner = np.repeat(np.arange(len(pairs)), [len(p.texts) for p in pairs])
    texts, images = embedder.texts(captions), embedder.pictures([p.image for p in pairs])
    by_text = metrics.text_to_image_ranks(texts, images, owner)
    by_image = metrics.image_to_text_ranks(texts, images, owner)
    pictures = np.arange(len(pairs))
    text_to_image = {f"R@{k}": metrics.with_interval(by_text <= k, owner) for k in metrics.KS}
    image_to_text = {f"R@{k}": metrics.with_interval(by_image <= k, pictures) for k in metrics.KS}
    keywords, counts = {}, {}
    for count in KEYWORDS:
        short = keyword_queries(pairs, count)
        if not short.queries:
            continue  # no caption has so many words
        vectors = embedder.texts(short.queries)
        at_r = metrics.precisions(vectors, images, short.relevant, at_r=True)
        first = metrics.first_is_right(vectors, images, short.relevant)
        keywords[str(count)] = {
            "mAP@R": metrics.with_interval(at_r, short.owner),
            "P@1": metrics.with_interval(first, short.owner),
        }
        counts[str(count)] = len(short.queries)
    return Report(
        len(pairs),
        len(captions),
        text_to_image,
        image_to_text,
        sum(f.value for f in (*text_to_image.values(), *image_to_text.values())),
        {"text_to_image": float(np.median(by_text)), "image_to_text": float(np.median(by_image))},
        keywords,
        counts,
    )


def markdown(report: Report) -> str:
    """A report as two tables."""
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
        "| keyword queries | queries | mAP@R | first is right |",
        "|---|---|---|---|",
    ]
    for words, values in report.keywords.items():
        name = f"{words} word{'s' if words != '1' else ''}"
        lines.append(f"| {name} | {report.keyword_queries[words]} | {values['mAP@R']} | {values['P@1']} |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    from twotower.embed import BundleEmbedder, RunEmbedder

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--bundle", type=Path, help="a bundle that the encoder serves")
    model.add_argument("--run", type=Path, help="a training run's folder")
    parser.add_argument("--data", required=True, metavar="READER=PATH", help=f"one of {', '.join(data.READERS)}")
    parser.add_argument("--split", default="test")
    parser.add_argument("--wheels", type=Path, default=Path("var/base"))
    parser.add_argument("--out", type=Path, help="writes OUT.md and OUT.json")
    options = parser.parse_args(arguments)
    try:
        pairs = data.read(options.data, options.split)
        embedder = BundleEmbedder(options.bundle) if options.bundle else RunEmbedder(options.run, options.wheels)
        if options.run and (
            leaked := data.shared(pairs, set((options.run / "trained_on.txt").read_text().splitlines()))
        ):
            sys.stderr.write(
                f"warning: {len(leaked)} of {len(pairs)} pictures were trained on, first {leaked[0].image.name}: "
                "these figures say nothing of new pictures\n"
            )
        report = evaluate(embedder, pairs)
    except (data.DataError, ValueError, OSError) as error:
        sys.stderr.write(f"no evaluation: {error}\n")
        return 1
    sys.stdout.write(markdown(report))
    if options.out:
        options.out.with_suffix(".md").write_text(markdown(report))
        options.out.with_suffix(".json").write_text(json.dumps(asdict(report), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
