"""Models of what is written in a picture, in the API's answers."""

from __future__ import annotations

from pydantic import Field

from gateway.api.schemas import Answer


class Line(Answer):
    """A line of text in a picture."""

    text: str
    box: list[float] = Field(
        description="x and y of its four corners as shares of the picture's width and height, clockwise from the upper "
        "left"
    )
    confidence: float = Field(description="how sure the reader is, 0 to 1")


class TextAnswer(Answer):
    """What is written in a picture."""

    read: bool = Field(description="whether the picture was read; if not, it may be soon")
    reader: str | None = Field(description="what has read it")
    text: str = Field(description="all of it, line by line; empty if nothing is written")
    lines: list[Line]
