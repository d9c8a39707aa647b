"""Access control: API keys and scopes, login cookies, CSRF, Host header checks (DNS rebinding), rate limit."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import limits
import pytest
from gateway.auth.access_control import COOKIE
from gateway.auth.keys import KeyStore, Scope
from gateway.auth.rate_limit import RateLimiter
from gateway.database import Database
from gateway.settings import Settings
from gateway.upstream.redis_server import RedisServer
from servicekit.errors import ServiceError

from tests.unit.gateway.conftest import RED, body, get, ids, picture, upload


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[KeyStore]:
    with closing(Database.in_file(tmp_path / "state.sqlite")) as database:
        yield KeyStore(database)


@pytest.fixture
def published(make_stack: Callable[..., Any], tmp_path: Path) -> Any:
    """A stack that requires keys, with a rate limit of twenty requests per hour and client."""
    return make_stack(auth="on", state=tmp_path / "state.sqlite", rate_limit="20/hour")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_a_key_is_found_by_its_secret_and_kept_as_a_digest(keys: KeyStore, tmp_path: Path) -> None:
    written = keys.create("laptop", Scope.WRITE)
    found = keys.find(written)
    assert found is not None
    assert (found.name, found.scope) == ("laptop", Scope.WRITE)
    secret = written.split("_", 2)[2]
    assert all(secret.encode() not in p.read_bytes() for p in tmp_path.iterdir())
    for wrong in ("", "sl_", written[:-1], written[:-1] + ("A" if written[-1] != "A" else "B"), "x" + written):
        assert keys.find(wrong) is None
    with closing(Database.in_file(tmp_path / "state.sqlite")) as database:
        other = KeyStore(database)  # as in another gateway
        assert other.find(written) == found
        assert keys.revoke(found.id)
        assert other.find(written) is None
        assert not keys.revoke(found.id)


def test_each_scope_allows_what_it_says(published: Any, keys: KeyStore) -> None:
    read, write, admin = (keys.create(s.name, s) for s in Scope)
    client = published.client
    search, quarantine = "/api/v1/search?q=red", "/api/v1/quarantine"
    files = {"images": (io.BytesIO(picture(RED)), "x.png")}
    assert client.post("/api/v1/images", data=files, headers=bearer(write)).status_code == 201
    path = f"/api/v1/images/{ids(picture(RED))[0]}"
    for method, where, needs in [("GET", search, 1), ("PATCH", path, 2), ("GET", quarantine, 3), ("DELETE", path, 2)]:
        sent = {"json": {"caption": "x"}} if method == "PATCH" else {}
        none = client.open(where, method=method, **sent)
        assert (none.status_code, none.headers["WWW-Authenticate"]) == (401, "Bearer")
        for level, key in enumerate((read, write, admin), 1):
            status = client.open(where, method=method, headers=bearer(key), **sent).status_code
            if level < needs:
                assert status == 403
            else:
                assert status in (200, 204, 404)
    assert get(published, "/docs").status_code == 200
    assert get(published, "/livez").status_code == 200


def test_a_browser_keeps_its_key_out_of_reach_of_scripts_and_other_sites(published: Any, keys: KeyStore) -> None:
    client = published.client
    nothing = {"required": True, "scope": None, "key_name": None, "id": None}
    assert body(get(published, "/api/v1/session")) == nothing
    assert client.post("/api/v1/session", json={"key": "guess"}).status_code == 401
    key = keys.create("me", Scope.WRITE)
    logged_in = client.post("/api/v1/session", json={"key": key})
    told = body(get(published, "/api/v1/session"))
    assert told == {"required": True, "scope": "write", "key_name": "me", "id": told["id"]}
    cookie = logged_in.headers["Set-Cookie"]
    # The cookie does not contain the key or a part of it.
    held = cookie.partition("=")[2].partition(";")[0]
    assert key.split("_", 2)[2] not in held
    assert get(published, "/api/v1/search?q=red", Authorization=f"Bearer {held}").status_code == 401
    assert {"HttpOnly", "SameSite=Strict", "Path=/api"} <= {part.strip() for part in cookie.split(";")}
    assert get(published, "/api/v1/search?q=red").status_code == 200
    assert upload(published, picture(RED)).status_code == 201
    path = f"/api/v1/images/{ids(picture(RED))[0]}"
    assert client.delete(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.delete(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 204
    assert client.delete("/api/v1/session").status_code == 204
    assert get(published, "/api/v1/search?q=red").status_code == 401
    # The session has ended on the server: sending the old cookie again does not help.
    client.set_cookie(COOKIE, held, path="/api")
    assert get(published, "/api/v1/search?q=red").status_code == 401


def test_a_page_of_another_site_changes_nothing_where_no_key_is_needed(stack: Any) -> None:
    def sent(**headers: str) -> int:
        files = {"images": (io.BytesIO(picture(RED)), "x.png")}
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        status: int = stack.client.post("/api/v1/images", data=files, headers=named).status_code
        return status

    assert sent(Sec_Fetch_Site="cross-site") == 403
    assert sent(Origin="https://elsewhere.example") == 403
    assert sent(Sec_Fetch_Site="same-origin", Origin="http://localhost") == 201
    assert sent(Origin="http://localhost") == 200
    assert sent() == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200),
        ("[::1]:8080", 200),
        ("localhost:8080", 200),
        ("127.8.0.1", 200),
        ("photos.localhost", 200),
        ("gateway:8080", 401),  # the Host of a proxy's upstream
        ("192.168.1.5:8080", 401),
        ("rebound.example:8080", 401),
    ],
)
def test_under_a_name_that_is_not_this_machines_a_key_is_needed(
    stack: Any, tmp_path: Path, host: str, status: int
) -> None:
    answer = get(stack, "/api/v1/stats", Host=host)
    assert answer.status_code == status
    if status == 401:
        assert f"{host!r} is not this machine itself" in body(answer)["detail"]
        assert "sightline keys create" in body(answer)["detail"]
        assert body(get(stack, "/api/v1/session", Host=host))["required"] is True


def test_a_published_system_is_asked_by_its_name(published: Any, keys: KeyStore) -> None:
    key = bearer(keys.create("x", Scope.READ))
    assert published.client.get("/api/v1/stats", headers={**key, "Host": "photos.example.org"}).status_code == 200


def test_only_the_owner_reads_the_file_of_keys(published: Any, tmp_path: Path) -> None:
    assert (tmp_path / "state.sqlite").stat().st_mode & 0o777 == 0o600


def test_each_client_has_its_share(published: Any, keys: KeyStore) -> None:
    mine, yours = keys.create("mine", Scope.READ), keys.create("yours", Scope.READ)
    answers = [published.client.get("/api/v1/stats", headers=bearer(mine)) for _ in range(21)]
    assert [a.status_code for a in answers] == [200] * 20 + [429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 7200
    assert body(answers[-1])["detail"].startswith("more than 20 per 1 hour")
    assert published.client.get("/api/v1/stats", headers=bearer(yours)).status_code == 200
    # Requests with an invalid key are limited by address, so that keys cannot be guessed by brute force.
    guesses = [published.client.get("/api/v1/stats", headers=bearer("sl_guess")).status_code for _ in range(21)]
    assert guesses == [401] * 20 + [429]


def test_without_redis_requests_are_counted_here() -> None:
    now = [0.0]
    limiter = RateLimiter(limits.parse("2/hour"), RedisServer("redis://127.0.0.1:9", 4, clock=lambda: now[0]))
    limiter.count("a")
    limiter.count("a")
    with pytest.raises(ServiceError, match="more than 2 per 1 hour"):
        limiter.count("a")
    now[0] = 3.0  # Redis is tried again, and is still down
    with pytest.raises(ServiceError, match="more than 2 per 1 hour"):
        limiter.count("a")
    limiter.count("b")


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({}, "remote"),
        ({"bind": "127.0.0.5:80"}, "remote"),
        ({"bind": "[::1]:80"}, "remote"),
        ({"bind": "0.0.0.0:8080"}, "all"),
        ({"bind": "192.168.1.5:8080"}, "all"),
        ({"bind": "0.0.0.0:8080", "publish": "127.0.0.1:8080"}, "remote"),
        ({"bind": "0.0.0.0:8080", "publish": "8080"}, "all"),  # as compose reads it: every address
        ({"bind": "127.0.0.1:8080", "publish": "photos.example.org:443"}, "all"),
        # In compose the edge is one trusted proxy; a second one means that remote clients come in through it.
        ({"bind": "0.0.0.0:8080", "publish": "127.0.0.1:8080", "trusted_proxies": 1}, "remote"),
        ({"bind": "0.0.0.0:8080", "publish": "127.0.0.1:8080", "trusted_proxies": 2}, "all"),
        ({"trusted_proxies": 1}, "all"),
        ({"bind": "0.0.0.0:8080", "auth": "off"}, "none"),
        ({"auth": "on"}, "all"),
    ],
)
def test_keys_are_needed_as_soon_as_others_reach_the_system(settings: dict[str, Any], asked: str) -> None:
    assert Settings(**settings).asked == asked


def test_every_answer_tells_browsers_what_it_is_not(stack: Any) -> None:
    for path in ("/api/v1/stats", "/nowhere", "/docs", "/livez"):
        headers = get(stack, path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["Referrer-Policy"] == "no-referrer"
        assert "Access-Control-Allow-Origin" not in headers
