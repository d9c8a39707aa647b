"""Make the sample gallery from the photographs of Debian's tuxpaint-stamps-default (GPL-2).

    apt install tuxpaint-stamps-default && python deploy/gallery/make.py

Each cut-out photograph is trimmed, put on white and saved as WebP. Drawings are left out, and so is one of
two that show the same thing: what the gallery leaves is what the released model may learn from.
"""

from __future__ import annotations

import csv
import hashlib
import json
from fnmatch import fnmatch
from pathlib import Path

from PIL import Image

STAMPS = Path("/usr/share/tuxpaint/stamps")
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


def main() -> None:
    """Write `pictures/`, `captions.csv` and `manifest.json` beside this file."""
    pictures = HERE / "pictures"
    pictures.mkdir(exist_ok=True)
    entries = []
    for path in sorted(STAMPS.rglob("*.png")):
        relative = str(path.relative_to(STAMPS))
        described = path.with_suffix(".txt")
        if not described.exists() or any(fnmatch(relative, p) for p in DRAWINGS + LEFT_FOR_TRAINING):
            continue
        name = relative.removesuffix(".png").replace("/", "-").lower() + ".webp"
        trimmed(path).save(pictures / name, quality=80, method=6)
        entries.append(
            {
                "file": f"pictures/{name}",
                "caption": described.read_text(encoding="utf-8").splitlines()[0].strip(),
                "sha256": hashlib.sha256((pictures / name).read_bytes()).hexdigest(),
                "source_file": relative,
            }
        )
    with (HERE / "captions.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image", "caption"])
        writer.writerows([e["file"].removeprefix("pictures/"), e["caption"]] for e in entries)
    manifest = {
        "source": "Debian package tuxpaint-stamps-default, the Tux Paint stamp collection, https://tuxpaint.org/stamps/",
        "licence": "GPL-2.0-or-later",
        "changes": "drawings left out; trimmed, put on white, scaled to 480 pixels, saved as WebP",
        "pictures": entries,
    }
    (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
