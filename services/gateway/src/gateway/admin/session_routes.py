"""Routes of the public API, version 1: browser sessions."""

from __future__ import annotations

from typing import Any

import orjson
from flask import Response
from servicekit.errors import Kind, ServiceError

from gateway.admin.schemas import Login, Session, Sessions
from gateway.api.routing import Api
from gateway.auth.access_control import AccessControl
from gateway.auth.keys import Scope


def add_session_routes(api: Api, access: AccessControl) -> None:
    """Register the session routes with the API."""

    @api.route("GET", "/session", {200: Session}, scope=None)
    def session() -> dict[str, Any]:
        """Get whether this client needs a key, and the scope of the key that it uses."""
        state: dict[str, Any] = {"required": access.reason() is not None, "scope": None, "key_name": None, "id": None}
        if caller := access.caller():
            state |= {"scope": caller.key.scope.name.lower(), "key_name": caller.key.name}
            state["id"] = caller.session.id if caller.session else None
        return state

    @api.route("POST", "/session", {200: Session}, body=Login, scope=None, body_bytes=4096)
    def log_in(body: Login) -> Response:
        """Start a session for this browser, in an HttpOnly cookie."""
        response = Response(content_type="application/json")
        if access.reason() is not None:
            access.begin(response, body.key)
        response.set_data(orjson.dumps(session()))
        return response

    @api.route("DELETE", "/session", {204: None}, scope=None)
    def log_out() -> Response:
        """End the session of this browser."""
        response = Response(status=204)
        access.end(response)
        return response

    @api.route("GET", "/sessions", {200: Sessions})
    def sessions() -> dict[str, Any]:
        """List the sessions of this client's key, newest first; with a key of scope admin, the sessions of all keys."""
        return {
            "sessions": [
                {
                    "id": s.id,
                    "key_name": s.key.name,
                    "created_at": s.created_at,
                    "seen_at": s.seen_at,
                    "address": s.address,
                    "client": s.client,
                }
                for s in access.sessions.all(only_key())
            ]
        }

    @api.route("DELETE", "/sessions/<session_id>", {204: None}, errors=(Kind.NOT_FOUND,))
    def end_session(session_id: str) -> tuple[str, int]:
        """End a session that `GET /sessions` lists."""
        if not access.sessions.end(session_id, only_key()):
            raise ServiceError(Kind.NOT_FOUND, f"there is no session {session_id[:40]!r} of this key")
        access.did("session-ended", session=session_id)
        return "", 204

    def only_key() -> str | None:
        """The id of the key whose sessions the client may see; None if it may see all."""
        caller = access.caller()
        return None if caller is None or caller.key.scope is Scope.ADMIN else caller.key.id
