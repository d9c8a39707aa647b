"""Kept searches: by name, for all who use the collection, on both databases."""

from typing import Any

import pytest
from gateway.database import Database
from gateway.search import kept
from gateway.search.kept import KeptSearches
from servicekit.errors import ServiceError

from tests.unit.gateway.conftest import body, get


def keep(stack: Any, name: str, search: str) -> Any:
    return stack.client.post("/api/v1/searches", json={"name": name, "search": search})


def test_a_search_is_kept_renamed_and_removed(stack: Any) -> None:
    first = body(keep(stack, " Dogs  at sea ", "q=dog&tags=sea&tags=beach&mode=hybrid"))
    assert (first["name"], first["search"]) == ("Dogs at sea", "q=dog&tags=sea&tags=beach&mode=hybrid")
    assert keep(stack, "animals", "folder=2024").status_code == 200
    again = body(keep(stack, "Hounds", first["search"]))
    assert again["id"] == first["id"]
    listed = body(get(stack, "/api/v1/searches"))["searches"]
    assert [one["name"] for one in listed] == ["animals", "Hounds"]
    assert get(stack, f"/api/v1/search?{listed[1]['search']}").status_code == 200
    path = f"/api/v1/searches/{first['id']}"
    assert [stack.client.delete(path).status_code for _ in range(2)] == [204, 404]
    assert [one["name"] for one in body(get(stack, "/api/v1/searches"))["searches"]] == ["animals"]


@pytest.mark.parametrize(
    ("name", "search", "says"),
    [
        ("", "q=dog", "name: "),
        ("  ", "q=dog", "name: "),
        ("x" * 201, "q=dog", "name: "),
        ("x", "q=dog&colour=red", "search: colour: "),
        ("x", "q=dog&q=cat", "search: q: given more than once"),
        ("x", "term=dog", "search: term 0: 'dog' is not a term"),
        ("x", "taken_from=May", "search: taken_from: "),
        ("x", "q=dog&k=5", "search: k: a page of results cannot be kept"),
        ("x", "q=" + "x" * 8000, "search: "),
    ],
)
def test_what_is_not_understood_is_refused_by_name(stack: Any, name: str, search: str, says: str) -> None:
    answer = keep(stack, name, search)
    assert answer.status_code == 400
    assert says in body(answer)["detail"]


def test_two_gateways_share_them_up_to_a_limit(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    one, other = KeptSearches(database), KeptSearches(database, clock=lambda: 5.0)
    a = one.keep("a", "q=a")
    other.keep("b", "q=b")
    with pytest.raises(ServiceError, match="2 searches are kept, which is the limit"):
        one.keep("c", "q=c")
    other.keep("A", "q=a")
    assert [(k.name, k.kept_at == 5.0) for k in one.all()] == [("A", True), ("b", True)]
    other.remove(a.id)
    one.keep("c", "q=c")
    assert [k.search for k in other.all()] == ["q=b", "q=c"]
