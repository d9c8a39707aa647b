"""Dependencies and layers: what a service must not install or import, by package metadata and a fresh interpreter."""

import ast
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

FORBIDDEN = {
    "encoder": {"torch", "transformers", "faiss-cpu"},
    "search": {"torch", "transformers", "onnxruntime", "onnx", "tokenizers", "pillow"},
    "gateway": {"torch", "transformers", "onnxruntime", "onnx", "tokenizers", "faiss-cpu", "numpy"},
}
MODULES = {"faiss-cpu": "faiss", "pillow": "PIL"}


def closure(requirement: Requirement, seen: set[tuple[str, str]] | None = None) -> set[str]:
    """The transitive dependencies of a requirement, by the metadata of the installed packages."""
    seen = set() if seen is None else seen
    name = re.sub(r"[-_.]+", "-", requirement.name).lower()
    extras = requirement.extras or {""}
    if all((name, extra) in seen for extra in extras):
        return {n for n, _ in seen}
    seen.update((name, extra) for extra in extras)
    try:
        needed = requires(requirement.name) or []
    except PackageNotFoundError:  # for another platform, or an unused extra
        needed = []
    for text in needed:
        child = Requirement(text)
        if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
            closure(child, seen)
    return {n for n, _ in seen}


@pytest.mark.parametrize("service", FORBIDDEN)
def test_installing_a_service_installs_nothing_that_it_must_not_need(service: str) -> None:
    installed = closure(Requirement(f"sightline-{service}"))
    assert "flask" in installed  # the closure is transitive: flask is a dependency of sightline-common
    assert not installed & FORBIDDEN[service]


@pytest.mark.parametrize("service", FORBIDDEN)
def test_a_service_imports_where_those_modules_cannot(service: str) -> None:
    blocked = sorted(MODULES.get(name, name) for name in FORBIDDEN[service])
    others = sorted({"encoder", "search", "gateway", "twotower", "sightline_cli"} - {service})
    code = f"import sys\nfor m in {blocked + others}: sys.modules[m] = None\nimport {service}, {service}.gunicorn_conf"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


ROOT = Path(__file__).parents[2]
# Packages whose __init__ switches ONNX Runtime's telemetry off before any of their modules imports it.
QUIET = ("services/encoder/src/encoder/", "training/src/twotower/")


def imported(file: Path) -> set[str]:
    """The top-level packages that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


# The layers of each package, from the bottom up: a subpackage may import those of lower layers, and none of its own
# layer or above.
ROOMS = {
    "gateway": (
        ("database",),
        ("settings", "concurrency"),
        ("upstream",),
        ("auth",),
        ("api",),
        ("pictures",),
        ("reading",),
        ("bin", "library", "search", "selection"),
        ("backup", "jobs"),
        ("admin",),
        ("dependencies",),
        ("worker",),
        ("commands", "gunicorn_conf", "worker_conf", "__init__"),
    ),
    "search": (
        ("settings",),
        ("catalogue",),
        ("index",),
        ("ranking",),
        ("store",),
        ("api", "metrics", "milvus"),
        ("cli", "gunicorn_conf", "__init__"),
    ),
    "twotower": (
        ("config",),
        ("towers",),
        ("bundles", "data", "evaluation", "synthetic"),
        ("training",),
        ("configs", "cutouts", "evaluate", "parity", "release", "train"),
        ("ablation", "audit", "export", "__init__"),
    ),
}
PACKAGES = {
    "gateway": "services/gateway/src/gateway",
    "search": "services/search/src/search",
    "twotower": "training/src/twotower",
    "servicekit": "services/common/src/servicekit",
    "sightline_cli": "cli/src/sightline_cli",
}


@pytest.mark.parametrize("name", ROOMS)
def test_rooms_import_downwards_only(name: str) -> None:
    package = ROOT / PACKAGES[name]
    floor = {room: height for height, rooms in enumerate(ROOMS[name]) for room in rooms}
    found = 0
    for file in package.rglob("*.py"):
        room = file.relative_to(package).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{name}."):
                other = str(node.module).split(".")[1]
                assert other == room or floor[other] < floor[room], f"{file} imports {node.module}"
                found += other != room
    assert found > 30  # the check has found imports


@pytest.mark.parametrize("name", PACKAGES)
def test_no_room_holds_more_than_a_dozen_modules(name: str) -> None:
    package = ROOT / PACKAGES[name]
    for folder in (package, *(f for f in package.iterdir() if (f / "__init__.py").is_file())):
        assert len([f for f in folder.glob("*.py") if f.name != "__init__.py"]) <= 12, folder


def test_onnx_runtime_is_imported_only_where_its_telemetry_is_off() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    users = [name for name in listed.splitlines() if "onnxruntime" in imported(ROOT / name)]
    assert users, "the search finds nothing"
    assert [name for name in users if not name.startswith(QUIET)] == []
    for package in ("encoder.model", "twotower.bundles.embedder"):
        code = f"import os, {package}; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
        subprocess.run([sys.executable, "-c", code], env={"PATH": ""}, check=True, timeout=60)
