"""Facets, suggestions, placeholders (ThumbHash) and the status of the system."""

import base64
import io
from typing import Any

import pytest
from PIL import Image

from tests.unit.gateway.conftest import BLUE, RED, body, get, picture, upload


def test_facets_are_counted_once_a_generation(stack: Any) -> None:
    assert body(get(stack, "/api/v1/facets"))["count"] == 0
    details = [{"caption": "A red square.", "tags": ["red"]}, {"tags": ["blue", "red"]}]
    upload(stack, picture(RED), picture(BLUE, (30, 40)), details=details)
    found = body(get(stack, "/api/v1/facets"))
    assert (found["count"], found["captions"]) == (2, ["A red square."])
    assert found["tags"] == [{"tag": "red", "count": 2}, {"tag": "blue", "count": 1}]
    assert found["orientations"] == {"landscape": 1, "portrait": 1, "square": 0}
    assert (found["taken"], found["widest"]) == (None, 40)
    before = len(stack.search.requests)
    assert body(get(stack, "/api/v1/facets")) == found
    assert [r for r in stack.search.requests[before:] if "facets" in str(r)] == []


def test_suggestions_are_the_collections_own(stack: Any) -> None:
    upload(stack, picture(RED), details=[{"caption": "A red square.", "tags": ["reddish"]}])
    found = body(get(stack, "/api/v1/suggest?q=red"))
    assert found == {"captions": ["A red square."], "tags": ["reddish"], "written": []}
    assert body(get(stack, "/api/v1/suggest?q=")) == {"captions": [], "tags": [], "written": []}
    assert get(stack, "/api/v1/suggest").status_code == 400
    assert get(stack, "/api/v1/suggest?q=red&k=51").status_code == 400


def test_the_status_tells_model_stages_and_caches(stack: Any) -> None:
    upload(stack, picture(RED))
    for _ in range(3):
        get(stack, "/api/v1/search?q=red")
    stats = body(get(stack, "/api/v1/stats"))
    assert stats["model"] == {
        "model_id": "colours-1",
        "name": "colours",
        "dim": 3,
        "towers": {"text": "words"},
        "runtime": "toy",
        "figures": [
            {"name": "dev set R@1", "value": 50, "low": 40, "high": 60},
            {"name": "dev set loss", "value": 2.5, "low": None, "high": None},
        ],
    }
    stages = {s["stage"]: s for s in stats["stages"]}
    assert stages["request"]["count"] == 3
    assert stages["search"]["count"] == 1
    assert sum(b["count"] for b in stages["request"]["buckets"]) == 3
    assert 0 < stages["request"]["p50_ms"] <= stages["request"]["p95_ms"]
    pages = next(c for c in stats["caches"] if c["cache"] == "page")
    assert (pages["hit"], pages["miss"]) == (2, 1)


def test_the_status_is_told_without_an_encoder(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(request: Any) -> Any:
        import httpx

        raise httpx.ConnectError("refused")

    monkeypatch.setattr(stack.encoder, "handle_request", gone)
    stats = body(get(stack, "/api/v1/stats"))
    assert (stats["model"], stats["count"]) == (None, 0)


def test_a_placeholder_comes_with_each_picture(stack: Any) -> None:
    name = body(upload(stack, picture(RED, (400, 200))))["items"][0]["id"]
    placeholder = base64.b64decode(body(get(stack, f"/api/v1/images/{name}"))["placeholder"])
    # ThumbHash's header holds the mean colour: six bits of lightness, six bits of yellow against blue, and so on.
    head = int.from_bytes(placeholder[:3], "little")
    assert head & 63 == round(63 * (250 / 255) / 3)
    assert (
        body(get(stack, "/api/v1/search?q=red"))["results"][0]["placeholder"] == base64.b64encode(placeholder).decode()
    )


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1)])
def test_every_kind_of_picture_has_a_placeholder(stack: Any, mode: str, size: tuple[int, int]) -> None:
    stream = io.BytesIO()
    # Not black, for which the toy model's vector has length 0.
    shown = Image.new(mode, size, 60_000) if mode == "I;16" else Image.new("RGB", size, "white").convert(mode)
    shown.save(stream, "PNG")
    answer = upload(stack, stream.getvalue())
    assert answer.status_code == 201
    assert body(get(stack, f"/api/v1/images/{body(answer)['items'][0]['id']}"))["placeholder"]
