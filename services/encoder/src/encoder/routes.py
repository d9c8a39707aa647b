"""The encoder's HTTP routes: texts or pictures in, vectors out."""

from __future__ import annotations

import base64
from typing import Any, Protocol

import numpy as np
from flask import Blueprint, request
from PIL import Image
from pydantic import Field
from servicekit.deadline import check_deadline
from servicekit.errors import Kind, ServiceError
from servicekit.pictures import open_picture, unpacked
from servicekit.records import EncodedItem, EncodedItems, EncoderFacts
from servicekit.server.memory import DecodeMemory, memory_left
from servicekit.server.processor import available_cores, background_threads
from servicekit.timing import stage
from servicekit.wire import Wire, parse

from encoder.model import TextVectors
from encoder.runtime import Array
from encoder.settings import Settings

# Memory of the service and its towers after 30 minutes of load.
OWN_BYTES = 640 * 2**20


class Encoder(Protocol):
    """What the routes need of a model."""

    model_id: str
    dim: int
    size: int
    manifest: dict[str, Any]

    @property
    def runtime(self) -> str:
        """What computes the towers, and in which precision."""
        ...

    def encode_texts(self, texts: list[str]) -> TextVectors: ...
    def prepare(self, picture: Image.Image) -> Array: ...
    def encode_images(self, prepared: list[Array]) -> Array: ...
    def check(self) -> str: ...


class TextRequest(Wire):
    """The body of POST /v1/text."""

    texts: list[str] = Field(min_length=1)


def create_routes(model: Encoder, settings: Settings) -> Blueprint:
    """The routes of the service, as a blueprint over a model."""
    routes = Blueprint("encoder", __name__)
    memory = DecodeMemory(settings.decode_bytes or memory_left(OWN_BYTES))
    decoders = background_threads("decode", settings.threads or available_cores())

    def prepare(content: bytes) -> Array | ServiceError:
        try:
            # A gateway sends what it decoded already. Otherwise decode a JPEG at a reduced scale (draft mode), at least
            # twice the model's size for the resize.
            if picture := unpacked(content):
                return model.prepare(picture)
            with memory.room_for(content, 2 * model.size):
                return model.prepare(open_picture(content, settings.max_pixels, draft=2 * model.size).image)
        except ServiceError as error:
            return error

    def answer(vectors: Array, items: list[EncodedItem]) -> EncodedItems:
        encoded = base64.b64encode(np.ascontiguousarray(vectors, "<f4").tobytes()).decode()
        return {"model_id": model.model_id, "dim": model.dim, "vectors": encoded, "items": items}

    @routes.get("/v1/model")
    def facts() -> EncoderFacts:
        manifest = model.manifest
        return {
            "model_id": model.model_id,
            "dim": model.dim,
            "name": manifest.get("name", ""),
            "towers": manifest.get("towers", {}),
            "evaluation": manifest.get("evaluation", {}),
            "runtime": model.runtime,
        }

    @routes.post("/v1/text")
    def text() -> EncodedItems:
        texts = parse(TextRequest, request.get_json()).texts
        check_count("texts", len(texts), settings.max_texts)
        errors = {i: error for i, t in enumerate(texts) if (error := text_error(t, settings.max_characters))}
        good = [t for i, t in enumerate(texts) if i not in errors]
        refuse_if_none(good, errors)
        check_deadline()
        with stage("model"):
            encoded = model.encode_texts(good)
        marks = iter(encoded.truncated)
        items = item_list(len(texts), errors)
        for item in items:
            if item["row"] is not None:
                item["truncated"] = next(marks)
        return answer(encoded.vectors, items)

    @routes.post("/v1/images")
    def images() -> EncodedItems:
        fields = (set(request.files) | set(request.form)) - {"images"}
        if unknown := sorted(name or "(a part without a name)" for name in fields):
            raise ServiceError(Kind.INVALID, f"{', '.join(unknown)}: unknown field; send files in the field images")
        files = request.files.getlist("images")
        check_count("images", len(files), settings.max_images)
        prepared: list[Array] = []
        errors: dict[int, ServiceError] = {}
        with stage("decode"):
            decoded = list(decoders.map(prepare, (file.stream.read() for file in files)))
        for i, result in enumerate(decoded):
            if isinstance(result, ServiceError):
                errors[i] = result
            else:
                prepared.append(result)
        refuse_if_none(prepared, errors)
        check_deadline()
        with stage("model"):
            vectors = model.encode_images(prepared)
        return answer(vectors, item_list(len(files), errors))

    return routes


def check_count(field: str, count: int, limit: int) -> None:
    """Refuse a request of no items or of more than the limit."""
    if not 1 <= count <= limit:
        raise ServiceError(Kind.INVALID, f"{field}: {count} items; a request holds 1 to {limit}")


def text_error(text: str, max_characters: int) -> ServiceError | None:
    """What is wrong with one text, if anything."""
    if not text.strip():
        return ServiceError(Kind.INVALID, "the text is empty")
    if len(text) > max_characters:
        detail = f"the text has {len(text)} characters; the limit is {max_characters}"
        return ServiceError(Kind.TOO_LARGE, detail, limit=max_characters, unit="characters")
    return None


def refuse_if_none(good: list[Any], errors: dict[int, ServiceError]) -> None:
    """If no item is valid, fail the whole request with the error of its first item."""
    if not good:
        first = errors[0]
        items = item_list(len(errors), errors)
        raise ServiceError(first.kind, f"no item can be encoded; item 0: {first.detail}", items=items)


def item_list(count: int, errors: dict[int, ServiceError]) -> list[EncodedItem]:
    """One entry per input, in order: the row of its vector, or no row and the error."""
    items: list[EncodedItem] = []
    row = 0
    for i in range(count):
        if i in errors:
            items.append({"row": None, "error": errors[i].item()})
        else:
            items.append({"row": row})
            row += 1
    return items
