"""Measure what captions are worth to a search: vectors, words and both, where some or all pictures have captions.

    PYTHONPATH=training/src python benchmarks/hybrid.py --flickr8k DIR [--encoder http://127.0.0.1:8081]

A thousand pictures of Flickr8k's dev split, of which a tenth, half or all have a caption. Each is searched for by what
another person wrote of it, as a sentence, and by two neighbouring words of a third person's sentence. Prints recall at
1, 5 and 10 in percent: of all pictures, of those with a caption, and of those without.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path
from typing import Literal

import httpx
import numpy as np
from recall import ServedEmbedder
from search import open_store
from search.catalogue.tables import NewPicture
from search.catalogue.words import STOP_WORDS, pieces, words_of
from search.ranking import Query, rank
from search.settings import Settings
from search.store import Store
from serving import Vectors, say
from twotower import data

CAPTIONED = (0.1, 0.5, 1.0)
MODES: tuple[Literal["vector", "text", "hybrid"], ...] = ("vector", "text", "hybrid")
KS = (1, 5, 10)


def filled(folder: Path, vectors: Vectors, captions: list[str]) -> Store:
    """A collection of pictures; the name of each is its number, and files have names that say nothing."""
    store = open_store(Settings(catalogue=folder / "catalogue.sqlite"))
    pictures = [
        NewPicture(f"{i:032x}", "", f"{i:05}.jpg", 500, 375, caption, [], vector.astype("<f4").tobytes())
        for i, (vector, caption) in enumerate(zip(vectors, captions, strict=True))
    ]
    store.upsert("measured", vectors.shape[1], pictures)
    return store


def places(store: Store, texts: list[str], vectors: Vectors, mode: Literal["vector", "text", "hybrid"]) -> Vectors:
    """The place of each text's own picture in its answer, (N,), from 0; `max(KS)` if it is further down."""
    source = store.moment().source
    found = []
    for i, (text, vector) in enumerate(zip(texts, vectors, strict=True)):
        query = Query(mode, vector=None if mode == "text" else vector, words=[] if mode == "vector" else words_of(text))
        hits = [hit.id for hit in rank(source, query, max(KS)).hits]
        own = f"{i:032x}"
        found.append(hits.index(own) if own in hits else max(KS))
    return np.array(found)


def short(sentence: str, chance: np.random.Generator) -> str:
    """Two neighbouring words of a sentence, without those that say nothing."""
    words = [word for word in pieces(sentence.lower()) if word not in STOP_WORDS]
    start = int(chance.integers(max(1, len(words) - 1)))
    return " ".join(words[start : start + 2])


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flickr8k", type=Path, required=True)
    parser.add_argument("--encoder", default="http://127.0.0.1:8081")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    pictures = data.READERS["flickr8k"](options.flickr8k, "dev")
    chance = np.random.default_rng(0)
    asked = {
        "a sentence": [p.texts[2] for p in pictures],
        "two words": [short(p.texts[3], chance) for p in pictures],
    }
    with httpx.Client(base_url=options.encoder, timeout=300) as client:
        served = ServedEmbedder(client)
        vectors = served.pictures([p.image for p in pictures])
        queries = {name: served.texts(texts) for name, texts in asked.items()}
    say("| captions | query | mode | all | with a caption | without |\n|---|---|---|---|---|---|")
    for share in CAPTIONED:
        has = chance.random(len(pictures)) < share
        captions = [p.texts[0] if own else "" for p, own in zip(pictures, has, strict=True)]
        with tempfile.TemporaryDirectory() as folder:
            store = filled(Path(folder), vectors, captions)
            for name, texts in asked.items():
                for mode in MODES:
                    found = places(store, texts, queries[name], mode)
                    parts = (found, found[has], found[~has])
                    told = (" / ".join(f"{100 * np.mean(p < k):.1f}" if len(p) else "-" for k in KS) for p in parts)
                    say(f"| {share:.0%} | {name} | {mode} | {' | '.join(told)} |")
            store.close()


if __name__ == "__main__":
    main()
