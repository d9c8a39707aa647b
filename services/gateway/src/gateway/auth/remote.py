"""Which requests come from elsewhere than this machine, although a connection from this machine carries them.

A proxy on the same machine connects from loopback, as a browser here does. What tells them apart: headers that proxies
add, the protocol that they speak, the name that the request is for, and the account that the connection belongs to.
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

# Our edge sets this header to the protocol of the client's request.
EDGE_PROTOCOL = "X-Edge-Protocol"
# Headers that our edge sets, with one value each.
BY_EDGE = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"}
# Headers that proxies, tunnels and content delivery networks add.
FORWARDING = {
    *("forwarded", "via", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-forwarded-for"),
    *("true-client-ip", "fastly-client-ip", "fly-client-ip", "x-envoy-external-address", "x-original-host"),
}
FORWARDING_PREFIXES = ("x-forwarded-", "cf-", "x-azure-", "tailscale-")
# Accounts of services on Linux: those of the system, and those that systemd makes for a service while it runs. A person
# has one from 1000 on, and what root runs here is trusted with everything anyway.
SERVICES = (range(1, 1000), range(61_184, 65_535))
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


class Remote:
    """Tells why a request counts as remote."""

    def __init__(self, edges: int) -> None:
        """For a gateway behind so many edges of this system: 0, or 1 in compose."""
        self._edges = edges
        self._owners: WeakKeyDictionary[socket.socket, int | None] = WeakKeyDictionary()

    def reason(self, request: Request) -> str | None:
        """Why the request comes from elsewhere; None where nothing says so."""
        return self.proxied(request) or foreign_name(request.host) or foreign_page(request)

    def proxied(self, request: Request) -> str | None:
        """What shows that a proxy has passed the request on."""
        headers = request.headers
        for name, value in headers.items():
            lower = name.lower()
            if not value or not (lower in FORWARDING or lower.startswith(FORWARDING_PREFIXES)):
                continue
            if self._edges and lower in BY_EDGE and "," not in value:
                if lower == "x-forwarded-host" and (foreign := foreign_name(value)):
                    return foreign
                # The edge has no certificate while only this machine reaches it.
                if lower != "x-forwarded-proto" or value == "http":
                    continue
            return f"it came by way of a proxy, which says {name}"
        protocol = (headers.get(EDGE_PROTOCOL) if self._edges else None) or request.environ.get("SERVER_PROTOCOL")
        if protocol in ("HTTP/1.0", "HTTP/0.9"):
            # nginx's own default until 1.29.6, and its only trace: it sends its upstream as Host and no header.
            return f"it came by way of a proxy, which speaks {protocol}"
        if not self._edges and (owner := self._owner(request.environ)) is not None and is_service(owner):
            return f"it came by way of a service of this machine (user id {owner})"
        return None

    def inside(self, request: Request) -> bool:
        """Whether the connection comes from this machine, or from the network inside compose."""
        environ = request.environ.get("werkzeug.proxy_fix.orig") or request.environ
        address = environ.get("REMOTE_ADDR") or "127.0.0.1"
        return bool(self._edges) or ipaddress.ip_address(address).is_loopback

    def _owner(self, environ: Mapping[str, Any]) -> int | None:
        """The account at the other end of the connection; looked up once a connection."""
        connection = environ.get("gunicorn.socket")
        if connection is None:
            return None
        if connection not in self._owners:
            self._owners[connection] = owner_of(connection)
        return self._owners[connection]


def is_service(user: int) -> bool:
    """Whether a user id is that of a service, and not our own."""
    return user != os.getuid() and any(user in accounts for accounts in SERVICES)


def foreign_name(host: str) -> str | None:
    """What is wrong with a Host header as a name of this machine, if anything.

    A name that its owner lets point to this machine would let their page read what is meant for this machine alone (DNS
    rebinding); a name without a dot may be that of a proxy's upstream.
    """
    name = re.sub(r":\d*$", "", host).strip("[]").lower()
    try:
        local = ipaddress.ip_address(name).is_loopback
    except ValueError:
        local = name == "localhost" or name.endswith(".localhost")
    return None if local else f"{host[:80]!r} is not this machine itself"


def foreign_page(request: Request) -> str | None:
    """What is wrong with the page that a browser made the request for, if anything.

    Behind a proxy that leaves no other trace it is the name that the proxy is known by: who opens the page there is
    asked for a key, and sees that the system is open to others.
    """
    for header in ("Origin", "Referer"):
        # Not urllib: it raises for some invalid values that a client can send.
        host = re.sub(r"^[a-z]+://([^/?#]*).*|.*", r"\1", request.headers.get(header, ""), count=1, flags=re.DOTALL)
        if host and (foreign := foreign_name(host)):
            return f"its page is not of this machine: {foreign}"
    return None


def owner_of(connection: socket.socket) -> int | None:
    """The user id at the other end of a connection over loopback, or over a socket in the file system.

    By the kernel's own word, or by its table of connections.

    None where the system has no such table (macOS), or the other end is on another machine. An end that is closed
    already belongs to root in that table; it counts as a service's, since no answer reaches anybody.
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
    # By text: a machine has tens of thousands of connections, and this is done for each new one.
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
    """An address; one of IPv4 inside IPv6, as a server of both protocols sees it, as what it is."""
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def written(address: tuple[Any, ...], mapped: bool) -> str:
    """An address and port as the kernel's tables write them: 32-bit words in this machine's byte order, in hex.

    Args:
        address: of a socket.
        mapped: whether one of IPv4 is to be written as it stands in the table of IPv6.
    """
    parsed = plain(address[0])
    packed = parsed.packed
    if mapped and parsed.version == 4:
        packed = b"\0" * 10 + b"\xff\xff" + packed
    words = struct.unpack(f"={len(packed) // 4}I", packed)
    return f"{''.join(f'{word:08X}' for word in words)}:{address[1]:04X}"
