"""Metrics of what all gateways share: jobs, room for pictures, the last backup; and how sure answers are."""

from typing import Any

from gateway.jobs.queue import JobKind

from tests.unit.gateway.conftest import RED, get, picture, upload


def figures(stack: Any) -> dict[str, float]:
    lines = get(stack, "/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


def test_what_is_shared_has_figures(stack: Any) -> None:
    upload(stack, picture(RED))
    before = figures(stack)
    assert before["media_free_bytes"] > 0
    assert before['jobs{kind="sweep",status="done"}'] == 0
    assert "backup_timestamp_seconds" not in before
    stack.job("sweep")
    stack.client.post("/api/v1/jobs", json={"kind": "sweep"})
    get(stack, "/api/v1/search?q=red")
    get(stack, "/api/v1/search?q=red")
    after = figures(stack)
    assert after['jobs{kind="sweep",status="done"}'] == after['jobs{kind="sweep",status="queued"}'] == 1
    # One picture is too few for a measure of what fits.
    assert {sure: after[f'search_answers_total{{sure="{sure}"}}'] for sure in ("yes", "no", "unknown")} == {
        "yes": 0,
        "no": 0,
        "unknown": 2,
    }
    assert {kind for kind in JobKind if f'jobs{{kind="{kind}",status="failed"}}' in after} == set(JobKind)


def test_the_other_metrics_remain_without_the_state_database(stack: Any) -> None:
    database = stack.client.application.extensions["database"]
    database.close()
    database._closed_until = float("inf")
    found = figures(stack)
    assert not any(name.startswith("jobs") for name in found)
    assert found["process_resident_memory_bytes"] > 0
