"""The data class of a photograph of the sample gallery."""

from typing import NamedTuple

from PIL import Image


class Photograph(NamedTuple):
    """A photograph with its caption, and the author, licence and origin that redistribution requires."""

    name: str
    source_file: str
    image: Image.Image
    caption: str
    author: str
    licence: str
    origin: str
