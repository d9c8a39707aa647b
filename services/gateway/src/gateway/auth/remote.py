"""Detects remote requests that arrive over a local connection, because a proxy or tunnel on this machine forwards them.

Such a proxy connects from loopback, as a local browser does. They are told apart by the headers that proxies add, the
HTTP version, the Host header, Origin and Referer, and the user account that owns the connection.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from werkzeug.wrappers import Request

# Our own reverse proxy (the edge) sets this header to the HTTP version of the client's request.
EDGE_PROTOCOL = "X-Edge-Protocol"
# Headers that our edge sets, with one value each.
BY_EDGE = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
# Headers that proxies, tunnels and content delivery networks add.
FORWARDING = {
    *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for"),
    *("true-client-ip", "fastly-client-ip", "fly-client-ip", "x-envoy-external-address", "x-original-host"),
}
FORWARDING_PREFIXES = ("x-forwarded-", "cf-", "x-azure-", "tailscale-")
# User ids of services on Linux: system accounts, and systemd's dynamic users. People have ids from 1000 on; root is
# trusted, since it can do everything on this machine anyway.
SERVICES = (range(1, 1000), range(61_184, 65_535))
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class Remote:
    """Decides whether a request counts as remote, and why."""

    def __init__(self, edges: int) -> None:
        """Use the number of this system's own reverse proxies in front of the gateway: 0, or 1 in compose."""
        self._edges = edges
        self._owners: WeakKeyDictionary[socket.socket, int | None] = WeakKeyDictionary()

    def reason(self, request: Request) -> str | None:
        """Why the request counts as remote; None if nothing indicates it."""
        return self.proxied(request) or foreign_name(request.host) or foreign_page(request)

    def proxied(self, request: Request) -> str | None:
        """The evidence that a proxy forwarded the request; None without any."""
        headers = request.headers
        for name, value in headers.items():
            lower = name.lower()
            if not value or not (lower in FORWARDING or lower.startswith(FORWARDING_PREFIXES)):
                continue
            if self._edges and lower in BY_EDGE and "," not in value:
                if lower == "x-forwarded-host" and (foreign := foreign_name(value)):
                    return foreign
                # While only this machine can reach our edge, it has no certificate: https means another proxy.
                if lower != "x-forwarded-proto" or value == "http":
                    continue
            return f"it came by way of a proxy, which says {name}"
        protocol = (headers.get(EDGE_PROTOCOL) if self._edges else None) or request.environ.get("SERVER_PROTOCOL")
        if protocol in ("HTTP/1.0", "HTTP/0.9"):
            # nginx's default upstream protocol until 1.29.6, and its only trace: by default it adds no header and
            # replaces the Host header by the upstream's name.
            return f"it came by way of a proxy, which speaks {protocol}"
        if not self._edges and (owner := self._owner(request.environ)) is not None and is_service(owner):
            return f"it came by way of a service of this machine (user id {owner})"
        return None

    def inside(self, request: Request) -> bool:
        """Whether the connection comes from this machine or from compose's internal network."""
        environ = request.environ.get("werkzeug.proxy_fix.orig") or request.environ
        address = environ.get("REMOTE_ADDR") or "127.0.0.1"
        return bool(self._edges) or ipaddress.ip_address(address).is_loopback

    def _owner(self, environ: Mapping[str, Any]) -> int | None:
        """The user id at the other end of the connection; looked up once per connection."""
        connection = environ.get("gunicorn.socket")
        if connection is None:
            return None
        if connection not in self._owners:
            self._owners[connection] = owner_of(connection)
        return self._owners[connection]


def is_service(user: int) -> bool:
    """Whether a user id belongs to a service account other than the gateway's own."""
    return user != os.getuid() and any(user in accounts for accounts in SERVICES)


def foreign_name(host: str) -> str | None:
    """A message if a Host header does not name this machine, else None.

    Only loopback addresses and localhost are accepted. With DNS rebinding, the owner of another name can point it to
    this machine and read the collection from a page under that name. A name without a dot may be a proxy's upstream.
    """
    name = re.sub(r":\d*$", "", host).strip("[]").lower()
    try:
        local = ipaddress.ip_address(name).is_loopback
    except ValueError:
        local = name == "localhost" or name.endswith(".localhost")
    return None if local else f"{host[:80]!r} is not this machine itself"


def foreign_page(request: Request) -> str | None:
    """A message if the page that sent the request (Origin, Referer) was opened under a foreign name, else None.

    If a proxy leaves no other trace, this is the proxy's public name. The request then needs a key, which also shows
    the owner that the system can be reached from outside.
    """
    for header in ("Origin", "Referer"):
        # Not urllib: it raises for some invalid values that a client can send.
        host = re.sub(r"^[a-z]+://([^/?#]*).*|.*", r"\1", request.headers.get(header, ""), count=1, flags=re.DOTALL)
        if host and (foreign := foreign_name(host)):
            return f"its page is not of this machine: {foreign}"
    return None


def owner_of(connection: socket.socket) -> int | None:
    """The user id at the other end of a loopback or Unix socket connection.

    It is read with SO_PEERCRED for a Unix socket, and from /proc/net/tcp and tcp6 otherwise.

    None if the system has no such table (macOS), or the other end is on another machine. In that table, an end that is
    closed already belongs to root; it counts as a service's, since no client receives the answer.
    """
    if connection.family == getattr(socket, "AF_UNIX", None):
        if not hasattr(socket, "SO_PEERCRED"):
            return None
        # Process, user and group of the other end.
        return int(struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])
    try:
        here, there = connection.getsockname(), connection.getpeername()
        if not plain(there[0]).is_loopback:
            return None
        tables = [table.read_text() for table in TABLES]
    except (OSError, ValueError, IndexError):  # no table, or no connection over IP
        return None
    # Search the table as text, without parsing it: a machine may have tens of thousands of connections, and this runs
    # for each new one.
    pairs = [(written(here, mapped), written(there, mapped)) for mapped in (False, True)]
    if not any(f" {ours} {theirs} " in table for table in tables for ours, theirs in pairs):
        # If the table does not list our end of the connection, it is not authoritative for the other end.
        return None
    for table in tables:
        for ours, theirs in pairs:
            at = table.find(f" {theirs} {ours} ")
            if at >= 0:
                # Local, remote, state, queues, timer, retransmits, user, timeout, inode.
                fields = table[at : table.find("\n", at)].split()
                if fields[8] != "0":
                    return int(fields[6])
    return SERVICES[0][0]


def plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Parse an address; an IPv4-mapped IPv6 address, as a dual-stack server sees it, becomes IPv4."""
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def written(address: tuple[Any, ...], mapped: bool) -> str:
    """An address and port as the kernel's tables write them: 32-bit words in this machine's byte order, in hex.

    Args:
        address: a socket's address: (host, port, ...).
        mapped: whether to write an IPv4 address as IPv4-mapped IPv6, as in the table tcp6.
    """
    parsed = plain(address[0])
    packed = parsed.packed
    if mapped and parsed.version == 4:
        packed = b"\0" * 10 + b"\xff\xff" + packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"
