"""The OpenAPI document of `/v1`, made once and kept as bytes."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import orjson
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

import tallystick
from tallystick.auth.policy import PERMISSIONS
from tallystick.web import cookies, documented
from tallystick.web.call import JSON_MEDIA_TYPE
from tallystick.web.edge import Edge

DESCRIPTION: Final = """\
Issue invoices, collect what is owed, and keep books that both sides can check.

**Who asks.** Send an API key with every request: `Authorization: Bearer KEY`. Or log in: the
session travels in a cookie, and each change sends the `csrf_token` of the login in `X-CSRF-Token`.
Whoever may act in several organizations (a person, a platform key) names one in
`Tallystick-Organization`, by id or slug. People of the platform say in `Tallystick-Reason` why they
change something in an organization that is not theirs.

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
        "name": "logins",
        "description": "People: set up, sign up, log in, and what they do with their own login.",
    },
    {
        "name": "organizations",
        "description": "Who is owed: a school, a company. Each has books of its own.",
    },
    {"name": "customers", "description": "Who owes: a student, a client of one organization."},
    {
        "name": "invoices",
        "description": "What is owed. A draft may change; an issued invoice never does.",
    },
    {
        "name": "credit notes",
        "description": "What takes an issued invoice back, in part or whole.",
    },
    {"name": "payments", "description": "Money that came in, what it paid, and its receipt."},
    {"name": "statements", "description": "What happened to what is owed, and what is overdue."},
    {"name": "refunds", "description": "Money that went back to whoever paid it."},
    {"name": "alarms", "description": "What a person has to look at, and when nobody has to."},
    {"name": "members", "description": "People who act for an organization, each in a role."},
    {"name": "users", "description": "Everybody with a login, as the platform looks after them."},
    {"name": "roles", "description": "What members and keys may do."},
    {
        "name": "keys",
        "description": "Credentials of programs, and of people's own scripts; each is shown once.",
    },
    {
        "name": "payers",
        "description": "Those who owe see and pay what is theirs, with a login or by a link.",
    },
    {"name": "events", "description": "What happened, in an order in which it can be followed."},
    {"name": "audit trail", "description": "Who did what, when, from where and why."},
    {"name": "operating", "description": "What whoever runs the server watches."},
    {"name": "ledger", "description": "The books: double entry, append-only."},
    {
        "name": "labels",
        "description": "Short words that people or rules put on customers, invoices and payments.",
    },
    {
        "name": "rules",
        "description": "What happens by itself when a payment comes in, and what rules did.",
    },
]

_SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, a personal token or a payer's link.",
    },
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same, for tools that cannot send a bearer.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": cookies.NAME,
        "description": "A session, begun with a login. Changes need `X-CSRF-Token` beside it.",
    },
}


def build(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Make the document from the operations that it is about."""
    document = get_openapi(
        title="Tallystick",
        version=tallystick.__version__,
        description=DESCRIPTION,
        tags=TAGS,
        routes=routes,
        # Relative to the document itself, so it holds behind any proxy.
        servers=[{"url": ".", "description": "This installation"}],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        separate_input_output_schemas=False,
    )
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _without_null(parameter["schema"])
            if PERMISSIONS[operation["operationId"]] == "public":
                operation["security"] = []
    components = document.setdefault("components", {})
    _, problem = models_json_schema(
        [(documented.Problem, "serialization")], ref_template="#/components/schemas/{model}"
    )
    components.setdefault("schemas", {}).update(problem["$defs"])
    components["examples"] = documented.examples()
    components["securitySchemes"] = _SECURITY_SCHEMES
    document["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    return document


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Show a parameter that may be left out as what it is when it is given: none is ever null."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {**choices[0], **{name: said for name, said in schema.items() if name != "anyOf"}}


class Document:
    """The page of the document, which is made when it is first asked for."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes
        self._made: bytes | None = None

    async def serve(self, request: Request) -> Response:
        """Serve the document."""
        if self._made is None:
            # It takes a good part of a second, in which others are served.
            readers = Edge.of(request.scope).readers
            loop = asyncio.get_running_loop()
            self._made = await loop.run_in_executor(readers, self._make)
        return Response(self._made, media_type=JSON_MEDIA_TYPE)

    def _make(self) -> bytes:
        return orjson.dumps(build(self._routes))
