"""Performance of the page in Chromium: bundle size, first paint and layout shift, smooth scrolling of 5,000 results."""

import base64
import gzip
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PAGE, plain, tiles

COUNT = 5000
# Other load on the machine can only make times longer, so one good run of three is enough.
TRIES = 3


@pytest.mark.parametrize("path", ["/", "/?q=a+flower"])
def test_the_first_scripts_are_small(page: Page, path: str) -> None:
    """The size of all scripts that Chromium loads for the page, compressed as by the edge."""
    page.goto(path)
    page.wait_for_load_state("networkidle")
    loaded = page.evaluate("() => performance.getEntriesByType('resource').map(entry => entry.name)")
    scripts = {url.rpartition("/")[2] for url in loaded if url.endswith(".js")}
    assert scripts
    total = sum(len(gzip.compress((Path(PAGE) / "assets" / name).read_bytes())) for name in scripts)
    sys.stdout.write(f"{path}: {total} bytes of script\n")
    assert total <= 120_000


WATCH = """() => {
  window.seen = {lcp: 0, shift: 0};
  const watch = (type, note) =>
    new PerformanceObserver(list => list.getEntries().forEach(note)).observe({type, buffered: true});
  watch('largest-contentful-paint', entry => { seen.lcp = entry.startTime; });
  watch('layout-shift', entry => { if (!entry.hadRecentInput) seen.shift += entry.value; });
}"""


@pytest.mark.parametrize("path", ["/", "/?q=a+flower", "/?q=a+flower&picture="])
def test_the_page_is_soon_there_and_nothing_jumps(page: Page, local_stack: Any, path: str) -> None:
    if path.endswith("="):
        path += httpx.get(f"{local_stack.url}/api/v1/search?q=a+flower").json()["results"][0]["id"]
    page.add_init_script(f"({WATCH})()")
    for _ in range(TRIES):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        seen = page.evaluate("() => seen")
        sys.stdout.write(f"{path}: {seen}\n")
        assert seen["shift"] <= 0.02
        if 0 < seen["lcp"] <= 1500:
            return
    pytest.fail(f"{path}: {seen['lcp']} ms until the largest part of it is there")


# From the last key press to the first frame with another best picture.
ANSWERED = """() => {
  const first = () => document.querySelector("[data-index='0'] > a");
  const before = first().id;
  let pressed = 0;
  document.addEventListener('keydown', () => { pressed = performance.now(); }, true);
  window.answered = new Promise(resolve => {
    const look = () => {
      const tile = first();
      const picture = tile?.querySelector('img');
      const there = tile && tile.id !== before && picture.complete && picture.naturalWidth > 0;
      if (there) requestAnimationFrame(() => resolve(performance.now() - pressed));
      else requestAnimationFrame(look);
    };
    look();
  });
}"""
# None is the start of another one, which would be searched for on the way.
WORDS = ["dog", "flower", "car", "beach", "owl", "tree", "cake"]


def test_pictures_come_soon_after_the_last_key(page: Page) -> None:
    page.goto("/?q=a+mountain")
    expect(tiles(page).first).to_be_visible()
    times = []
    for word in WORDS:
        page.wait_for_load_state("networkidle")
        page.evaluate(ANSWERED)
        page.keyboard.press("/")
        page.keyboard.type(word, delay=30)
        times.append(page.evaluate("() => answered"))
        # Focus out of the field, which `/` leads into.
        page.keyboard.press("Escape")
        page.keyboard.press("Escape")
    sys.stdout.write(f"from the last key to pictures: {sorted(map(round, times))} ms\n")
    # Other load on the machine can only make times longer.
    assert min(times) <= 400


@pytest.fixture
def large(start_all: Any, tmp_path: Path) -> Iterator[str]:
    """A collection of five thousand records with many aspect ratios, which all share one file."""
    with start_all(tmp_path, GATEWAY_PAGE=PAGE) as services:
        gateway, search = services.gateway.url, services.search.url
        content = plain("teal", (320, 240))
        added = httpx.post(f"{gateway}/api/v1/images", files={"images": ("teal.png", content)}, timeout=60).json()
        first = httpx.post(f"{search}/v1/lookup", json={"ids": [added["items"][0]["id"]]}).json()["pictures"][0]
        model = httpx.get(f"{search}/v1/stats").json()["model_id"]
        thumbnails = tmp_path / "media" / "thumbnails" / "480"
        made = thumbnails / first["id"][:2] / f"{first['id']}.webp"
        chance = np.random.default_rng(0)
        with httpx.Client(timeout=60) as http:
            for start in range(0, COUNT, 500):
                http.post(f"{search}/v1/pictures", json=records(range(start, start + 500), first, model, chance))
        for number in range(COUNT):
            name = f"{number:032x}"
            (thumbnails / name[:2]).mkdir(exist_ok=True)
            os.link(made, thumbnails / name[:2] / f"{name}.webp")
        yield gateway


