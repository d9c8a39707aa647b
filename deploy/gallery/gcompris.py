"""Photographs of Debian's gcompris-qt-data, each with the author and the licence that the package states for it.

Needs PySide6-Essentials, which opens Qt's resource files, and python-debian, which reads the package's copyright file.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from debian.copyright import Copyright
from photograph import Photograph
from PIL import Image
from PySide6.QtCore import QFile, QIODevice, QResource

# The chosen photographs with captions; of fish, windmills and solar panels only a selection.
ANIMALS = {
    "explore_farm_animals/resource/animals": {
        "cat": "A black and white cat with a ball of wool.",
        "chicken": "Four brown hens on the grass.",
        "cow": "A black and white cow in a meadow.",
        "dog": "A German shepherd dog.",
        "duck": "A white duck by the water.",
        "horse": "Three black horses with their foals.",
        "owl": "An owl on a branch.",
        "pig": "A pig on the grass.",
        "sheep": "A sheep.",
    },
    "explore_world_animals/resource/animals": {
        "chameleon": "A chameleon among leaves.",
        "crocodile": "A crocodile on the bank.",
        "dragon": "A Komodo dragon.",
        "koala": "A koala in a tree.",
        "lemur": "Ring-tailed lemurs.",
        "moose": "A moose lying in the heather.",
        "panda": "A giant panda.",
        "polar_bear": "A polar bear in the snow.",
        "scarlet_macaw": "A scarlet macaw.",
    },
}
THINGS = {
    "categorization/resource/images/fishes": {
        "fish1": "An angelfish with blue and white stripes.",
        "fish10": "Orange fish over a coral reef.",
        "fish18": "A red fish against black.",
        "fish25": "A goldfish.",
        "fish28": "A pufferfish.",
        "fish4": "Two perches.",
        "fish6": "An orange discus fish.",
        "fish9": "A clownfish in its anemone.",
    },
    "categorization/resource/images/monuments": {
        "IndiaGate": "The India Gate in New Delhi.",
        "arcDeTriomphe": "The Arc de Triomphe du Carrousel in Paris.",
        "bayterek": "The Bayterek tower in Astana.",
        "burj": "The Burj Khalifa in Dubai.",
        "cathedral": "The cathedral of Santiago de Compostela.",
        "christTheRedeemer": "Christ the Redeemer in Rio de Janeiro.",
        "colosseum": "The Colosseum in Rome.",
        "eiffelTower": "The Eiffel Tower in Paris.",
        "empireState": "The Empire State Building in New York.",
        "greatPyramid": "The Great Pyramid of Giza.",
        "greatWall": "The Great Wall of China.",
        "kutubMinar": "The Qutb Minar in Delhi.",
        "leMusee": "The Louvre and its glass pyramid.",
        "leaningTowerOfPisa": "The Leaning Tower of Pisa.",
        "monument1": "The Dome of the Rock in Jerusalem.",
        "mountRushmore": "Mount Rushmore.",
        "operaHouse": "The Sydney Opera House.",
        "parthenon": "The Parthenon in Athens.",
        "statueOfLiberty": "The Statue of Liberty.",
        "tajMahal": "The Taj Mahal.",
        "usCapitol": "The Capitol in Washington.",
        "zimniPalace": "The Winter Palace in Saint Petersburg at night.",
    },
    "categorization/resource/images/others": {
        "baseball": "A baseball.",
        "blackslate": "A blackboard.",
        "bucket": "A wooden bucket.",
        "bulb": "A light bulb.",
        "chair": "A white chair.",
        "cup": "A cup and its saucer.",
        "igloo": "An igloo.",
        "knife": "A knife, a fork and a spoon.",
        "pan": "A frying pan on the stove.",
        "pencil": "A pencil.",
        "pillow": "A pillow on a bed.",
        "plate": "A white plate.",
        "spoons": "Five spoons.",
        "volleyball": "A volleyball.",
        "weighingMachine": "Electronic scales.",
    },
    "categorization/resource/images/renewable": {
        "dam1": "Water rushing through a dam.",
        "dam3": "A dam across a river.",
        "dam4": "A weir in the forest.",
        "geothermal": "Steam over a geothermal power station.",
        "solar1": "A solar cooker.",
        "solar4": "Solar panels.",
        "solar6": "A house with solar panels on its roof.",
        "windmill1": "A windmill by the sea.",
        "windmill12": "A wooden windmill.",
        "windmill13": "Windmills along a canal.",
        "windmill3": "White windmills on a hill.",
        "windmill8": "A white windmill under clouds.",
    },
    "categorization/resource/images/tools": {
        "hammer1": "A hammer on a blue table.",
        "hammer5": "A hammer with a red handle.",
        "measuringTape1": "A green tape measure.",
        "measuringTape3": "A rolled-up tailor's tape.",
        "multimeter1": "A red multimeter.",
        "nailCutter": "A nail clipper.",
        "plier1": "Pliers with red handles.",
        "scissors2": "A pair of scissors.",
        "screwDriver": "A red and yellow screwdriver.",
        "sickle": "A sickle.",
        "tweezer": "Two pairs of tweezers.",
        "wrench1": "An adjustable wrench.",
    },
}


def gcompris(root: Path) -> Iterator[Photograph]:
    """The chosen photographs of the package, which is installed or unpacked below `root`.

    Raises:
        FileNotFoundError: a file of the package is missing.
        ValueError: the package states no licence for a specific file.
    """
    resources = root / "usr/share/gcompris-qt/rcc"
    with (root / "usr/share/doc/gcompris-qt-data/copyright").open(encoding="utf-8") as stream:
        copyright_file = Copyright(stream, strict=False)
    for folder, captions in {**ANIMALS, **THINGS}.items():
        activity = folder.partition("/")[0]
        if not QResource.registerResource(str(resources / f"{activity}.rcc"), f"/{activity}"):
            raise FileNotFoundError(resources / f"{activity}.rcc")
        for name, caption in captions.items():
            file = QFile(f":/{activity}/gcompris/src/activities/{folder}/{name}.webp")
            if not file.open(QIODevice.OpenModeFlag.ReadOnly):
                raise FileNotFoundError(file.fileName())
            image = Image.open(io.BytesIO(file.readAll().data()))
            stated = paragraph(copyright_file, f"src/activities/{folder}/{name}")
            yield Photograph(
                name=f"{folder.rpartition('/')[2] if activity == 'categorization' else 'animals'}-{name.lower()}",
                source_file=f"{folder}/{name}",
                image=image.convert("RGB"),
                caption=caption,
                author=" ".join(stated.copyright.split()),
                licence=stated.license.synopsis,
                origin=" ".join((stated.comment or "").split())
                or "Debian package gcompris-qt-data, https://gcompris.net",
            )


def paragraph(copyright_file: Copyright, stem: str):  # type: ignore[no-untyped-def]  # python-debian's classes are dynamic
    """The package's copyright paragraph for a file, which may list it with the extension before its conversion."""
    for ending in (".webp", ".jpg", ".png"):
        found = copyright_file.find_files_paragraph(stem + ending)
        if found and found.files != ("*",):
            return found
    raise ValueError(f"the package states no licence of its own for {stem}")
