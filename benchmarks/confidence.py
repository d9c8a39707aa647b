"""Calibration of confidence: how well queries without a match are separated from queries with one.

    PYTHONPATH=training/src python benchmarks/confidence.py --flickr8k DIR --objects DIR [--encoder URL]

Needs a running encoder. There are three collections: Flickr8k dev, the everyday things' dev pictures, and the sample
gallery. Queries with a match are the collection's own captions or labels. Queries without a match are labels and
captions of the other collections that share no word with this one's texts; random letters; and abstract phrases that
cannot be photographed and are not among the gateway's background phrases. For the gallery there are also everyday
things that it shows or lacks, listed by hand in gallery_words.csv before any model was run. Prints the AUROC of a
query's best score, standardised in two ways; the share of each kind of query that the gateway would call confident; and
for the list a reliability diagram as a table: how often the thing is there, by the gateway's confidence.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import logging
import random
import string
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import httpx
import numpy as np
from gateway.search.calibration import CONFIDENT, null_distribution
from numpy.typing import NDArray
from recall import ServedEmbedder
from tqdm import tqdm
from twotower import data
from twotower.evaluation.metrics import Array
from twotower.towers.texts import words_of

GALLERY = Path(__file__).parents[1] / "deploy" / "gallery"
# Bin edges of the reliability table, including 0.95, the gateway's threshold for `confident`.
BINS = (-0.01, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
NOWHERE = [
    "compound interest",
    "how to reset my router",
    "the opposite of silence",
    "verb conjugation table",
    "quarterly earnings call",
    "unpaid parental leave",
    "the theory of everything",
    "a proof by induction",
    "cookie consent banner",
    "tax deductible",
    "the rule of law",
    "foreign exchange reserves",
    "null hypothesis",
    "string formatting",
    "the week after next",
    "carried forward balance",
    "breach of contract",
    "an unfinished sentence",
    "semantic versioning",
    "free as in speech",
    "prime numbers below one hundred",
    "cost benefit analysis",
    "the placebo effect",
    "sarcasm",
    "hexadecimal notation",
    "the second amendment",
    "opportunity cost",
    "a minor seventh chord",
    "thermodynamic equilibrium",
    "passive voice",
]


def nonsense(count: int) -> list[str]:
    """Queries of one to four words of random letters."""
    chance = random.Random(0)
    return [
        " ".join("".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 9))) for _ in range(words))
        for words in chance.choices(range(1, 5), k=count)
    ]


def auroc(higher: Array, lower: Array) -> float:
    """AUROC: the probability that a random one of `higher` (N,) exceeds one of `lower` (M,); ties count half."""
    pairs = higher[:, None], lower[None, :]
    return float((pairs[0] > pairs[1]).mean() + (pairs[0] == pairs[1]).mean() / 2)


def foreign(texts: Sequence[str], own: Sequence[str]) -> list[str]:
    """The texts that share no content word with `own`, in singular or plural."""
    known = {w.rstrip("s") for text in own for w in words_of(text)}
    return [t for t in texts if words_of(t) and not {w.rstrip("s") for w in words_of(t)} & known]


def report(name: str, pictures: Array, kinds: dict[str, Array], background: Array) -> None:
    """Print the metrics of one collection.

    Args:
        name: of the collection.
        pictures: (N, D) unit vectors.
        kinds: (Q, D) unit vectors by kind of query; the first kind has matches, the others have none.
        background: (B, D) unit vectors of the gateway's background phrases.
    """
    reached = [float(s) for s in (background @ pictures.T).max(1)]
    by = null_distribution(reached)
    best, usual, confident = {}, {}, {}
    for kind, queries in kinds.items():
        scores = queries @ pictures.T
        best[kind] = scores.max(1)
        usual[kind] = (scores.max(1) - scores.mean(1)) / scores.std(1)
        confident[kind] = np.mean([by.cdf(float(s)) > CONFIDENT for s in best[kind]])
    matching, *others = kinds
    lines = [
        f"| {kind} | {len(kinds[kind])} | {auroc(best[matching], best[kind]):.3f} "
        f"| {auroc(usual[matching], usual[kind]):.3f} | {confident[kind]:.0%} |"
        for kind in others
    ]
    tqdm.write(
        f"\n{name}: {len(pictures)} pictures; background {by.mean:.3f} ± {by.stdev:.3f}\n\n"
        "| queries | | AUROC, by the background | AUROC, by the query's own cosines | called confident |\n"
        f"|---|---|---|---|---|\n| {matching} | {len(kinds[matching])} | | | {confident[matching]:.0%} |\n"
        + "\n".join(lines)
    )


def reliability(pictures: Array, queries: Array, present: NDArray[np.bool_], background: Array) -> None:
    """Print the reliability table: how often a thing is there, by the confidence of its best picture.

    Present and absent things have the same total weight.

    Args:
        pictures: (N, D) unit vectors.
        queries: (Q, D) unit vectors.
        present: (Q,) whether the collection shows the thing.
        background: (B, D) unit vectors of the gateway's background phrases.
    """
    by = null_distribution([float(s) for s in (background @ pictures.T).max(1)])
    sure = np.array([by.cdf(float(s)) for s in (queries @ pictures.T).max(1)])
    weight = np.where(present, 0.5 / present.mean(), 0.5 / (~present).mean())
    lines = []
    for low, high in itertools.pairwise(BINS):
        here = (sure > low) & (sure <= high)
        if here.any():
            share = weight[here & present].sum() / weight[here].sum()
            lines.append(f"| {low:g} to {high:g} | {here.sum()} | {share:.0%} |")
    unsure = (sure[present] <= np.quantile(sure[~present], 0.9)).mean()
    tqdm.write(
        "\n| confidence | queries | of which the thing is there |\n|---|---|---|\n" + "\n".join(lines) + "\n\n"
        f"Where a tenth of what is absent is called sure, {unsure:.0%} of what is there is not."
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flickr8k", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--encoder", default="http://127.0.0.1:8081")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    scenes = data.READERS["flickr8k"](options.flickr8k, "dev")
    things = data.READERS["objects"](options.objects, "dev")
    with (GALLERY / "captions.csv").open(encoding="utf-8", newline="") as stream:
        gallery = {GALLERY / "pictures" / row["image"]: row["caption"] for row in csv.DictReader(stream)}
    with Path(__file__).with_name("gallery_words.csv").open(encoding="utf-8", newline="") as stream:
        listed = [(row["query"], row["present"] == "1") for row in csv.DictReader(stream)]
    captions = random.Random(0).sample([t for p in scenes for t in p.texts], 1000)
    every = [p for split in ("train", "dev") for p in data.READERS["objects"](options.objects, split)]
    labels = sorted({p.texts[1] for p in every})
    collections = {
        "Flickr8k dev": ([p.image for p in scenes], [t for p in scenes for t in p.texts], captions),
        "everyday things": ([p.image for p in things], labels, sorted({p.texts[1] for p in things})),
        "the sample gallery": (list(gallery), list(gallery.values()), list(gallery.values())),
    }
    phrases = files("gateway.search").joinpath("background.txt").read_text(encoding="utf-8").splitlines()
    with httpx.Client(base_url=options.encoder, timeout=300) as client:
        served = ServedEmbedder(client)
        background = served.texts(phrases)
        for name, (paths, own, matching) in collections.items():
            others = foreign([*labels, *captions, *gallery.values()], own)
            kinds = {
                "its own": matching,
                "of things it has not": others,
                "nonsense": nonsense(300),
                "abstract": NOWHERE,
            }
            pictures = served.pictures(paths)
            report(name, pictures, {k: served.texts(q) for k, q in kinds.items()}, background)
        # `pictures` are those of the last collection, the gallery.
        queries = served.texts([query for query, _ in listed])
        present = np.array([there for _, there in listed])
        words = {"everyday things that it shows": queries[present], "that it lacks": queries[~present]}
        report("the sample gallery", pictures, words, background)
        reliability(pictures, queries, present, background)


if __name__ == "__main__":
    main()
