"""The encoder's HTTP routes: batches of texts and pictures, truncation, errors per item, limits, EXIF orientation."""

import base64
import io
from typing import Any

import numpy as np
import pytest
from encoder import create_app
from encoder.model import TextVectors
from encoder.runtime import Array
from encoder.settings import Settings
from flask.testing import FlaskClient
from PIL import Image
from servicekit.pictures import open_picture
from werkzeug.test import TestResponse


class Lengths:
    """A toy model with predictable vectors: (number of characters, 0) for a text, (0, mean red) for a picture."""

    model_id = "lengths-1"
    dim = 2
    size = 4
    manifest: dict[str, Any] = {}  # noqa: RUF012
    runtime = "toy"

    def encode_texts(self, texts: list[str]) -> TextVectors:
        return TextVectors(np.array([[len(t), 0] for t in texts], np.float32), [len(t) > 10 for t in texts])

    def prepare(self, picture: Image.Image) -> Array:
        return np.asarray(picture.resize((4, 4)), np.float32)

    def encode_images(self, prepared: list[Array]) -> Array:
        return np.array([[0, p[..., 0].mean()] for p in prepared], np.float32)

    def check(self) -> str:
        return "fine"


@pytest.fixture
def client() -> FlaskClient:
    settings = Settings(max_texts=3, max_images=3, max_pixels=10_000, max_characters=50, max_body_bytes=200_000)
    return create_app(settings, Lengths()).test_client()


def picture(red: int = 200, size: tuple[int, int] = (8, 8), form: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (red, 0, 0)).save(stream, form, **options)
    return stream.getvalue()


def bomb() -> bytes:
    """A decompression bomb: a small PNG of 200 million pixels, more than Pillow's own limit."""
    stream = io.BytesIO()
    Image.new("1", (20_000, 10_000)).save(stream, "PNG")
    return stream.getvalue()


def send(client: FlaskClient, *contents: bytes) -> TestResponse:
    files = [(io.BytesIO(c), f"{i}.jpg") for i, c in enumerate(contents)]
    return client.post("/v1/images", data={"images": files})


def body(answer: TestResponse) -> dict[str, Any]:
    document = answer.get_json(force=True)
    assert isinstance(document, dict)
    return document


def vectors(document: dict[str, Any]) -> list[list[float]]:
    rows: list[list[float]] = np.frombuffer(base64.b64decode(document["vectors"]), "<f4").reshape(-1, 2).tolist()
    return rows


def test_texts_become_rows_in_order_and_a_long_one_says_it_was_cut(client: FlaskClient) -> None:
    document = body(client.post("/v1/text", json={"texts": ["dog", "twelve chars"]}))
    assert (document["model_id"], document["dim"]) == ("lengths-1", 2)
    assert vectors(document) == [[3, 0], [12, 0]]
    assert document["items"] == [{"row": 0, "truncated": False}, {"row": 1, "truncated": True}]


def test_an_empty_text_among_good_ones_is_told_in_its_item(client: FlaskClient) -> None:
    document = body(client.post("/v1/text", json={"texts": ["a", " ", "ccc"]}))
    assert vectors(document) == [[1, 0], [3, 0]]
    assert [item["row"] for item in document["items"]] == [0, None, 1]
    assert document["items"][1]["error"]["detail"] == "the text is empty"


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"texts": []}, "texts: "),
        ({"texts": "dog"}, "texts: Input should be a valid list"),
        ({"texts": ["a", 7]}, "texts.1: Input should be a valid string"),
        ({"texts": ["a"], "lang": "en"}, "lang: unknown"),
        ({"texts": ["a"] * 4}, "texts: 4 items; a request holds 1 to 3"),
        ({"texts": [""]}, "item 0: the text is empty"),
        ([], "body: "),
    ],
)
def test_a_wrong_text_request_names_the_field(client: FlaskClient, sent: object, says: str) -> None:
    answer = client.post("/v1/text", json=sent)
    assert answer.status_code == 400
    assert says in body(answer)["detail"]


def test_a_body_that_is_not_json_is_refused(client: FlaskClient) -> None:
    assert client.post("/v1/text", data=b"{", content_type="application/json").status_code == 400
    assert client.post("/v1/text", data=b"hello").status_code in (400, 415)


def test_a_text_over_the_character_limit_is_413_and_names_it(client: FlaskClient) -> None:
    answer = client.post("/v1/text", json={"texts": ["x" * 51]})
    assert answer.status_code == 413
    assert "51 characters; the limit is 50" in body(answer)["detail"]


def test_bad_pictures_take_no_row(client: FlaskClient) -> None:
    stream = io.BytesIO()
    Image.effect_noise((90, 90), 50).save(stream, "JPEG")
    whole = stream.getvalue()
    document = body(send(client, picture(40), whole[: len(whole) // 4], picture(80, form="WEBP", lossless=True)))
    assert vectors(document) == [[0, 40], [0, 80]]
    assert [item["row"] for item in document["items"]] == [0, None, 1]
    assert "truncated" in document["items"][1]["error"]["detail"]


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "not a picture in a known format"),
        (b"", 422, "not a picture"),
        (picture()[:30], 422, "item 0: "),
        (picture(size=(101, 100)), 413, "101 x 100 pixels; the limit is 10000"),
        (bomb(), 413, "the limit is 10000"),
    ],
)
def test_a_request_with_no_good_picture_fails_as_a_whole(
    client: FlaskClient, content: bytes, status: int, says: str
) -> None:
    answer = send(client, content)
    assert answer.status_code == status
    assert says in body(answer)["detail"]
    assert body(answer)["items"][0]["row"] is None


def test_too_many_pictures_or_another_field_are_refused(client: FlaskClient) -> None:
    assert "4 items; a request holds 1 to 3" in body(send(client, *[picture()] * 4))["detail"]
    assert (
        "photos: unknown field" in body(client.post("/v1/images", data={"photos": (io.BytesIO(b"x"), "x")}))["detail"]
    )


def test_exif_turn_and_transparency_are_honoured() -> None:
    tall = Image.new("RGB", (4, 8), "red")
    exif = tall.getexif()
    exif[0x0112] = 6  # orientation: rotated by 90 degrees
    stream = io.BytesIO()
    tall.save(stream, "JPEG", exif=exif)
    assert open_picture(stream.getvalue(), 1000)[1:4] == ("JPEG", 8, 4)
    stream = io.BytesIO()
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(stream, "PNG")
    assert open_picture(stream.getvalue(), 1000).image.getpixel((0, 0)) == (255, 255, 255)