def records(numbers: range, like: dict[str, Any], model: str, chance: np.random.Generator) -> dict[str, Any]:
    """The body of the request that adds pictures with random vectors."""
    vectors = chance.standard_normal((len(numbers), 384)).astype("<f4")
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kept = {key: like[key] for key in ("media_key", "file_name", "bytes", "tags", "attributes", "placeholder")}
    pictures = [
        {
            **kept,
            "id": f"{number:032x}",
            "width": int(chance.integers(200, 600)),
            "height": int(chance.integers(200, 600)),
            "caption": f"number {number}",
            "vector": base64.b64encode(vector.tobytes()).decode(),
        }
        for number, vector in zip(numbers, vectors, strict=True)
    ]
    return {"model_id": model, "dim": 384, "pictures": pictures}


# Scroll as fast as a dragged scroll bar, one screen per frame, until the last picture is loaded.
SCROLL = """async count => {
  let most = 0;
  const frame = () => new Promise(requestAnimationFrame);
  for (const end = performance.now() + 60_000; performance.now() < end; ) {
    scrollBy(0, 800);
    await frame();
    most = Math.max(most, document.querySelectorAll('[data-index]').length);
    if (document.querySelector(`[data-index="${count - 1}"]`)) return most;
  }
  return -1;
}"""


# What the browser itself needs for a screen of tiles a frame: plain elements, as many as the page replaces at most.
REFERENCE = """async frames => {
  const row = '<li><a href="/"><img alt="a picture" width="150" height="100"></a></li>'.repeat(70);
  const frame = () => new Promise(requestAnimationFrame);
  for (let number = 0; number < frames; number++) {
    document.body.innerHTML = `<ul>${row}</ul>`;
    await frame();
  }
}"""
REFERENCE_FRAMES = 150
# Measured between 1.2 and 3.6; with three icons in each tile, as once, the page took three times as long.
MOST_TIMES_REFERENCE = 4


def long_task_ms(browser: Browser, page: Page, script: str, argument: int) -> tuple[float, Any]:
    """The 95th percentile of the main thread's tasks of 2 ms or more while a script runs, and the script's answer.

    CPU time and not wall time: on a machine of two cores that also runs the services, a thread that waits for a core
    would look like a slow page. The 95th percentile, since one task of many takes ten times its usual CPU time where
    other machines share the processor; a task that is slow whenever a page of results arrives is in it.
    """
    browser.start_tracing(page=page, categories=["toplevel"])
    answer = page.evaluate(script, argument)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    named = [(e["pid"], e["tid"], e["args"]["name"]) for e in events if e["name"] == "thread_name"]
    main = {(process, thread) for process, thread, name in named if name == "CrRendererMain"}
    # A task that had not ended when the trace stopped has no `tdur`.
    times = [
        e.get("tdur", 0) / 1000 for e in events if e["name"].endswith("::RunTask") and (e["pid"], e["tid"]) in main
    ]
    return float(np.percentile([time for time in times if time >= 2], 95)), answer


def test_five_thousand_results_scroll_smoothly(large: str, browser: Browser, open_window: Callable[..., Page]) -> None:
    """The tasks of scrolling take at most 50 ms (a "long task" by the W3C) or, where slow, 4 times a reference."""
    page = open_window(large)
    for _ in range(TRIES):
        page.goto("about:blank")
        reference, _ = long_task_ms(browser, page, REFERENCE, REFERENCE_FRAMES)
        page.goto("/?q=anything")
        expect(tiles(page).first).to_be_visible()
        page.evaluate(WATCH)
        task, most = long_task_ms(browser, page, SCROLL, COUNT)
        shift = page.evaluate("() => seen.shift")
        sys.stdout.write(f"{most} cards, shift {shift}, tasks of {task:.1f} ms, reference {reference:.1f} ms\n")
        assert 0 < most < 500
        assert shift <= 0.02
        if task <= max(50, MOST_TIMES_REFERENCE * reference):
            return
    pytest.fail(f"the page's tasks take {task:.1f} ms of CPU time, those of the reference {reference:.1f} ms")
