"""Who may ask, and how often."""

from __future__ import annotations

import ipaddress
import re

from flask import Response, request
from servicekit.errors import Kind, ServiceError

from gateway.keys import Key, KeyFile, Scope
from gateway.rates import RateLimiter

COOKIE = "sightline_key"
COOKIE_S = 30 * 86_400
SAFE = ("GET", "HEAD", "OPTIONS")


class Guard:
    """Lets a request pass, or refuses it. Without keys everybody on this machine may do everything."""

    def __init__(self, keys: KeyFile | None, limiter: RateLimiter | None, names: bool) -> None:
        """Over the keys.

        Args:
            keys: of those who may ask; None where everybody may.
            limiter: counts requests, where there is one.
            names: whether the system may be asked by any name. A name that its owner lets point to this machine would
                let their page read what is meant for this machine alone (DNS rebinding).
        """
        self._keys, self._limiter, self._names = keys, limiter, names

    @property
    def required(self) -> bool:
        """Whether a key is needed."""
        return self._keys is not None

    def admit(self, least: Scope | None) -> None:
        """Let the request that is being answered pass.

        Args:
            least: the scope that it needs; None where it needs no key.

        Raises:
            ServiceError: it has no key (401), the key does not allow this (403), or it comes too often (429).
        """
        if not self._names and not is_local(request.host):
            raise ServiceError(
                Kind.FORBIDDEN, f"{request.host[:80]} is not this machine; GATEWAY_PUBLISH names where people reach it"
            )
        if "Authorization" not in request.headers and request.method not in SAFE and from_elsewhere():
            raise ServiceError(Kind.FORBIDDEN, "a page of another site may not change this collection")
        if self._keys is None:
            return
        key = self.key()
        if self._limiter:
            # Whoever guesses keys is counted by address.
            self._limiter.count(f"key/{key.id}" if key else f"address/{request.remote_addr}")
        if least is None:
            return
        if key is None:
            raise ServiceError(
                Kind.UNAUTHORIZED,
                "this needs an API key: Authorization: Bearer sl_…; `sightline keys create` makes one",
            )
        if key.scope < least:
            raise ServiceError(
                Kind.FORBIDDEN,
                f"this needs a key for {least.name.lower()}; {key.name!r} is one for {key.scope.name.lower()}",
            )

    def key(self) -> Key | None:
        """The key that comes with the request, in its header or in the page's cookie."""
        if self._keys is None:
            return None
        kind, _, written = request.headers.get("Authorization", "").partition(" ")
        if kind:
            return self._keys.find(written.strip()) if kind.lower() == "bearer" else None
        return self._keys.find(request.cookies.get(COOKIE, ""))

    def remember(self, response: Response, written: str) -> Key:
        """Let the browser send a key with each request: it cannot put a header on a picture's address.

        Raises:
            ServiceError: it is no key.
        """
        key = self._keys and self._keys.find(written)
        if not key:
            raise ServiceError(Kind.UNAUTHORIZED, "key: no such key")
        response.set_cookie(
            COOKIE, written, max_age=COOKIE_S, path="/api", httponly=True, samesite="Strict", secure=request.is_secure
        )
        return key


def from_elsewhere() -> bool:
    """Whether a browser says that a page of another site sent the request."""
    if site := request.headers.get("Sec-Fetch-Site"):
        return site not in ("same-origin", "none")
    # Older browsers tell where the page is from, at least.
    origin = request.headers.get("Origin")
    return origin is not None and origin.rpartition("//")[2] != request.host


def is_local(host: str) -> bool:
    """Whether a Host header is an address, or a name that no stranger can own: localhost, or one without a dot."""
    name = re.sub(r":\d*$", "", host).strip("[]").lower()
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name or name.endswith(".localhost")
    return True
