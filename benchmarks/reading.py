"""Measure reading: how well, how fast, and what it is worth to searches.

    python benchmarks/reading.py [--photographs 1000] [--bundle var/bundle] [--described FOLDER]

150 pictures with known text (text_pictures.py) are added to the sample gallery, in a system of real services. Prints
recall and precision of words by kind; recall at 1 and 5 of a search for what is written in 100 of them, by looks alone
and as the default searches; the mean reciprocal rank of searches for things that the gallery shows, before and after
reading, with and without the gallery's captions, alone and beside the pictures with text; and, with photographs of
500 x 375 made from the gallery, how many are read a second, the reader's memory over time, and the median latency of
searches meanwhile against their latency before.

With `--described` the searches for things are also made among 300 photographs of a folder with `captions.csv` (columns
image and caption, several rows a picture) and `images`: for each picture its last caption, and each word of
gallery_words.csv that a caption has.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from gateway.reading.reader import Reader
from gateway_adding import photographs
from gateway_load import questions
from gateway_scan import search
from search.catalogue.words import characters, normalised, pieces
from serving import Search, Service, checked, percentile, say
from text_pictures import THINGS, Maker, TextPicture
from things import GALLERY, Pictures, described, gallery
from tqdm import tqdm

ASKED, BATCH = 100, 25
SEARCHES, ROUNDS = 100, 3


def words_in(text: str) -> list[str]:
    """The words of a text; of scripts without spaces, its characters."""
    return [
        part for word in pieces(normalised(text)) for part in ([word] if max(word) < "\u2e80" else characters(word))
    ]


def quality(made: Sequence[TextPicture]) -> None:
    """Print how much of the text is read, and how much of what is read is there."""
    reader = Reader.installed(10**8, 10**9)
    assert reader is not None
    said: dict[str, Counter[str]] = defaultdict(Counter)
    for picture in tqdm(made, desc="reading", leave=False):
        true = Counter(words_in(" ".join(picture.lines)))
        read = Counter(words_in(" ".join(line["text"] for line in reader.read(picture.content))))
        for kind in (picture.kind, "all"):
            said[kind].update(hit=(true & read).total(), true=true.total(), read=read.total(), pictures=1)
    reader.close()
    say("kind, pictures: recall and precision of words in percent")
    for kind, count in said.items():
        recall, precision = (100 * count["hit"] / max(1, count[whole]) for whole in ("true", "read"))
        say(f"  {kind}, {count['pictures']}: {recall:.1f}, {precision:.1f}")


class System:
    """A system of real services in a folder, whose worker is started when reading is to begin."""

    def __init__(self, folder: Path, bundle: str) -> None:
        """Start all but the worker."""
        encoder, catalogue = Service("encoder", ENCODER_BUNDLE=bundle), Search(folder / "catalogue.sqlite")
        self._settings = {
            "GATEWAY_ENCODER_URL": encoder.url,
            "GATEWAY_SEARCH_URL": catalogue.url,
            "GATEWAY_MEDIA": str(folder / "media"),
            "GATEWAY_STATE": str(folder / "state.sqlite"),
            "GATEWAY_READING": "on",
            "REDIS_URL": "",
        }
        self._services = [Service("gateway", **self._settings), catalogue, encoder]
        for service in reversed(self._services):
            service.wait()
        self.http = httpx.Client(base_url=self._services[0].url, timeout=300)

    def add(self, files: Sequence[tuple[str, bytes]], captions: Sequence[str] | None = None) -> list[str]:
        """Add pictures; their ids."""
        ids: list[str] = []
        for first in range(0, len(files), BATCH):
            part = files[first : first + BATCH]
            details = [{"caption": caption} for caption in captions[first : first + BATCH]] if captions else None
            data = {"details": json.dumps(details)} if details else None
            sent = self.http.post("/api/v1/images", files=[("images", file) for file in part], data=data)
            ids += [item["id"] for item in checked(sent)["items"]]
        return ids

    def begin_reading(self) -> Service:
        """Start the worker, which reads what there is."""
        worker = Service("gateway", "gateway.worker_conf", "GATEWAY_WORKER_BIND", **self._settings)
        self._services.insert(0, worker)
        return worker

    def reading(self) -> dict[str, Any] | None:
        """The latest job that reads."""
        jobs = checked(self.http.get("/api/v1/jobs"))["jobs"]
        return next((job for job in jobs if job["kind"] == "read"), None)

    def read_all(self) -> None:
        """Wait until everything is read."""
        while (job := self.reading()) is None or job["status"] != "done":
            time.sleep(0.2)

    def find(self, text: str, **params: Any) -> list[str]:
        """Ids of the first 50 results."""
        answer = checked(self.http.get("/api/v1/search", params={"q": text, "k": 50, "mode": "auto", **params}))
        return [hit["id"] for hit in answer["results"]]

    def close(self) -> None:
        """End all processes."""
        self.http.close()
        for service in self._services:
            service.kill()


def reciprocal_rank(found: Sequence[str], right: set[str]) -> float:
    """1 / the rank of the first right one; 0 if there is none."""
    return next((1 / rank for rank, one in enumerate(found, 1) if one in right), 0.0)


def worth(shown: Pictures, made: Sequence[TextPicture], bundle: str, captioned: bool) -> None:
    """Print what reading is worth to searches for text, and what it costs those for things."""
    readable = made[: len(made) - len(THINGS)]
    asked = [readable[i].query for i in np.random.default_rng(0).permutation(len(readable))[:ASKED]]
    with tempfile.TemporaryDirectory() as folder:
        running = System(Path(folder), bundle)
        try:
            files = [(f"{i}{Path(name).suffix}", content) for i, (name, content) in enumerate(shown.files.items())]
            ids = running.add(files, list(shown.captions.values()) if captioned else None)
            by_name = dict(zip(shown.files, ids, strict=True))
            own = running.add([(f"text-{i}.jpg", one.content) for i, one in enumerate(made)])
            right = {thing: {by_name[one] for one in names} for thing, names in shown.things.items()}
            # Some lines are in several pictures.
            texts = {i: "\n".join(one.lines) for i, one in zip(own, made, strict=True)}
            with_line = {query: {i for i, text in texts.items() if query in text} for query in asked}
            # The certainty of searches is measured in the background after the first.
            while checked(running.http.get("/api/v1/search", params={"q": "x", "k": 1}))["confident"] is None:
                time.sleep(0.2)

            def ranks() -> list[float]:
                return [reciprocal_rank(running.find(thing), found) for thing, found in right.items()]

            def recalls() -> str:
                found = [(running.find(query), with_line[query]) for query in asked]
                shares = [100 * np.mean([bool(wanted & set(ids[:k])) for ids, wanted in found]) for k in (1, 5)]
                return " / ".join(f"{share:.0f}" for share in shares)

            unread, before = recalls() if made else "", ranks()
            running.begin_reading()
            running.read_all()
            say(f"{shown.name} {'with' if captioned else 'without'} captions, and {len(made)} pictures with text:")
            if made:
                say(f"  {ASKED} searches for text, recall at 1 and 5: {unread} before reading, {recalls()} after it")
            after = ranks()
            say(
                f"  {len(right)} searches for things, mean reciprocal rank: {np.mean(before):.4f} before,"
                f" {np.mean(after):.4f} after"
            )
            for thing, former, now in zip(right, before, after, strict=True):
                if former != now:
                    say(f"  {thing!r}: {former:.3f} before, {now:.3f} after")
            for query, (ids, wanted) in ((q, (running.find(q), with_line[q])) for q in asked):
                if not wanted & set(ids[:1]):
                    say(f"missed {query!r}: {[texts.get(i, '-')[:40] for i in ids[:2]]}")
        finally:
            running.close()


def speed(count: int, bundle: str) -> None:
    """Print how fast photographs are read, what that takes, and what it costs searches."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photographs(GALLERY / "pictures", folder / "made", count, (500, 375))
        running = System(folder, bundle)
        try:
            running.add([(file.name, file.read_bytes()) for file in sorted((folder / "made").iterdir())])
            rest = questions()
            search(running.http, [next(rest) for _ in range(SEARCHES)])
            quiet = search(running.http, [next(rest) for _ in range(SEARCHES * ROUNDS)])
            running.begin_reading()
            while (job := running.reading()) is None or not job["progress"] or job["progress"]["done"] == 0:
                time.sleep(0.1)
            began, first = time.monotonic(), job["progress"]["done"]
            busy = search(running.http, [next(rest) for _ in range(SEARCHES * ROUNDS)])
            meanwhile = running.reading()
            assert meanwhile is not None
            if meanwhile["status"] != "running":
                raise SystemExit("everything was read before the searches were asked; raise --photographs")
            slow = (meanwhile["progress"]["done"] - first) / (time.monotonic() - began)
            began, first = time.monotonic(), meanwhile["progress"]["done"]
            used = []
            while (job := running.reading()) and job["status"] == "running":
                used += [memory(pid) for pid in readers()]
                time.sleep(0.5)
            assert job is not None
            rate = (job["progress"]["done"] - first) / (time.monotonic() - began)
            say(f"{count} photographs of 500 x 375: {rate:.1f} a second, {slow:.1f} beside searches")
            tenths = [str(max(part)) for part in np.array_split(used, 10) if len(part)]
            say(f"  memory of the reader, the most in each tenth of the time: {', '.join(tenths)} MB")
            for share in (50, 95):
                calm, late = percentile(quiet, share), percentile(busy, share)
                say(f"  p{share} of a search: {calm:.1f} ms, while reading {late:.1f} ms, ratio {late / calm:.2f}")
        finally:
            running.close()


def readers() -> list[int]:
    """The reader's processes."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if b"gateway.reading.reader" in command:
                found.append(int(folder.name))
    return found


def memory(pid: int) -> int:
    """The resident memory of a process in MB; 0 if it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.split("VmRSS:")[1].split()[0]) // 1000 if "VmRSS:" in status else 0


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photographs", type=int, default=1000)
    parser.add_argument("--bundle", default="var/bundle")
    parser.add_argument("--described", type=Path)
    options = parser.parse_args()
    made = Maker(GALLERY / "pictures").all()
    quality(made)
    for shown in [gallery(), *([described(options.described)] if options.described else [])]:
        for captioned in (False, True):
            for texts in ([], made):
                worth(shown, texts, options.bundle, captioned)
    speed(options.photographs, options.bundle)


if __name__ == "__main__":
    main()
