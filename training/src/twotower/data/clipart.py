"""Drawings with descriptive file names: Debian's openclipart-png, public domain. Adds words that photographs lack."""

from __future__ import annotations

import re
from pathlib import Path

from wordfreq import zipf_frequency

from twotower.data.everyday import singular
from twotower.data.pairs import DataError, Pair
from twotower.towers.texts import words_of

# Folders of objects that people photograph; the others hold symbols, buttons, maps and flags.
FOLDERS = (
    "animals",
    "buildings",
    "containers",
    "education",
    "electronics",
    "food",
    "office",
    "people",
    "plants",
    "recreation",
    "tools",
    "transportation",
)
LEFT_OUT = frozenset(
    re.findall(
        "[a-z_]+",
        "aiga_symbols cards fantasy logos maps pantyhose patterns religion roadsigns smilies stickmen symbols",
    )
)
# Words of a file name that do not describe the picture: names of artists, and drawing styles.
NOT_SHOWN = frozenset(
    re.findall(
        "[a-z]+",
        """
        abrams alejandro alex anthony archi archit archite architet architett architetto arjen ashton aubanel balin bali
        benji buculei caiafa charles cheng contour dan daniel dave design dietrich drawn eady enrique erwan fco fra fran
        franc france frances francesc francesco frouke fudriot gabrielle ganson gates gerald geral gerhard gerhards gino
        golan guillaume half icon ignacio inservice jakob james jarno jean jon jonadab jonathan juliane jurgen kallisti
        karam kim kirk krug kuehne kurt leif liekens linda lodahl lumen luiz marcelo mateya matthew mauro maya meza
        mimooh nath nathan natha nicu nurbl olivier olivo omic orlando outline park pena peterm petri phillips rollandin
        ron sergio shaded shandy simple simplified stefan stylized symbol toh uliphant utrescu val vasama vasamaa victor
        vic whit yen yves
        """,
    )
)
# Larger drawings are skipped, because they take too long to decode.
MOST_PIXELS = 20_000_000


def clipart(folder: Path, split: str) -> list[Pair]:
    """Drawings from the package's `png` folder; the only split is train.

    The texts of a drawing are its file name without the artist, and its category, if a subfolder names one:
    `animals/mammals/dogs/black_lab_ganson.png` is "black lab" and "dog". Abbreviated words and other languages are
    left out.
    """
    if split != "train":
        raise DataError(f"the drawings have no split {split}; there is train")
    pairs = []
    for path in sorted(folder.rglob("*.png")):
        parts = path.relative_to(folder).parts
        if parts[0] not in FOLDERS or LEFT_OUT & {p.replace("-", "_") for p in parts}:
            continue
        name = [w for w in words_of(path.stem.replace("_", " ")) if w not in NOT_SHOWN and is_english(w)]
        kind = words_of(parts[-2].replace("_", " ")) if len(parts) > 2 else []
        texts = [" ".join(name)] if name else []
        texts += [singular(" ".join(kind))] if kind else []
        if texts and small(path):
            pairs.append(Pair(path, tuple(dict.fromkeys(texts))))
    if not pairs:
        raise DataError(f"{folder} holds no drawings; it is /usr/share/openclipart/png of openclipart-png")
    return pairs


def small(path: Path) -> bool:
    """Whether a drawing has at most `MOST_PIXELS`, by its PNG header."""
    with path.open("rb") as stream:
        header = stream.read(24)
    return int.from_bytes(header[16:20]) * int.from_bytes(header[20:24]) <= MOST_PIXELS


def is_english(word: str) -> bool:
    """Whether a word is common in English, and at least as common as in Italian, French and Spanish."""
    known = zipf_frequency(word, "en")
    return len(word) > 2 and known > 2.5 and all(known >= zipf_frequency(word, other) for other in ("it", "fr", "es"))
