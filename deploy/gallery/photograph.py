"""What the gallery keeps of a photograph."""

from typing import NamedTuple

from PIL import Image


class Photograph(NamedTuple):
    """A photograph with all that its reuse asks for."""

    name: str
    source_file: str
    image: Image.Image
    caption: str
    author: str
    licence: str
    origin: str
