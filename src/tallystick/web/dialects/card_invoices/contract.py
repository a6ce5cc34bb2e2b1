"""Contract 001: its operations, where they are served, and what our refusals are called there."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tallystick.kernel.errors import Refused
from tallystick.web.dialects import pages
from tallystick.web.dialects.card_invoices import invoices, paying, shapes
from tallystick.web.dialects.frame import Chosen, Dialect
from tallystick.web.dialects.routing import (
    JSON,
    Manner,
    Operation,
    Said,
    dumped,
    refuse,
    routes,
)
from tallystick.web.edge import Edge
from tallystick.web.health import ANSWER_S
from tallystick.web.problems import TABLE

TITLE: Final = "Card invoices"
DESCRIPTION: Final = """\
Invoices that are paid by card through FakePay: an older contract on the books of Tallystick.
Amounts are numbers with two decimals. The list has its next and previous parts in the `Link`
header."""

log = structlog.get_logger(__name__)

_UNPAID: Final = dict.fromkeys((402, 409, 502, 504), shapes.PaymentDetail)
_OPERATIONS: Final = (
    Operation(
        "GET",
        "/invoice/{uuid}",
        invoices.get_invoice,
        "get_invoice",
        shapes.InvoiceResponse,
        refusals={404: shapes.Detail},
    ),
    Operation(
        "POST",
        "/invoice",
        paying.create_invoice,
        "create_invoice",
        shapes.InvoiceResponse,
        201,
        refusals={**_UNPAID, 404: shapes.Detail},
    ),
    Operation(
        "POST",
        "/invoice/pay/{uuid}",
        paying.pay_invoice,
        paying.PAYS,
        shapes.InvoiceResponse,
        201,
        refusals=dict.fromkeys((*_UNPAID, 404), shapes.Detail),
    ),
    Operation(
        "GET", "/invoices", invoices.list_invoices, "list_invoices", list[shapes.InvoiceResponse]
    ),
)


def say(refused: Refused) -> Said:
    """Turn a refusal into a status and text; the contract has no words for those that get here."""
    return Said(TABLE[refused.refusal.code].status, refused.refusal.detail)


_MANNER: Final = Manner(invoices.NAME, say, knows_keys=False, echoes=False)


def _routes(chosen: Chosen) -> Sequence[BaseRoute]:
    made = routes(_MANNER, chosen, _OPERATIONS)
    return [
        *made,
        Route("/health-check", _health, methods=["GET"]),
        *pages.pages(TITLE, DESCRIPTION, made, keys=not chosen.trusting),
    ]


async def _health(request: Request) -> Response:
    try:
        async with asyncio.timeout(ANSWER_S):
            await Edge.of(request.scope).read(lambda conn: conn.execute(select(1)).scalar())
    except Exception as error:  # noqa: BLE001  # whatever the reason, it is down
        log.warning("not healthy", error=str(error))
        return Response(dumped({"status": "DOWN"}), 502, media_type=JSON)
    return Response(dumped({"status": "UP"}), media_type=JSON)


def _prefixes(_chosen: Chosen) -> tuple[str, ...]:
    return "/invoice", "/invoices", "/health-check"


DIALECT: Final = Dialect(invoices.NAME, _routes, _prefixes, refuse)
