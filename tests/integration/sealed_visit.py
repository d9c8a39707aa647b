"""Starts the local stack, uses it and stops it: python -m tests.integration.sealed_visit FOLDER

Run it inside the sealed network of `sealed.py`, which records the DNS queries and connections of the services. DNS is
switched off in the browser, because Chromium makes queries of its own; the page's requests are checked here instead.
"""

import io
import shutil
import sys
import time
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.conftest import ROOT, find_free_ports, running
from tests.e2e.conftest import ARGUMENTS, field, tiles

# ONNX Runtime's telemetry, if it is on, resolves its host between the fifth and the twelfth second.
LEAST_S = 20
NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


def search_and_add(url: str) -> None:
    """Send each kind of query, and add a picture."""
    picture = io.BytesIO()
    Image.effect_noise((90, 60), 80).convert("RGB").save(picture, "JPEG")
    with httpx.Client(base_url=url, timeout=60) as http:
        added = http.post("/api/v1/images", files={"images": ("noise.jpg", picture.getvalue())}).raise_for_status()
        (item,) = added.json()["items"]
        paths = ("search?q=a+cat", f"images/{item['id']}/similar", f"images/{item['id']}/thumbnail?w=240", "stats")
        for path in paths:
            http.get(f"/api/v1/{path}").raise_for_status()
        http.post("/api/v1/search", files={"images": picture.getvalue()}).raise_for_status()


def visit(url: str) -> list[str]:
    """Search in the page and open the status page; return the URLs of all its requests."""
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=[*ARGUMENTS, NO_NAMES])
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        field(page).fill("a cat")
        field(page).press("Enter")
        expect(tiles(page).first).to_be_visible(timeout=20_000)
        page.goto(f"{url}/status")
        page.get_by_text("Details", exact=True).click()
        expect(page.get_by_role("table")).to_be_visible(timeout=20_000)
        page.goto(f"{url}/docs")
        browser.close()
    return asked


def main(folder: Path) -> None:
    """Start the stack, use it, and stop it."""
    photos = folder / "photos"
    photos.mkdir()
    for picture in sorted((ROOT / "deploy" / "gallery" / "pictures").iterdir())[::40]:
        shutil.copy(picture, photos)
    port = find_free_ports(4)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "deploy/local.py", "run", "--port", str(port), "--data", str(folder / "data")]
    began = time.monotonic()
    with running([*command, "--photos", str(photos)], {}, url, "/readyz", folder / "log"):
        search_and_add(url)
        elsewhere = [a for a in visit(url) if not a.startswith((f"{url}/", "data:", "blob:"))]
        assert elsewhere == [], elsewhere
        number = 0
        while time.monotonic() < began + LEAST_S:
            number += 1
            httpx.get(f"{url}/api/v1/search", params={"q": f"picture number {number}"}).raise_for_status()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
