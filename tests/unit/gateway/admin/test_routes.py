"""Export of a collection."""

import base64
import json
from typing import Any

import numpy as np

from tests.unit.gateway.conftest import BLUE, GREEN, RED, get, ids, picture, upload


def test_an_export_holds_every_picture(stack: Any) -> None:
    contents = [picture(c) for c in (RED, GREEN, BLUE)]
    upload(stack, *contents, details=[{"caption": "a wall"}, {}, {}])
    lines = [json.loads(line) for line in get(stack, "/api/v1/export").text.splitlines()]
    assert [line["id"] for line in lines] == sorted(ids(*contents))
    assert all("vector" not in line and "media_key" not in line for line in lines)
    with_vectors = {
        line["id"]: line for line in map(json.loads, get(stack, "/api/v1/export?vectors=true").text.splitlines())
    }
    red = with_vectors[ids(contents[0])[0]]
    assert (red["caption"], red["model_id"]) == ("a wall", "colours-1")
    assert np.frombuffer(base64.b64decode(red["vector"]), "<f4").tolist() == [1, 0, 0]
