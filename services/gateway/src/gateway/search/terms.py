"""Terms of a search: each is a text, a picture or a vector, with a weight that is negative to lead away from it.

A term is written the same way in a URL, on the command line and on the page: `text:a dog`, `-1*text:a leash`,
`0.5*like:<id>`, `vector:<token>`. In a JSON body it is an object with the same names.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import struct
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from servicekit.errors import Kind, ServiceError
from servicekit.wire import Wire, parse

WRITTEN = re.compile(r"(?:(?P<weight>-?\d{1,2}(?:\.\d{1,4})?)\*)?(?P<kind>text|like|vector):(?P<value>.*)", re.DOTALL)
# A minus, or what keyboards put in its place, before a quoted phrase or a word. What is quoted without a minus matches
# as well, so that a minus in it is none.
MINUS = re.compile(r'(?<!\S)[-\u2212\u2013](?:["“„]([^"“”„]+)["”“]|([^\s"“”„]+))|["“„][^"“”„]+["”“]')
# Conditions on what is written in a picture, among the words: has:text, text:word, text:"a phrase".
HAS_TEXT = re.compile(r"(?<!\S)has:text(?!\S)", re.IGNORECASE)
IN_TEXT = re.compile(r"(?<!\S)text:(?:(?P<quoted>[\"“„][^\"“”„]+[\"“”])|(?P<word>\S+))", re.IGNORECASE)
QUOTES = re.compile(r'["“”„«»]')
# The weight of a word with a minus: with -1, what is not wanted would outweigh what is.
AWAY = -0.5
# Length of a token's prefix in bytes: the beginning of the SHA-256 of its model's id.
MARK = 8
KINDS = ("text", "like", "vector", "image")


def read_weight(given: Any) -> Any:
    """Round a weight to the four decimals that a URL has, so that equal searches have the same cache key."""
    number = isinstance(given, int | float) and not isinstance(given, bool)
    return round(float(given), 4) if number else given


Weight = Annotated[float, BeforeValidator(read_weight), Field(strict=False, allow_inf_nan=False)]


class Term(Wire):
    """One of `text`, `like`, `vector` or `image`, with a weight: below 0 leads away from it."""

    text: str | None = Field(default=None, description="words that a picture is to fit", examples=["a dog in the snow"])
    like: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{32}$", description="the id of a picture of the collection"
    )
    vector: str | None = Field(
        default=None, max_length=20_000, description="a token that an answer gave for an uploaded picture"
    )
    image: int | None = Field(default=None, ge=0, description="the number of an uploaded file, from 0")
    weight: Weight = Field(default=1, ge=-10, le=10, description="below 0 leads away; four decimals count")

    @property
    def kind(self) -> str:
        """The field that is set: text, like, vector or image."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)


def check_terms(terms: Sequence[Term], names: Sequence[str], images: int, max_characters: int) -> list[Term]:
    """Validate terms and normalise their texts.

    Args:
        terms: the terms as sent.
        names: the name of each term for error messages.
        images: the number of uploaded files.
        max_characters: the longest text.

    Raises:
        ServiceError: a term has no kind or several, has the weight 0, is empty or too long, or refers to a file that
            was not uploaded; or an uploaded file has no term.
    """
    checked = []
    for name, term in zip(names, terms, strict=True):
        given = [kind for kind in KINDS if getattr(term, kind) is not None]
        if len(given) != 1:
            raise ServiceError(Kind.INVALID, f"{name}: a term has one of {', '.join(KINDS)}, not {len(given)}")
        if term.weight == 0:
            raise ServiceError(Kind.INVALID, f"{name}.weight: 0 asks for nothing; leave the term out")
        if term.image is not None and term.image >= images:
            raise ServiceError(Kind.INVALID, f"{name}.image: {term.image}, but {images} files were uploaded")
        if term.text is not None:
            text = normalise(term.text)
            if not text:
                raise ServiceError(Kind.INVALID, f"{name}: empty; say what the picture shows")
            if len(text) > max_characters:
                raise ServiceError(Kind.INVALID, f"{name}: {len(text)} characters; the limit is {max_characters}")
            term = term.model_copy(update={"text": text})
        checked.append(term)
    if unused := sorted(set(range(images)) - {t.image for t in terms}):
        raise ServiceError(Kind.INVALID, f"images: no term names file {unused[0]}")
    return checked


