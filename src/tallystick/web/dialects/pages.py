"""The OpenAPI document of a dialect, and the page on which it can be tried."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final

import orjson
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

import tallystick

_SECURITY_SCHEMES: Final = {
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}


def pages(
    title: str, description: str, operations: Sequence[BaseRoute], *, keys: bool
) -> list[BaseRoute]:
    """Make the routes of the document and of its page, under both of the names it has.

    Without `keys` the document says nothing of any.
    """
    made: list[bytes] = []

    async def document(_: Request) -> Response:
        if not made:
            document = _document(title, description, operations)
            if keys:
                document["components"]["securitySchemes"] = _SECURITY_SCHEMES
                document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
            made.append(orjson.dumps(document))
        return Response(made[0], media_type="application/json")

    async def page(request: Request) -> Response:
        scope = request.scope
        root = escape(scope.get("app_root_path", scope.get("root_path", "")))
        return HTMLResponse(_PAGE.format(title=escape(title), root=root))

    return [
        Route("/openapi.json", document, methods=["GET"]),
        Route("/docs", page, methods=["GET"]),
        Route("/redoc", page, methods=["GET"]),
    ]


def _document(title: str, description: str, operations: Sequence[BaseRoute]) -> dict[str, Any]:
    return get_openapi(
        title=title,
        version=tallystick.__version__,
        description=description,
        routes=operations,
        # Relative to the document itself, so it holds wherever the dialect is served.
        servers=[{"url": ".", "description": "This installation"}],
        separate_input_output_schemas=False,
    )


_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="{root}/static/tallystick.svg" type="image/svg+xml">
<link rel="stylesheet" href="{root}/static/swagger-ui/swagger-ui.css">
<link rel="stylesheet" href="{root}/static/docs.css">
</head>
<body>
<main id="api"></main>
<noscript>This page needs JavaScript. The document itself is at openapi.json.</noscript>
<script src="{root}/static/swagger-ui/swagger-ui-bundle.js"></script>
<script src="{root}/static/docs.js"></script>
</body>
</html>
"""
