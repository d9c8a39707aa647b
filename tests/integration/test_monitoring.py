"""Monitoring: the alert rules' own tests; every query of the dashboard in a Prometheus that scraped real services."""

import io
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml
from PIL import Image

from tests.conftest import ROOT, find_free_ports

MONITORING = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((MONITORING / "grafana" / "sightline.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"]]
# Nothing of these is there when all is well.
EMPTY = {"Last backup"}


def test_the_alert_rules_do_what_their_own_tests_say() -> None:
    subprocess.run(["promtool", "check", "config", MONITORING / "prometheus.yml"], check=True, capture_output=True)
    tested = subprocess.run(
        ["promtool", "test", "rules", MONITORING / "alerts_test.yml"], capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr
    rules = {rule["alert"] for group in read("alerts.yml")["groups"] for rule in group["rules"]}
    fires = {
        one["alertname"]
        for test in read("alerts_test.yml")["tests"]
        for one in test["alert_rule_test"]
        if one["exp_alerts"]
    }
    assert rules == fires


def read(name: str) -> Any:
    return yaml.safe_load((MONITORING / name).read_text())


def test_the_dashboard_is_what_grafana_reads() -> None:
    source = read("grafana/datasource.yml")["datasources"][0]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
    for panel in PANELS:
        assert panel["type"] in ("stat", "timeseries")
        assert panel["title"] and panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"] == {"type": source["type"], "uid": source["uid"]}


@pytest.fixture(scope="module")
def prometheus(start_all: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A Prometheus with the project's configuration, whose targets are services that have answered requests."""
    folder = tmp_path_factory.mktemp("monitoring")
    with start_all(folder, worker=True) as services:
        config = read("prometheus.yml")
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            del job["dns_sd_configs"]
            address = getattr(services, job["job_name"]).url.removeprefix("http://")
            job["static_configs"] = [{"targets": [address]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        shutil.copy(MONITORING / "alerts.yml", folder)
        port = find_free_ports(1)
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            with (
                httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
                httpx.Client(base_url=services.gateway.url, timeout=60) as gateway,
            ):
                deadline = time.monotonic() + 60
                # A rate needs two samples with an increase between them.
                while any(not samples(client, expr) for title, expr in QUERIES if title not in EMPTY):
                    assert time.monotonic() < deadline, unanswered(client)
                    use(gateway)
                    for service in (services.encoder, services.search, services.worker):
                        httpx.get(f"{service.url}/readyz")
                yield client
        finally:
            server.terminate()
            server.wait(20)


def use(gateway: httpx.Client) -> None:
    """Add a picture and search, so that every stage has a figure and the cache a hit."""
    picture = io.BytesIO()
    Image.effect_noise((32, 24), 90).save(picture, "PNG")
    assert gateway.post("/api/v1/images", files={"images": picture.getvalue()}).status_code == 201
    for text in (f"noise {time.monotonic_ns()}", "noise", "noise"):
        assert gateway.get("/api/v1/search", params={"q": text}).status_code == 200
    gateway.get("/readyz")


def samples(client: httpx.Client, expr: str) -> list[Any]:
    """The answer of Prometheus to a query of the dashboard."""
    answer = query(client, expr)
    assert answer.status_code == 200, answer.text
    found: list[Any] = answer.json()["data"]["result"]
    return found


def query(client: httpx.Client, expr: str) -> httpx.Response:
    try:
        return client.get("/api/v1/query", params={"query": expr.replace("$__rate_interval", "1m")})
    except httpx.ConnectError:  # Prometheus is starting
        return httpx.Response(200, json={"data": {"result": []}})


def unanswered(client: httpx.Client) -> list[str]:
    return [f"{title}: {expr}" for title, expr in QUERIES if title not in EMPTY and not samples(client, expr)]


@pytest.mark.parametrize(("title", "expr"), QUERIES, ids=[f"{title}-{n}" for n, (title, _) in enumerate(QUERIES)])
def test_every_panel_has_a_figure(prometheus: httpx.Client, title: str, expr: str) -> None:
    found = samples(prometheus, expr)
    assert bool(found) != (title in EMPTY)


def test_the_figures_are_what_happened(prometheus: httpx.Client) -> None:
    up = {one["metric"]["job"]: one["value"][1] for one in samples(prometheus, "up")}
    assert up == dict.fromkeys(("gateway", "worker", "encoder", "search"), "1")
    assert all(one["value"][1] == "1" for one in samples(prometheus, "ready"))
    (pictures,) = samples(prometheus, "max(collection_pictures)")
    (uploads,) = samples(prometheus, 'sum(http_requests_total{route="/api/v1/images", method="POST", status="201"})')
    assert 0 < int(pictures["value"][1]) <= int(uploads["value"][1])
    # Nothing that is wrong is told, and no rule fails.
    rules = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    assert [(rule["name"], rule["health"], rule["state"]) for group in rules for rule in group["rules"]] == [
        (rule["alert"], "ok", "inactive") for group in read("alerts.yml")["groups"] for rule in group["rules"]
    ]
