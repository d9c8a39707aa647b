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

# Which requests need a key: all, those from other machines, or none.
Asked = Literal["all", "remote", "none"]


class Caller(NamedTuple):
    """The authenticated caller: its key, and the session if it is a browser that logged in with the key."""

    key: Key
    session: Session | None = None


class AccessControl:
    """Authenticates and authorises each request before its route runs."""

    def __init__(
        self, asked: Asked, keys: KeyStore, sessions: Sessions, remote: Remote, limiter: RateLimiter, audit: Audit
    ) -> None:
        """Use a store of keys and one of sessions.

        Args:
            asked: which requests need a key.
            keys: the API keys.
            sessions: the browser sessions.
            remote: detects requests from other machines.
            limiter: the rate limit of requests that need a key.
            audit: the log of refused keys and of changes.
        """
        self._asked, self._keys, self.sessions, self._remote = asked, keys, sessions, remote
        self._limiter, self._audit = limiter, audit

    def reason(self) -> str | None:
        """Why the current request needs a key, as part of an error message; None if it needs none."""
        match self._asked:
            case "all":
                return "the system is published"
            case "remote":
                return self._remote.reason(request)
            case "none":
                return None

    def admit(self, least: Scope | None) -> None:
        """Authorise the current request: CSRF check, rate limit, key and scope.

        Args:
            least: the scope that the route needs; None if it needs no key.

        Raises:
            ServiceError: no valid key (401), a key without the scope or a page of another site (403), or over the rate
                limit (429).
        """
        if "Authorization" not in request.headers and request.method not in SAFE and from_elsewhere():
            raise ServiceError(Kind.FORBIDDEN, "a page of another site may not change this collection")
        caller = self.caller()
        reason = self.reason()
        if reason is None:
            return
        # Requests without a valid key are counted per address, so that guessing keys is rate-limited.
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
        """Authorise the current request for metrics or readiness: from outside or through a proxy it needs a key.

        Unlike `reason`, the host name is not checked: inside the system's own network, Prometheus and health checks
        call the gateway by name.

        Raises:
            ServiceError: no valid key (401), or over the rate limit (429).
        """
        outside = self._asked == "all" and not self._remote.inside(request)
        if self._asked != "none" and (outside or self._remote.proxied(request)):
            self.admit(Scope.READ)

    def caller(self) -> Caller | None:
        """The current request's caller, by the key in its header or the session in its cookie; None without either."""
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
        """Start a session and set its cookie; a browser cannot send an Authorization header when it loads an image.

        Args:
            response: receives the cookie.
            written: the API key.

        Raises:
            ServiceError: the key is unknown (401).
        """
        key = self._keys.find(written)
        if not key:
            self.refused()
            raise ServiceError(Kind.UNAUTHORIZED, f"key: no such key. {HOW}")
        address, client = request.remote_addr or "", request.headers.get("User-Agent", "")
        # Another key in place of the one before: a session that no browser holds must not remain.
        if former := self.sessions.find(request.cookies.get(COOKIE, "")):
            self.sessions.end(former.id)
        held = self.sessions.begin(key, address, client)
        response.set_cookie(
            COOKIE,
            held,
            max_age=int(LIFE.total_seconds()),
            path=f"{request.script_root}/api",
            httponly=True,
            samesite="Strict",
            secure=request.is_secure,
        )
        self._audit.write("session-began", address, key=key.name, key_id=key.id, request_id=g.request_id)
        g.caller = Caller(key, self.sessions.find(held))

    def end(self, response: Response) -> None:
        """End the current request's session and delete its cookie."""
        caller = self.caller()
        if caller and caller.session:
            self.sessions.end(caller.session.id)
            self.did("session-ended")
        response.delete_cookie(COOKIE, path=f"{request.script_root}/api", httponly=True, samesite="Strict")
        # Browsers cache pictures for a year; over TLS, logging out clears that cache.
        response.headers["Clear-Site-Data"] = '"cache"'

    def did(self, event: str, **facts: str | int | list[str]) -> None:
        """Write what the caller has done to the audit log."""
        caller = self.caller()
        who: dict[str, str | int | list[str]] = {"key": caller.key.name, "key_id": caller.key.id} if caller else {}
        self._audit.write(event, request.remote_addr or "", **who, **facts, request_id=g.request_id)

    def refused(self) -> None:
        """Write a refused key to the audit log."""
        self._audit.write(
            REFUSED,
            request.remote_addr or "",
            method=request.method,
            # With paths of any length a client could fill the log faster.
            path=request.path[:100],
            request_id=g.request_id,
        )


def from_elsewhere() -> bool:
    """Whether a browser sent the request from a page of another site (CSRF), by Sec-Fetch-Site or Origin."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    # Browsers that do not send Sec-Fetch-Site send Origin.
    origin = request.headers.get("Origin")
    return origin is not None and origin.rpartition("//")[2] != request.host
