"""Client of the encoder service, which turns text or a picture into a vector."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import NamedTuple

from servicekit.clients.service import Service, of_item
from servicekit.errors import ServiceError
from servicekit.records import EncodedItems, EncoderFacts

# Limits of one request to the encoder: a larger batch is not faster, and the encoder holds the whole batch in memory.
BATCH_IMAGES = 16
BATCH_BYTES = 32 * 2**20


class Encoded(NamedTuple):
    """A unit vector as base64 of little-endian float32, its model, and whether the text was truncated."""

    vector: str
    model_id: str
    dim: int
    truncated: bool


class EncoderClient(Service):
    """Client of the encoder: text or picture to vector."""

    def model(self) -> EncoderFacts:
        """Facts about the encoder's model."""
        facts: EncoderFacts = self.call("GET", "/v1/model")
        return facts

    def text(self, text: str) -> Encoded:
        """The vector of one text."""
        return self.texts([text])[0]

    def texts(self, texts: Sequence[str]) -> list[Encoded]:
        """The vector of each text, in order."""
        body: EncodedItems = self.call("POST", "/v1/text", json={"texts": list(texts)})
        vectors, size = base64.b64decode(body["vectors"]), 4 * body["dim"]
        rows = [base64.b64encode(vectors[i * size : (i + 1) * size]).decode() for i in range(len(texts))]
        return [
            Encoded(row, body["model_id"], body["dim"], item["truncated"])
            for row, item in zip(rows, body["items"], strict=True)
        ]

    def images(self, contents: Sequence[bytes]) -> list[Encoded | ServiceError]:
        """For each picture file, in order, its vector or the error of that file.

        Raises:
            ServiceError: the encoder does not answer.
        """
        results: list[Encoded | ServiceError] = []
        for batch in batches(contents):
            files = [("images", ("picture", content)) for content in batch]
            try:
                body: EncodedItems = self.call("POST", "/v1/images", files=files)
            except ServiceError as error:
                if "items" not in error.extra:
                    raise
                body = {"vectors": "", "dim": 0, "model_id": "", "items": error.extra["items"]}
            vectors, size = base64.b64decode(body["vectors"]), 4 * body["dim"]
            for item in body["items"]:
                if item["row"] is None:
                    results.append(of_item(item["error"]))
                else:
                    row = vectors[item["row"] * size : (item["row"] + 1) * size]
                    results.append(Encoded(base64.b64encode(row).decode(), body["model_id"], body["dim"], False))
        return results


def batches(contents: Sequence[bytes]) -> list[list[bytes]]:
    """Split files into batches within BATCH_IMAGES and BATCH_BYTES; a larger file gets a batch of its own."""
    parts: list[list[bytes]] = []
    size = 0
    for content in contents:
        if not parts or len(parts[-1]) == BATCH_IMAGES or size + len(content) > BATCH_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(content)
        size += len(content)
    return parts
