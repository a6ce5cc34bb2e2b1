"""Contract 000: its operations, where they are served, and how it says no."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from tallystick.kernel.errors import Refused
from tallystick.web.dialects import pages
from tallystick.web.dialects.configurable_payments import (
    configs,
    configurations,
    invoices,
    numbers,
    payments,
    shapes,
)
from tallystick.web.dialects.frame import Chosen, Dialect
from tallystick.web.dialects.routing import JSON, Manner, Operation, Said, dumped, routes
from tallystick.web.problems import TABLE

TITLE: Final = "Configurable payments"
DESCRIPTION: Final = """\
Payments whose behaviour is configured at run time: an older contract on the books of Tallystick.
Amounts are numbers; `amount_due` is what an invoice comes to, paid or not."""

_OPERATIONS: Final = (
    Operation("POST", "/payments", payments.add_payment, "record_payment", shapes.Message, 201),
    Operation("GET", "/invoices", invoices.list_invoices, "list_invoices", list[shapes.Invoice]),
    Operation(
        "POST",
        "/configs",
        configs.add_config,
        "create_rule",
        shapes.Message,
        201,
        refusals={200: shapes.Message},
    ),
    Operation(
        "GET",
        "/configs",
        configs.list_configs,
        "list_rules",
        list[shapes.Configuration],
    ),
    Operation(
        "GET",
        "/configs/{config_id}",
        configs.get_config,
        "get_rule",
        shapes.Configuration,
    ),
    Operation(
        "PUT",
        "/configs/{config_id}",
        configs.change_config,
        "change_rule",
        shapes.Message,
    ),
    Operation(
        "DELETE",
        "/configs/{config_id}",
        configs.delete_config,
        "delete_rule",
        shapes.Message,
    ),
)

_STATUSES: Final = {configurations.TAKEN: 409, configurations.FIXED: 409}
"""Those of the contract's own refusals."""
_CODES: Final = {
    404: "request.path_unknown",
    405: "request.method_unknown",
    413: "request.too_large",
    415: "request.content_encoding",
    500: "server.error",
    503: "server.not_ready",
}
"""Of what is refused before an operation is found, or where nobody said a code."""


def say(refused: Refused) -> Said:
    """Turn a refusal into a status and text."""
    code = refused.refusal.code
    status = _STATUSES[code] if code in _STATUSES else TABLE[code].status
    return Said(status, refused.refusal.detail, code=code)


def form(said: Said) -> dict[str, Any]:
    """Say no in the form of the contract."""
    told = [_told(fault) for fault in said.faults]
    return {
        "message": " ".join(told) or said.text,
        "code": said.code or _CODES[said.status],
        **said.members,
    }


def _told(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "json_invalid":
        return "The body is not JSON."
    place = ".".join(str(each) for each in fault["loc"][1:])
    if not place:
        return "The body is a JSON object, sent with the Content-Type application/json."
    said = "This is an object" if fault["type"] == "model_type" else fault["msg"]
    return f"{place}: {said}."


_MANNER: Final = Manner(numbers.NAME, say, knows_keys=False, echoes=False, form=form)


def refuse(status: int, text: str, headers: Mapping[str, str] | None = None, /) -> Response:
    """Say no where no operation was found."""
    return Response(dumped(form(Said(status, text))), status, headers, JSON)


def _routes(chosen: Chosen) -> Sequence[BaseRoute]:
    refused = dict.fromkeys((404, 409), shapes.Refusal)
    operations = [each._replace(refusals={**refused, **each.refusals}) for each in _OPERATIONS]
    made = routes(_MANNER, chosen, operations)
    return [*made, *pages.pages(TITLE, DESCRIPTION, made, keys=not chosen.trusting)]


def _prefixes(_chosen: Chosen) -> tuple[str, ...]:
    return "/payments", "/invoices", "/configs"


DIALECT: Final = Dialect(numbers.NAME, _routes, _prefixes, refuse)
