"""Measure the recall of a running encoder, through HTTP, on Flickr8k dev and on the everyday things' dev pictures.

    PYTHONPATH=training/src python benchmarks/recall.py --flickr8k DIR --objects DIR [--encoder http://127.0.0.1:8081]

Prints the tables of `twotower.evaluate`, and the mAP of the everyday things with their labels as queries. With
`--stamps DIR` also the recall of the sample gallery's stamps by their own captions.
"""

from __future__ import annotations

import argparse
import base64
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from tqdm import tqdm
from twotower import data
from twotower.evaluate import evaluate, markdown
from twotower.evaluation.metrics import Array, precisions, text_to_image_ranks, with_interval


class ServedEmbedder:
    """A running encoder as an `Embedder` for `twotower.evaluate`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def texts(self, texts: Sequence[str]) -> Array:
        """Unit vectors of texts, (N, D) float32."""
        parts = [
            vectors(self._client.post("/v1/text", json={"texts": part}), len(part))
            for part in batches(texts, 256, "texts")
        ]
        return np.concatenate(parts)

    def pictures(self, paths: Sequence[Path]) -> Array:
        """Unit vectors of pictures, (N, D) float32."""
        parts = []
        for part in batches(paths, 32, "pictures"):
            files = [("images", (p.name, p.read_bytes())) for p in part]
            parts.append(vectors(self._client.post("/v1/images", files=files), len(part)))
        return np.concatenate(parts)


def vectors(answer: httpx.Response, count: int) -> Array:
    """The vectors (count, dim) of an encoder's answer, which must have one for every item."""
    answer.raise_for_status()
    body = answer.json()
    if bad := [i for i, item in enumerate(body["items"]) if item["row"] is None]:
        raise SystemExit(f"item {bad[0]} was refused: {body['items'][bad[0]]['error']}")
    decoded: Array = np.frombuffer(base64.b64decode(body["vectors"]), "<f4").reshape(count, body["dim"])
    return decoded


def batches(items: Sequence[Any], size: int, what: str) -> Iterator[Sequence[Any]]:
    """Consecutive batches of a list, with a progress bar."""
    for start in tqdm(range(0, len(items), size), desc=what, unit="request", leave=False):
        yield items[start : start + size]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flickr8k", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--stamps", type=Path)
    parser.add_argument("--encoder", default="http://127.0.0.1:8081")
    options = parser.parse_args()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with httpx.Client(base_url=options.encoder, timeout=300) as client:
        served = ServedEmbedder(client)
        tqdm.write("Flickr8k dev\n\n" + markdown(evaluate(served, data.READERS["flickr8k"](options.flickr8k, "dev"))))
        things = data.READERS["objects"](options.objects, "dev")
        labels = sorted({p.texts[1] for p in things})
        relevant = [np.flatnonzero([p.texts[1] == label for p in things]) for label in labels]
        values = precisions(served.texts(labels), served.pictures([p.image for p in things]), relevant, at_r=False)
        words = with_interval(values, np.arange(len(labels)))
        tqdm.write(f"everyday things dev, {len(labels)} words over {len(things)} pictures: mAP {words}")
        if options.stamps:
            gallery = data.READERS["stamps"](options.stamps, "gallery")
            captions, owner = [p.texts[0] for p in gallery], np.arange(len(gallery))
            ranks = text_to_image_ranks(served.texts(captions), served.pictures([p.image for p in gallery]), owner)
            found = ", ".join(f"R@{k} {with_interval(ranks <= k, owner)}" for k in (1, 5, 10))
            tqdm.write(f"{len(gallery)} stamps outside training, each by its own caption: {found}")


if __name__ == "__main__":
    main()
