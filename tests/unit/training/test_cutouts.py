"""Cut-outs: the background turns white by a saliency map."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from twotower.cutouts import cut_out, main


def test_what_does_not_matter_turns_white() -> None:
    picture = Image.new("RGB", (4, 1), (10, 20, 30))
    # Relative to the maximum: 1 and 0.5 are kept, 0.35 is halfway between 0.25 and 0.45, 0.2 turns white.
    importance = np.array([[2.0, 1.0, 0.7, 0.4]], np.float32)
    kept, also_kept, half, gone = np.asarray(cut_out(picture, importance))[0].tolist()
    assert kept == also_kept == [10, 20, 30]
    assert half == pytest.approx([132, 137, 142], abs=1)
    assert gone == [255, 255, 255]


def test_a_data_set_without_training_pictures_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "captions.csv").write_text("image,caption,set,split\na.jpg,a photo of a cup,kitchen,dev\n")
    assert main(["--data", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert "no pictures of the split train" in capsys.readouterr().err
