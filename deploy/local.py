"""The local stack, as `make up` runs it: no Docker, no Redis, no root.

    python deploy/local.py check --port 8080
    .venv/bin/python deploy/local.py run --port 8080 [--photos FOLDER]

`check` says in a sentence what is missing before anything is downloaded, and so needs Python alone. `run` starts the
processes of the Procfile, adds the sample gallery (or the folder) and prints the address. The sample and one's own
pictures are two collections.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "deploy" / "gallery"
# What Vite, which builds the page, asks for.
NODE = (20, 19)
START_S = 90


def say(sentence: str) -> None:
    """Tell the person at the terminal."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def fetch(url: str) -> dict[str, Any] | None:
    """A JSON object, whatever its status; None when no such thing is answered."""
    try:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            document = json.load(error)
    except (OSError, ValueError, http.client.HTTPException):  # no server there, or one that does not speak HTTP
        return None
    return document if isinstance(document, dict) else None


def ports(port: int) -> dict[str, int]:
    """The port of each service: the gateway's, and the next two."""
    return {"gateway": port, "encoder": port + 1, "search": port + 2}


def is_free(port: int) -> bool:
    """Whether a service could listen on the port."""
    with socket.socket() as s:
        # A port whose last connections are still being closed is free, as gunicorn sees it.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def busy_port(port: int) -> str | None:
    """What to say when one of the ports is taken."""
    taken = {service: p for service, p in ports(port).items() if not is_free(p)}
    if not taken:
        return None
    if (fetch(f"http://127.0.0.1:{port}/livez") or {}).get("service") == "gateway":
        return (
            f"Sightline already runs: open http://127.0.0.1:{port} (or start a second one: make up PORT={port + 10})."
        )
    service, p = next(iter(taken.items()))
    return f"Port {p}, which the {service} would use, is taken by another program. Try: make up PORT={port + 1000}"


def missing_node() -> str | None:
    """What to say when the page cannot be built here."""
    wanted = ".".join(map(str, NODE))
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return f"Node.js {wanted} or newer, with npm, builds the page, and is not installed. Get it from https://nodejs.org"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < NODE:
        return f"Node.js is {version}; the page is built with {wanted} or newer. Get it from https://nodejs.org"
    return None


def missing_photos(photos: Path | None) -> str | None:
    """What to say when the folder is not one."""
    return f"PHOTOS: {photos} is not a folder." if photos and not photos.is_dir() else None


def environment(port: int, data: Path) -> dict[str, str]:
    """The processes' environment: .env, then what is set already, then what must fit together."""
    from dotenv import dotenv_values  # there once the services are: pydantic-settings needs it

    given = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v}
    at = {service: f"127.0.0.1:{p}" for service, p in ports(port).items()}
    quiet = {f"{service.upper()}_LOG_LEVEL": "WARNING" for service in at}
    return {
        "GATEWAY_PAGE": str(ROOT / "frontend" / "dist"),
        "ENCODER_BUNDLE": str(ROOT / "var" / "bundle"),
        **quiet,
        **given,
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        **{f"{service.upper()}_BIND": address for service, address in at.items()},
        "GATEWAY_ENCODER_URL": f"http://{at['encoder']}",
        "GATEWAY_SEARCH_URL": f"http://{at['search']}",
        "GATEWAY_MEDIA": str(data / "media"),
        "GATEWAY_STATE": str(data / "gateway.sqlite"),
        "SEARCH_CATALOGUE": str(data / "catalogue.sqlite"),
    }


# What the gateway says of a collection that an earlier model made.
OTHER_MODEL = "sightline reindex"


