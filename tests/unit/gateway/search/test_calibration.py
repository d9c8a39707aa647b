"""How sure the system says it is, on colours whose cosines can be worked out."""

from typing import Any

from tests.unit.gateway.conftest import RED, body, get, ids, picture, upload


def test_how_sure_the_system_is(stack: Any) -> None:
    # Every background phrase is grey to the toy model: its best picture here is the grey one, at a cosine of 1.
    grey, red = picture((250, 250, 250)), picture(RED)
    upload(stack, red)
    first = body(get(stack, "/api/v1/search?q=red"))
    assert (first["results"][0]["confidence"], first["confident"]) == (None, None)
    (measure,) = stack.waiting
    measure()
    # One red picture: each phrase reaches 1/sqrt(3) = 0.577, and the spread is the least there is, 0.01.
    sure = body(get(stack, "/api/v1/search?q=red"))
    assert (sure["results"][0]["confidence"], sure["confident"]) == (1.0, True)
    unsure = body(get(stack, "/api/v1/search?q=something"))
    assert (unsure["results"][0]["confidence"], unsure["confident"]) == (0.5, False)
    assert body(get(stack, f"/api/v1/images/{ids(red)[0]}/similar"))["results"] == []
    assert len(stack.waiting) == 1
    # Twice the pictures: the old calibration serves until the new one is measured. Then each phrase reaches 1, as red
    # does.
    upload(stack, grey)
    page = body(get(stack, "/api/v1/search?q=red&k=1"))
    assert (page["confident"], len(stack.waiting)) == (True, 2)
    stack.waiting[1]()
    page = body(get(stack, "/api/v1/search?q=red&k=1"))
    assert (page["results"][0]["confidence"], page["confident"]) == (0.5, False)
    # The verdict is on the first page alone.
    later = body(get(stack, f"/api/v1/search?q=red&k=1&cursor={page['next_cursor']}"))
    assert later["confident"] is None
    assert later["results"][0]["confidence"] == 0.0


def test_a_background_that_cannot_be_measured_is_tried_again(stack: Any) -> None:
    upload(stack, picture(RED))
    get(stack, "/api/v1/search?q=red")
    stack.encoder.cut = True
    stack.waiting[0]()
    stack.encoder.cut = False
    assert body(get(stack, "/api/v1/search?q=red"))["confident"] is None
    stack.waiting[1]()
    assert body(get(stack, "/api/v1/search?q=red"))["confident"] is True
