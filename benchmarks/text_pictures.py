"""Draws pictures with known text: receipts, signs, slides, screenshots, handwriting, turned pages, other scripts.

Everything is made from a seed and the sample gallery's photographs, so that nothing has to be fetched. It needs
Debian's fonts-dejavu-core, fonts-urw-base35 and fonts-wqy-microhei.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONTS = Path("/usr/share/fonts")
SANS = FONTS / "truetype/dejavu/DejaVuSans.ttf"
BOLD = FONTS / "truetype/dejavu/DejaVuSans-Bold.ttf"
MONO = FONTS / "truetype/dejavu/DejaVuSansMono.ttf"
SERIF = FONTS / "truetype/dejavu/DejaVuSerif.ttf"
HAND = FONTS / "opentype/urw-base35/Z003-MediumItalic.otf"
HAN = FONTS / "truetype/wqy/wqy-microhei.ttc"

SHOPS = [
    "Nordwind",
    "Kessler",
    "Baumgart",
    "Halloran",
    "Vantaggio",
    "Osterby",
    "Quimby",
    "Tremaine",
    "Zellner",
    "Farrow",
]
KINDS = ["Market", "Books", "Pharmacy", "Hardware", "Bakery", "Coffee", "Garden", "Optics"]
GOODS = ["Butter", "Espresso", "Notebook", "Shampoo", "Rye bread", "Batteries", "Apples 1kg", "Olive oil", "Candles"]
# What signs say; a third of them name things that other pictures show.
SIGNS = [
    "No parking",
    "Platform 9",
    "Exit",
    "Mind the gap",
    "Fire assembly point",
    "Pull",
    "Ticket office",
    "Lost property",
]
THINGS = ["dog", "cat", "rabbit", "tiger", "apple", "coffee", "bicycle", "guitar", "horse", "lamp"]
TOPICS = [
    "Quarterly review",
    "Migration plan",
    "Onboarding",
    "Incident report",
    "Roadmap",
    "Budget draft",
    "Retrospective",
]
POINTS = [
    "Latency fell by {n} percent",
    "Owner: {name}",
    "Due on {day} March",
    "Blocked by ticket {code}",
    "Ship the {name} release",
    "Hire {n} engineers",
    "Archive folder {code}",
]
MENU = ["File", "Edit", "View", "Window", "Help"]
HAN_LINES = [
    "禁止吸烟",
    "营业时间 九点到六点",
    "出口在左边",
    "小心地滑",
    "欢迎光临",
    "请勿触摸",
    "图书馆二楼",
    "热茶和面条",
]
KANA_LINES = [
    "いらっしゃいませ",
    "コーヒーとケーキ",
    "トイレはこちら",
    "ラーメン セット",
    "おみやげ売り場",
    "タクシーのりば",
]
GREEK_LINES = ["ΦΑΡΜΑΚΕΙΟ", "Απαγορεύεται το κάπνισμα", "ΕΞΟΔΟΣ", "Καλημέρα σας", "Βιβλιοπωλείο Ερμής", "ΣΤΑΘΜΟΣ"]


@dataclass(frozen=True)
class TextPicture:
    """A picture, what is written in it, and one search for that."""

    kind: str
    content: bytes
    lines: list[str]
    query: str


def jpeg(image: Image.Image) -> bytes:
    """A picture's file."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=82)
    return stream.getvalue()


