"""The reader of openclipart drawings: texts from file and folder names."""

from pathlib import Path

import pytest
from PIL import Image
from twotower.data import DataError
from twotower.data.clipart import MOST_PIXELS, clipart


def test_a_drawing_s_text_is_what_its_name_says(tmp_path: Path) -> None:
    names = (
        "animals/mammals/dogs/black_lab_ganson.png",  # the last word is the artist
        "animals/birds/gufo_architetto_01.png",  # Italian
        "food/fruit/pear_simple_bw.png",
        "plants/tree.png",
        "signs_and_symbols/stop.png",
        "recreation/cards/ace.png",
        "transportation/aiga-symbols/bus.png",
    )
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (8, 8)).save(path)
    huge = tmp_path / "tools" / "hammer.png"
    huge.parent.mkdir()
    header = bytearray((tmp_path / names[3]).read_bytes())
    header[16:24] = (MOST_PIXELS).to_bytes(4) + (2).to_bytes(4)
    huge.write_bytes(header)
    assert {str(p.image.relative_to(tmp_path)): p.texts for p in clipart(tmp_path, "train")} == {
        names[0]: ("black lab", "dog"),
        names[1]: ("bird",),
        names[2]: ("pear", "fruit"),
        names[3]: ("tree",),
    }


def test_a_folder_without_drawings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no drawings"):
        clipart(tmp_path, "train")
    with pytest.raises(DataError, match="no split dev"):
        clipart(tmp_path, "dev")
