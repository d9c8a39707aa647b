"""The reader: finds lines of text in pictures and reads them, in a child process of the worker.

RapidOCR runs PP-OCR's detection and recognition, whose ONNX files are in its package: it asks no host for anything. It
is the extra `reading` of this package, for the worker alone.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import orjson
from servicekit.errors import Kind, ServiceError
from servicekit.records import Line
from servicekit.server.child import ChildDiedError, ChildError, ChildProcess, serve
from servicekit.server.processor import available_cores

log = logging.getLogger(__name__)

PACKAGE = "rapidocr"
# Longest side of a picture as it is read, in pixels. docs/reading.md tells how small a text may be.
LONGEST = 1600
# Lines below this confidence are mostly no text.
LEAST_CONFIDENCE = 0.6
# Lines beyond so many bytes are left out: about 350 of a densely written page. The search service takes 50,000 bytes.
MOST_BYTES = 48_000
MISSING = (
    "reading needs the package's extra `reading`, which is not installed where the worker runs: "
    "pip install 'sightline-gateway[reading]'"
)


class Reader:
    """The reader's process, which is started when it is first needed."""

    @classmethod
    def installed(cls, max_pixels: int, decode_bytes: int) -> Reader | None:
        """The reader with a thread for each core; None where its package is not installed."""
        try:
            name = f"RapidOCR {version(PACKAGE)}, {LONGEST} px"
        except PackageNotFoundError:
            return None
        return cls(name, max_pixels, decode_bytes, available_cores())

    def __init__(self, name: str, max_pixels: int, decode_bytes: int, threads: int) -> None:
        """Prepare a reader.

        Args:
            name: its name and version.
            max_pixels: the most pixels that a picture is decoded to.
            decode_bytes: the most memory that a picture takes while it is decoded.
            threads: the number of threads that compute it.
        """
        self.name = name
        self._arguments = [str(max_pixels), str(decode_bytes), str(threads)]
        self._process: ChildProcess | None = None

    def read(self, content: bytes) -> list[Line]:
        """The lines in a picture's file.

        Raises:
            ServiceError: the file cannot be read as a picture, or the process has ended over it twice (422); or the
                process cannot be started (503).
        """
        try:
            return self._ask(content)
        except ChildDiedError:
            log.warning("the reader has ended while it read a picture; it is started again")
        try:
            return self._ask(content)
        except ChildDiedError as error:
            raise ServiceError(Kind.UNSUPPORTED_PICTURE, f"the reader cannot read it: {error}") from error

    def _ask(self, content: bytes) -> list[Line]:
        if self._process is None or not self._process.alive():
            self._process = ChildProcess("gateway.reading.reader", self._arguments, "the reader")
            try:
                self._process.wait()
            except ChildDiedError as error:
                raise ServiceError(Kind.UNAVAILABLE, str(error)) from error
        try:
            lines: list[Line] = self._process.ask(content)
        except ChildError as error:
            raise ServiceError(Kind.UNSUPPORTED_PICTURE, str(error)) from error
        return lines

    def close(self) -> None:
        """End the process, which takes memory that nothing needs while all is read."""
        if self._process is not None:
            self._process.close()
            self._process = None


def start(arguments: list[str]) -> tuple[None, Callable[[bytes], list[Line]]]:
    """Load the models in the reader's process; return what reads a file."""
    # ONNX Runtime reads this at its import, see `encoder`.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    from rapidocr import RapidOCR
    from servicekit.pictures import open_picture
    from servicekit.server.memory import DecodeMemory

    max_pixels, decode_bytes, threads = map(int, arguments)
    memory = DecodeMemory(decode_bytes)
    engine = RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.text_score": LEAST_CONFIDENCE,
            "Global.max_side_len": LONGEST,
            "Det.limit_type": "max",
            "Det.limit_side_len": LONGEST,
            "EngineConfig.onnxruntime.intra_op_num_threads": threads,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )

    def read(content: bytes) -> list[Line]:
        with memory.room_for(content, LONGEST):
            picture = open_picture(content, max_pixels, draft=LONGEST).image
            picture.thumbnail((LONGEST, LONGEST), reducing_gap=2.0)
        # The models know pictures as OpenCV reads them: blue, green, red.
        found = engine(np.asarray(picture)[:, :, ::-1].copy())
        return lines_of(found, picture.size)

    return None, read


def lines_of(found: Any, size: tuple[int, int]) -> list[Line]:
    """The lines of an answer of RapidOCR.

    Args:
        found: the answer.
        size: width and height of the picture that was read.
    """
    if found.boxes is None or found.txts is None:
        return []
    shares = np.clip(np.asarray(found.boxes, float) / np.array(size), 0, 1).reshape(-1, 8).round(4)
    lines: list[Line] = []
    total = 0
    for text, box, score in zip(found.txts, shares.tolist(), found.scores, strict=True):
        line = Line(text=text.strip(), box=box, confidence=round(float(score), 3))
        total += len(orjson.dumps(line)) + 1
        if line["text"] and total <= MOST_BYTES:
            lines.append(line)
    return lines


if __name__ == "__main__":
    serve("the reader", start)
