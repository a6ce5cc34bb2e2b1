"""The OpenAPI document of `/v1`, made once and kept as bytes."""

from typing import Any, Final

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response

import tallystick
from tallystick.web import documented
from tallystick.web.call import JSON_MEDIA_TYPE

DESCRIPTION: Final = """\
Issue invoices, collect what is owed, and keep books that both sides can check.

**Keys.** Send an API key with every request: `Authorization: Bearer KEY`. A platform key may act in
every organization and names one in `Tallystick-Organization`, by id or slug.

**Amounts** are decimal strings beside an ISO 4217 currency: `"199.99"`, `EUR`. Quantities and rates
are decimal strings too, rates in percent: `"8.875"`. JSON numbers are refused there, because
programs round them.

**Days and moments.** Days are days of the organization's time zone; moments are UTC.

**Repeating.** Send an `Idempotency-Key` with each POST and repeat it as often as needed: it has its
effect once, and the same answer comes again with `Idempotent-Replayed: true`.

**Changing.** PATCH replaces the members that are named and leaves the others. It needs the `ETag`
that you read, in `If-Match`; if somebody else was quicker, nothing is written.

**Lists** come newest first, in pages: send `next` of one page as `cursor` of the next, with the
same filters.

**Problems** are `application/problem+json`. Programs decide on `code`; every code has
[a page of its own](developers/errors/)."""

TAGS: Final = [
    {
        "name": "organizations",
        "description": "Who is owed: a school, a company. Each has books of its own.",
    },
    {"name": "customers", "description": "Who owes: a student, a client of one organization."},
    {
        "name": "invoices",
        "description": "What is owed. A draft may change; an issued invoice never does.",
    },
    {"name": "payments", "description": "Money that came in, what it paid, and its receipt."},
    {"name": "ledger", "description": "The books: double entry, append-only."},
]

_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, made with `tallystick key create`.",
    },
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key, for tools that cannot send a bearer.",
    },
}


def build(app: FastAPI) -> dict[str, Any]:
    """Make the document from the routes of an application."""
    document = get_openapi(
        title="Tallystick",
        version=tallystick.__version__,
        description=DESCRIPTION,
        tags=TAGS,
        routes=app.routes,
        # Relative to the document itself, so it holds behind any proxy.
        servers=[{"url": ".", "description": "This installation"}],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    components = document.setdefault("components", {})
    _, problem = models_json_schema(
        [(documented.Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    components.setdefault("schemas", {}).update(problem["$defs"])
    components["examples"] = documented.examples()
    components["securitySchemes"] = _SECURITY_SCHEMES
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    return document


async def serve(request: Request) -> Response:
    """Serve the document."""
    state = request.app.state
    if not hasattr(state, "openapi"):
        state.openapi = orjson.dumps(build(request.app))
    return Response(state.openapi, media_type=JSON_MEDIA_TYPE)
