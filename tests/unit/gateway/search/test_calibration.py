"""Calibration of confidence, with a toy model whose cosines are easy to compute; one calibration for all gateways."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from gateway.database import Database
from gateway.search.calibration import MOST_AGE_S, Calibrator
from gateway.upstream.encoders import Encoders
from gateway.upstream.search import SearchClient
from servicekit.clients.encoder import EncoderClient

from tests.unit.gateway.conftest import RED, body, get, ids, picture, upload


def test_how_sure_the_system_is(stack: Any) -> None:
    # The toy model encodes every background phrase as grey, so its best picture here is the grey one, with cosine 1.
    grey, red = picture((250, 250, 250)), picture(RED)
    upload(stack, red)
    first = body(get(stack, "/api/v1/search?q=red"))
    assert (first["results"][0]["confidence"], first["confident"]) == (None, None)
    (measure,) = stack.waiting
    measure()
    # One red picture: each phrase has a best cosine of 1/sqrt(3) = 0.577; the standard deviation is its minimum, 0.01.
    sure = body(get(stack, "/api/v1/search?q=red"))
    assert (sure["results"][0]["confidence"], sure["confident"]) == (1.0, True)
    unsure = body(get(stack, "/api/v1/search?q=something"))
    assert (unsure["results"][0]["confidence"], unsure["confident"]) == (0.5, False)
    assert body(get(stack, f"/api/v1/images/{ids(red)[0]}/similar"))["results"] == []
    assert len(stack.waiting) == 1
    # Twice the pictures: the old calibration is used until the new one is measured. Then each phrase has a best cosine
    # of 1, like the query.
    upload(stack, grey)
    page = body(get(stack, "/api/v1/search?q=red&k=1"))
    assert (page["confident"], len(stack.waiting)) == (True, 2)
    stack.waiting[1]()
    page = body(get(stack, "/api/v1/search?q=red&k=1"))
    assert (page["results"][0]["confidence"], page["confident"]) == (0.5, False)
    # Only the first page reports `confident`.
    later = body(get(stack, f"/api/v1/search?q=red&k=1&cursor={page['next_cursor']}"))
    assert later["confident"] is None
    assert later["results"][0]["confidence"] == 0.0


def test_every_search_with_words_is_judged(stack: Any) -> None:
    """One red picture, so that the background has the cosine 0.577: red is sure, green and blue have the cosine 0."""
    red = picture(RED)
    upload(stack, red, details=[{"caption": "a wall", "tags": ["x"]}])
    get(stack, "/api/v1/search?q=red")
    stack.waiting[0]()

    def sure(url: str) -> Any:
        page = body(get(stack, f"/api/v1/search?{url}"))
        return page["results"][0]["confidence"], page["confident"]

    yes, no, unknown = (1.0, True), (0.0, False), (None, None)
    assert sure("q=red&tags=x") == yes
    assert sure("q=red&term=text:green") == no  # it does not fit each of the two
    assert sure("q=red&term=text:something") == (0.5, False)
    assert sure("q=something&term=-0.5*text:red") == no  # it shows what was not wanted
    assert sure("q=red&term=-0.5*text:green") == yes
    # By words, and by both: all of them, some of them, or by looks.
    assert sure("q=wall&mode=text") == yes
    assert sure("q=wall+green&mode=text") == (0.5, False)
    assert (sure("q=red&mode=hybrid"), sure("q=wall&mode=hybrid")) == (yes, yes)
    assert sure("q=blue&mode=hybrid") == no
    assert (sure("q=-red"), sure("")) == (unknown, unknown)


def test_a_picture_as_a_term_is_not_judged(stack: Any) -> None:
    upload(stack, picture(RED), picture((250, 250, 250)))
    get(stack, "/api/v1/search?q=red")
    stack.waiting[0]()
    (red,) = ids(picture(RED))
    alone = body(get(stack, f"/api/v1/search?term=like:{red}"))
    assert (alone["results"][0]["confidence"], alone["confident"]) == (None, None)
    # Beside words, those are judged: the grey picture has the cosine 1, as the background has.
    both = body(get(stack, f"/api/v1/search?q=something&term=like:{red}"))
    assert (both["results"][0]["confidence"], both["confident"]) == (0.5, False)


def test_a_background_that_cannot_be_measured_is_tried_again(stack: Any) -> None:
    upload(stack, picture(RED))
    get(stack, "/api/v1/search?q=red")
    stack.encoder.cut = True
    stack.waiting[0]()
    stack.encoder.cut = False
    assert body(get(stack, "/api/v1/search?q=red"))["confident"] is None
    stack.waiting[1]()
    assert body(get(stack, "/api/v1/search?q=red"))["confident"] is True


def test_an_encoder_of_another_model_encodes_no_background(stack: Any) -> None:
    upload(stack, picture(RED))
    stack.model.model_id = "colours-2"
    assert get(stack, "/api/v1/search?q=red").status_code == 409
    stack.model.texts.clear()
    for work in stack.waiting:
        work()
    assert stack.model.texts == []


def verdict(stack: Any) -> Any:
    page = body(get(stack, "/api/v1/search?q=red"))
    return page["results"][0]["confidence"], page["confident"]


def test_gateways_on_one_database_have_one_calibration(make_stack: Callable[..., Any]) -> None:
    first, second = make_stack(), make_stack()
    upload(first, picture(RED))
    assert verdict(first) == (None, None)
    first.waiting[0]()
    # The other gateway, and one that is started later, read the calibration from the database.
    third = make_stack()
    assert verdict(first) == verdict(second) == verdict(third) == (1.0, True)
    assert (second.waiting, third.waiting) == ([], [])


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.in_file(tmp_path / "calibrations.sqlite")) as opened:
        yield opened


@pytest.fixture
def now() -> list[float]:
    """A clock in seconds, which tests set."""
    return [1000.0]


@pytest.fixture
def measured_at(stack: Any, database: Database, now: list[float]) -> Callable[[], Any]:
    """A function that returns when the current calibration was measured; due measurements run synchronously."""
    search = SearchClient("the search service", "http://search", stack.search)
    encoders = Encoders(EncoderClient("the encoder", "http://encoder", stack.encoder))
    calibrator = Calibrator(encoders, search, database, lambda work: work(), lambda: now[0])
    upload(stack, picture(RED))

    def serving() -> Any:
        calibrator.calibration(search.stats())
        found = calibrator.calibration(search.stats())
        return found and found.measured_at

    return serving


def test_an_old_calibration_of_a_changed_collection_is_measured_again(
    stack: Any, measured_at: Callable[[], Any], now: list[float]
) -> None:
    """The number of pictures does not show every change: replacing ten pictures by ten others leaves it the same."""
    assert measured_at() == 1000
    now[0] += MOST_AGE_S + 1
    assert measured_at() == 1000  # old, but nothing has changed
    stack.client.patch(f"/api/v1/images/{ids(picture(RED))[0]}", json={"caption": "a wall"})
    assert measured_at() == now[0]
    changed_at = now[0]
    now[0] += MOST_AGE_S
    stack.client.patch(f"/api/v1/images/{ids(picture(RED))[0]}", json={"caption": "a red wall"})
    assert measured_at() == changed_at  # changed, but not old


def test_the_last_calibration_serves_while_the_database_does_not_answer(
    measured_at: Callable[[], Any], now: list[float], tmp_path: Path
) -> None:
    assert measured_at() == 1000
    with closing(sqlite3.connect(tmp_path / "calibrations.sqlite")) as broken, broken:
        broken.execute("DROP TABLE calibrations")
    now[0] += 1
    assert measured_at() == 1000