def read_term(written: str, name: str) -> Term:
    """Parse a term in a URL.

    Args:
        written: the term.
        name: its name for error messages.

    Raises:
        ServiceError: the term is malformed.
    """
    match = WRITTEN.fullmatch(written)
    if match is None:
        raise ServiceError(
            Kind.INVALID,
            f"{name}: {written[:40]!r} is not a term; write text:words, like:id or vector:token, "
            "with a weight in front where it is not 1: -0.5*text:words",
        )
    # Validate it as a term of a JSON body.
    return parse(Term, {match["kind"]: match["value"], "weight": float(match["weight"] or 1)}, within=name)


def read_conditions(typed: str) -> tuple[str, dict[str, Any]]:
    """The rest of a text as people type it, and the conditions of a filter that are in it: has:text, text:word."""
    wanted = [found["quoted"] or found["word"] for found in IN_TEXT.finditer(typed)]
    rest = IN_TEXT.sub(" ", typed)
    conditions: dict[str, Any] = {"text": " ".join(wanted)} if wanted else {}
    if HAS_TEXT.search(rest):
        conditions["has_text"] = True
    return HAS_TEXT.sub(" ", rest), conditions


def read_words(typed: str) -> list[Term]:
    """The terms of a text as people type it: a minus before a word or a quoted phrase leads away from it.

    A hyphen inside a word is a part of it; what is quoted without a minus is taken as it stands.
    """
    kept = normalise(MINUS.sub(lambda found: " " if found[1] or found[2] else found[0], typed))
    away = [found[1] or found[2] for found in MINUS.finditer(typed) if found[1] or found[2]]
    terms = [Term(text=kept)] if kept or not away else []
    return [*terms, *(Term(text=text, weight=AWAY) for text in away)]


def unquoted(text: str) -> str:
    """A text for the model, which knows no quotes; the text itself if nothing else is in it."""
    return normalise(QUOTES.sub(" ", text)) or text


def write_term(term: Term) -> str:
    """Write a term as in a URL."""
    weight = "" if term.weight == 1 else f"{term.weight:.4f}".rstrip("0").rstrip(".") + "*"
    return f"{weight}{term.kind}:{getattr(term, term.kind)}"


def write_vector(vector: str, model_id: str) -> str:
    """Write a vector as a token: float16, short enough for a URL, prefixed with a digest of its model's id.

    Args:
        vector: base64 of a unit vector, little-endian float32.
        model_id: the model of the vector.
    """
    content = base64.b64decode(vector)
    numbers = struct.unpack(f"<{len(content) // 4}f", content)
    # float16 changes a cosine by less than 0.0005, too little to change a visible ranking.
    return base64.urlsafe_b64encode(mark(model_id) + struct.pack(f"<{len(numbers)}e", *numbers)).decode().rstrip("=")


def read_vector(token: str, model_id: str, name: str) -> str:
    """Parse a token into a unit vector, as base64 of little-endian float32.

    Args:
        token: the token.
        model_id: the collection's model.
        name: the field's name for error messages.

    Raises:
        ServiceError: the token is invalid (400), or is of another model (409).
    """
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        numbers = struct.unpack(f"<{(len(content) - MARK) // 2}e", content[MARK:])
    except (ValueError, struct.error) as error:
        raise ServiceError(Kind.INVALID, f"{name}: not a token that an answer has given") from error
    length = math.sqrt(sum(n * n for n in numbers))
    # Also false for NaN.
    if not abs(length - 1) < 0.01:
        raise ServiceError(Kind.INVALID, f"{name}: not a token that an answer has given")
    if content[:MARK] != mark(model_id):
        raise ServiceError(Kind.MODEL_MISMATCH, f"{name}: of another model than {model_id}; upload the picture again")
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *(n / length for n in numbers))).decode()


def normalise(text: str) -> str:
    """Normalise a text that the model treats alike, so that it has one cache key: Unicode NFC, single spaces."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def mark(model_id: str) -> bytes:
    """The prefix of a token, which identifies its model."""
    return hashlib.sha256(model_id.encode()).digest()[:MARK]
