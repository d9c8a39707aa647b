"""The query syntax: a minus before a word or a quoted phrase, hyphens, quotes."""

from typing import Any

import pytest
from gateway.search.terms import read_words, unquoted, write_term

from tests.unit.gateway.conftest import BLUE, GREEN, RED, body, get, ids, picture, upload


@pytest.mark.parametrize(
    ("typed", "terms"),
    [
        ("apple -red", ["text:apple", "-0.5*text:red"]),
        ("-red apple", ["text:apple", "-0.5*text:red"]),
        ("-red", ["-0.5*text:red"]),
        ('apple -"red car" tree -leaf', ["text:apple tree", "-0.5*text:red car", "-0.5*text:leaf"]),
        ("apple \u2212red \u2013green", ["text:apple", "-0.5*text:red", "-0.5*text:green"]),
        ("t-shirt well-known -off-road", ["text:t-shirt well-known", "-0.5*text:off-road"]),
        ("a - b", ["text:a - b"]),
        ("-", ["text:-"]),
        ('a "-red" apple', ['text:a "-red" apple']),
        ('"a black dog" -cat', ['text:"a black dog"', "-0.5*text:cat"]),
        ('-"unclosed', ['text:-"unclosed']),
        ("", ["text:"]),
    ],
)
def test_a_minus_leads_away_from_a_word(typed: str, terms: list[str]) -> None:
    assert [write_term(term) for term in read_words(typed)] == terms


def test_the_model_sees_no_quotes() -> None:
    assert unquoted('a "black dog" \u00abau bord\u00bb') == "a black dog au bord"
    assert unquoted('""') == '""'


def test_a_minus_in_the_url_changes_every_mode(stack: Any) -> None:
    contents = [picture(colour) for colour in (RED, GREEN, BLUE)]
    captions = ["a red apple", "a green apple", "a blue sea"]
    upload(stack, *contents, details=[{"caption": caption} for caption in captions])
    red, green, _ = ids(*contents)

    def found(query: str) -> list[str]:
        answer = get(stack, f"/api/v1/search?{query}")
        assert answer.status_code == 200, answer.text
        return [record["id"] for record in body(answer)["results"]]

    assert set(found("mode=text&q=apple")) == {red, green}
    assert found("mode=text&q=apple+-red") == [green]
    assert found('mode=text&q=apple+-"green+apple"') == [red]
    assert found('mode=text&q="apple+green"') == []
    assert found("q=green+-red")[0] == green
    assert found("mode=hybrid&q=apple+-red")[0] == green
    assert body(get(stack, "/api/v1/search?q=apple+-red"))["terms"] == ["text:apple", "-0.5*text:red"]
    assert "mode: text needs a term of text" in body(get(stack, "/api/v1/search?mode=text&q=-red"))["detail"]
    too_many = "+".join(f"-w{number}" for number in range(17))
    assert body(get(stack, f"/api/v1/search?q={too_many}"))["detail"] == "q, term: 17 terms; the limit is 16"
