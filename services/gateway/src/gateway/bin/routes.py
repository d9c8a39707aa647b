"""Routes of the public API, version 1: delete pictures, and restore them from the bin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from servicekit.errors import Kind, ServiceError

from gateway.api.routing import Api
from gateway.auth.keys import Scope
from gateway.bin.schemas import BinAnswer, BinParams, DeleteAnswer, RestoreAnswer
from gateway.bin.service import Bin
from gateway.pictures.hidden import Entry
from gateway.pictures.schemas import Selection, public
from gateway.upstream.collection import Collection

DAY_S = 86_400
CHANGING = (Kind.NOT_FOUND, Kind.NO_SPACE)


def add_bin_routes(api: Api, binned: Bin, collection: Collection, sweep: Callable[[], object]) -> None:
    """Register the routes of the bin with the API.

    Args:
        api: receives the routes.
        binned: the bin.
        collection: its cached state is invalidated by deletions.
        sweep: queues the deletion of the files of an emptied bin.
    """

    def deleted(ids: list[str]) -> set[str]:
        gone = binned.delete(ids)
        if gone:
            collection.changed()
            for picture_id in sorted(gone):
                api.access.did("picture-deleted", picture=picture_id)
        return gone

    @api.route("DELETE", "/images/<picture_id>", {204: None}, errors=CHANGING, scope=Scope.WRITE)
    def delete(picture_id: str) -> tuple[str, int]:
        """Delete a picture: it moves to the bin, from where it can be restored for some time."""
        if not deleted([picture_id]):
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id}")
        return "", 204

    @api.route("POST", "/selection/delete", {200: DeleteAnswer}, body=Selection, errors=CHANGING, scope=Scope.WRITE)
    def delete_several(body: Selection) -> dict[str, Any]:
        """Delete several pictures: they move to the bin."""
        gone = deleted(body.ids)
        return {"deleted": sorted(gone), "missing": [i for i in body.ids if i not in gone]}

    @api.route("GET", "/bin", {200: BinAnswer}, params=BinParams, scope=Scope.WRITE)
    def list_bin(params: BinParams) -> dict[str, Any]:
        """List the pictures in the bin, what was deleted last first. Their thumbnails are still there."""
        at, _, name = (params.cursor or "").partition("-")
        found = binned.entries(params.k + 1, (int(at), name) if name else None)
        page = found[: params.k]
        last = page[-1] if len(found) > len(page) else None
        return {
            "pictures": [shown(entry) for entry in page],
            "count": binned.count(),
            "keep_days": binned.keep_s / DAY_S,
            "next_cursor": f"{last.hidden_at}-{last.record['id']}" if last else None,
        }

    def shown(entry: Entry) -> dict[str, Any]:
        times = {"deleted_at": entry.hidden_at, "forgotten_at": entry.hidden_at + binned.keep_s}
        written = {name: datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds") for name, at in times.items()}
        return {**public(entry.record), **written}

    @api.route(
        "POST",
        "/selection/restore",
        {200: RestoreAnswer},
        body=Selection,
        errors=(Kind.MODEL_MISMATCH, Kind.NO_SPACE),
        scope=Scope.WRITE,
    )
    def restore(body: Selection) -> dict[str, Any]:
        """Restore pictures from the bin, as they were."""
        result = binned.restore(body.ids)
        if result.ids:
            collection.changed()
            api.access.did("pictures-restored", pictures=result.ids)
        failed = [{"id": picture_id, "error": error.item()} for picture_id, error in result.failed.items()]
        return {"restored": result.ids, "failed": failed}

    @api.route("DELETE", "/bin/<picture_id>", {204: None}, errors=CHANGING, scope=Scope.WRITE)
    def forget(picture_id: str) -> tuple[str, int]:
        """Delete a picture in the bin for good, with its file unless that is in the library."""
        if not binned.forget([picture_id]):
            raise ServiceError(Kind.NOT_FOUND, f"there is no picture {picture_id} in the bin")
        api.access.did("picture-forgotten", picture=picture_id)
        return "", 204

    @api.route("DELETE", "/bin", {204: None}, errors=(Kind.NO_SPACE,), scope=Scope.WRITE)
    def empty() -> tuple[str, int]:
        """Delete everything in the bin for good. The files go with the next job of kind sweep, which is queued."""
        count = binned.count()
        binned.make_due()
        sweep()
        api.access.did("bin-emptied", pictures=count)
        return "", 204
