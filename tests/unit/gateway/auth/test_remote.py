"""Detection of remote clients: by headers, protocol, Host, and the account that owns the other end of a connection."""

import os
import socket
from typing import Any

import pytest
from gateway.auth.remote import Remote, is_service, owner_of
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request


def request(protocol: str = "HTTP/1.1", host: str = "127.0.0.1:8080", **headers: str) -> Request:
    named: Any = {"Host": host, **{name.replace("_", "-"): value for name, value in headers.items()}}
    builder = EnvironBuilder(headers=named)
    return Request({**builder.get_environ(), "SERVER_PROTOCOL": protocol})


DIRECT: list[dict[str, str]] = [
    {},
    {"host": "localhost:8080"},
    {"host": "[::1]:8080"},
    {"User_Agent": "curl/8", "Accept": "*/*", "Connection": "keep-alive"},
    # Requests of a page in a browser on this machine.
    {"Origin": "null", "Referer": "about:client"},
    {"Origin": "http://127.0.0.1:8080", "Sec_Fetch_Site": "same-origin", "Referer": "http://127.0.0.1:8080/"},
]
REMOTE: list[tuple[dict[str, str], str]] = [
    ({"protocol": "HTTP/1.0"}, "speaks HTTP/1.0"),
    ({"host": "photos.example.org"}, "'photos.example.org' is not"),
    ({"host": "backend"}, "'backend' is not"),
    ({"X_Forwarded_For": "203.0.113.9"}, "X-Forwarded-For"),
    ({"X_Real_IP": "203.0.113.9"}, "X-Real-Ip"),
    ({"Forwarded": "for=203.0.113.9"}, "Forwarded"),
    ({"Via": "1.1 varnish"}, "Via"),
    ({"CF_Connecting_IP": "203.0.113.9"}, "Cf-Connecting-Ip"),
    ({"X_Forwarded_Proto": "https"}, "X-Forwarded-Proto"),
    ({"X_Forwarded_Server": "x"}, "X-Forwarded-Server"),
    ({"Origin": "https://photos.example.org"}, "'photos.example.org' is not"),
    ({"Referer": "https://photos.example.org/?q=x"}, "'photos.example.org' is not"),
    ({"Origin": "https://[x"}, "'[x' is not"),
]


@pytest.mark.parametrize("sent", DIRECT)
def test_a_request_of_this_machine_is_not_remote(sent: dict[str, str]) -> None:
    assert Remote(edges=0).reason(request(**sent)) is None


@pytest.mark.parametrize(("sent", "told"), REMOTE)
def test_a_request_that_came_by_way_of_something_is_remote(sent: dict[str, str], told: str) -> None:
    reason = Remote(edges=0).reason(request(**sent))
    assert reason is not None
    assert told in reason


# The headers that our edge adds to a request of a browser on its own machine.
BY_EDGE = {"X_Forwarded_For": "172.18.0.1", "X_Forwarded_Proto": "http", "X_Forwarded_Host": "127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("sent", "remote"),
    [
        ({}, False),
        ({"X_Edge_Protocol": "HTTP/1.1"}, False),
        ({"X_Edge_Protocol": "HTTP/2.0"}, False),
        ({"X_Edge_Protocol": "HTTP/1.0"}, True),
        ({"X_Forwarded_For": "203.0.113.9, 172.18.0.1"}, True),
        ({"X_Forwarded_Host": "photos.example.org"}, True),
        ({"X_Forwarded_Proto": "https"}, True),
        ({"X_Real_IP": "203.0.113.9"}, True),
        ({"Via": ""}, False),
        ({"Via": "1.1 varnish"}, True),
    ],
)
def test_behind_our_own_edge_one_step_is_expected(sent: dict[str, str], remote: bool) -> None:
    assert (Remote(edges=1).reason(request(**{**BY_EDGE, **sent})) is not None) is remote


@pytest.mark.parametrize(
    ("user", "service"),
    [
        (0, False),
        (33, True),
        (999, True),
        (1000, False),
        (60_000, False),
        (61_184, True),
        (65_534, True),
        (10**6, False),
    ],
)
def test_which_accounts_are_those_of_services(user: int, service: bool) -> None:
    assert is_service(user) is (service and user != os.getuid())


@pytest.mark.parametrize(
    ("family", "listening", "calling"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1"),  # an IPv4 client of a dual-stack server
    ],
)
def test_the_owner_of_a_connection_is_told_by_the_kernel(family: int, listening: str, calling: str) -> None:
    with socket.socket(family, socket.SOCK_STREAM) as server:
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind((listening, 0))
        server.listen()
        caller = socket.create_connection((calling, server.getsockname()[1]))
        connection, _ = server.accept()
        with caller, connection:
            assert owner_of(connection) == os.getuid()
            caller.close()
            # A closed connection has no owner; the kernel shows uid 0 for it, as for a connection of root.
            owner = owner_of(connection)
            assert owner is not None
            assert is_service(owner)


def test_the_owner_of_a_connection_in_the_file_system_is_told_too() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert owner_of(ours) == os.getuid()


def test_the_other_end_on_another_machine_has_no_owner_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere:
        family = socket.AF_INET

        def getsockname(self) -> tuple[str, int]:
            return ("192.0.2.1", 8080)

        def getpeername(self) -> tuple[str, int]:
            return ("192.0.2.2", 40000)

    elsewhere: Any = Elsewhere()
    assert owner_of(elsewhere) is None
