"""The composed system asks for no name and connects to nothing, from its start on."""

import io
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from tests.compose.conftest import Composed, Load, free_port, run, wait_until

FOLDER = Path(__file__).parent
# Ten minutes where that is set to 600: what asks once an hour is not seen by either.
WATCHED_S = float(os.environ.get("SEALED_SECONDS", "45"))


@contextmanager
def sniffer(system: Composed) -> Iterator[list[str]]:
    """Watch the system's networks; the list has what left them, when the block has ended."""
    subnets = []
    for name in ("inside", "outside"):
        network = json.loads(run("docker", "network", "inspect", f"{system.project}_{name}"))[0]
        subnets += [part["Subnet"] for part in network["IPAM"]["Config"]]
    may = ("--network", "host", "--user", "0", "--cap-add", "NET_RAW")
    command = ("docker", "run", "-d", *may, "--entrypoint", "python3")
    script = (FOLDER / "sniffer.py").read_text()
    container = run(*command, "sightline-gateway:test", "-c", script, *subnets).strip()
    try:
        wait_until(lambda: "watching" in run("docker", "logs", container))
        left: list[str] = []
        yield left
        run("docker", "stop", container)
        left += run("docker", "logs", container).splitlines()[1:]
    finally:
        run("docker", "rm", "-f", container)


@pytest.fixture
def opened(system: Composed) -> Iterator[Composed]:
    """The system, with a way out, before its start."""
    other = Composed(free_port(), [FOLDER / "open.yml"], project="sightline-open")
    system.compose("stop")
    try:
        other.compose("create")
        yield other
    finally:
        other.compose("down", "-v", "--remove-orphans")
        system.up()


def test_nothing_leaves_it(opened: Any) -> None:
    with sniffer(opened) as left:
        opened.up()
        until = time.monotonic() + WATCHED_S
        with Load(opened.url), sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
            page = chromium.new_page()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            number = 0
            while time.monotonic() < until or not number:
                number += 1
                stream = io.BytesIO()
                Image.effect_noise((320, 240), 20 + number).save(stream, "JPEG")
                sent = httpx.post(f"{opened.url}/api/v1/images", files={"images": stream.getvalue()}, timeout=60)
                assert sent.status_code == 201
                page.goto(f"{opened.url}/?q=a+dog+{number}")
                page.wait_for_selector("main img")
            chromium.close()
    assert left == []
    # Its pictures are data: URLs until the thumbnails have come, and its worker's are blob: URLs.
    assert {url.partition("?")[0].split("/")[2] for url in asked if url.startswith("http")} == {opened.url[7:]}


def test_what_leaves_it_would_be_seen(opened: Any) -> None:
    ask = "import socket; socket.setdefaulttimeout(1); socket.create_connection(('{}', 80))"
    with sniffer(opened) as left:
        opened.up("--no-deps", "redis", "edge", "search")
        for place in ("example.org", "192.0.2.1"):
            with pytest.raises(AssertionError, match="Traceback"):
                opened.compose("exec", "-T", "search", "python3", "-c", ask.format(place))
    assert left == ["192.0.2.1", "192.0.2.53 example.org"]
