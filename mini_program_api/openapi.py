"""The OpenAPI description: what aiohttp-pydantic reads from the handlers, plus what all handlers have in common."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.view import generate_oas  # type: ignore[import-untyped]

from mini_program_api.base import REQUEST_ID, REQUEST_ID_HEADER, Screen
from mini_program_api.problems import CONTENT_TYPE, Problem

TITLE, VERSION = "Huilian mini program API", "1.0.0"
_BEARER = {"bearer": {"type": "http", "scheme": "bearer"}}
_KEY = {
    "in": "header",
    "name": REQUEST_ID_HEADER,
    "required": True,
    "description": "The caller's own id of this request: the same id with the same input does nothing twice.",
    "schema": {"type": "string", "pattern": f"^{REQUEST_ID}$"},
}


def specification(app: web.Application) -> dict[str, Any]:
    """The description of every screen of this application."""
    spec: dict[str, Any] = generate_oas([app], VERSION, TITLE, _BEARER)
    spec["components"]["schemas"]["Problem"] = Problem.model_json_schema()
    for path, screen in _screens(app):
        for method, operation in spec["paths"][path].items():
            _complete(operation, screen, method)
    return spec


def _screens(app: web.Application) -> list[tuple[str, type[Screen]]]:
    routes = [(route.resource, route.handler) for route in app.router.routes()]
    return [
        (resource.canonical, handler)
        for resource, handler in routes
        if resource is not None and isinstance(handler, type) and issubclass(handler, Screen)
    ]


def _complete(operation: dict[str, Any], screen: type[Screen], method: str) -> None:
    if screen.signed_in:
        operation["security"] = [{"bearer": []}]
    if screen.keyed and method == "post":
        operation.setdefault("parameters", []).append(_KEY)
    if screen.file_types and method == "post":
        binary = {"schema": {"type": "string", "format": "binary", "maxLength": screen.file_most_bytes}}
        operation["requestBody"] = {"required": True, "content": dict.fromkeys(screen.file_types, binary)}
    schema = {"$ref": "#/components/schemas/Problem"}
    operation["responses"]["default"] = {
        "description": "A problem with its catalogue code",
        "content": {CONTENT_TYPE: {"schema": schema}},
    }
