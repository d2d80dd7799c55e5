"""Errors as `application/problem+json` (RFC 9457) with the code of the one error catalogue, in Chinese and English."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from huilian_protocol.errors import HuilianError
from pydantic import BaseModel, ValidationError

CONTENT_TYPE = "application/problem+json"
_HTTP_CODES = {404: "NOT_FOUND"}

logger = logging.getLogger(__name__)


class Problem(BaseModel):
    """What went wrong. `fault` says who has to act, `retry` whether the same call can help later."""

    type: str
    title: str
    title_en: str
    status: int
    code: str
    fault: str
    retry: str
    detail: str = ""
    params: Mapping[str, str] = {}


def problem_of(error: HuilianError, status: int | None = None) -> Problem:
    """The problem that tells this error; `status` where HTTP itself has a more exact one."""
    return Problem(
        type=f"urn:huilian:error:{error.code}",
        title=error.text_zh,
        title_en=error.text_en,
        status=status or error.entry.http,
        code=error.code,
        fault=error.entry.fault.value,
        retry=error.entry.retry.value,
        detail=error.public_detail,
        params=error.params,
    )


def problem_response(error: HuilianError, status: int | None = None) -> web.Response:
    """The answer that tells this error."""
    problem = problem_of(error, status)
    # RFC 9110 section 15.5.2: who is asked to sign in is told how.
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == 401 else {}
    if (seconds := error.params.get("retry_after_seconds", "")).isdecimal():
        headers["Retry-After"] = seconds
    return web.Response(
        text=problem.model_dump_json(), status=problem.status, content_type=CONTENT_TYPE, headers=headers
    )


def invalid_input(error: ValidationError, part: str) -> HuilianError:
    """What a request breaks, by the first field's path and rule. The value itself may be personal and is left out."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return HuilianError("INVALID_ARGUMENT", f"{part}: {first['msg']}", field=_path(first["loc"]) or part)


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in location)


@web.middleware
async def problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turns every failure into a problem; whatever is unknown becomes a bare INTERNAL."""
    try:
        return await handler(request)
    except HuilianError as error:
        return problem_response(error)
    except web.HTTPException as error:
        return _http_problem(error)
    except Exception as error:  # noqa: BLE001  the one place where the unknown is answered
        logger.error("request_failed", extra={"route": _route(request), "error_type": type(error).__name__})
        return problem_response(HuilianError("INTERNAL"))


def _http_problem(error: web.HTTPException) -> web.StreamResponse:
    if error.status < 400:
        raise error
    code = _HTTP_CODES.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")
    response = problem_response(HuilianError(code, error.reason, resource="page", field="request"), error.status)
    if "Allow" in error.headers:
        response.headers["Allow"] = error.headers["Allow"]
    return response


def _route(request: web.Request) -> str:
    """The route's pattern: a path itself can hold ids."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"