def wait_until_ready(url: str, stack: subprocess.Popen[bytes]) -> str | None:
    """Wait for the gateway to say that everything works; return what is wrong if it does not.

    A collection of another model is told at once: it has to be encoded again, which needs the running services.
    """
    deadline = time.monotonic() + START_S
    last: dict[str, Any] = {}
    while time.monotonic() < deadline:
        if stack.poll() is not None:
            return "A service stopped while starting; its last lines above say why."
        last = fetch(f"{url}/readyz") or last
        if last.get("status") == "ok":
            return None
        failing = {part: c["detail"] for part, c in last.get("checks", {}).items() if c["status"] != "ok"}
        if set(failing) == {"query"} and OTHER_MODEL in failing["query"]:
            return OTHER_MODEL
        time.sleep(0.2)
    failed = [f"{part}: {c['detail']}" for part, c in last.get("checks", {}).items() if c["status"] != "ok"]
    return f"Not ready after {START_S} s: {'; '.join(failed) or 'the gateway does not answer'}."


@contextmanager
def key_where_needed(url: str, env: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment of a command, with a key for it where the system is published; the key ends with the block."""
    if not (fetch(f"{url}/api/v1/session") or {}).get("required"):
        yield env
        return
    create = ["sightline", "keys", "create", "make up", "--scope", "admin"]
    key = subprocess.run(create, env=env, capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield {**env, "SIGHTLINE_KEY": key}
    finally:
        revoke = ["sightline", "keys", "revoke", key.split("_")[1]]
        subprocess.run(revoke, env=env, stdout=subprocess.DEVNULL, check=False)


def run(port: int, photos: Path | None, data: Path) -> int:
    """Start, fill, and stay until stopped; the exit status."""
    url = f"http://127.0.0.1:{port}"
    env = environment(port, data)
    # One's own pictures stay where they are; the sample is small, and has captions.
    if photos:
        env["GATEWAY_LIBRARY"] = str(photos)
    # In a session of its own: a Ctrl-C and a closed terminal reach this process alone, which ends honcho in good order.
    # honcho's processes are in sessions of their own too, and would outlive it.
    stack = subprocess.Popen(["honcho", "start", "--env", os.devnull], cwd=ROOT, env=env, start_new_session=True)

    asked_to_stop = False

    def stop(*_: object) -> None:
        nonlocal asked_to_stop
        asked_to_stop = True
        stack.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    problem = wait_until_ready(url, stack)
    if problem == OTHER_MODEL:
        say("\nThe model is another than the one that this collection was made with: its pictures are encoded again.\n")
        with key_where_needed(url, env) as keyed:
            subprocess.run(["sightline", "--url", url, "reindex"], env=keyed, check=False)
        problem = wait_until_ready(url, stack)
    if problem is None:
        what = ["scan"] if photos else ["add", str(GALLERY / "pictures"), "--captions", str(GALLERY / "captions.csv")]
        say(
            f"\nSightline answers at {url}. Adding {photos or 'the sample gallery'}; what is in can be found at once.\n"
        )
        with key_where_needed(url, env) as keyed:
            added = subprocess.run(["sightline", "--url", url, *what], env=keyed, check=False)
        if stack.poll() is None and added.returncode in (0, 1):
            say(f"\nOpen {url} (Ctrl-C stops it).\n")
        status = stack.wait()
        return 0 if asked_to_stop else status or 1
    say(problem)
    stop()
    stack.wait()
    return 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["check", "run"])
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--photos", type=lambda given: Path(given).expanduser().resolve())
    parser.add_argument("--data", type=Path, help="folder of the collection; var/photos or var/gallery unless given")
    options = parser.parse_args()
    if not 1024 <= options.port <= 65533:
        say(f"PORT: {options.port} is not between 1024 and 65533.")
        return 1
    checks = [missing_photos(options.photos), busy_port(options.port)]
    if options.action == "check":
        checks.append(missing_node())
    if problems := [c for c in checks if c]:
        say("\n".join(problems))
        return 1
    if options.action == "check":
        return 0
    data = options.data or ROOT / "var" / ("photos" if options.photos else "gallery")
    return run(options.port, options.photos, data.resolve())


if __name__ == "__main__":
    sys.exit(main())
