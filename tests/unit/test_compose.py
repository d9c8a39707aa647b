"""The compose file: every setting exists, only the edge is published, and containers are hardened."""

import re
import tomllib
from pathlib import Path
from typing import Any

import encoder.settings
import gateway.api.page
import gateway.settings
import search.settings
import yaml
from pydantic_settings import BaseSettings
from servicekit.settings import variables

from tests.unit.test_settings_documented import FIXED

ROOT = Path(__file__).parents[2]
# See `servicekit.server.process`.
GRACEFUL_S = 30
SETTINGS: dict[str, type[BaseSettings]] = {
    "gateway": gateway.settings.Settings,
    "worker": gateway.settings.Settings,
    "encoder": encoder.settings.Settings,
    "search": search.settings.Settings,
}


def services() -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    parts: dict[str, dict[str, Any]] = document["services"]
    return parts


def test_every_setting_reaches_its_service() -> None:
    for name, settings in SETTINGS.items():
        environment = services()[name]["environment"]
        # Without a value, or as a default, it is what .env says.
        passed = {n for n, value in environment.items() if value is None or f"${{{n}:-" in value}
        assert passed == set(variables(settings)) - FIXED, name
        assert set(environment) <= set(variables(settings)), name


def test_replicas_are_what_env_says() -> None:
    parts = services()
    names = {"gateway": "GATEWAYS", "encoder": "ENCODERS", "search": "SEARCHES"}
    for service, name in names.items():
        assert parts[service]["deploy"] == {"replicas": f"${{SIGHTLINE_{name}:-1}}"}
    assert parts["worker"]["deploy"] == {"replicas": 1}


def test_an_upgrade_of_the_others_leaves_the_edge_running() -> None:
    edge = services()["edge"]
    assert "depends_on" not in edge
    # Nothing in its image changes with a release of the others.
    copied = [line for line in (ROOT / edge["build"]["dockerfile"]).read_text().splitlines() if line.startswith("COPY")]
    assert copied == ["COPY deploy/edge/Caddyfile deploy/edge/https.caddyfile /etc/caddy/"]


def test_a_service_may_finish_what_it_has_and_logs_are_bounded() -> None:
    for name, part in services().items():
        if part.get("restart"):
            assert part["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
            least = 15 if name in ("edge", "page") else GRACEFUL_S + 5
            assert int(part["stop_grace_period"].removesuffix("s")) >= least, name


def test_every_service_has_a_limit_of_memory_which_the_example_tells() -> None:
    example = (ROOT / ".env.example").read_text()
    for name, part in services().items():
        if part.get("restart") and not part.get("profiles"):
            setting, default = re.fullmatch(r"\$\{(\w+):-(\d+m)\}", part["mem_limit"]).groups()  # type: ignore[union-attr]
            assert setting == f"SIGHTLINE_{name.upper()}_MEMORY"
            assert f"# {setting}={default}\n" in example


def test_every_image_that_is_built_is_released_under_the_name_that_compose_takes() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
    released = {image["name"]: image for image in workflow["jobs"]["images"]["strategy"]["matrix"]["include"]}
    built = {name: part for name, part in services().items() if "build" in part}
    assert set(released) == set(built)
    version = tomllib.loads((ROOT / "services" / "gateway" / "pyproject.toml").read_text())["project"]["version"]
    for name, part in built.items():
        assert part["build"]["dockerfile"] == released[name]["file"]
        # The gateway's Dockerfile makes two images, and the gateway's own last.
        assert part["build"].get("target", released[name].get("target")) == released[name].get("target")
        own = released[name].get("version")
        tag = f"${{SIGHTLINE_EDGE_VERSION:-{own}}}" if own else f"${{SIGHTLINE_VERSION:-{version}}}"
        assert part["image"] == f"${{SIGHTLINE_REGISTRY:-}}sightline-{name}:{tag}"


def test_only_the_edge_is_published() -> None:
    assert {name for name, part in services().items() if "ports" in part} == {"edge"}


def test_only_the_edge_has_a_way_out() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert document["networks"]["inside"] == {"internal": True}
    for name, part in services().items():
        if "network_mode" in part:  # the container that adds pictures shares the gateway's network
            assert (part["network_mode"], part.get("networks")) == ("service:gateway", None), name
        else:
            assert part["networks"] == (["inside", "outside"] if name == "edge" else ["inside"]), name


def test_a_backup_is_made_of_what_the_gateway_holds() -> None:
    backup, gateway_part = services()["backup"], services()["gateway"]
    assert set(gateway_part["volumes"]) < set(backup["volumes"])
    for name in set(backup["environment"]):
        assert backup["environment"][name] == gateway_part["environment"][name], name


def test_what_lies_in_memory_is_bounded() -> None:
    for name, part in services().items():
        assert all(":size=" in place for place in part["tmpfs"]), name


def test_every_container_is_closed_in() -> None:
    for name, part in services().items():
        assert part["read_only"] is True, name
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name


def test_every_image_that_is_built_runs_as_nobody() -> None:
    for part in services().values():
        if "build" in part:
            assert "\nUSER 10001:10001\n" in (ROOT / part["build"]["dockerfile"]).read_text()


def test_another_model_is_served_by_settings_that_exist_and_its_former_encoder_is_closed_in() -> None:
    document = yaml.safe_load((ROOT / "deploy" / "model.yml").read_text())
    parts: dict[str, dict[str, Any]] = document["services"]
    assert set(parts) == {"export", "encoder", "former", "gateway", "worker"}
    for name, service in (("encoder", "encoder"), ("former", "encoder"), ("gateway", "gateway"), ("worker", "worker")):
        assert set(parts[name]["environment"]) <= set(variables(SETTINGS[service])), name
    former, encoder = parts["former"], services()["encoder"]
    assert former["networks"] == ["inside"]
    for key in ("image", "read_only", "cap_drop", "security_opt", "tmpfs", "mem_limit", "restart"):
        assert former[key] == encoder[key], key


def test_a_library_is_read_only_and_the_same_for_gateway_and_worker() -> None:
    document = yaml.safe_load((ROOT / "deploy" / "library.yml").read_text())
    parts: dict[str, dict[str, Any]] = document["services"]
    assert set(parts) == {"gateway", "worker"}
    assert parts["gateway"] == parts["worker"]
    assert set(parts["gateway"]["environment"]) <= set(variables(gateway.settings.Settings))
    assert [volume.rpartition("}:")[2] for volume in parts["gateway"]["volumes"]] == ["/library:ro"]


def test_https_tells_the_gateway_that_it_is_published() -> None:
    document = yaml.safe_load((ROOT / "deploy" / "https.yml").read_text())
    parts: dict[str, dict[str, Any]] = document["services"]
    assert set(parts) == {"edge", "gateway", "worker"}
    assert parts["gateway"] == parts["worker"] == {"environment": {"GATEWAY_PUBLISH": "${DOMAIN}:443"}}
    used = set(re.findall(r"\{\$(\w+)\}", (ROOT / "deploy" / "edge" / "https.caddyfile").read_text()))
    assert set(parts["edge"]["environment"]) == used | {"XDG_DATA_HOME"}


def test_the_page_has_one_policy_wherever_it_is_served() -> None:
    assert f'"{gateway.api.page.POLICY}"' in (ROOT / "frontend" / "Caddyfile").read_text()
