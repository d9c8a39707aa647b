"""Reverse proxies: behind a real nginx and our own edge (Caddy), keys are required; the client address is known."""

import io
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway import create_app
from gateway.auth.keys import KeyStore, Scope
from gateway.database import Database
from gateway.settings import Settings
from PIL import Image

from tests.conftest import ROOT, Services, find_free_ports

PLAIN = "location / { proxy_pass http://127.0.0.1:%d; }"
# The default of nginx 1.29.7 and later: HTTP/1.1, keep-alive, and no header that reveals the proxy.
SILENT = 'location / { proxy_pass http://127.0.0.1:%d; proxy_http_version 1.1; proxy_set_header Connection ""; }'
NAMED = "location / { proxy_pass http://127.0.0.1:%d; proxy_set_header Host $host; }"
# How the gateway detects each configuration. If root starts nginx, as on a server, it runs under its own account, which
# reveals it; otherwise it runs under ours, like a browser, and the silent configuration cannot be detected.
PLAIN_ONES = {
    "plain": (PLAIN, "speaks HTTP/1.0"),
    "with the name": (NAMED, "speaks HTTP/1.0"),
    **({"silent": (SILENT, "a service of this machine")} if os.geteuid() == 0 else {}),
}
# Routes without a key: the page must be able to ask whether it needs a key, log in, and log out.
OPEN = {("get", "/api/v1/session"), ("post", "/api/v1/session"), ("delete", "/api/v1/session")}
ID = "0" * 32


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, `cert.pem`, and its key, `key.pem`."""
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def listens(port: int) -> bool:
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def server(command: list[str], port: int, log: Path) -> Iterator[None]:
    """Run a proxy: from when it listens on the port until the end of the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while not listens(port):
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture
def nginx(tmp_path: Path) -> Callable[..., Any]:
    """Run nginx with one server: `with nginx("listen 127.0.0.1:%d; ...") as port`."""

    @contextmanager
    def run(server_block: str) -> Iterator[int]:
        port = find_free_ports(1)
        folder = tmp_path / f"nginx-{port}"
        folder.mkdir()
        user = "user www-data;" if os.geteuid() == 0 else ""
        temporary = "".join(
            f"{k}_temp_path {folder}/{k};" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; {user} pid {folder}/pid; error_log stderr; events {{}} "
            f"http {{ access_log off; {temporary} server {{ {server_block.replace('PORT', str(port))} }} }}"
        )
        # nginx's account (www-data) needs access to its temporary files inside our folders.
        for parent in (folder, *folder.parents[:3]):
            parent.chmod(0o755)
        command = ["/usr/sbin/nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with server(command, port, folder / "log"):
            yield port

    return run


@pytest.fixture
def edge(tmp_path: Path) -> Callable[..., Any]:
    """Run Caddy with the repository's own Caddyfile in front of a gateway: `with edge(gateway_port) as port`.

    With a domain it has an authority of its own; HTTP under that name is at port + 3, HTTPS at port + 4.
    """

    @contextmanager
    def run(gateway: int, base_path: str = "", page: int = 1, domain: str = "", patience: str = "10s") -> Iterator[int]:
        port = find_free_ports(5)
        text = (
            (ROOT / "deploy" / "edge" / "Caddyfile")
            .read_text()
            .replace("dynamic a gateway 8080", f"dynamic a 127.0.0.1 {gateway}")
            .replace("dynamic a page 8080", f"dynamic a 127.0.0.1 {page}")
            .replace("lb_try_duration 10s", f"lb_try_duration {patience}")
            .replace("lb_try_duration {$GATEWAY_DEADLINE_S:10}s5s", f"lb_try_duration {patience}")
        )
        for offset in range(3):
            text = re.sub(rf"^:{8080 + offset} \{{", f":{port + offset} {{", text, flags=re.MULTILINE)
        text = text.replace(
            "\tadmin off", f"\tadmin off\n\tskip_install_trust\n\thttp_port {port + 3}\n\thttps_port {port + 4}"
        )
        (tmp_path / "Caddyfile").write_text(text)
        shutil.copy(ROOT / "deploy" / "edge" / "https.caddyfile", tmp_path)
        env = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GATEWAY_BASE_PATH": base_path}
        env |= {"DOMAIN": domain, "SIGHTLINE_TLS": "internal"}
        caddy, config = shutil.which("caddy") or "caddy", tmp_path / ("https.caddyfile" if domain else "Caddyfile")
        command = ["env", *(f"{k}={v}" for k, v in env.items()), caddy, "run", "--config", str(config)]
        with server([*command, "--adapter", "caddyfile"], port, tmp_path / "caddy.log"):
            yield port

    return run


@pytest.fixture(scope="module")
def local(start_all: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services with default settings: on loopback, without keys."""
    with start_all(tmp_path_factory.mktemp("local")) as services:
        yield services


@pytest.fixture
def key(local: Services) -> str:
    return made_key(local)


def made_key(services: Services, scope: Scope = Scope.ADMIN) -> str:
    with closing(Database.in_file(services.gateway.log.parent / "state.sqlite")) as database:
        return KeyStore(database).create("laptop", scope)


def port_of(services: Services) -> int:
    return int(services.gateway.url.rpartition(":")[2])


@pytest.fixture(scope="module")
def operations(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Every route of the API."""
    folder = tmp_path_factory.mktemp("description")
    app = create_app(Settings(state=folder / "state.sqlite", media=str(folder)))
    paths = app.test_client().get("/openapi.json").json["paths"]  # type: ignore[index]
    app.extensions["database"].close()
    found = [(method, path) for path, methods in paths.items() for method in methods]
    assert len(found) > 20
    return found


def test_the_page_knows_its_places(tmp_path: Path, edge: Any) -> None:
    port = find_free_ports(1)
    (tmp_path / "srv").mkdir()
    (tmp_path / "srv" / "index.html").write_text("the page")
    text = (ROOT / "frontend" / "Caddyfile").read_text().replace("/srv", f"{tmp_path}/srv").replace(":8080", f":{port}")
    (tmp_path / "Pagefile").write_text(text)
    command = [
        shutil.which("caddy") or "caddy",
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        str(tmp_path / "Pagefile"),
    ]
    with server(command, port, tmp_path / "page.log"), edge(find_free_ports(1), page=port) as front:
        places = ("/", "/status", "/library", "/bin", "/statistics", "/gone.js")
        answers = {path: httpx.get(f"http://127.0.0.1:{front}{path}") for path in places}
    assert {path: answer.status_code for path, answer in answers.items()} == {
        **dict.fromkeys(("/", "/status", "/library", "/bin"), 200),
        **dict.fromkeys(("/statistics", "/gone.js"), 404),
    }
    # An unknown place is answered by the page, a missing file is not.
    assert [path for path, answer in answers.items() if answer.text != "the page"] == ["/gone.js"]


def test_the_edge_says_in_our_shape_that_nothing_answers(edge: Any) -> None:
    with edge(find_free_ports(1), "/photos", patience="1s") as port, httpx.Client(timeout=30) as client:
        for path in ("/api/v1/stats", "/photos/api/v1/stats"):
            answer = client.get(f"http://127.0.0.1:{port}{path}")
            assert (answer.status_code, answer.headers["Content-Type"]) == (503, "application/problem+json")
            problem = answer.json()
            assert (problem["type"], problem["status"]) == ("urn:sightline:error:unavailable", 503)
            assert answer.headers["Retry-After"] == "2"
            assert len(problem["request_id"]) == 36
        page = client.get(f"http://127.0.0.1:{port}/photos/")
    assert page.status_code == 503
    assert "Sightline is starting" in page.text


@pytest.mark.parametrize("block", PLAIN_ONES)
def test_behind_nginx_as_it_comes_every_route_needs_a_key(
    nginx: Any, local: Services, key: str, operations: list[tuple[str, str]], block: str
) -> None:
    settings, reason = PLAIN_ONES[block]
    with (
        nginx(f"listen 127.0.0.1:PORT; {settings % port_of(local)}") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        for method, path in operations:
            if (method, path) in OPEN:
                continue
            where = path.replace("{picture_id}", ID).replace("{session_id}", ID[:12])
            answer = http.request(method.upper(), where)
            assert answer.status_code == 401, (method, path, answer.text)
            assert reason in answer.json()["detail"]
            assert "sightline keys create" in answer.json()["detail"]
        for path in ("/metrics", "/readyz"):
            assert http.get(path).status_code == 401
        assert http.get("/api/v1/session").json()["required"] is True
        assert http.post("/api/v1/session", json={"key": "sl_guess"}).status_code == 401
        http.headers["Authorization"] = f"Bearer {key}"
        for path in ("/api/v1/stats", "/api/v1/search?q=x", "/metrics", "/readyz"):
            assert http.get(path).status_code == 200
    # Directly, without nginx, no key is needed.
    assert httpx.get(f"{local.gateway.url}/api/v1/stats").status_code == 200
    assert httpx.get(f"{local.gateway.url}/metrics").status_code == 200


def documented(port: int, certificate: Path) -> str:
    """The server block of the guide, with the ports and paths of this test."""
    text = (ROOT / "deploy" / "nginx" / "sightline.conf").read_text()
    text = text.replace("listen 443 ssl", "listen 127.0.0.1:PORT ssl").replace("127.0.0.1:8080", f"127.0.0.1:{port}")
    text = text.replace("/etc/ssl/photos.example.org.pem", str(certificate / "cert.pem"))
    text = text.replace("/etc/ssl/photos.example.org.key", str(certificate / "key.pem"))
    block = re.search(r"^server \{\n(.*)^\}", text, re.DOTALL | re.MULTILINE)
    assert block is not None
    return re.sub(r"#.*", "", block[1])


def check_over_tls(port: int, services: Services, certificate: Path) -> None:
    """Check what a client at 127.0.0.5 can do through TLS, and that the audit log has its address."""
    tls = ssl.create_default_context(cafile=certificate / "cert.pem")
    transport = httpx.HTTPTransport(verify=tls, local_address="127.0.0.5")
    key = made_key(services, Scope.WRITE)
    picture = io.BytesIO()
    Image.effect_noise((90, 60), 90).save(picture, "PNG")
    with httpx.Client(base_url=f"https://127.0.0.1:{port}", transport=transport, timeout=30) as http:
        assert http.get("/api/v1/stats").status_code == 401
        # A forged X-Forwarded-For is ignored, and a guessed key is refused.
        wrong = {"X-Forwarded-For": "198.51.100.7", "Authorization": "Bearer sl_guess"}
        assert http.get("/api/v1/stats", headers=wrong).status_code == 401
        let_in = http.post("/api/v1/session", json={"key": key})
        assert let_in.status_code == 200
        cookie = let_in.headers["Set-Cookie"]
        assert {"Secure", "HttpOnly", "SameSite=Strict"} <= {part.strip() for part in cookie.split(";")}
        same = {"Origin": f"https://127.0.0.1:{port}", "Sec-Fetch-Site": "same-origin"}
        added = http.post("/api/v1/images", files={"images": picture.getvalue()}, headers=same)
        assert added.status_code in (200, 201), added.text
        assert http.get("/api/v1/search?q=noise").json()["results"]
    audit = "".join((services.gateway.log.parent / name).read_text() for name in ("audit.log", "refused.log"))
    for event in ("key-refused", "session-began", "pictures-added"):
        assert re.search(rf"^\S+ {event} address=127\.0\.0\.5 ", audit, re.MULTILINE), audit
    assert "198.51.100.7" not in audit
    requests = services.gateway.log.read_text()
    assert re.search(r"POST '/api/v1/images' 20[01] .* 127\.0\.0\.5 'laptop'", requests)
    assert key.split("_", 2)[2] not in audit + requests


def test_behind_nginx_as_the_guide_says(nginx: Any, start_all: Any, tmp_path: Path, certificate: Path) -> None:
    published = {"GATEWAY_PUBLISH": "photos.example.org:443", "GATEWAY_TRUSTED_PROXIES": "1"}
    with start_all(tmp_path, **published) as services:
        assert httpx.get(f"{services.gateway.url}/api/v1/stats").status_code == 401
        with nginx(documented(port_of(services), certificate)) as port:
            check_over_tls(port, services, certificate)


# The settings of docker-compose.yml.
COMPOSED = {"GATEWAY_BIND": "0.0.0.0:{port}", "GATEWAY_PUBLISH": "127.0.0.1:8080", "GATEWAY_TRUSTED_PROXIES": "1"}


def test_our_own_edge_lets_this_machine_in_and_nobody_by_way_of_another(
    nginx: Any, edge: Any, start_all: Any, tmp_path: Path
) -> None:
    with start_all(tmp_path, **COMPOSED) as services, edge(port_of(services)) as edge_port:
        path = "/api/v1/stats"
        assert httpx.get(f"http://127.0.0.1:{edge_port}{path}").status_code == 200
        named = httpx.get(f"http://127.0.0.1:{edge_port}{path}", headers={"Host": "photos.example.org"})
        assert named.status_code == 401
        for sent in ({"X-Forwarded-For": "203.0.113.9"}, {"Via": "1.1 varnish"}, {"X-Real-IP": "203.0.113.9"}):
            assert httpx.get(f"http://127.0.0.1:{edge_port}{path}", headers=sent).status_code == 401, sent
        with nginx(f"listen 127.0.0.1:PORT; {PLAIN % edge_port}") as port:
            refused = httpx.get(f"http://127.0.0.1:{port}{path}")
            assert refused.status_code == 401
            assert "HTTP/1.0" in refused.json()["detail"]
            key = made_key(services)
            allowed = httpx.get(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {key}"})
            assert allowed.status_code == 200


def test_our_own_edge_behind_nginx_as_the_guide_says(
    nginx: Any, edge: Any, start_all: Any, tmp_path: Path, certificate: Path
) -> None:
    with (
        start_all(tmp_path, **{**COMPOSED, "GATEWAY_TRUSTED_PROXIES": "2"}) as services,
        edge(port_of(services)) as edge_port,
        nginx(documented(edge_port, certificate)) as port,
    ):
        assert httpx.get(f"http://127.0.0.1:{edge_port}/api/v1/stats").status_code == 401
        check_over_tls(port, services, certificate)


def test_our_own_edge_has_a_certificate_for_a_domain_and_keeps_it(edge: Any, start_all: Any, tmp_path: Path) -> None:
    authority = tmp_path / ".local/share/caddy/pki/authorities/local/root.crt"
    with start_all(tmp_path, **{**COMPOSED, "GATEWAY_PUBLISH": "127.0.0.1.example.org:443"}) as services:
        certificates = []
        for _ in range(2):
            with edge(port_of(services), domain="127.0.0.1") as port:
                moved = httpx.get(f"http://127.0.0.1:{port + 3}/status")
                assert (moved.status_code, moved.headers["location"]) == (308, "https://127.0.0.1/status")
                (tmp_path / "cert.pem").write_bytes(authority.read_bytes())
                certificates.append(presented(port + 4, tmp_path / "cert.pem"))
                # From this machine as well.
                assert httpx.get(f"http://127.0.0.1:{port}/api/v1/stats").status_code == 401
                check_over_tls(port + 4, services, tmp_path)
                tls = ssl.create_default_context(cafile=tmp_path / "cert.pem")
                with httpx.Client(base_url=f"https://127.0.0.1:{port + 4}", verify=tls) as http:
                    assert http.get("/readyz").status_code == 401
                    asked = http.get("/readyz", headers={"Authorization": f"Bearer {made_key(services)}"})
                    assert (asked.status_code, asked.json()["status"]) == (200, "ok")
        assert certificates[0] == certificates[1]


def presented(port: int, authority: Path) -> bytes:
    """The certificate of a server on this machine."""
    context = ssl.create_default_context(cafile=authority)
    deadline = time.monotonic() + 30
    while True:
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as tls,
            ):
                found = tls.getpeercert(binary_form=True)
                assert found is not None
                return found
        except ssl.SSLError:  # it is being made
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_our_own_edge_and_the_gateway_answer_under_a_path_and_without_it(
    edge: Any, start_all: Any, tmp_path: Path
) -> None:
    with (
        start_all(tmp_path, GATEWAY_BASE_PATH="/photos", GATEWAY_AUTH="on", GATEWAY_TRUSTED_PROXIES="1") as services,
        edge(port_of(services), "/photos") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as http,
    ):
        bare = http.get("/photos")
        assert (bare.status_code, bare.headers["location"]) == (308, "/photos/")
        key = KeyStore(Database.in_file(services.gateway.log.parent / "state.sqlite")).create("laptop", Scope.READ)
        assert http.post("/photos/api/v1/session", json={"key": key}).status_code == 200
        (cookie,) = http.cookies.jar
        assert cookie.path == "/photos/api"
        assert http.get("/photos/api/v1/stats").status_code == 200
        assert http.get("/api/v1/stats").status_code == 401  # the session is of the path alone
        assert http.get("/api/v1/session").status_code == 200
