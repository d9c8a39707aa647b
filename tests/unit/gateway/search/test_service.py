"""The query algebra (terms, weights, filters, modes) in a URL and in a body; ETags, metrics, single-flight cache."""

import io
import json
import threading
from typing import Any

import pytest
from gateway.search.cache import MemoryCache
from gateway.search.single_flight import SingleFlightCache
from gateway.search.terms import read_term, read_vector, write_term, write_vector
from gateway.upstream.collection import Collection
from prometheus_client import Counter
from servicekit.errors import Kind, ServiceError

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload

ORANGE = (250, 125, 0)


def post(stack: Any, question: dict[str, Any], *images: bytes) -> Any:
    if not images:
        return stack.client.post("/api/v1/search", json=question)
    files = [(io.BytesIO(content), "x.png") for content in images]
    return stack.client.post("/api/v1/search", data={"images": files, "query": json.dumps(question)})


def order(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [r["id"] for r in body(answer)["results"]]


@pytest.fixture
def colours(stack: Any) -> tuple[str, ...]:
    contents = [picture(c) for c in (RED, ORANGE, GREEN, BLUE)]
    details = [
        {"caption": "a red wall", "tags": ["wall", "warm"], "attributes": {"iso": 100}},
        {"caption": "an orange", "tags": ["warm"], "attributes": {"iso": 400, "flash": True}},
        {"caption": "a lawn"},
        {"caption": "the sea"},
    ]
    assert upload(stack, *contents, details=details).status_code == 201
    return tuple(ids(*contents))


def test_terms_add_up_the_same_in_a_url_and_in_a_body(stack: Any, colours: Any) -> None:
    red, orange, green, blue = colours
    for url, terms, found in [
        # Equal weights of red and green: orange (1, 0.5, 0) has a higher cosine than either, blue has a cosine of 0.
        ("q=red&term=text:green", [{"text": "red"}, {"text": "green"}], {0: orange, 3: blue}),
        # A negative weight: red itself is last.
        ("term=text:green&term=-1*text:red", [{"text": "green"}, {"text": "red", "weight": -1}], {0: green, 3: red}),
        # A picture that is a query term is left out of the results.
        (f"term=like:{red}", [{"like": red}], {0: orange}),
        (f"term=like:{red}&term=2*text:blue", [{"like": red}, {"text": "blue", "weight": 2}], {0: blue}),
    ]:
        by_url = get(stack, f"/api/v1/search?{url}")
        by_body = post(stack, {"terms": terms})
        assert order(by_url) == order(by_body)
        for place, name in found.items():
            assert order(by_url)[place] == name
        assert body(by_url)["terms"] == body(by_body)["terms"]


def test_an_uploaded_picture_is_a_term_and_comes_back_as_one_for_a_url(stack: Any, colours: Any) -> None:
    answer = post(stack, {"terms": [{"image": 0}, {"text": "red", "weight": -0.5}]}, picture((0, 249, 0)))
    assert order(answer)[0] == colours[2]
    token, text = body(answer)["terms"]
    assert (token[:7], text) == ("vector:", "-0.5*text:red")
    again = stack.client.get("/api/v1/search", query_string={"term": [token, text]})
    assert order(again) == order(answer)
    scores = [[r["score"] for r in body(a)["results"]] for a in (answer, again)]
    assert scores[0] == pytest.approx(scores[1], abs=0.001)
    # Without the field `query`, each uploaded picture is a term.
    files = {"images": (io.BytesIO(picture(BLUE)), "x.png")}
    assert order(stack.client.post("/api/v1/search", data=files))[0] == colours[3]


def test_the_pages_of_an_uploaded_picture_follow_each_other(stack: Any, colours: Any) -> None:
    first = body(post(stack, {"terms": [{"image": 0}], "k": 2}, picture((120, 200, 33))))
    rest = stack.client.get(
        "/api/v1/search", query_string={"term": first["terms"], "k": 2, "cursor": first["next_cursor"]}
    )
    assert {r["id"] for r in first["results"]} | set(order(rest)) == set(colours)


def test_weights_of_four_decimals_count_in_ranking_and_cache_alike(stack: Any, colours: Any) -> None:
    red, _, green, _ = colours
    one = post(stack, {"terms": [{"text": "red", "weight": 0.0001}, {"text": "green", "weight": 0.0009}]})
    other = post(stack, {"terms": [{"text": "red", "weight": 0.0009}, {"text": "green", "weight": 0.0001}]})
    assert (order(one)[0], order(other)[0]) == (green, red)
    assert body(one)["terms"] == ["0.0001*text:red", "0.0009*text:green"]
    finer = post(stack, {"terms": [{"text": "red", "weight": 0.00001}]})
    assert "terms.0.weight: 0 asks for nothing" in body(finer)["detail"]


def test_modes(stack: Any, colours: Any) -> None:
    red, orange, _green, blue = colours
    assert order(get(stack, "/api/v1/search?q=sea&mode=text")) == [blue]
    assert order(get(stack, "/api/v1/search?q=orange&mode=text")) == [orange]
    assert order(get(stack, "/api/v1/search?q=red+sea&mode=hybrid"))[0] in (red, blue)
    encoded = len(stack.encoder.requests)
    get(stack, "/api/v1/search?q=wall&mode=text")
    assert len(stack.encoder.requests) == encoded


def test_both_are_looked_at_where_there_are_words_and_captions(stack: Any) -> None:
    def mode(url: str) -> str:
        found: str = body(get(stack, f"/api/v1/search?mode=auto&{url}"))["mode"]
        return found

    plain = picture(RED)
    assert upload(stack, plain).status_code == 201
    (red,) = ids(plain)
    assert mode("q=sea") == "vector"
    assert stack.client.patch(f"/api/v1/images/{red}", json={"caption": "the sea"}).status_code == 200
    assert (mode("q=sea"), mode(f"q=sea&term=like:{red}"), mode(f"term=like:{red}")) == ("hybrid", "hybrid", "vector")
    assert (mode("q=-sea"), mode("sort=taken"), mode("tags=x")) == ("vector", "list", "list")
    assert body(get(stack, "/api/v1/search?q=sea"))["mode"] == "vector"


def test_without_a_term_the_newest_pictures_are_listed_in_pages(stack: Any, colours: Any) -> None:
    red, orange, _, _ = colours
    assert stack.client.patch(f"/api/v1/images/{red}", json={"taken_at": "2020-01-01T00:00:00"}).status_code == 200
    stack.encoder.cut = True  # nothing is encoded
    first = body(get(stack, "/api/v1/search?k=3"))
    assert (first["mode"], first["confident"], first["terms"]) == ("list", None, [])
    rest = order(get(stack, f"/api/v1/search?k=3&cursor={first['next_cursor']}"))
    assert sorted([*(r["id"] for r in first["results"]), *rest]) == sorted(colours)
    assert order(get(stack, "/api/v1/search?sort=taken"))[0] == red
    assert body(get(stack, "/api/v1/search?sort=taken"))["results"][0]["score"] == 20200101000000
    assert set(order(get(stack, "/api/v1/search?tags=warm"))) == {red, orange}
    assert order(post(stack, {"where": {"tags": ["wall"]}})) == [red]


@pytest.mark.parametrize(
    ("url", "where", "found"),
    [
        ("tags=warm", {"tags": ["warm"]}, (0, 1)),
        ("tags=warm&tags=wall", {"tags": ["warm", "wall"]}, (0,)),
        ("any_tags=wall&any_tags=none", {"any_tags": ["wall", "none"]}, (0,)),
        ("no_tags=warm", {"no_tags": ["warm"]}, (2, 3)),
        ("attributes=iso=400", {"attributes": {"iso": 400}}, (1,)),
        ("attributes=iso=100..399", {"attributes": {"iso": {"min": 100, "max": 399}}}, (0,)),
        ("attributes=iso=101..", {"attributes": {"iso": {"min": 101}}}, (1,)),
        ("attributes=iso=0..", {"attributes": {"iso": {"min": 0}}}, (0, 1)),
        ("attributes=iso=..0", {"attributes": {"iso": {"max": 0}}}, ()),
        ("attributes=flash=true", {"attributes": {"flash": True}}, (1,)),
        ("orientation=landscape&min_width=40", {"orientation": "landscape", "min_width": 40}, (0, 1, 2, 3)),
        ("min_width=41", {"min_width": 41}, ()),
    ],
)
def test_filters_are_the_same_in_a_url_and_in_a_body(
    stack: Any, colours: Any, url: str, where: dict[str, Any], found: tuple[int, ...]
) -> None:
    expected = {colours[i] for i in found}
    assert set(order(get(stack, f"/api/v1/search?q=red&{url}"))) == expected
    assert set(order(post(stack, {"terms": [{"text": "red"}], "where": where}))) == expected


def test_near_duplicates_collapse_and_the_answer_explains_itself(stack: Any, colours: Any) -> None:
    upload(stack, picture((249, 0, 0)))
    answer = body(get(stack, "/api/v1/search?q=red&no_tags=wall&collapse=0.999&explain=true&k=1"))
    assert len(answer["results"]) == 1
    explained = answer["explain"]
    assert explained["removed"] == {"by_filters": 1, "near_duplicates": 0, "terms_themselves": 0}
    assert (explained["collection"], explained["cached"]) == (5, False)
    assert {"encode", "search"} <= set(explained["stages_ms"])
    assert body(get(stack, "/api/v1/search?q=red&collapse=0.999"))["collapsed"] == 1
    again = body(get(stack, "/api/v1/search?q=red&collapse=0.999&explain=true"))["explain"]
    assert (again["cached"], again["removed"]["near_duplicates"]) == (True, 1)


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"terms": [], "mode": "hybrid"}, "mode: hybrid needs a term of text"),
        ({"terms": [{}]}, "terms.0: a term has one of text, like, vector, image, not 0"),
        ({"terms": [{"text": "a", "like": "0" * 32}]}, "terms.0: a term has one of text, like, vector, image, not 2"),
        ({"terms": [{"text": "a", "weight": 0}]}, "terms.0.weight: 0 asks for nothing"),
        ({"terms": [{"text": "a", "weight": 11}]}, "terms.0.weight: "),
        ({"terms": [{"text": "red"}, {"text": "red", "weight": -1}]}, "they cancel each other out"),
        ({"terms": [{"text": "  "}]}, "terms.0: empty"),
        ({"terms": [{"image": 0}]}, "terms.0.image: 0, but 0 files were uploaded"),
        ({"terms": [{"like": "x"}]}, "terms.0.like: "),
        ({"terms": [{"vector": "AAAA"}]}, "terms.0.vector: not a token"),
        ({"terms": [{"text": "a"}] * 17}, "terms: "),
        ({"terms": [{"like": "0" * 32}], "mode": "hybrid"}, "mode: hybrid needs a term of text"),
        (
            {"terms": [{"text": "a"}, {"like": "0" * 32, "weight": -1}], "mode": "text"},
            "mode: text looks for words alone",
        ),
        ({"terms": [{"text": "a", "weight": -1}], "mode": "text"}, "mode: text needs a term of text"),
        ({"terms": [{"text": "a"}], "where": {"colour": "red"}}, "where.colour: unknown"),
        ({"terms": [{"text": "a"}], "k": 201}, "k: 201 is more than the limit of 200"),
        ({"terms": [{"text": "a"}], "page": 2}, "page: unknown"),
    ],
)
def test_a_body_that_is_not_understood_is_refused_by_name(stack: Any, colours: Any, question: Any, says: str) -> None:
    answer = post(stack, question)
    assert answer.status_code == 400, answer.text
    assert says in body(answer)["detail"]


