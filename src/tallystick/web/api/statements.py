"""Statements and ageing, of one customer and of an organization."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.kernel import money
from tallystick.reports import ageing, statements
from tallystick.web.api.headers import CustomerId, OrganizationId, PlatformReading, Reading
from tallystick.web.api.shapes.statements import (
    CustomerAgeingQuery,
    CustomerAgeingView,
    OrganizationAgeingQuery,
    OrganizationAgeingView,
    Statement,
    StatementQuery,
    packed,
    shown_aged,
    shown_block,
    shown_customer,
    unpacked,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1",
    tags=["statements"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)

_PERIOD = ("statement.period", "statement.changed", "money.currency_unknown")


@router.get(
    "/customers/{customer_id}/statement",
    responses=answers(Statement, *_PERIOD, "customer.unknown"),
)
async def get_customer_statement(
    call: Reading, customer_id: CustomerId, query: Annotated[StatementQuery, QueryParameters()]
) -> Response:
    """Read the statement of a customer: what happened to what they owe.

    What is owed is what is open less the credit. A statement as of a past day stays the same,
    unless something is booked later with a date before it.
    """
    return await _statement(call, query, customer_id)


@router.get(
    "/organizations/{organization_id}/statement",
    responses=answers(Statement, *_PERIOD),
)
async def get_organization_statement(
    call: PlatformReading,
    organization_id: OrganizationId,  # noqa: ARG001  # declared; the route has read it
    query: Annotated[StatementQuery, QueryParameters()],
) -> Response:
    """Read the statement of all customers of an organization together."""
    return await _statement(call, query, None)


@router.get(
    "/customers/{customer_id}/ageing",
    responses=answers(CustomerAgeingView, "customer.unknown"),
)
async def get_customer_ageing(
    call: Reading, customer_id: CustomerId, query: Annotated[CustomerAgeingQuery, QueryParameters()]
) -> Response:
    """Read what a customer owes, by how long it is overdue."""
    place, on = call.place, query.as_of or call.today()
    aged = await call.read(lambda conn: ageing.customer_ageing(conn, place.id, customer_id, on=on))
    return call.reply({**shown_customer(aged), "as_of": on.isoformat()})


@router.get(
    "/organizations/{organization_id}/ageing",
    responses=answers(OrganizationAgeingView),
)
async def get_organization_ageing(
    call: PlatformReading,
    organization_id: OrganizationId,  # noqa: ARG001  # declared; the route has read it
    query: Annotated[OrganizationAgeingQuery, QueryParameters()],
) -> Response:
    """Read what all customers owe, by how long it is overdue.

    Looks at everything that was ever owed, so it takes its time where that is much.
    """
    place, on, after = call.place, query.as_of or call.today(), call.after(query)
    aged = await call.read(
        lambda conn: ageing.organization_ageing(
            conn, place.id, on=on, after=after, limit=query.limit
        )
    )
    page = aged["page"]
    return call.reply(
        {
            "as_of": on.isoformat(),
            "totals": [shown_aged(block) for block in aged["totals"]],
            "data": [shown_customer(item) for item in page.items],
            "next": call.cursor(query, page.next_after.bytes if page.next_after else None),
        }
    )


async def _statement(call: Call, query: StatementQuery, customer_id: UUID | None) -> Response:
    place, after = call.place, unpacked(call.bookmark(query))
    period = statements.chosen_period(
        call.today(), start=query.start, end=query.end, as_of=query.as_of
    )
    if query.currency is not None:
        money.exponent(query.currency, pointer="/currency")
    found = await call.read_snapshot(
        lambda conn: statements.statement(
            conn,
            place.id,
            period,
            customer_id=customer_id,
            currency=query.currency,
            default_currency=place.currency,
            after=after,
            limit=query.limit,
        )
    )
    return call.reply(
        {
            "from": found["period"].start.isoformat(),
            "to": found["period"].end.isoformat(),
            "blocks": [
                shown_block(block, call.cursor(query, packed(block["next"])))
                for block in found["blocks"]
            ],
        }
    )
