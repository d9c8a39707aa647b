"""Browser sessions: lookup by cookie, expiry, last use, revocation with the key, limit per key, listing and ending."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from gateway.auth.keys import Key, KeyStore, Scope
from gateway.auth.sessions import LIFE, MOST_SESSIONS, Sessions
from gateway.database import Database

from tests.unit.gateway.conftest import body, get

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite"


@pytest.fixture
def database(state: Path) -> Iterator[Database]:
    opened = Database.in_file(state)
    yield opened
    opened.close()


@pytest.fixture
def keys(database: Database) -> KeyStore:
    return KeyStore(database)


@pytest.fixture
def sessions(database: Database) -> Sessions:
    return Sessions(database)


def made(keys: KeyStore, name: str, scope: Scope = Scope.READ) -> Key:
    key = keys.find(keys.create(name, scope))
    assert key is not None
    return key


def test_a_session_is_found_by_what_its_cookie_holds(sessions: Sessions, keys: KeyStore, state: Path) -> None:
    key = made(keys, "laptop", Scope.WRITE)
    held = sessions.begin(key, "203.0.113.9", "Firefox\n\x1b[31m on Linux", NOW)
    found = sessions.find(held, NOW)
    assert found is not None
    assert (found.key, found.address, found.client) == (key, "203.0.113.9", "Firefox[31m on Linux")
    # The id is public, since lists show it, and is not accepted as a cookie.
    assert held.startswith(found.id)
    for wrong in ("", found.id, f"{found.id}_", held[:-1], held + "x", held.upper()):
        assert sessions.find(wrong, NOW) is None
    secret = held.partition("_")[2]
    assert all(secret.encode() not in p.read_bytes() for p in state.parent.iterdir())


def test_a_session_ends_after_its_life(sessions: Sessions, keys: KeyStore) -> None:
    held = sessions.begin(made(keys, "laptop"), "", "", NOW)
    assert sessions.find(held, NOW + LIFE) is not None
    assert sessions.find(held, NOW + LIFE + timedelta(seconds=1)) is None


def test_it_is_known_when_a_session_was_used_last(sessions: Sessions, keys: KeyStore) -> None:
    held = sessions.begin(made(keys, "laptop"), "", "", NOW)

    def seen() -> str:
        return sessions.find(held, NOW).seen_at  # type: ignore[union-attr]

    sessions.find(held, NOW + timedelta(minutes=4))
    assert seen() == "2026-11-26T12:00:00+00:00"
    sessions.find(held, NOW + timedelta(minutes=6))
    assert seen() == "2026-11-26T12:06:00+00:00"


def test_a_revoked_key_ends_its_sessions(sessions: Sessions, keys: KeyStore) -> None:
    key, other = made(keys, "lost"), made(keys, "kept")
    held, kept = sessions.begin(key, "", ""), sessions.begin(other, "", "")
    keys.revoke(key.id)
    assert sessions.find(held) is None
    assert sessions.find(kept) is not None
    assert [s.key.name for s in sessions.all()] == ["kept"]


def test_the_sessions_of_a_key_are_bounded(sessions: Sessions, keys: KeyStore) -> None:
    key = made(keys, "shared")
    held = [sessions.begin(key, "", "") for _ in range(MOST_SESSIONS + 2)]
    assert [sessions.find(h) is not None for h in held[:4]] == [False, False, True, True]
    assert len(sessions.all()) == MOST_SESSIONS


def test_sessions_are_listed_and_ended_by_their_key_and_by_administrators(
    make_stack: Callable[..., Any], keys: KeyStore, state: Path
) -> None:
    stack = make_stack(auth="on", state=state)
    mine, yours = keys.create("mine", Scope.READ), keys.create("yours", Scope.READ)
    admin = keys.create("boss", Scope.ADMIN)

    def listed(key: str) -> list[tuple[str, str]]:
        answer = get(stack, "/api/v1/sessions", Authorization=f"Bearer {key}")
        return [(s["id"], s["key_name"]) for s in body(answer)["sessions"]]

    def end(session: str, key: str) -> int:
        answer = stack.client.delete(f"/api/v1/sessions/{session}", headers={"Authorization": f"Bearer {key}"})
        status: int = answer.status_code
        return status

    for key in (mine, yours):
        assert stack.client.post("/api/v1/session", json={"key": key}).status_code == 200
        stack.client.delete_cookie("sightline_session", path="/api")
    (my_id, _), (your_id, _) = listed(mine)[0], listed(yours)[0]
    assert [name for _, name in listed(admin)] == ["yours", "mine"]
    assert end(your_id, mine) == 404
    assert end(my_id, mine) == 204
    assert listed(mine) == []
    assert end(your_id, admin) == 204
    assert listed(yours) == []
    # A browser that changes its key has one session, of the key that it showed last.
    for key in (mine, yours):
        assert stack.client.post("/api/v1/session", json={"key": key}).status_code == 200
    assert [name for _, name in listed(admin)] == ["yours"]