def test_forms_that_are_not_understood_are_refused(stack: Any, colours: Any) -> None:
    cases: list[tuple[dict[str, Any], list[bytes], int, str]] = [
        ({"terms": [{"text": "a"}]}, [picture(RED)], 400, "images: no term names file 0"),
        ({"terms": [{"image": 0}]}, [b"no picture"], 422, "images.0: not a picture"),
    ]
    for question, images, status, says in cases:
        answer = post(stack, question, *images)
        assert (answer.status_code, says in body(answer)["detail"]) == (status, True), answer.text
    file = {"images": (io.BytesIO(picture(RED)), "x.png"), "query": "{"}
    assert body(stack.client.post("/api/v1/search", data=file))["detail"] == "query: not JSON"
    for url, says in [
        ("term=dog", "term 0: 'dog' is not a term"),
        ("term=text:a&term=0*text:b", "term 1.weight: 0 asks for nothing"),
        ("q=a&attributes=iso", "attributes: 'iso' is not name=value"),
        ("q=a&orientation=round", "orientation: "),
        ("q=a&attributes=iso=1..&attributes=iso=..9", "attributes: a name comes twice"),
        ("q=a&mode=magic", "mode: "),
    ]:
        answer = get(stack, f"/api/v1/search?{url}")
        assert (answer.status_code, says in body(answer)["detail"]) == (400, True), answer.text


