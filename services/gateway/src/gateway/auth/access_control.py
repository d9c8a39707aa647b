"""Authentication and authorisation of a request: API key, session, scope, origin, and rate limit."""

from __future__ import annotations

from typing import Literal, NamedTuple

from flask import Response, g, request
from servicekit.errors import Kind, ServiceError

from gateway.auth.audit import REFUSED, Audit
from gateway.auth.keys import Key, KeyStore, Scope
from gateway.auth.rate_limit import RateLimiter
from gateway.auth.remote import Remote
from gateway.auth.sessions import LIFE, Session, Sessions

COOKIE = "sightline_session"
SAFE = ("GET", "HEAD", "OPTIONS")
HOW = "`sightline keys create NAME`, run where the gateway runs, makes one; send it as Authorization: Bearer sl_…"

# Which requests need a key: all, those that do not come from this machine itself, or none.
Asked = Literal["all", "remote", "none"]


class Caller(NamedTuple):
    """The authenticated caller: a key, and the session that stands for it where the client is a browser."""

    key: Key
    session: Session | None = None


class AccessControl:
    """Admits or refuses each request before its route."""

    def __init__(
        self, asked: Asked, keys: KeyStore, sessions: Sessions, remote: Remote, limiter: RateLimiter, audit: Audit
    ) -> None:
        """Over the keys and sessions.

        Args:
            asked: which requests need a key.
            keys: the API keys.
            sessions: of browsers.
            remote: tells which requests come from elsewhere.
            limiter: the rate limit of requests that need a key.
            audit: the log of refused keys and of changes.
        """
        self._asked, self._keys, self.sessions, self._remote = asked, keys, sessions, remote
        self._limiter, self._audit = limiter, audit

    def reason(self) -> str | None:
        """Why the request that is being answered needs a key; None where it needs none."""
        match self._asked:
            case "all":
                return "the system is published"
            case "remote":
                return self._remote.reason(request)
            case "none":
                return None

    def admit(self, least: Scope | None) -> None:
        """Let the request that is being answered pass.

        Args:
            least: the scope that it needs; None where it needs no key.

        Raises:
            ServiceError: it has no key (401), the key does not allow this (403), or it comes too often (429).
        """
        if "Authorization" not in request.headers and request.method not in SAFE and from_elsewhere():
            raise ServiceError(Kind.FORBIDDEN, "a page of another site may not change this collection")
        caller = self.caller()
        reason = self.reason()
        if reason is None:
            return
        # Requests without a valid key are counted by address, so guessing keys is rate-limited.
        self._limiter.count(f"key/{caller.key.id}" if caller else f"address/{request.remote_addr}")
        if least is None:
            return
        if caller is None:
            if "Authorization" in request.headers:
                self.refused()
            raise ServiceError(Kind.UNAUTHORIZED, f"this needs an API key, since {reason}. {HOW}")
        if caller.key.scope < least:
            raise ServiceError(
                Kind.FORBIDDEN,
                f"this needs a key for {least.name.lower()}; "
                f"{caller.key.name!r} is one for {caller.key.scope.name.lower()}",
            )

    def admit_from_here(self) -> None:
        """Let a request pass for what only the administrator needs: from outside, or by way of a proxy, it needs a key.

        Metrics are collected, and readiness asked for, by name inside the system's own network: the name counts for
        nothing here.

        Raises:
            ServiceError: it has no key (401), or it comes too often (429).
        """
        outside = self._asked == "all" and not self._remote.inside(request)
        if self._asked != "none" and (outside or self._remote.proxied(request)):
            self.admit(Scope.READ)

    def caller(self) -> Caller | None:
        """Who makes the request that is being answered: by the key in its header, or the session in its cookie."""
        if "caller" not in g:
            g.caller = self._find()
            if g.caller:
                # Read by the access log.
                g.caller_name = g.caller.key.name
        caller: Caller | None = g.caller
        return caller

    def _find(self) -> Caller | None:
        kind, _, written = request.headers.get("Authorization", "").partition(" ")
        if kind:
            key = self._keys.find(written.strip()) if kind.lower() == "bearer" else None
            return Caller(key) if key else None
        session = self.sessions.find(request.cookies.get(COOKIE, ""))
        return Caller(session.key, session) if session else None

    def begin(self, response: Response, written: str) -> None:
        """Begin a session: the browser cannot put a header on a picture's address, and needs a cookie.

        Raises:
            ServiceError: it is no key.
        """
        key = self._keys.find(written)
        if not key:
            self.refused()
            raise ServiceError(Kind.UNAUTHORIZED, f"key: no such key. {HOW}")
        address, client = request.remote_addr or "", request.headers.get("User-Agent", "")
        held = self.sessions.begin(key, address, client)
        response.set_cookie(
            COOKIE,
            held,
            max_age=int(LIFE.total_seconds()),
            path="/api",
            httponly=True,
            samesite="Strict",
            secure=request.is_secure,
        )
        self._audit.write("session-began", address, key=key.name, key_id=key.id, request_id=g.request_id)
        g.caller = Caller(key, self.sessions.find(held))

    def end(self, response: Response) -> None:
        """End the session of the browser that asks."""
        caller = self.caller()
        if caller and caller.session:
            self.sessions.end(caller.session.id)
            self.did("session-ended")
        response.delete_cookie(COOKIE, path="/api", httponly=True, samesite="Strict")
        # Browsers cache pictures for a year; over TLS, logging out clears that cache.
        response.headers["Clear-Site-Data"] = '"cache"'

    def did(self, event: str, **facts: str | int | list[str]) -> None:
        """Note in the audit log what the caller has done."""
        caller = self.caller()
        who: dict[str, str | int | list[str]] = {"key": caller.key.name, "key_id": caller.key.id} if caller else {}
        self._audit.write(event, request.remote_addr or "", **who, **facts, request_id=g.request_id)

    def refused(self) -> None:
        """Note in the audit log that a key was refused."""
        self._audit.write(
            REFUSED,
            request.remote_addr or "",
            method=request.method,
            # An unlimited path would let a client fill the log faster.
            path=request.path[:100],
            request_id=g.request_id,
        )


def from_elsewhere() -> bool:
    """Whether a browser says that a page of another site sent the request."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    # Browsers that do not send Sec-Fetch-Site send Origin.
    origin = request.headers.get("Origin")
    return origin is not None and origin.rpartition("//")[2] != request.host
