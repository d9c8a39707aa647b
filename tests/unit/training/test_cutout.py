import numpy as np
from PIL import Image
from twotower.cutout import cut_out


def test_the_subject_stands_on_white_with_a_margin() -> None:
    picture = Image.new("RGB", (100, 100), "green")
    picture.paste("red", (20, 30, 60, 80))
    importance = np.zeros((100, 100), np.float32)
    importance[30:80, 20:60] = 0.9
    page = cut_out(picture, importance)
    # 40 x 50, and 6 % of 50 on each side.
    assert page.size == (46, 56)
    assert page.getpixel((0, 0)) == (255, 255, 255)
    assert page.getpixel((23, 28)) == (255, 0, 0)
    assert (0, 128, 0) not in {colour for _, colour in page.getcolors() or []}


def test_a_narrow_subject_gets_room() -> None:
    importance = np.zeros((100, 100), np.float32)
    importance[:, 50] = 1
    # 1 x 100 becomes 50 x 100, and 6 on each side.
    assert cut_out(Image.new("RGB", (100, 100), "blue"), importance).size == (62, 112)
