"""The reader of emoji: names and shared head nouns."""

from pathlib import Path

import pytest
from PIL import Image
from twotower.data import DataError
from twotower.data.emoji import emoji

LIST = """
# group: Smileys & Emotion
1F600                                      ; fully-qualified     # 😀 E1.0 grinning face
# group: Animals & Nature
# subgroup: animal-mammal
1F42F                                      ; fully-qualified     # 🐯 E0.6 tiger face
# group: Travel & Places
1F551                                      ; fully-qualified     # 🕑 E0.6 two o\u2019clock
23F0                                       ; fully-qualified     # ⏰ E0.6 alarm clock
1F311                                      ; fully-qualified     # 🌑 E0.6 new moon
1F315                                      ; fully-qualified     # 🌕 E0.6 full moon
1F319                                      ; fully-qualified     # 🌙 E0.6 crescent moon
2708 FE0F                                  ; fully-qualified     # ✈️ E0.6 airplane
2708                                       ; unqualified         # ✈ E0.6 airplane
# group: Objects
1F528                                      ; fully-qualified     # 🔨 E0.6 hammer
"""


def test_a_thing_is_named_and_so_is_what_several_have_in_common(tmp_path: Path) -> None:
    names = tmp_path / "emoji-test.txt"
    names.write_text(LIST, encoding="utf-8")
    drawn = tmp_path / "assets"
    drawn.mkdir()
    # The hammer has no picture; faces, clock faces and unnamed code points are skipped.
    for points in ("1f600", "1f42f", "1f551", "23f0", "1f311", "1f315", "1f319", "2708-fe0f", "1f9ff"):
        Image.new("RGBA", (8, 8)).save(drawn / f"{points}.webp")
    assert {p.image.stem: p.texts for p in emoji(drawn, "train", names)} == {
        "1f42f": ("tiger",),
        "23f0": ("alarm clock",),
        "1f311": ("new moon", "a moon", "moon"),
        "1f315": ("full moon", "a moon", "moon"),
        "1f319": ("crescent moon", "a moon", "moon"),
        "2708-fe0f": ("airplane",),
    }


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="comes with Debian's unicode-data"):
        emoji(tmp_path, "train", tmp_path / "none.txt")
    with pytest.raises(DataError, match="no split dev"):
        emoji(tmp_path, "dev")
    names = tmp_path / "emoji-test.txt"
    names.write_text(LIST, encoding="utf-8")
    with pytest.raises(DataError, match="holds no emoji"):
        emoji(tmp_path, "train", names)
