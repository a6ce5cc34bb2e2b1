"""Operations on payers' links."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from fastapi import Query as QueryParameters
from starlette.responses import Response

from tallystick.auth import payer_links
from tallystick.auth.credentials import LINK_PURPOSE, LINK_START
from tallystick.auth.payer_links import PayerLinkDocument, RevokePayerLink
from tallystick.invoices.linking import CreatePayerLink, create_payer_links
from tallystick.web.api.headers import Command, LinkId, Reading
from tallystick.web.api.shapes.payer_links import (
    NewPayerLink,
    PayerLink,
    PayerLinkList,
    PayerLinkQuery,
    PayerLinkWithToken,
)
from tallystick.web.call import Call
from tallystick.web.direct import DirectRoute, operation_id
from tallystick.web.documented import answers

router = APIRouter(
    prefix="/v1/payer-links",
    tags=["payers"],
    route_class=DirectRoute,
    generate_unique_id_function=operation_id,
)


@router.post(
    "",
    status_code=201,
    responses=answers(
        PayerLinkWithToken,
        *("payer_link.one_target", "invoice.unknown", "customer.unknown"),
        *("invoice.not_payable", "customer.erased", "organization.inactive"),
        "auth.beyond_own",
        status=201,
    ),
)
async def create_payer_link(call: Command, body: NewPayerLink) -> Response:
    """Make a link to one issued invoice, or to all invoices of one customer.

    Whoever holds it sees them and claims payments of them, without a login.
    """
    command = CreatePayerLink(call.act(), body.customer_id, body.invoice_id, body.expires_in_days)
    made = await call.run(create_payer_links, command)
    # The token is made here and not kept with the answer: it is a secret, and follows from the id.
    return call.reply(_with_token(call, made), status=201, location=f"/v1/payer-links/{made['id']}")


@router.get("", responses=answers(PayerLinkList))
async def list_payer_links(
    call: Reading, query: Annotated[PayerLinkQuery, QueryParameters()]
) -> Response:
    """List links, newest first, also those that are good no more."""
    place, after = call.place, call.after(query)
    page = await call.read(
        lambda conn: payer_links.list_links(
            conn,
            place.id,
            customer_id=query.customer_id,
            invoice_id=query.invoice_id,
            after=after,
            limit=query.limit,
        )
    )
    return call.page(page, dict, query)


@router.get(
    "/{link_id}", responses=answers(PayerLinkWithToken, "payer_link.unknown", "auth.beyond_own")
)
async def get_payer_link(call: Reading, link_id: LinkId) -> Response:
    """Read one link, with its token."""
    place = call.place
    found = await call.read(lambda conn: payer_links.get_link(conn, place.id, link_id))
    return call.reply(_with_token(call, found))


@router.post(
    "/{link_id}/revoke",
    responses=answers(PayerLink, "payer_link.unknown", "payer_link.revoked_already"),
)
async def revoke_payer_link(call: Command, link_id: LinkId) -> Response:
    """Let a link be good for nothing, from the next request on."""
    command = RevokePayerLink(call.act(), link_id)
    revoked = await call.run(payer_links.revoke_payer_links, command)
    call.edge.callers.forget()
    return call.reply(revoked)


def _with_token(call: Call, link: PayerLinkDocument) -> dict[str, Any]:
    # Also where an answer is repeated to somebody else than the one who made the link.
    payer_links.check_holder(call.actor)
    value = call.place.id.bytes + UUID(link["id"]).bytes
    return {**link, "token": LINK_START + call.edge.signer.sign(LINK_PURPOSE, value)}
