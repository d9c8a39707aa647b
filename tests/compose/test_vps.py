"""A Debian server without Docker, as a container with systemd: what deploy/vps/install.sh makes of it."""

import io
import json
import re
import subprocess
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.compose.conftest import ROOT, run, wait_until

DEBIAN = """
FROM python:3.11-slim-bookworm
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \\
    procps systemd systemd-sysv
CMD ["/sbin/init"]
"""
NAME, IMAGE = "sightline-vps-test", "sightline-vps:test"
DOMAIN = "photos.example.org"
SERVICES = ("sightline-encoder", "sightline-search", "sightline-gateway", "sightline-worker")
# The authority by which Caddy signs.
ROOT_CERTIFICATE = "/var/lib/caddy/.local/share/caddy/pki/authorities/local/root.crt"


def tree() -> bytes:
    """The repository's files and the built page, as a tar archive."""
    names = run("git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name in [*names, "frontend/dist"]:
            tar.add(ROOT / name, f"opt/sightline/{name}")
    return stream.getvalue()


def inside(*command: str) -> str:
    """Run a command on the server."""
    return run("docker", "exec", "-e", "TLS=internal", NAME, *command)


def ask(path: str, *arguments: str, key: str = "") -> Any:
    """The JSON answer to a request over HTTPS, whose certificate is checked."""
    headers = ("-H", f"Authorization: Bearer {key}") if key else ()
    to = ("--cacert", ROOT_CERTIFICATE, "--resolve", f"{DOMAIN}:443:127.0.0.1")
    return json.loads(inside("curl", "-sS", *to, *headers, *arguments, f"https://{DOMAIN}{path}"))


@pytest.fixture(scope="module")
def installed() -> Iterator[str]:
    """What the first run of the script prints."""
    subprocess.run(["docker", "build", "-q", "-t", IMAGE, "-"], input=DEBIAN.encode(), check=True, timeout=600)
    subprocess.run(["docker", "rm", "-f", NAME], check=False, capture_output=True)
    groups = ("--cgroupns=host", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:rw")
    run(
        "docker",
        "run",
        "-d",
        "--name",
        NAME,
        "--privileged",
        *groups,
        "--tmpfs",
        "/run",
        "-e",
        "container=docker",
        IMAGE,
    )
    try:
        wait_until(lambda: "running" in run("docker", "exec", NAME, "sh", "-c", "systemctl is-system-running || true"))
        subprocess.run(["docker", "cp", "-", f"{NAME}:/"], input=tree(), check=True, timeout=60)
        yield inside("/opt/sightline/deploy/vps/install.sh", DOMAIN)
    finally:
        run("docker", "rm", "-f", NAME)


@pytest.fixture(scope="module")
def key(installed: str) -> str:
    """The first key."""
    found = re.search(r"^sl_\S+$", installed, re.MULTILINE)
    assert found, installed
    return found.group()


def test_the_second_run_changes_nothing(installed: str) -> None:
    assert "started everything" in installed
    again = inside("/opt/sightline/deploy/vps/install.sh", DOMAIN).splitlines()
    assert again[-1] == "nothing to change"
    assert not [line for line in again if line.startswith(("wrote", "made", "installed", "started"))]
    assert inside("systemctl", "--failed", "--quiet") == ""


def test_the_api_over_https_asks_for_a_key_and_finds_what_was_sent(key: str) -> None:
    assert ask("/api/v1/stats")["status"] == 401
    stream = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(stream, "PNG")
    subprocess.run(
        ["docker", "exec", "-i", NAME, "tee", "/root/x.png"],
        input=stream.getvalue(),
        check=True,
        stdout=subprocess.DEVNULL,
    )
    sent = ask("/api/v1/images", "-F", "images=@/root/x.png", key=key)
    assert [item["status"] for item in sent["items"]] == ["added"]
    found = ask("/api/v1/search?q=a+white+circle", key=key)["results"]
    assert [picture["id"] for picture in found] == [sent["items"][0]["id"]]
    checks = ask("/readyz", key=key)["checks"]
    assert {name: check["status"] for name, check in checks.items()} == dict.fromkeys(checks, "ok")


def test_a_service_that_is_killed_is_started_again(key: str) -> None:
    for service in SERVICES:
        before = inside("systemctl", "show", "-P", "MainPID", service)
        inside("systemctl", "kill", "-s", "KILL", service)
        wait_until(lambda: inside("systemctl", "show", "-P", "MainPID", service) not in (before, "0\n"))  # noqa: B023
    # The proxy waits for the gateway, and the gateway for the others.
    assert ask("/api/v1/stats", key=key)["count"] == 1


def test_a_backup_is_made_each_night(key: str) -> None:
    assert "sightline-backup.timer" in inside("systemctl", "list-timers", "--no-pager")
    inside("systemctl", "start", "sightline-backup")
    assert inside("ls", "/var/backups/sightline").split()


def test_the_services_are_closed_in(installed: str) -> None:
    for service in SERVICES:
        said = inside("systemd-analyze", "security", "--no-pager", service).splitlines()[-1]
        level = re.search(r"(\d+\.\d) ", said)
        assert level, said
        assert float(level.group(1)) <= 2.0, said


def test_settings_that_are_not_understood_are_refused(installed: str) -> None:
    inside("sh", "-c", "echo GATEWAY_RAET_LIMIT=1/minute >> /etc/sightline/sightline.env")
    try:
        inside("systemctl", "restart", "sightline-gateway")
        wait_until(lambda: "GATEWAY_RAET_LIMIT" in inside("journalctl", "-u", "sightline-gateway", "-n", "200"))
    finally:
        inside("sed", "-i", "/RAET/d", "/etc/sightline/sightline.env")
        inside("systemctl", "restart", "sightline-gateway")
