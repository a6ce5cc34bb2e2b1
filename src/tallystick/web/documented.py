"""What OpenAPI says of the answers of an operation: the good one, and each problem by its code.

An operation names the codes of its own; those that follow from what it takes are added here.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, Protocol

from pydantic import ConfigDict, Field

from tallystick.web.fields import View
from tallystick.web.problems import MEDIA_TYPE, PAGES, TABLE

Responses = dict[int | str, dict[str, Any]]

ETAG: Final = {
    "ETag": {
        "description": "The version, to be sent in If-Match with a change.",
        "schema": {"type": "string"},
        "example": '"1"',
    }
}
_LOCATION: Final = {
    "Location": {
        "description": "Where the new object is read.",
        "schema": {"type": "string"},
        "example": "/v1/customers/018f4c1e-7b2a-7c3d-9e4f-5a6b7c8d9e0f",
    }
}
_REPLAYED: Final = {
    "Idempotent-Replayed": {
        "description": "`true` when this very answer was given before under the same key.",
        "schema": {"type": "string", "enum": ["true"]},
        "example": "true",
    }
}
_RETRY_AFTER: Final = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "string"},
        "example": "1",
    }
}
_OF_STATUS: Final[dict[int, dict[str, Any]]] = {
    401: {
        "WWW-Authenticate": {
            "description": "How to authenticate.",
            "schema": {"type": "string"},
            "example": 'Bearer realm="tallystick"',
        }
    },
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
_GUARDED: Final = (
    *("auth.key_missing", "auth.key_unknown", "auth.forbidden", "organization.unknown"),
)
_CHANGING: Final = ("auth.csrf", "auth.reason_missing")
_ALWAYS: Final = (
    *("request.invalid", "request.content_encoding", "request.too_large", "request.too_many"),
    *("server.error", "server.unavailable"),
)


class FaultView(View):
    """One wrong place in a request."""

    pointer: Annotated[
        str | None,
        Field(description="JSON pointer (RFC 6901) into the body.", examples=["/lines/0/quantity"]),
    ] = None
    parameter: Annotated[
        str | None, Field(description="Name of the parameter.", examples=["limit"])
    ] = None
    detail: Annotated[str, Field(description="What is wrong.", examples=["Write 100 or less."])]


class Problem(View):
    """Why a request could not be done (RFC 9457). Some problems carry further members."""

    model_config = ConfigDict(extra="allow")

    type: Annotated[
        str,
        Field(
            description="Address of the page that explains the code.",
            examples=[PAGES + "request.invalid"],
        ),
    ]
    title: Annotated[
        str,
        Field(
            description="The same words for every problem of this code.",
            examples=["The request has a wrong shape"],
        ),
    ]
    status: Annotated[int, Field(description="The HTTP status.", examples=[422])]
    detail: Annotated[
        str,
        Field(
            description="What happened in this case, and what to do.",
            examples=["limit: Write 100 or less."],
        ),
    ]
    instance: Annotated[
        str, Field(description="The path of the request.", examples=["/v1/invoices"])
    ]
    code: Annotated[
        str,
        Field(
            description="What programs decide on; codes never change.",
            examples=["request.invalid"],
        ),
    ]
    errors: Annotated[
        list[FaultView],
        Field(
            description="The wrong places, as far as there are any.",
            examples=[[{"parameter": "limit", "detail": "Write 100 or less."}]],
        ),
    ]
    request_id: Annotated[
        str,
        Field(description="Finds the request in the log.", examples=["018f4c1e7b2a7c3d9e4f5a6b"]),
    ]
    retryable: Annotated[
        bool,
        Field(description="Whether the very same request may succeed later.", examples=[False]),
    ]


class Operation(Protocol):
    """What is asked of a route here."""

    responses: Responses
    headers: frozenset[str]
    methods: Any
    permission: str
    takes_body: bool
    lists: bool


def answers(
    model: type[View] | None, *codes: str, status: int = 200, may_wait: bool = False
) -> Responses:
    """Document the answers of an operation: what a success looks like, and its own codes.

    Where it `may_wait` for somebody else, the same object comes with 202 before it is decided.
    """
    success: dict[str, Any] = {"description": "Done."}
    if model is not None:
        success |= {
            "model": model,
            "headers": dict(ETAG) if "version" in model.model_fields else {},
        }
    if status == 201:  # noqa: PLR2004  # Created
        success["headers"] |= _LOCATION
    responses: Responses = {status: success}
    if may_wait:
        responses[202] = {
            **success,
            "description": "Not decided yet.",
            "headers": {**success["headers"]},
        }
    _add(responses, codes)
    return responses


def complete(operation: Operation) -> None:
    """Add the codes that follow from what an operation takes."""
    headers, responses = operation.headers, operation.responses
    codes = [*_ALWAYS]
    if operation.permission != "public":
        codes += _GUARDED
        if "GET" not in operation.methods:
            codes += _CHANGING
    if operation.takes_body:
        codes += ["request.json_malformed", "request.media_type"]
    if "tallystick-organization" in headers:
        codes += ["organization.header_missing"]
    if "if-match" in headers:
        codes += ["precondition.required", "precondition.stale"]
    if operation.lists:
        codes += ["paging.cursor_unknown"]
    if "idempotency-key" in headers:
        codes += ["idempotency.key_malformed", "idempotency.key_reused"]
        for response in responses.values():
            response["headers"] = response.get("headers", {}) | _REPLAYED
    _add(responses, codes)


def examples() -> dict[str, Any]:
    """Give one example for each code, for the components of the document."""
    return {
        code: {
            "summary": kind.title,
            "value": {
                "type": PAGES + code,
                "title": kind.title,
                "status": kind.status,
                "detail": kind.meaning,
                "instance": "/v1/invoices",
                "code": code,
                "errors": [],
                "request_id": "018f4c1e7b2a7c3d9e4f5a6b",
                "retryable": kind.retryable,
            },
        }
        for code, kind in TABLE.items()
    }


def _add(responses: Responses, codes: Iterable[str]) -> None:
    for code in codes:
        kind = TABLE[code]
        response = responses.setdefault(
            kind.status,
            {
                "description": "",
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
                },
                "headers": dict(_OF_STATUS.get(kind.status, {})),
            },
        )
        if kind.retry_after_s:
            response["headers"] |= _RETRY_AFTER
        shown = response["content"][MEDIA_TYPE]["examples"]
        shown[code] = {"$ref": f"#/components/examples/{code}"}
        response["description"] = " ".join(f"`{each}`: {TABLE[each].title}." for each in shown)
