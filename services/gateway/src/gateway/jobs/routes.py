"""Routes of the public API, version 1: jobs."""

from __future__ import annotations

from typing import Any

from servicekit.errors import Kind

from gateway.api.routing import Api
from gateway.auth.keys import Scope
from gateway.jobs.queue import JobKind, JobQueue
from gateway.jobs.schemas import JobAnswer, JobsAnswer, NewJob, public
from gateway.upstream.collection import Collection


def add_job_routes(api: Api, queue: JobQueue, collection: Collection) -> None:
    """Register the routes of jobs with the API.

    Args:
        api: receives the routes.
        queue: the jobs of all gateways.
        collection: its cached state is invalidated when a client sees that a job has ended.
    """

    @api.route("POST", "/jobs", {202: JobAnswer}, body=NewJob, scope=Scope.ADMIN)
    def submit_job(body: NewJob) -> tuple[dict[str, Any], int]:
        """Start a job.

        A worker process does it, whether or not the client waits. If a job with the same arguments waits already, that
        one is returned. One job of a kind runs at a time.
        """
        kind, params = JobKind(body.root.kind), body.root.model_dump(exclude={"kind", "join"})
        job = queue.submit(kind, params, body.root.join)
        api.access.did(f"{kind}-submitted", job=job.id, **{name: str(value).lower() for name, value in params.items()})
        return public(job), 202

    @api.route("GET", "/jobs", {200: JobsAnswer}, scope=Scope.ADMIN)
    def list_jobs() -> dict[str, Any]:
        """List the jobs that wait or run, and the last 50 of each kind that have ended."""
        return {"jobs": [public(job) for job in queue.all()]}

    @api.route("GET", "/jobs/<job_id>", {200: JobAnswer}, errors=(Kind.NOT_FOUND,), scope=Scope.ADMIN)
    def get_job(job_id: str) -> dict[str, Any]:
        """Get a job: how far it is, and how it ended."""
        job = queue.get(job_id)
        if job.ended_at:
            # So that this client's next search finds what the job has added, also without Redis.
            collection.changed()
        return public(job)

    @api.route("DELETE", "/jobs/<job_id>", {202: JobAnswer}, errors=(Kind.NOT_FOUND,), scope=Scope.ADMIN)
    def cancel_job(job_id: str) -> tuple[dict[str, Any], int]:
        """Cancel a job.

        One that waits ends at once, one that runs at its next step. What it has done stays done.
        """
        job = queue.cancel(job_id)
        api.access.did(f"{job.kind}-cancelled", job=job_id)
        return public(job), 202
