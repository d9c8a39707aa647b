"""Models of jobs in requests and answers: they validate requests and define the OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, RootModel
from servicekit.wire import Wire

from gateway.api.schemas import Answer
from gateway.jobs.queue import Job, JobKind


class NewScan(Wire):
    """A scan: brings the collection up to date with the folders of the library."""

    kind: Literal["scan"]
    remove: bool = Field(
        default=False,
        description="whether to forget pictures whose files are gone, with their captions and tags; otherwise they are "
        "hidden, and forgotten after GATEWAY_KEEP_GONE_DAYS",
    )
    join: bool = Field(default=False, description="whether a scan that runs already is enough")


class NewReindex(Wire):
    """A re-index: gives every picture a vector of the encoder's current model, then switches searches to that model."""

    kind: Literal["reindex"]
    join: bool = Field(default=False, description="whether a re-index that runs already is enough")


class NewSweep(Wire):
    """A sweep of the picture store: files without a record. The worker does one a day without being asked.

    Originals that were never recorded, since an upload was interrupted, are added; originals and thumbnails of pictures
    that were deleted are removed.
    """

    kind: Literal["sweep"]
    join: bool = Field(default=False, description="whether a sweep that runs already is enough")


class NewRead(Wire):
    """Reading: what is written in pictures that were not read yet. It fails where the reader is not installed.

    The worker does it without being asked for, where it can.
    """

    kind: Literal["read"]
    join: bool = Field(default=False, description="whether a reading that runs already is enough")


class NewJob(RootModel[Annotated[NewScan | NewReindex | NewSweep | NewRead, Field(discriminator="kind")]]):
    """What a job is to do."""


class FailedFile(Answer):
    """A file that could not be read, and why."""

    file: str
    fault: str = Field(
        default="unreadable",
        description="its kind: unreadable, not-a-file, unmounted, patterns, sidecar, or that of an error",
    )
    reason: str


class FailedPicture(Answer):
    """A picture that could not be encoded, and why."""

    id: str
    detail: str


class ScanProgress(Answer):
    """How far a scan is: files by result."""

    total: int
    done: int
    unchanged: int
    added: int
    exists: int = Field(description="files whose picture was in the collection already")
    back: int = Field(description="files of pictures that were hidden and are shown again")
    deleted: int = Field(description="files of pictures that the user deleted, which stay deleted")
    failed: int
    gone: int = Field(description="files that are not there any more, or are left out now; their pictures are hidden")
    forgotten: int = Field(description="hidden pictures that were removed for good")
    failures: list[FailedFile] = Field(description="the first 500 of those that failed")
    left_out: dict[str, int] = Field(description="files and folders that are not looked at, by kind")


class ReindexProgress(Answer):
    """How far a re-index is: pictures with a vector of the new model."""

    model_id: str
    total: int
    done: int
    failed: list[FailedPicture]


class SweepProgress(Answer):
    """How far a sweep is: folders of the picture store."""

    total: int
    done: int
    restored: int = Field(description="originals without a record that were added")
    removed: int = Field(description="files that were deleted")
    forgotten: int = Field(description="pictures of the bin that were deleted for good")
    failed: list[FailedPicture] = Field(description="originals without a record that cannot be added")


class ReadProgress(Answer):
    """How far reading is: pictures."""

    total: int
    done: int
    written: int = Field(description="pictures with text")
    failed: list[FailedPicture] = Field(description="the first 500 pictures that cannot be read")


class JobAnswer(Answer):
    """A job; times are in UTC."""

    id: str
    kind: JobKind
    status: Literal["queued", "running", "done", "failed", "cancelled"]
    params: dict[str, Any]
    progress: ScanProgress | ReindexProgress | SweepProgress | ReadProgress | None = Field(
        description="None before the first step"
    )
    problem: dict[str, Any] | None = Field(description="the problem document of a job that failed")
    created_at: str
    started_at: str | None
    seen_at: str | None = Field(description="when its worker last reported")
    ended_at: str | None


class JobsAnswer(Answer):
    """Jobs, the newest first."""

    jobs: list[JobAnswer]


def public(job: Job) -> dict[str, Any]:
    """A job as JSON."""
    times = {name: as_time(getattr(job, name)) for name in ("created_at", "started_at", "seen_at", "ended_at")}
    return {**job._asdict(), **times}


def as_time(seconds: float | None) -> str | None:
    """Seconds since 1970 as an ISO 8601 time in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
