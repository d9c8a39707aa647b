"""The local stack, as `make up` runs it: no Docker, no Redis, no root.

    python deploy/local.py check --port 8080
    .venv/bin/python deploy/local.py run --port 8080 [--photos FOLDER]

`check` reports missing requirements before anything is downloaded; it needs only Python. `run` starts the processes of
the Procfile, adds the sample gallery (or the folder) and prints the address. The sample and your own pictures are two
separate collections.
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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
GALLERY = ROOT / "deploy" / "gallery"
# The minimum Node.js version of Vite, which builds the page.
NODE = (20, 19)
START_S = 90


def say(sentence: str) -> None:
    """Print a line to stdout and flush it."""
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


def fetch(url: str) -> dict[str, Any] | None:
    """GET a JSON object, with any HTTP status; None if there is no such answer."""
    try:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as error:
            document = json.load(error)
    except (OSError, ValueError, http.client.HTTPException):  # no server, or one that does not speak HTTP or JSON
        return None
    return document if isinstance(document, dict) else None


def ports(port: int) -> dict[str, int]:
    """The port of each service: the gateway's is `port`, the others follow."""
    return {"gateway": port, "encoder": port + 1, "search": port + 2, "worker": port + 3}


def is_free(port: int) -> bool:
    """Whether a service could listen on the port."""
    with socket.socket() as s:
        # As gunicorn does: connections in TIME_WAIT do not block the port.
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def busy_port(port: int) -> str | None:
    """An error message if one of the ports is in use, else None."""
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
    """An error message if Node.js or npm is missing or too old to build the page, else None."""
    wanted = ".".join(map(str, NODE))
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        return f"Node.js {wanted} or newer, with npm, builds the page, and is not installed. Get it from https://nodejs.org"
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(int(part) for part in version.lstrip("v").split(".")[:2]) < NODE:
        return f"Node.js is {version}; the page is built with {wanted} or newer. Get it from https://nodejs.org"
    return None


def missing_photos(photos: Path | None) -> str | None:
    """An error message if PHOTOS is not a folder that a library may have, else None."""
    if photos and not photos.is_dir():
        return f"PHOTOS: {photos} is not a folder."
    if photos and os.pathsep in str(photos):
        return f"PHOTOS: {photos} has a '{os.pathsep}' in its path, which separates a library's folders; rename it."
    return None


def model_of(bundle: Path) -> str | None:
    """The model_id of a bundle; None if there is no bundle."""
    try:
        manifest: dict[str, Any] = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return manifest.get("model_id")


def former_bundle(env: dict[str, str]) -> Path | None:
    """The bundle of the collection's current model, if another model is about to replace it and the bundle exists."""
    from search.catalogue.catalogue import Catalogue

    catalogue = Path(env["SEARCH_CATALOGUE"])
    if env.get("SEARCH_BACKEND", "local") != "local" or not catalogue.exists():
        return None
    opened = Catalogue(catalogue)
    try:
        model = opened.state().model
    finally:
        opened.close()
    if model is None or model.model_id == model_of(Path(env["ENCODER_BUNDLE"])):
        return None
    bundles = [ROOT / "var" / "bundle", *sorted((ROOT / "var" / "models").glob("*"))]
    return next((b for b in bundles if model_of(b) == model.model_id), None)


@contextmanager
def former_encoder(port: int, env: dict[str, str]) -> Iterator[bool]:
    """Run an encoder of the collection's former model during the re-index; yields whether there is one."""
    bundle = former_bundle(env)
    if bundle is None or not is_free(port):
        yield False
        return
    address = f"127.0.0.1:{port}"
    env["GATEWAY_FORMER_ENCODER_URL"] = f"http://{address}"
    command = ["gunicorn", "-c", "python:encoder.gunicorn_conf"]
    settings = {"ENCODER_BIND": address, "ENCODER_BUNDLE": str(bundle)}
    process = subprocess.Popen(command, cwd=ROOT, env={**env, **settings}, start_new_session=True)
    try:
        yield True
    finally:
        process.terminate()
        process.wait()


