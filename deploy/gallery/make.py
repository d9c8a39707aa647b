"""Make the sample gallery from two Debian packages whose pictures may be redistributed.

    apt install tuxpaint-stamps-default gcompris-qt-data && pip install pillow pyside6-essentials python-debian
    python deploy/gallery/make.py

The stamps of tuxpaint-stamps-default (GPL-2) that are cut-out photographs are trimmed and put on white. Drawings are
left out, and so is one of two that show the same thing: what the gallery leaves is what the released model may learn
from. gcompris-qt-data adds photographs of whole scenes, each under its own licence.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from photographs import PACKAGE, Photograph, photographs
from PIL import Image

STAMPS = "usr/share/tuxpaint/stamps"
HERE = Path(__file__).parent
SIDE = 480

# Drawings and comics, by folder and by name.
DRAWINGS = [
    "*cartoon*",
    "*symbols*",
    "military/*",
    "naturalforces/*",
    "town/flags/*",
    "clothes/t_*",
    "clothes/button.png",
    "clothes/hats/*",
    "seasonal/easter/*",
    "seasonal/halloween/*",
    "seasonal/hanukkah/*",
    "seasonal/newyears/*",
    "seasonal/christmas/Santa.png",
    "seasonal/christmas/bow.png",
    "seasonal/christmas/candy_cane.png",
    "seasonal/christmas/hard_candy.png",
    "seasonal/christmas/lamp.png",
    "seasonal/christmas/santahat.png",
    "seasonal/christmas/star.png",
    "seasonal/christmas/stocking.png",
    "seasonal/christmas/tree.png",
    "animals/mammals/hedgehog.png",
    "animals/fish/shrimp.png",
    "food/pizza.png",
    "medical/tooth.png",
    "people/body_parts/eye.png",
    "town/monuments/inukshuk-outline.png",
    "town/roadsigns/arrow.png",
    "town/roadsigns/crossroads.png",
    "town/roadsigns/hospital.png",
    "town/roadsigns/dead_end_sign.png",
    "town/roadsigns/give_way_sign.png",
    "town/roadsigns/no_entry_sign.png",
    "town/roadsigns/no_uturn.png",
    "town/roadsigns/roundabout.png",
    "town/roadsigns/school_sign.png",
    "town/roadsigns/stoplight_*",
    "town/roadsigns/t-junction.png",
    "town/roadsigns/toilets.png",
    "town/roadsigns/xing_*",
    "town/roadsigns/yield.png",
    "vehicles/emergency/sedan_police.png",
    "sports/rugby_goal_posts.png",
    "space/planets/0_sun.png",
    "space/planets/1_mercury.png",
    "household/arttools/highlighter.png",
]

# One of two that show the same thing.
LEFT_FOR_TRAINING = [
    "animals/amphibians/frog-1.png",
    "animals/mammals/bovines/gnu-baby-stand.png",
    "animals/mammals/pig_golden2.png",
    "animals/mammals/cats/lion-2.png",
    "food/fruit/Apricot_whole.png",
    "food/fruit/Strawberry2.png",
    "food/vegetables/redlettuce.png",
    "household/arttools/scissors_small_closed.png",
    "people/fireman200b.png",
    "plants/mushrooms/cep.png",
    "plants/flowers/flower3.png",
    "vehicles/auto/sedan.png",
    "seasonal/christmas/Candy_cane_photo_1.png",
]


def trimmed(path: Path) -> Image.Image:
    """The picture on white with a margin of 6 %, no longer than SIDE on its long side, no narrower than 1 : 2."""
    layer = Image.open(path).convert("RGBA")
    # Faint shadows at the edge are not the subject.
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
    """The cut-out photographs among the stamps, trimmed."""
    folder = root / STAMPS
    for path in sorted(folder.rglob("*.png")):
        relative = str(path.relative_to(folder))
        described = path.with_suffix(".txt")
        if not described.exists() or any(fnmatch(relative, p) for p in DRAWINGS + LEFT_FOR_TRAINING):
            continue
        yield Photograph(
            name=relative.removesuffix(".png").replace("/", "-").lower(),
            source_file=relative,
            image=trimmed(path),
            caption=described.read_text(encoding="utf-8").splitlines()[0].strip(),
            author="Bill Kendrick and the contributors of Tux Paint",
            licence="GPL-2.0-or-later",
            origin="Debian package tuxpaint-stamps-default, https://tuxpaint.org/stamps/",
        )


def main() -> None:
    """Write `pictures/`, `captions.csv` and `manifest.json` beside this file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path("/"), help="where the packages are installed or unpacked")
    root = parser.parse_args().root
    pictures = HERE / "pictures"
    pictures.mkdir(exist_ok=True)
    entries = []
    for photograph in (*stamps(root), *photographs(root)):
        photograph.image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
        path = pictures / f"{photograph.name}.webp"
        photograph.image.save(path, quality=80, method=6)
        entries.append(
            {
                "file": f"pictures/{path.name}",
                "caption": photograph.caption,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "source_file": photograph.source_file,
                "author": photograph.author,
                "licence": photograph.licence,
                "origin": photograph.origin or PACKAGE,
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
