"""Measure a running encoder, through HTTP alone, on Flickr8k dev and on the everyday things' dev pictures.

    PYTHONPATH=training/src python benchmarks/recall.py --flickr8k DIR --objects DIR [--encoder http://127.0.0.1:8081]

Prints text-to-image recall@1, 5, 10 over 1,000 pictures and 5,000 captions, and mAP with one word a label.
"""

from __future__ import annotations

import argparse
import base64
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from tqdm import tqdm
from twotower import data
from twotower.evaluate import Array, mean_average_precision, text_to_image_recall


def vectors(answer: httpx.Response, count: int) -> Array:
    """The vectors of an encoder's answer, which must hold one for every item."""
    answer.raise_for_status()
    body = answer.json()
    if bad := [i for i, item in enumerate(body["items"]) if item["row"] is None]:
        raise SystemExit(f"item {bad[0]} was refused: {body['items'][bad[0]]['error']}")
    decoded: Array = np.frombuffer(base64.b64decode(body["vectors"]), "<f4").reshape(count, body["dim"])
    return decoded


def batches(items: Sequence[Any], size: int, what: str) -> Iterator[Sequence[Any]]:
    """Consecutive parts of a list, under a progress bar."""
    for start in tqdm(range(0, len(items), size), desc=what, unit="request"):
        yield items[start : start + size]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flickr8k", type=Path, required=True)
    parser.add_argument("--objects", type=Path, required=True)
    parser.add_argument("--encoder", default="http://127.0.0.1:8081")
    options = parser.parse_args()
    with httpx.Client(base_url=options.encoder, timeout=300) as client:

        def texts(items: list[str]) -> Array:
            parts = [
                vectors(client.post("/v1/text", json={"texts": part}), len(part))
                for part in batches(items, 256, "texts")
            ]
            return np.concatenate(parts)

        def images(paths: list[Path]) -> Array:
            parts = []
            for part in batches(paths, 32, "pictures"):
                files = [("images", (p.name, p.read_bytes())) for p in part]
                parts.append(vectors(client.post("/v1/images", files=files), len(part)))
            return np.concatenate(parts)

        dev, things = data.flickr8k(options.flickr8k, "dev"), data.objects(options.objects, "dev")
        owner = np.repeat(np.arange(len(dev)), [len(p.texts) for p in dev])
        recall = text_to_image_recall(texts([t for p in dev for t in p.texts]), images([p.image for p in dev]), owner)
        labels = sorted({p.texts[1] for p in things})
        relevant = np.array([[p.texts[1] == label for p in things] for label in labels])
        words = mean_average_precision(texts(labels), images([p.image for p in things]), relevant)
    tqdm.write(f"Flickr8k dev, text to image: {', '.join(f'{k} {v:.2f}' for k, v in recall.items())}")
    tqdm.write(f"everyday things dev, {len(labels)} words over {len(things)} pictures: mAP {words:.2f}")


if __name__ == "__main__":
    main()