def environment(port: int, data: Path) -> dict[str, str]:
    """The processes' environment, in rising precedence: defaults, .env, the caller's environment, fixed values."""
    from dotenv import dotenv_values  # installed with the services, as a dependency of pydantic-settings

    given = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v}
    at = {service: f"127.0.0.1:{p}" for service, p in ports(port).items()}
    quiet = {f"{service}_LOG_LEVEL": "WARNING" for service in ("GATEWAY", "ENCODER", "SEARCH")}
    return {
        "GATEWAY_PAGE": str(ROOT / "frontend" / "dist"),
        "ENCODER_BUNDLE": str(ROOT / "var" / "bundle"),
        **quiet,
        **given,
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "GATEWAY_BIND": at["gateway"],
        "GATEWAY_WORKER_BIND": at["worker"],
        "ENCODER_BIND": at["encoder"],
        "SEARCH_BIND": at["search"],
        "GATEWAY_ENCODER_URL": f"http://{at['encoder']}",
        "GATEWAY_SEARCH_URL": f"http://{at['search']}",
        "GATEWAY_MEDIA": str(data / "media"),
        "GATEWAY_STATE": str(data / "gateway.sqlite"),
        "SEARCH_CATALOGUE": str(data / "catalogue.sqlite"),
    }


# Part of the gateway's message for a collection that was encoded by another model.
OTHER_MODEL = "sightline reindex"


def wait_until_ready(url: str, stack: subprocess.Popen[bytes]) -> str | None:
    """Wait until the gateway reports that it is ready; return an error message if it does not.

    Returns `OTHER_MODEL` at once if the collection was encoded by another model: re-encoding it needs the running
    services.
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
    """The environment of a command, with a temporary API key if the system requires one; revoked after the block."""
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
    """Start the services, add the pictures, and run until stopped; return the exit status.

    Args:
        port: the gateway's port.
        photos: the folder of your own pictures; None for the sample gallery.
        data: the folder of the collection.
    """
    url = f"http://127.0.0.1:{port}"
    env = environment(port, data)
    # Your own pictures are indexed in place (as a library); the sample gallery is uploaded, with its captions.
    if photos:
        env["GATEWAY_LIBRARY"] = str(photos)
    with ExitStack() as former:
        moving = former.enter_context(former_encoder(port + len(ports(port)), env))
        # A new session, so that Ctrl-C and SIGHUP reach only this process, which then stops honcho gracefully. honcho's
        # children are in sessions of their own, and would survive a killed honcho.
        stack = subprocess.Popen(["honcho", "start", "--env", os.devnull], cwd=ROOT, env=env, start_new_session=True)
        asked_to_stop = False

        def stop(*_: object) -> None:
            nonlocal asked_to_stop
            asked_to_stop = True
            stack.terminate()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        problem = wait_until_ready(url, stack)
        if problem == OTHER_MODEL or (moving and problem is None):
            meanwhile = f"; until then the one of before answers at {url}" if moving else ""
            say(f"\nAnother model than this collection's: its pictures are encoded again{meanwhile}.\n")
            with key_where_needed(url, env) as keyed:
                done = subprocess.run(["sightline", "--url", url, "reindex"], env=keyed, check=False).returncode == 0
            if done:
                former.close()
                problem = wait_until_ready(url, stack)
            elif moving and stack.poll() is None:
                say("\nNot all pictures could be encoded again (see above): the model of before goes on.\n")
            else:
                problem = "Not all pictures could be encoded again (see above). Start again to go on."
        if problem is None:
            fill(url, photos, env, stack)
            status = stack.wait()
            return 0 if asked_to_stop else status or 1
        say(problem)
        stop()
        stack.wait()
        return 1


def fill(url: str, photos: Path | None, env: dict[str, str], stack: subprocess.Popen[bytes]) -> None:
    """Add your own pictures, or the sample gallery.

    Args:
        url: the gateway's URL.
        photos: the folder of your own pictures; None for the sample gallery.
        env: the environment of the processes.
        stack: the running services.
    """
    # A sample picture that was deleted stays deleted over restarts.
    gallery = ["add", str(GALLERY / "pictures"), "--captions", str(GALLERY / "captions.csv"), "--skip-deleted"]
    # The worker may have begun a scan already.
    what = ["scan", "--join"] if photos else gallery
    say(f"\nSightline answers at {url}. Adding {photos or 'the sample gallery'}; what is in can be found at once.\n")
    with key_where_needed(url, env) as keyed:
        added = subprocess.run(["sightline", "--url", url, *what], env=keyed, check=False)
    if stack.poll() is None and added.returncode in (0, 1):
        say(f"\nOpen {url} (Ctrl-C stops it).\n")


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["check", "run"])
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--photos", type=lambda given: Path(given).expanduser().resolve())
    parser.add_argument("--data", type=Path, help="folder of the collection; var/photos or var/gallery unless given")
    options = parser.parse_args()
    # The next four ports are for encoder, search, worker and, during a re-index, the former model's encoder.
    if not 1024 <= options.port <= 65531:
        say(f"PORT: {options.port} is not between 1024 and 65531.")
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
