"""What strangers can fill and hold: uploads as large as they may be, and clients that send a byte now and then.

    python benchmarks/gateway_strangers.py [--seconds 120]

Eight clients upload 256 MiB each, again and again, and 64 send a part of a request and then a byte a second, while
another client searches five times a second. Printed: the gateway's memory, what its uploads take on the disk and in the
system's folder for temporary files, and how long the searches took, before and meanwhile.

Needs the model bundle (`python -m encoder.bundle`). Linux, for what it reads below /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import io
import itertools
import os
import socket
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
from gateway_load import Stack, open_loop, questions, stack
from PIL import Image
from serving import percentile, say

UPLOADERS, SLOW = 8, 64
FILES, FILE_BYTES = 4, 63 * 2**20
RATE = 5.0
BOUNDARY = "strangers"
HEAD = b"POST /api/v1/%b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\nContent-Length: %d\r\n"
FORM = b"multipart/form-data; boundary=" + BOUNDARY.encode()
# What the slow ones begin with: half a head, an upload, a search in JSON.
BEGINNINGS = (
    b"GET /api/v1/search?q=",
    HEAD % (b"images", FORM, 200_000_000) + b"\r\n--" + BOUNDARY.encode(),
    HEAD % (b"search", b"application/json", 900_000) + b"\r\n{",
)


def noise() -> bytes:
    """A picture that takes nearly as many bytes as a file may have, and 21 million pixels."""
    stream = io.BytesIO()
    side = int((FILE_BYTES / 3) ** 0.5) - 20
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(stream, "PNG", compress_level=0)
    return stream.getvalue()


def body(picture: bytes, number: int) -> Iterator[bytes]:
    """A form of four pictures that are new to the collection: what follows a PNG's end is not read."""
    for file in range(FILES):
        yield (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="images"; filename="{file}.png"\r\n'
            "Content-Type: image/png\r\n\r\n"
        ).encode()
        for at in range(0, len(picture), 2**20):
            yield picture[at : at + 2**20]
        yield f"{number} {file}\r\n".encode()
    yield f"--{BOUNDARY}--\r\n".encode()


def upload(port: int, picture: bytes, numbers: Iterator[int], told: Counter[str], over: threading.Event) -> None:
    """Upload until it is over; told to come again, wait as told."""
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            number = next(numbers)
            size = sum(map(len, body(picture, number)))
            head = {"Content-Type": FORM.decode(), "Content-Length": str(size)}
            # Refused before the end of the body: what most clients do then is to read the answer.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", "/api/v1/images", body(picture, number), head)
            answer = connection.getresponse()
            answer.read()
            told[str(answer.status)] += 1
            if answer.status == 429:
                over.wait(int(answer.headers["Retry-After"]))
        except (OSError, http.client.HTTPException) as error:
            told[type(error).__name__] += 1
        finally:
            connection.close()


def dawdle(port: int, beginning: bytes, told: Counter[str], over: threading.Event) -> None:
    """Send a part of a request and then a byte a second, and begin again when let go."""
    while not over.is_set():
        with socket.create_connection(("127.0.0.1", port)) as connection:
            try:
                connection.sendall(beginning)
                connection.settimeout(1)
                while not over.is_set():
                    try:
                        told[connection.recv(2**16)[9:12].decode() or "closed"] += 1
                        over.wait(1)
                        break
                    except TimeoutError:
                        connection.sendall(b"x")
            except OSError as error:
                told[type(error).__name__] += 1


class Held:
    """The most that the gateway has held at any time, in MB."""

    def __init__(self, services: Stack) -> None:
        parent = services.gateway.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        self._processes = [Path(f"/proc/{pid}") for pid in (parent, *children)]
        self._spool = str(services.folder / "spool")
        self.most = {"memory": 0, "waiting uploads": 0, "temporary files": 0}

    def look(self) -> None:
        """Look once."""
        now = dict.fromkeys(self.most, 0)
        for process in self._processes:
            status = (process / "status").read_text()
            now["memory"] += int(status.partition("VmRSS:")[2].split()[0]) * 1024
            for file in (process / "fd").iterdir():
                try:
                    place, size = os.readlink(file), file.stat().st_blocks * 512
                except OSError:
                    continue
                if place.startswith(self._spool):
                    now["waiting uploads"] += size
                elif place.startswith(tempfile.gettempdir()) and "(deleted)" in place:
                    now["temporary files"] += size
        self.most = {what: max(most, now[what]) for what, most in self.most.items()}

    def watch(self, over: threading.Event) -> None:
        """Look five times a second until it is over."""
        while not over.wait(0.2):
            self.look()

    def told(self) -> str:
        """For people."""
        return ", ".join(f"{what} {size / 1e6:.0f} MB" for what, size in self.most.items())


def searches(services: Stack, seconds: float) -> str:
    """Another client's searches."""
    asked = asyncio.run(open_loop(f"{services.gateway.url}/api/v1/search", questions(), RATE, seconds))
    statuses, taken = Counter(a.status for a in asked), [a.seconds for a in asked]
    return f"{dict(statuses)}, p50 {percentile(taken, 50):.0f} ms, p99 {percentile(taken, 99):.0f} ms"


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120)
    given = parser.parse_args()
    picture = noise()
    with stack(20_000) as services:
        port = httpx.URL(services.gateway.url).port or 0
        held = Held(services)
        held.look()
        say(f"quiet: {held.told()}; searches {searches(services, 20)}")
        over, uploads, slow = threading.Event(), Counter[str](), Counter[str]()
        numbers = itertools.count()
        threads = [threading.Thread(target=held.watch, args=(over,))]
        threads += [
            threading.Thread(target=upload, args=(port, picture, numbers, uploads, over)) for _ in range(UPLOADERS)
        ]
        beginnings = itertools.islice(itertools.cycle(BEGINNINGS), SLOW)
        threads += [threading.Thread(target=dawdle, args=(port, b, slow, over)) for b in beginnings]
        for thread in threads:
            thread.start()
        found = searches(services, given.seconds)
        over.set()
        for thread in threads:
            thread.join()
        say(f"under it: {held.told()}; searches {found}")
        say(f"uploads of 252 MiB: {dict(uploads)}; slow clients: {dict(slow)}")


if __name__ == "__main__":
    main()
