"""Make the sample gallery from Debian packages whose pictures may be redistributed.

    pip install pillow pyside6-essentials python-debian
    python deploy/gallery/make.py [--root FOLDER]     # where the packages are unpacked, if they are not installed

`photographs.csv` lists photographs of many packages, mostly wallpapers, each with a caption and with the author and
licence that its package states. gcompris-qt-data adds more, with the licences of its own copyright file (gcompris.py).
`cutouts.txt` lists stamps of tuxpaint-stamps-default (GPL-2) that are cut-out photographs; they are trimmed and put on
white. Pictures of these packages that are not in the gallery may be training data of the released model.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from gcompris import gcompris
from photograph import Photograph
from PIL import Image

STAMPS = "usr/share/tuxpaint/stamps"
HERE = Path(__file__).parent
SIDE = 480
QUALITY = 78


def trimmed(path: Path) -> Image.Image:
    """The picture on white with a margin of 6 %: the long side is at most SIDE, the aspect ratio at most about 2:1."""
    layer = Image.open(path).convert("RGBA")
    # Ignore faint shadows (alpha of 24 or less) when cropping to the subject.
    box = layer.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox() or (0, 0, *layer.size)
    subject = layer.crop(box)
    long = max(subject.size)
    margin = round(0.06 * long)
    width, height = (max(side, long // 2) + 2 * margin for side in subject.size)
    page = Image.new("RGB", (width, height), "white")
    page.paste(subject, ((width - subject.width) // 2, (height - subject.height) // 2), subject)
    page.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return page


def stamps(root: Path) -> Iterator[Photograph]:
    """The stamps listed in `cutouts.txt`, trimmed."""
    folder = root / STAMPS
    for name in (HERE / "cutouts.txt").read_text(encoding="utf-8").split():
        path = folder / name
        yield Photograph(
            name=name.removesuffix(".png").replace("/", "-").lower(),
            source_file=name,
            image=trimmed(path),
            caption=path.with_suffix(".txt").read_text(encoding="utf-8").splitlines()[0].strip(),
            author="Bill Kendrick and the contributors of Tux Paint",
            licence="GPL-2.0-or-later",
            origin="Debian package tuxpaint-stamps-default, https://tuxpaint.org/stamps/",
        )


def listed(root: Path) -> Iterator[Photograph]:
    """The photographs listed in `photographs.csv`."""
    with (HERE / "photographs.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield Photograph(
                name=row["name"],
                source_file=row["file"],
                image=Image.open(root / row["file"]).convert("RGB"),
                caption=row["caption"],
                author=row["author"],
                licence=row["licence"],
                origin=f"Debian package {row['package']}",
            )


def main() -> None:
    """Write `pictures/`, `captions.csv` and `manifest.json` into the folder of this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("/"), help="where the packages are installed or unpacked")
    root = parser.parse_args().root
    pictures = HERE / "pictures"
    shutil.rmtree(pictures, ignore_errors=True)
    pictures.mkdir()
    entries = []
    for photograph in (*listed(root), *gcompris(root), *stamps(root)):
        photograph.image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        path = pictures / f"{photograph.name}.webp"
        photograph.image.save(path, quality=QUALITY, method=6)
        entries.append(
            {
                "file": f"pictures/{path.name}",
                "caption": photograph.caption,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "source_file": photograph.source_file,
                "author": photograph.author,
                "licence": photograph.licence,
                "origin": photograph.origin,
            }
        )
    with (HERE / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image", "caption"])
        writer.writerows([e["file"].removeprefix("pictures/"), e["caption"]] for e in entries)
    changes = "stamps trimmed and put on white; all scaled to at most 480 pixels and saved as WebP"
    manifest = {"changes": changes, "pictures": entries}
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
