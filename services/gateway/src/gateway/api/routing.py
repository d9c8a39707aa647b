"""Routes that describe themselves: the pydantic models that validate a request also generate the OpenAPI document.

Why not spectree, which does both for Flask (3.0.0 was tried on all routes, against the tests): it reads a streamed
answer as a whole before it sends the first byte, fails on files, reads broken JSON as `{}`, validates the body before
any hook can refuse the key or wait for a slot, and describes only answers of application/json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import wraps
from typing import Annotated, Any, TypeVar, get_args, get_origin

import orjson
from flask import Blueprint, Response, make_response, request, stream_with_context
from flask.typing import ResponseReturnValue
from pydantic import BaseModel
from servicekit.errors import Kind, ServiceError
from servicekit.server.worker import MOST_COLLECTED
from servicekit.wire import Params, parse
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from gateway.api.description import Multipart, Operation, document
from gateway.auth.access_control import AccessControl
from gateway.auth.keys import Scope
from gateway.concurrency import ConcurrencyLimit, RequestLimits

# nginx buffers responses unless this header disables it; events must arrive at once.
UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
# Errors that every route can return.
ANY_ROUTE = frozenset(
    (
        *(Kind.INVALID, Kind.TOO_LARGE, Kind.TOO_SLOW, Kind.UNAVAILABLE),
        *(Kind.UNAUTHORIZED, Kind.FORBIDDEN, Kind.TOO_MANY_REQUESTS),
    )
)
# Extra form parts that are read before the request is refused; each large part is an open file.
SPARE_PARTS = 16
# Largest body of a request without files, in bytes; a search with 16 terms needs a third of it.
JSON_BYTES = 2**20


class NoParams(Params):
    """A query string without parameters."""


class Api:
    """Registers the routes of a blueprint and collects their descriptions."""

    def __init__(self, blueprint: Blueprint, access: AccessControl, limits: RequestLimits) -> None:
        """Register routes with a blueprint.

        Args:
            blueprint: the blueprint of the routes.
            access: authenticates and authorises each request.
            limits: concurrency limits of requests that may hold a thread for long.
        """
        self.blueprint, self.access, self.limits = blueprint, access, limits
        self.operations: list[Operation] = []

    def route(
        self,
        method: str,
        path: str,
        answers: dict[int, type[BaseModel] | tuple[str, ...] | None],
        *,
        params: type[Params] = NoParams,
        body: type[BaseModel] | None = None,
        form: Multipart | None = None,
        errors: Sequence[Kind] = (),
        streams: bool = False,
        scope: Scope | None = Scope.READ,
        body_bytes: int = JSON_BYTES,
        limit: ConcurrencyLimit | None = None,
    ) -> Callable[[Callable[..., ResponseReturnValue]], Callable[..., ResponseReturnValue]]:
        """Decorator that registers a function as a route; its docstring is the route's description.

        The function is called with the path's parameters, with `params` if the route has a query string, and with
        `body` if the request is JSON.

        Args:
            method: the HTTP method.
            path: the path below the blueprint's prefix, with parameters in angle brackets.
            answers: by status: the model of a JSON document, or the content types of another body, or None for no body.
            params: the model of the query string.
            body: the model of a JSON body.
            form: the multipart form that is accepted instead of, or beside, a JSON body.
            errors: error kinds of this route, beside ANY_ROUTE.
            streams: whether it answers with server-sent events if the Accept header asks for them.
            scope: the scope that the caller's key needs; None if the route needs no key.
            body_bytes: the largest body; a larger one is refused (413).
            limit: the request waits for a slot of this limit before its body is read, and holds it until the answer is
                sent. Without it, only a large body needs a slot, of `limits.bodies`.
        """

        def register(function: Callable[..., ResponseReturnValue]) -> Callable[..., ResponseReturnValue]:
            summary, _, text = (function.__doc__ or "").strip().partition("\n\n")

            @wraps(function)
            def view(**given: Any) -> ResponseReturnValue:
                self.access.admit(scope)
                sizes = [body_bytes, request.max_content_length, JSON_BYTES if request.is_json else None]
                request.max_content_length = min(size for size in sizes if size is not None)
                if form is not None:
                    request.max_form_parts = form.most + SPARE_PARTS
                slow = arrives_slowly()
                if slow and request.max_content_length <= MOST_COLLECTED:
                    # The route expects a small body, and this one is too large or has no length: refuse it at once and
                    # do not wait for a slot, since some of these routes need no key.
                    raise RequestEntityTooLarge
                read = read_params(params, request.args)
                if params is not NoParams:
                    given["params"] = read
                slots = limit or (self.limits.bodies if slow else None)
                with ExitStack() as slot:
                    if slots:
                        slot.enter_context(slots.slot())
                    if body is not None and (form is None or request.is_json):
                        given["body"] = parse(body, request.get_json())
                    return held(make_response(function(**given)), slot)

            self.blueprint.add_url_rule(path, function.__name__, view, methods=[method])
            self.operations.append(
                Operation(
                    method=method,
                    path=path,
                    name=function.__name__,
                    summary=summary,
                    text=text,
                    params=params,
                    body=body,
                    form=form,
                    answers=answers,
                    errors=frozenset(errors) | ANY_ROUTE,
                    streams=streams,
                    scope=scope,
                )
            )
            return function

        return register

    def description(self, title: str, version: str) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the routes."""
        return document(title, version, str(self.blueprint.url_prefix), self.operations)


def held(answer: Response, slot: ExitStack) -> Response:
    """The response; it holds its concurrency slot until it is sent."""
    # With direct passthrough, as of files, the WSGI server would close the file without running the callbacks.
    answer.direct_passthrough = False
    answer.call_on_close(slot.pop_all().close)
    return answer


def arrives_slowly() -> bool:
    """Whether the body may still be arriving; the gunicorn worker has buffered small bodies already."""
    length = request.content_length
    return "Transfer-Encoding" in request.headers if length is None else length > MOST_COLLECTED


P = TypeVar("P", bound=Params)


def read_params(model: type[P], query: MultiDict[str, str]) -> P:
    """Parse a query string strictly: unknown parameters and repeated single-value parameters are refused.

    Raises:
        ServiceError: naming the wrong parameters.
    """
    given: dict[str, Any] = {}
    twice = []
    for name, values in query.lists():
        field = model.model_fields.get(name)
        if field is not None and is_list(field.annotation):
            given[name] = values
        else:
            given[name] = values[0]
            twice += [name] if len(values) > 1 else []
    if twice:
        raise ServiceError(Kind.INVALID, f"{', '.join(twice)}: given more than once")
    return parse(model, given)


def is_list(annotation: Any) -> bool:
    """Whether a field's type is a list or tuple, possibly annotated."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return get_origin(annotation) in (list, tuple)


def event(name: str, document: dict[str, Any]) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {orjson.dumps(document).decode()}\n\n"


def events(stream: Iterator[str]) -> Response:
    """A response of server-sent events; the generator keeps the request context."""
    return Response(stream_with_context(stream), content_type="text/event-stream", headers=UNBUFFERED)