def test_a_term_is_read_as_it_was_written() -> None:
    for written in ("text:a dog", "-1*text:2*3", "0.5*like:" + "0" * 32, "text:like:x", "-0.25*vector:abc"):
        assert write_term(read_term(written, "term")) == written


def test_a_token_is_bound_to_its_model() -> None:
    vector = "AACAPwAAAAAAAAAA"  # (1, 0, 0) as little-endian float32
    token = write_vector(vector, "colours-1")
    assert read_vector(token, "colours-1", "term") == vector
    with pytest.raises(ServiceError, match="upload the picture again") as caught:
        read_vector(token, "colours-2", "term")
    assert caught.value.kind is Kind.MODEL_MISMATCH


def test_an_answer_that_the_client_has_is_not_sent_again(stack: Any, colours: Any) -> None:
    first = get(stack, "/api/v1/search?q=red")
    assert first.headers["Cache-Control"] == "private, no-cache"
    tag = first.headers["ETag"]
    same = get(stack, "/api/v1/search?q=%20red%20", If_None_Match=tag)
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", tag)
    assert get(stack, "/api/v1/search?q=red&k=2", If_None_Match=tag).status_code == 200
    upload(stack, picture((200, 1, 1)))
    assert len(order(get(stack, "/api/v1/search?q=red", If_None_Match=tag))) == 5


