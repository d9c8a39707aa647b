"""The page under a path of a proxy's host (Caddy), which leaves the path in requests or removes it."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway.auth.keys import KeyStore, Scope
from gateway.database import Database
from playwright.sync_api import Page, expect

from tests.conftest import find_free_ports, running
from tests.e2e.conftest import PAGE, dialog, field, tiles

# Caddy's configurations by what becomes of the path.
LEFT = "reverse_proxy 127.0.0.1:{gateway}"
REMOVED = "redir /photos /photos/\n handle_path /photos/* {{\n reverse_proxy 127.0.0.1:{gateway}\n }}"


@pytest.fixture(scope="module")
def gateway(local_stack: Any, start: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A gateway under /photos to the collection of the local stack: its port, and a key."""
    folder = tmp_path_factory.mktemp("under")
    port = int(local_stack.url.rpartition(":")[2])
    settings = {
        "GATEWAY_ENCODER_URL": f"http://127.0.0.1:{port + 1}",
        "GATEWAY_SEARCH_URL": f"http://127.0.0.1:{port + 2}",
        "GATEWAY_MEDIA": str(local_stack.log.parent / "data" / "media"),
        "GATEWAY_STATE": str(folder / "state.sqlite"),
        "GATEWAY_PAGE": PAGE,
        "GATEWAY_BASE_PATH": "/photos",
    }
    with closing(Database.in_file(folder / "state.sqlite")) as database:
        key = KeyStore(database).create("laptop", Scope.READ)
    with start("gateway", **settings) as process:
        yield int(process.url.rpartition(":")[2]), key


@pytest.mark.parametrize("configuration", [LEFT, REMOVED], ids=["left", "removed"])
def test_the_page_works_under_a_path(
    open_window: Callable[..., Page], gateway: tuple[int, str], tmp_path: Path, configuration: str
) -> None:
    (port, key), proxy = gateway, find_free_ports(1)
    site = configuration.format(gateway=port)
    (tmp_path / "Caddyfile").write_text(f"{{\n admin off\n}}\nhttp://127.0.0.1:{proxy} {{\n {site}\n}}\n")
    command = [
        shutil.which("caddy") or "caddy",
        "run",
        "--config",
        str(tmp_path / "Caddyfile"),
        "--adapter",
        "caddyfile",
    ]
    url, home = f"http://127.0.0.1:{proxy}", {"HOME": str(tmp_path)}
    with running(command, home, url, "/photos/livez", tmp_path / "log"):
        bare = httpx.get(f"{url}/photos")
        assert bare.status_code in (302, 308)
        assert bare.headers["location"] == "/photos/"
        page = open_window(url, expected=("status of 401",))
        page.goto("/photos/")
        page.get_by_label("Key").fill(key)
        page.keyboard.press("Enter")
        field(page).fill("a red apple")
        field(page).press("Enter")
        expect(tiles(page).first.get_by_role("img")).to_be_visible()
        expect(page).to_have_url(re.compile(rf"^{url}/photos/\?q=a\+red\+apple"))
        page.wait_for_function("() => document.querySelector('main img').naturalWidth > 0")
        tiles(page).first.click()
        expect(dialog(page)).to_be_visible()
        original = dialog(page).get_by_role("link", name="Original").get_attribute("href")
        assert original and original.startswith("/photos/api/v1/images/")
        page.reload()
        expect(dialog(page)).to_be_visible()
        page.goto("/photos/")
        page.get_by_role("link", name="Status").click()
        expect(page).to_have_url(f"{url}/photos/status")
        page.reload()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        with httpx.Client(headers={"Authorization": f"Bearer {key}"}) as http:
            found = http.get(f"{url}/photos/api/v1/search?q=dog&k=1").json()["results"][0]
            assert http.get(f"{url}{found['thumbnail_url']}").status_code == 200
            assert http.get(f"{url}/photos/docs").text.count('href="/photos/') == 2
