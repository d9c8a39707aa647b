"""Denial of service: uploads of the maximum size, and slow clients (slowloris) that send one byte per second.

    python benchmarks/gateway_strangers.py [--seconds 120]

Eight clients upload 256 MiB each in a loop, and 64 clients send a part of a request and then a byte per second, while
another client searches five times per second. Prints the gateway's memory, the disk space of its uploads and of the
system's folder for temporary files, and the latency of the searches, before and under this load.

Needs the model bundle (`python -m encoder.bundle`), and Linux, since it reads /proc.
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
# The first bytes of the slow clients' requests: half a request line, an upload, a search in JSON.
BEGINNINGS = (
    b"GET /api/v1/search?q=",
    HEAD % (b"images", FORM, 200_000_000) + b"\r\n--" + BOUNDARY.encode(),
    HEAD % (b"search", b"application/json", 900_000) + b"\r\n{",
)


def noise() -> bytes:
    """A PNG of nearly the maximum file size, with 21 million pixels."""
    stream = io.BytesIO()
    side = int((FILE_BYTES / 3) ** 0.5) - 20
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(stream, "PNG", compress_level=0)
    return stream.getvalue()


def body(picture: bytes, number: int) -> Iterator[bytes]:
    """A form of four new pictures: bytes after a PNG's end are not decoded, but make its digest unique."""
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
    """Upload in a loop until `over` is set; after a 429, wait as long as Retry-After says.

    Args:
        port: the gateway's port.
        picture: the content of a PNG.
        numbers: makes every upload unique.
        told: counts the answers by status.
        over: ends the loop.
    """
    while not over.is_set():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
        try:
            number = next(numbers)
            size = sum(map(len, body(picture, number)))
            head = {"Content-Type": FORM.decode(), "Content-Length": str(size)}
            # The server may refuse before the end of the body; then read its answer, as most clients do.
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
    """A slow client: send a part of a request and then a byte per second; reconnect when the connection is closed.

    Args:
        port: the gateway's port.
        beginning: the first bytes of the request.
        told: counts the answers by status.
        over: ends the loop.
    """
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
    """The peak memory and disk usage of the gateway."""

    def __init__(self, services: Stack) -> None:
        parent = services.gateway.process.pid
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        self._processes = [Path(f"/proc/{pid}") for pid in (parent, *children)]
        self._spool = str(services.folder / "spool")
        self.most = {"memory": 0, "waiting uploads": 0, "temporary files": 0}

    def look(self) -> None:
        """Take one sample."""
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
        """Sample five times per second until `over` is set."""
        while not over.wait(0.2):
            self.look()

    def told(self) -> str:
        """The peaks as text, in MB."""
        return ", ".join(f"{what} {size / 1e6:.0f} MB" for what, size in self.most.items())


def searches(services: Stack, seconds: float) -> str:
    """Search at a fixed rate; return the statuses and latencies as text."""
    asked = asyncio.run(open_loop(f"{services.gateway.url}/api/v1/search", questions(), RATE, seconds))
    statuses, taken = Counter(a.status for a in asked), [a.seconds for a in asked]
    return f"{dict(statuses)}, p50 {percentile(taken, 50):.0f} ms, p99 {percentile(taken, 99):.0f} ms"


def main() -> None:
    """Run the benchmark."""
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