def test_stages_are_told_in_the_header_and_counted(stack: Any, colours: Any) -> None:
    timing = get(stack, "/api/v1/search?q=red").headers["Server-Timing"]
    assert {part.partition(";")[0] for part in timing.split(", ")} >= {"cache", "encode", "search", "total"}
    get(stack, "/api/v1/search?q=red")
    metrics = get(stack, "/metrics").text
    assert 'cache_lookups_total{cache="page",result="hit"} 1.0' in metrics
    assert 'cache_lookups_total{cache="vector",result="miss"} 1.0' in metrics
    assert 'stage_seconds_count{stage="encode"} 1.0' in metrics  # the first search's


def test_what_is_in_flight_is_computed_once() -> None:
    results = SingleFlightCache(MemoryCache(10**6, 10), Counter("lookups", "", ["cache", "result"], registry=None))
    begun, go_on, runs = threading.Event(), threading.Event(), []

    def work() -> int:
        runs.append(1)
        begun.set()
        assert go_on.wait(10)
        return 7

    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(results.once("page", "k", work))) for _ in range(5)]
    threads[0].start()
    assert begun.wait(10)
    for thread in threads[1:]:
        thread.start()
    shared = results._lookups.labels("page", "shared")
    while shared._value.get() < 4:
        pass
    go_on.set()
    for thread in threads:
        thread.join()
    assert (found, len(runs)) == ([7] * 5, 1)
    # A failure is not cached: the next call tries again.
    with pytest.raises(ZeroDivisionError):
        results.once("page", "k", lambda: 1 // 0)
    assert results.once("page", "k", lambda: 8) == 8


class Answers:
    """A search service that counts requests and can be unreachable."""

    def __init__(self) -> None:
        self.asked, self.gone = 0, False

    def stats(self) -> dict[str, Any]:
        if self.gone:
            raise ServiceError(Kind.UNAVAILABLE, "gone")
        self.asked += 1
        return {"generation": self.asked}


class Marks:
    """The mark of the last write, as shared by gateways; None simulates a lost Redis."""

    mark: bytes | None = b"a"

    def written(self) -> bytes | None:
        return self.mark

    def mark_written(self) -> None:
        self.mark = b"b"


def test_the_state_is_asked_for_once_a_second_and_after_each_write() -> None:
    now = [100.0]
    search, marks = Answers(), Marks()
    collection = Collection(search, marks, clock=lambda: now[0])  # type: ignore[arg-type]

    def generation() -> Any:
        return collection.state()["generation"]

    assert [generation(), generation()] == [1, 1]
    now[0] += 1.5
    assert generation() == 2
    collection.changed()  # here, or in another gateway
    assert [generation(), generation()] == [3, 3]
    search.gone = True
    now[0] += 60
    assert generation() == 3  # search is down, so no write can have succeeded: the cached state is still current
    collection.changed()
    marks.mark = b"c"
    with pytest.raises(ServiceError, match="gone"):
        collection.state()
    search.gone = False
    marks.mark = None  # other gateways' writes are unknown, so the state is not cached
    assert [generation(), generation()] == [4, 5]


def test_the_cache_of_a_process_is_bounded_in_bytes() -> None:
    cache = MemoryCache(10_000, 100)
    for i in range(20):
        cache.set(str(i), b"x" * 1000)
    # Each entry has an overhead of 500 bytes, so six fit.
    assert [i for i in range(20) if cache.get(str(i))] == [14, 15, 16, 17, 18, 19]
    cache.set("huge", b"x" * 20_000)
    assert cache.get("huge") is None
    assert cache.get("19") is not None