def font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels."""
    return ImageFont.truetype(str(path), size)


def code(chance: np.random.Generator) -> str:
    """An unguessable name of letters and digits, as of tickets and plates."""
    letters = "".join(chance.choice(list("ABDEFGHKLMNPRTUVWXY"), 2))
    return f"{letters}-{chance.integers(1000, 9999)}"


def written(lines: list[str], path: Path, size: int, width: int, gap: float = 1.5, ink: str = "#222") -> Image.Image:
    """Lines on white paper."""
    image = Image.new("RGB", (width, int(size * gap * (len(lines) + 2))), "#fdfcf8")
    draw = ImageDraw.Draw(image)
    for i, line in enumerate(lines):
        draw.text((size, size * gap * (i + 0.8)), line, ink, font(path, size))
    return image


def placed(paper: Image.Image, ground: Image.Image, chance: np.random.Generator, share: float = 0.7) -> Image.Image:
    """Paper or a board that lies in a photograph: a little turned, in perspective, with noise, as a hand takes it."""
    ground = ground.copy()
    width, height = ground.size
    scale = min(share * width / paper.width, share * height / paper.height)
    w, h = paper.width * scale, paper.height * scale
    left, top = chance.uniform(0, width - w), chance.uniform(0, height - h)
    corners = np.array([[left, top], [left + w, top], [left + w, top + h], [left, top + h]])
    corners += chance.uniform(-0.03, 0.03, (4, 2)) * [w, h]
    target = [(x, y) for x, y in corners]
    source = [(0, 0), (paper.width, 0), (paper.width, paper.height), (0, paper.height)]
    rows = []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
    found = np.linalg.solve(np.array(rows), np.array(source, float).reshape(8))
    bent = paper.convert("RGBA").transform(
        ground.size, Image.Transform.PERSPECTIVE, found.tolist(), Image.Resampling.BICUBIC
    )
    ground.paste(bent, (0, 0), bent)
    noisy = np.asarray(ground.filter(ImageFilter.GaussianBlur(0.6)), float) + chance.normal(0, 4, (height, width, 3))
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))


class Maker:
    """Makes the pictures of one seed."""

    def __init__(self, photographs: Path, seed: int = 25) -> None:
        """Take the backgrounds from a folder of pictures."""
        self._chance = np.random.default_rng(seed)
        self._grounds = sorted(photographs.glob("*.webp"))

    def _pick(self, choices: list[str]) -> str:
        return str(self._chance.choice(choices))

    def _ground(self, size: tuple[int, int]) -> Image.Image:
        with Image.open(self._grounds[int(self._chance.integers(len(self._grounds)))]) as found:
            return found.convert("RGB").resize(size)

    def receipt(self) -> TextPicture:
        """A receipt on a photograph."""
        prices = self._chance.integers(80, 2500, 5) / 100
        lines = [f"{self._pick(SHOPS)} {self._pick(KINDS)}", f"Receipt {self._chance.integers(10_000, 99_999)}"]
        lines += [f"{self._pick(GOODS):<12}{price:8.2f}" for price in prices]
        lines += [f"{'TOTAL':<12}{prices.sum():8.2f}", "Thank you"]
        query = [f"{prices.sum():.2f}", lines[1].split()[1], lines[0]][int(self._chance.integers(3))]
        paper = written(lines, MONO, 30, 460)
        return TextPicture("receipt", jpeg(placed(paper, self._ground((1200, 1200)), self._chance, 0.8)), lines, query)

    def sign(self, says: str | None = None) -> TextPicture:
        """A board in a photograph."""
        number = self._chance.integers(10, 999)
        lines = [says.upper()] if says else [self._pick(SIGNS), f"{self._pick(SHOPS)} {number}"]
        ink, board = [("white", "#1d4e89"), ("#222", "#f2c230"), ("white", "#9c2f2f"), ("#222", "white")][
            int(self._chance.integers(4))
        ]
        width = max(int(font(BOLD, 64).getlength(line)) for line in lines) + 100
        paper = Image.new("RGB", (width, 100 * len(lines) + 40), board)
        for i, line in enumerate(lines):
            ImageDraw.Draw(paper).text((50, 30 + 100 * i), line, ink, font(BOLD, 64))
        return TextPicture("sign", jpeg(placed(paper, self._ground((800, 600)), self._chance, 0.5)), lines, lines[-1])

    def _points(self, count: int) -> list[str]:
        chosen = self._chance.permutation(POINTS)[:count]
        return [
            str(p).format(
                n=self._chance.integers(2, 99),
                name=self._pick(SHOPS),
                day=self._chance.integers(1, 29),
                code=code(self._chance),
            )
            for p in chosen
        ]

    def slide(self) -> TextPicture:
        """A slide of a talk."""
        lines = [f"{self._pick(TOPICS)} {self._pick(SHOPS)}", *self._points(4)]
        image = Image.new("RGB", (1280, 720), "#f7f7fb")
        draw = ImageDraw.Draw(image)
        draw.text((80, 70), lines[0], "#123", font(SERIF, 56))
        for i, line in enumerate(lines[1:]):
            draw.text((110, 220 + 90 * i), f"• {line}", "#333", font(SANS, 34))
        return TextPicture("slide", jpeg(image), lines, lines[0])

    def screenshot(self) -> TextPicture:
        """A window with small text."""
        lines = self._points(7)
        title = f"{code(self._chance)} - {self._pick(TOPICS)}"
        image = Image.new("RGB", (1440, 900), "white")
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, 1440, 40), "#e4e4e4")
        draw.text((560, 12), title, "#222", font(SANS, 15))
        for i, word in enumerate(MENU):
            draw.text((20 + 80 * i, 50), word, "#222", font(SANS, 14))
        for i, line in enumerate(lines):
            draw.text((60, 120 + 34 * i), line, "#222", font(SANS, 16))
        return TextPicture("screenshot", jpeg(image), [title, *MENU, *lines], title.split(" - ")[0])

    def handwriting(self) -> TextPicture:
        """A note in a script hand."""
        lines = [f"Meet {self._pick(SHOPS)} at {self._chance.integers(1, 12)}", f"Bring {self._pick(GOODS).lower()}"]
        paper = written(lines, HAND, 60, 700, ink="#1b2a6b")
        picture = placed(paper, self._ground((900, 700)), self._chance, 0.8)
        return TextPicture("handwriting", jpeg(picture), lines, lines[0])

    def turned(self, degrees: int) -> TextPicture:
        """A receipt or a slide, turned."""
        made = self.receipt() if self._chance.integers(2) else self.slide()
        with Image.open(io.BytesIO(made.content)) as upright:
            content = jpeg(upright.rotate(degrees, expand=True))
        return TextPicture(f"turned by {degrees}", content, made.lines, made.query)

    def script(self, kind: str, texts: list[str], path: Path) -> TextPicture:
        """A board in another script."""
        line = self._pick(texts)
        paper = written([line], path, 64, int(font(path, 64).getlength(line)) + 130)
        return TextPicture(kind, jpeg(placed(paper, self._ground((800, 600)), self._chance, 0.6)), [line], line)

    def all(self) -> list[TextPicture]:
        """150 pictures."""
        of: list[tuple[int, Callable[[], TextPicture]]] = [
            (30, self.receipt),
            (20, self.sign),
            (20, self.slide),
            (20, self.screenshot),
            (10, self.handwriting),
            (10, lambda: self.turned(90)),
            (10, lambda: self.turned(180)),
            (8, lambda: self.script("Chinese", HAN_LINES, HAN)),
            (6, lambda: self.script("Japanese", KANA_LINES, HAN)),
            (6, lambda: self.script("Greek", GREEK_LINES, SANS)),
        ]
        made = [make() for count, make in of for _ in range(count)]
        return made + [self.sign(thing) for thing in THINGS]
