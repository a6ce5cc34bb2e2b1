"""Problems as answers (RFC 9457): the one table from a code to its status and words.

Nothing else in the product knows which status a code has.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson
from starlette.responses import Response
from starlette.types import Scope

from tallystick.kernel.errors import Fact
from tallystick.web.arrival import Arrival
from tallystick.web.kinds.access import ACCESS
from tallystick.web.kinds.alarms import ALARMS
from tallystick.web.kinds.auth import AUTH, LOGINS
from tallystick.web.kinds.corrections import CORRECTIONS
from tallystick.web.kinds.invoices import INVOICES
from tallystick.web.kinds.kind import Kind
from tallystick.web.kinds.parties import PARTIES
from tallystick.web.kinds.payments import PAYMENTS
from tallystick.web.kinds.refunds import REFUNDS
from tallystick.web.kinds.reports import REPORTS
from tallystick.web.kinds.requests import REQUESTS
from tallystick.web.kinds.rules import RULES

MEDIA_TYPE: Final = "application/problem+json"
PAGES: Final = "/developers/errors/"
"""Where the page of each code stands; its address is the `type` of the problem."""

TABLE: Final[Mapping[str, Kind]] = {
    **REQUESTS,
    **AUTH,
    **ACCESS,
    **LOGINS,
    **PARTIES,
    **INVOICES,
    **CORRECTIONS,
    **PAYMENTS,
    **REFUNDS,
    **REPORTS,
    **ALARMS,
    **RULES,
}
"""Every code that an answer may carry."""

Fault = dict[str, str]
"""One wrong place: `pointer` into the body or `parameter` by name, and `detail`."""


def problem(
    scope: Scope,
    code: str,
    detail: str,
    *,
    errors: Sequence[Fault] = (),
    facts: Mapping[str, Fact] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Make the answer to a request that could not be done."""
    document = described(scope, code, detail, errors=errors, facts=facts)
    return Response(
        orjson.dumps(document), TABLE[code].status, headers=headers, media_type=MEDIA_TYPE
    )


def described(
    scope: Scope,
    code: str,
    detail: str,
    *,
    errors: Sequence[Fault] = (),
    facts: Mapping[str, Fact] | None = None,
) -> dict[str, Any]:
    """Make the document of a problem, also for one item of many.

    The facts of a refusal become further members of the document.
    """
    kind = TABLE[code]
    document: dict[str, Any] = {
        "type": scope.get("root_path", "") + PAGES + code,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": quote(scope["path"]),
        "code": code,
        "errors": list(errors),
        "request_id": Arrival.of(scope).request_id,
        "retryable": kind.retryable,
    }
    for name, fact in (facts or {}).items():
        document.setdefault(name, fact)
    return document
